/*
 * Verifying the chains: the database computes, we report.
 */
#include "audit/audit_chain.h"

#include <time.h>

#include "core/rkey.h"

#define TAIL_S  "5"                     /* an event may wait for its seal */
#define TAIL_LOOKS   25
#define TAIL_POLL_MS 200                /* 5 s in all */
#define SHOWN   "100"                   /* broken links in one report */
#define BATCH   "5000"                  /* entries of one question */
#define SHOWN_N 100

#define BATCH_BYTES (64u * 1024 * 1024)

/* A seal without its event, or with another hash than its event gives, or out
 * of number. */
#define SQL_AUDIT_LINKS \
    "SELECT 'audit seal ' || seq || ': ' || CASE" \
    " WHEN text IS NULL THEN 'its event is gone'" \
    " WHEN seq <> place THEN 'a seal before it is gone'" \
    " ELSE 'event ' || event_id || ' was changed' END" \
    " FROM (SELECT s.seq, s.event_id, s.hash, audit_text(a) AS text, a.id," \
    " row_number() OVER o AS place, lag(s.hash, 1, ''::bytea) OVER o AS prev" \
    " FROM audit_seals s LEFT JOIN audit_events a ON a.id = s.event_id" \
    " WINDOW o AS (ORDER BY s.seq)) q" \
    " WHERE id IS NULL OR seq <> place" \
    " OR hash <> sha256(prev || convert_to(text, 'UTF8'))" \
    " ORDER BY seq LIMIT " SHOWN

/* The sealer wrote down where the chain ends. */
#define SQL_AUDIT_HEAD \
    "SELECT 'audit chain: its head is gone'" \
    " WHERE NOT EXISTS (SELECT FROM audit_head) UNION ALL" \
    " SELECT 'audit chain: ' || h.seq || ' seals were made, the last that is'" \
    " || ' left is ' || coalesce(s.seq, 0) FROM audit_head h LEFT JOIN" \
    " (SELECT seq, hash FROM audit_seals ORDER BY seq DESC LIMIT 1) s ON true" \
    " WHERE coalesce(s.seq, 0) <> h.seq OR coalesce(s.hash, '') <> h.hash"

#define SQL_AUDIT_TAIL \
    "SELECT 'audit event ' || a.id || ': has no seal' FROM audit_events a" \
    " WHERE a.ts < now() - interval '" TAIL_S " s' AND NOT EXISTS" \
    " (SELECT FROM audit_seals s WHERE s.event_id = a.id)" \
    " ORDER BY a.id LIMIT " SHOWN

/* Entries of a partition after id $2, whose hash is $3, and the gaps between
 * them that a prune left: where the batch ends, what breaks it. */
#define SQL_LEDGER_LINKS \
    "WITH c AS (SELECT * FROM ((SELECT id, id AS last_id, NULL::bytea AS" \
    " before, hash AS after, ledger_text(hold_id, seq, kind, delta_nano," \
    " rank, cause, at, partition, project_id, project_version, key_id," \
    " detail) AS text FROM ledger WHERE partition = $1::smallint" \
    " AND id > $2::bigint ORDER BY id LIMIT " BATCH ") UNION ALL" \
    " (SELECT first_id, last_id, before, after, NULL FROM ledger_gaps" \
    " WHERE partition = $1::smallint AND first_id > $2::bigint" \
    " ORDER BY first_id LIMIT " BATCH ")) u ORDER BY id LIMIT " BATCH ")," \
    " q AS (SELECT *, lag(after, 1, decode($3, 'hex')) OVER (ORDER BY id)" \
    " AS prev FROM c)," \
    " b AS (SELECT id, CASE WHEN text IS NULL THEN 'ledger of partition '" \
    " || $1 || ': an entry before those pruned, ' || id || ' to ' || last_id" \
    " || ', was changed or is gone' ELSE 'ledger entry ' || id ||" \
    " ' of partition ' || $1 || ': it or one before it was changed' END" \
    " AS said FROM q WHERE CASE WHEN text IS NULL THEN before <> prev" \
    " ELSE after <> sha256(prev || convert_to(text, 'UTF8')) END)" \
    " SELECT (SELECT count(text) FROM c), l.id, encode(l.after, 'hex')," \
    " b.said FROM (SELECT id, after FROM c ORDER BY id DESC LIMIT 1) l" \
    " LEFT JOIN b ON true ORDER BY b.id"

#define SQL_LEDGER_END \
    "SELECT 'ledger of partition ' || partition" \
    " || ': its last entries are gone' FROM partitions" \
    " WHERE partition = $1::smallint AND ledger_hash <> decode($2, 'hex')"

/* What a prune kept of the chain is what it said in the audit log. */
#define SQL_LEDGER_GAPS \
    "SELECT 'ledger month ' || m.name || ': what its prune kept of the chain'" \
    " || ' was changed' FROM (SELECT month, to_char(month, 'YYYY-MM') AS name" \
    " FROM ledger_months WHERE pruned_at IS NOT NULL UNION" \
    " SELECT month, to_char(month, 'YYYY-MM') FROM ledger_gaps) m" \
    " WHERE NOT EXISTS (SELECT FROM audit_events a" \
    " WHERE a.entities @> ARRAY[m.name] AND a.action = 'ledger.pruned'" \
    " AND a.data->>'gaps' = encode(sha256(convert_to(" \
    "ledger_gaps_text(m.month), 'UTF8')), 'hex')) ORDER BY m.name"

