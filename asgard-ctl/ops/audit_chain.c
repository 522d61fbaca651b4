/*
 * Verifying the chains: the database computes, we report.
 */
#include "ops/audit_chain.h"

#define TAIL_S  "5"                     /* an event may wait for its seal */
#define SHOWN   "100"                   /* broken links in one report */

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

#define SQL_LEDGER_LINKS \
    "SELECT 'ledger entry ' || id || ' of partition ' || partition" \
    " || ': it or one before it was changed' FROM" \
    " (SELECT l.*, lag(hash, 1, ''::bytea) OVER (PARTITION BY partition" \
    " ORDER BY id) AS prev FROM ledger l) q" \
    " WHERE hash <> sha256(prev || convert_to(ledger_text(hold_id, seq, kind," \
    " delta_nano, rank, cause, at, partition, project_id, project_version," \
    " key_id, detail), 'UTF8')) ORDER BY id LIMIT " SHOWN

#define SQL_LEDGER_ENDS \
    "SELECT 'ledger of partition ' || p.partition" \
    " || ': its last entries are gone' FROM partitions p" \
    " WHERE p.ledger_hash <> coalesce((SELECT hash FROM ledger l" \
    " WHERE l.partition = p.partition ORDER BY id DESC LIMIT 1), ''::bytea)" \
    " ORDER BY p.partition"

#define SQL_CHECKED \
    "SELECT (SELECT count(*) FROM audit_seals)" \
    " + (SELECT count(*) FROM ledger)"


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


static bool
chains_check(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    unsigned *broken, int64_t *checked, struct ctl_error *e)
{
    static const char *const checks[] = {SQL_AUDIT_LINKS, SQL_AUDIT_HEAD,
                                         SQL_AUDIT_TAIL, SQL_LEDGER_LINKS,
                                         SQL_LEDGER_ENDS};
    struct ctl_rows rows;
    size_t i;

    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (!report(pg, arena, checks[i], out, broken, e)) {
            return false;
        }
    }
    if (!ctl_pg_query(pg, arena, &rows, e, SQL_CHECKED, 0, NULL)) {
        return false;
    }
    *checked = ctl_rows_i64(&rows, 0, 0);

    return true;
}


bool
ctl_audit_chain(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    unsigned *broken, int64_t *checked, struct ctl_error *e)
{
    bool ok;

    *broken = 0;
    *checked = 0;
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    ok = ctl_pg_exec(pg, e, "SET TRANSACTION ISOLATION LEVEL"
                     " REPEATABLE READ READ ONLY;"
                     " SET LOCAL statement_timeout = 0")
         && chains_check(pg, arena, out, broken, checked, e);
    ctl_pg_rollback(pg);

    return ok;
}