/* What was imported is what the audit log says of it. */
#define SQL_IMPORTS \
    "SELECT 'provider''s records of import ' || i.id || ': one was added,'" \
    " || ' changed or removed' FROM (SELECT import::text AS id" \
    " FROM provider_records UNION SELECT split_part(entity_ref, ':', 2)" \
    " FROM audit_events WHERE action = 'ledger.evidence') i" \
    " WHERE NOT EXISTS (SELECT FROM audit_events a" \
    " WHERE a.entities @> ARRAY[i.id] AND a.action = 'ledger.evidence'" \
    " AND a.data->>'sha256' = encode(sha256(convert_to(" \
    "provider_records_text(i.id::uuid), 'UTF8')), 'hex'))" \
    " ORDER BY i.id LIMIT " SHOWN

#define SQL_CHECKED "SELECT count(*) FROM audit_seals"


static bool
report(struct ctl_pg *pg, struct ctl_arena *arena, const char *sql, FILE *out,
    unsigned *broken, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!ctl_pg_query(pg, arena, &rows, e, sql, 0, NULL)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        fprintf(out, "%s\n", ctl_rows_at(&rows, i, 0));
    }
    *broken += rows.nrows;

    return true;
}


/* Where a walk along the chain of a partition is. */
struct walk {
    char part[8], id[24], hash[72];
};


/* *n: entries and gaps of the batch; `batch` is memory of its own. */
static bool
batch_check(struct ctl_pg *pg, struct ctl_arena *batch, struct walk *w,
    FILE *out, unsigned *broken, int64_t *checked, bool *more,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    ctl_arena_reset(batch);
    if (!CTL_PG(pg, batch, &rows, e, SQL_LEDGER_LINKS, w->part, w->id,
                w->hash))
    {
        return false;
    }
    *more = rows.nrows > 0;
    if (!*more) {
        return true;
    }
    *checked += ctl_rows_i64(&rows, 0, 0);
    snprintf(w->id, sizeof(w->id), "%s", ctl_rows_at(&rows, 0, 1));
    snprintf(w->hash, sizeof(w->hash), "%s", ctl_rows_at(&rows, 0, 2));
    for (i = 0; i < rows.nrows && ctl_rows_at(&rows, i, 3) != NULL; i++) {
        if (++*broken <= SHOWN_N) {
            fprintf(out, "%s\n", ctl_rows_at(&rows, i, 3));
        }
    }

    return true;
}


/* From the first entry of each partition to the hash that its row has. */
static bool
ledger_check(struct ctl_pg *pg, struct ctl_arena *batch, FILE *out,
    unsigned *broken, int64_t *checked, struct ctl_error *e)
{
    struct ctl_rows rows;
    struct walk w;
    unsigned part;
    bool more;

    for (part = 0; part < ASG_PARTITIONS; part++) {
        w = (struct walk) {.id = "0"};
        snprintf(w.part, sizeof(w.part), "%u", part);
        do {
            if (!batch_check(pg, batch, &w, out, broken, checked, &more, e)) {
                return false;
            }
        } while (more);
        if (!CTL_PG(pg, batch, &rows, e, SQL_LEDGER_END, w.part, w.hash)) {
            return false;
        }
        if (rows.nrows > 0) {
            ++*broken;
            fprintf(out, "%s\n", ctl_rows_at(&rows, 0, 0));
        }
    }

    return true;
}


static bool
chains_check(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    unsigned *broken, int64_t *checked, struct ctl_error *e)
{
    static const char *const checks[] = {SQL_AUDIT_LINKS, SQL_AUDIT_HEAD,
                                         SQL_AUDIT_TAIL, SQL_LEDGER_GAPS,
                                         SQL_IMPORTS};
    struct ctl_arena batch;
    struct ctl_rows rows;
    size_t i;
    bool ok;

    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (!report(pg, arena, checks[i], out, broken, e)) {
            return false;
        }
    }
    if (!ctl_pg_query(pg, arena, &rows, e, SQL_CHECKED, 0, NULL)) {
        return false;
    }
    *checked = ctl_rows_i64(&rows, 0, 0);
    ctl_arena_init(&batch, BATCH_BYTES);
    ok = ledger_check(pg, &batch, out, broken, checked, e);
    ctl_arena_reset(&batch);

    return ok;
}


/* Events that were made while no sealer ran are sealed when one is back: one
 * that has begun to is waited for, in its own time. */
static bool
tail_wait(struct ctl_pg *pg, struct ctl_arena *arena, struct ctl_error *e)
{
    const struct timespec pause = {0, TAIL_POLL_MS * 1000000L};
    struct ctl_rows rows;
    unsigned look;

    for (look = 0; look < TAIL_LOOKS; look++) {
        if (!ctl_pg_query(pg, arena, &rows, e, SQL_AUDIT_TAIL, 0, NULL)) {
            return false;
        }
        if (rows.nrows == 0) {
            return true;
        }
        ctl_arena_reset(arena);
        nanosleep(&pause, NULL);
    }

    return true;                        /* then it is reported */
}


/* The lock comes before the snapshot, so that no month is pruned under it. */
bool
ctl_audit_chain(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    unsigned *broken, int64_t *checked, struct ctl_error *e)
{
    bool ok;

    *broken = 0;
    *checked = 0;
    if (!tail_wait(pg, arena, e) || !ctl_pg_begin(pg, e)) {
        return false;
    }
    ok = ctl_pg_exec(pg, e, "SET TRANSACTION ISOLATION LEVEL"
                     " REPEATABLE READ READ ONLY;"
                     " SET LOCAL statement_timeout = 0;"
                     " LOCK TABLE ledger IN ACCESS SHARE MODE")
         && chains_check(pg, arena, out, broken, checked, e);
    ctl_pg_rollback(pg);

    return ok;
}
