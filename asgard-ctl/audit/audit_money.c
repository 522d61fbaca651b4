/*
 * The audit of money: statements over the ledger, then the counters.
 */
#include "audit/audit_money.h"

#include <string.h>
#include <time.h>

#include "audit/audit_counters.h"
#include "core/rkey.h"
#include "ledger/entries_sql.h"
#include "ledger/price_sql.h"

#define SHOWN      "100"                /* rows of one kind in a report */
#define LOOKS      200                  /* at one that moves or is closed */
#define LOOKS_BEHIND 3                  /* ... at one far behind */
#define LOOK_MS    50
#define CONFIRM    3                    /* looks that must all differ */
#define EVENTS_SOON 20000               /* behind, of one among others */
#define EVENTS_MAX 1000000              /* ... of one that somebody waits for:
                                         * as a stream has by itself */

/* Entries of pruned months count by what was kept of them. */
#define SQL_ENDS \
    "SELECT 'M2 hold ' || h.hold_id || ' (' || h.state || ') has '" \
    " || count(f.hold_id) || ' first entries' FROM holds h LEFT JOIN" \
    " (SELECT hold_id FROM ledger WHERE kind <> 'adjust' UNION ALL" \
    " SELECT hold_id FROM ledger_seqs WHERE seq = 1" \
    " AND pruned_nano IS NOT NULL) f USING (hold_id)" \
    " GROUP BY h.hold_id, h.state, h.next_seq" \
    " HAVING count(f.hold_id) <> CASE WHEN h.next_seq > 1 THEN 1 ELSE 0 END" \
    " OR (h.state <> 'voided' AND count(f.hold_id) <> 1)" \
    " ORDER BY h.hold_id LIMIT " SHOWN

#define SQL_BALANCES \
    "SELECT 'M9 hold ' || h.hold_id || ': entries sum to '" \
    " || coalesce(sum(l.nano), 0) || ', its balance is '" \
    " || h.balance_nano FROM holds h LEFT JOIN" \
    " (SELECT hold_id, delta_nano AS nano FROM ledger UNION ALL" \
    " SELECT hold_id, pruned_nano FROM ledger_seqs" \
    " WHERE pruned_nano IS NOT NULL) l USING (hold_id)" \
    " GROUP BY h.hold_id, h.balance_nano" \
    " HAVING coalesce(sum(l.nano), 0) <> h.balance_nano" \
    " ORDER BY h.hold_id LIMIT " SHOWN

/* A number is an entry's, or was one's that was pruned. */
#define SQL_NUMBERS \
    "SELECT 'M2 entry ' || seq || ' of hold ' || hold_id || CASE" \
    " WHEN s.hold_id IS NULL THEN ' has no number'" \
    " WHEN l.id IS NULL THEN ' is gone' ELSE ' was pruned and is there' END" \
    " FROM (SELECT hold_id, seq, id FROM ledger WHERE hold_id IS NOT NULL) l" \
    " FULL JOIN ledger_seqs s USING (hold_id, seq) WHERE s.hold_id IS NULL" \
    " OR (l.id IS NULL) <> (s.pruned_nano IS NOT NULL)" \
    " ORDER BY hold_id, seq LIMIT " SHOWN

#define SQL_ORPHANS \
    "SELECT 'M2 entry ' || l.id || ' names no hold' FROM ledger l" \
    " LEFT JOIN holds h USING (hold_id) WHERE h.hold_id IS NULL" \
    " AND l.hold_id IS NOT NULL" \
    " ORDER BY l.id LIMIT " SHOWN

/* The sum by pin that a reseed would use, against the ledger itself. */
#define SQL_PINS \
    "WITH l AS (SELECT pin, sum(h.balance_nano) AS spent FROM holds h," \
    " unnest(string_to_array(h.pins, ',')) AS pin GROUP BY pin)," \
    " b AS (SELECT budget_id || ':' || window_name || ':' || window_id" \
    " AS pin, spent_nano AS spent FROM balances)" \
    " SELECT 'M4 ' || pin || ': holds sum to ' || coalesce(l.spent, 0)" \
    " || ', the sum by pin is ' || coalesce(b.spent, 0)" \
    " FROM l FULL JOIN b USING (pin)" \
    " WHERE coalesce(l.spent, 0) <> coalesce(b.spent, 0)" \
    " ORDER BY pin LIMIT " SHOWN

/* What was charged by usage, as the chain has sealed it. */
#define SQL_PRICES \
    "WITH e AS (" CTL_ENTRIES_SQL ")," \
    " t AS (SELECT e.hold_id, e.nano, c.card, e.detail->>'card' AS name," \
    CTL_PRICE_TOKENS("e.detail") \
    " FROM e LEFT JOIN cards c ON c.card_id = e.detail->>'card'" \
    " AND c.version::text = e.detail->>'cv'" \
    " WHERE e.rank IN (3, 4) AND e.detail->>'pt' IS NOT NULL" \
    " AND e.detail->>'card' IS NOT NULL)," \
    CTL_PRICE_PARTS "," \
    " p AS (SELECT *, " CTL_PRICE_COST " AS cost FROM s)" \
    " SELECT 'M7 hold ' || hold_id || ': charged ' || nano || CASE" \
    " WHEN card IS NULL THEN ', its card ' || name || ' is missing'" \
    " ELSE coalesce(', its card says ' || cost," \
    " ', its tokens are no counts') END" \
    " FROM p WHERE card IS NULL OR cost IS DISTINCT FROM nano" \
    " ORDER BY hold_id LIMIT " SHOWN

/* The record of a hold can be written by whoever runs; the chain seals what it
 * was copied from: the last entry, unless better evidence charged the same. */
#define SQL_RECORDS \
    "SELECT 'M7 hold ' || h.hold_id || ': its record is not what its entry '" \
    " || l.seq || ' says' FROM holds h JOIN ledger l" \
    " ON l.hold_id = h.hold_id AND l.seq = h.next_seq - 1" \
    " WHERE h.rank < l.rank OR (h.rank = l.rank" \
    " AND (h.detail <> l.detail - 'at_ms'" \
    " OR (l.project_id <> '' AND h.project_id <> l.project_id)" \
    " OR h.key_id <> l.key_id)) ORDER BY h.hold_id LIMIT " SHOWN

/* The greatest evidence is a provider's record that was imported: nothing else
 * has its rank. */
#define SQL_PROVIDERS \
    "WITH e AS (" CTL_ENTRIES_SQL "), q AS (" \
    " SELECT hold_id, ', entry ' || seq AS entry, nano FROM e WHERE rank = 4" \
    " UNION ALL SELECT hold_id, '', balance_nano FROM holds WHERE rank = 4)" \
    " SELECT 'M5 hold ' || hold_id || entry || ': ' || nano || ' by the" \
    " provider''s own record, which was not imported' FROM q" \
    " WHERE NOT EXISTS (SELECT FROM provider_records p" \
    " WHERE p.hold_id = q.hold_id AND p.amount_nano = q.nano)" \
    " ORDER BY hold_id, entry LIMIT " SHOWN

#define SQL_OVERSHOOTS \
    "SELECT 'M8 hold ' || hold_id || ': held ' || held_nano || ', charged '" \
    " || balance_nano || ' without the flag' FROM holds" \
    " WHERE held_nano IS NOT NULL AND balance_nano > held_nano" \
    " AND NOT coalesce(detail->'flags', '[]'::jsonb) ? 'overshoot'" \
    " ORDER BY hold_id LIMIT " SHOWN

#define SQL_GAPS \
    "SELECT 'M9 partition ' || partition || ': ' || events || ' usage events" \
    " between ' || after_id || ' and ' || upto_id || ' are not in the ledger'" \
    " FROM stream_gaps WHERE closed_at IS NULL" \
    " ORDER BY partition, epoch LIMIT " SHOWN


/* What no limit has admitted, and M1 takes for explained. */
#define SQL_ALONE \
    "SELECT count(*), coalesce(sum(balance_nano), 0) FROM holds" \
    " WHERE detail ? 'fm' AND state <> 'voided'"


static bool
alone_note(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_pg_query(pg, arena, &rows, e, SQL_ALONE, 0, NULL)) {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 0) > 0) {
        fprintf(out, "note: %s calls were let in without Redis by a fail mode,"
                " and charged %s\n", ctl_rows_at(&rows, 0, 0),
                ctl_rows_at(&rows, 0, 1));
    }

    return true;
}


static bool
ledger_check(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    unsigned *broken, struct ctl_error *e)
{
    static const char *const checks[] = {SQL_ENDS, SQL_BALANCES, SQL_NUMBERS,
        SQL_ORPHANS, SQL_PINS, SQL_PRICES, SQL_RECORDS, SQL_PROVIDERS,
        SQL_OVERSHOOTS, SQL_GAPS};
    struct ctl_rows rows;
    unsigned r;
    size_t i;

    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (!ctl_pg_query(pg, arena, &rows, e, checks[i], 0, NULL)) {
            return false;
        }
        for (r = 0; r < rows.nrows; r++) {
            fprintf(out, "%s\n", ctl_rows_at(&rows, r, 0));
        }
        *broken += rows.nrows;
    }

    return alone_note(pg, arena, out, e);
}


/* One snapshot for all statements: nothing moves between them.  The lock comes
 * before it, so that no month is pruned under it. */
static bool
ledger_audit(struct ctl_pg *pg, struct ctl_arena *arena, FILE *out,
    unsigned *broken, struct ctl_error *e)
{
    bool ok;

    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    ok = ctl_pg_exec(pg, e, "SET TRANSACTION ISOLATION LEVEL"
                     " REPEATABLE READ READ ONLY;"
                     " SET LOCAL statement_timeout = 0;"
                     " LOCK TABLE ledger IN ACCESS SHARE MODE")
         && ledger_check(pg, arena, out, broken, e);
    ctl_pg_rollback(pg);

    return ok;
}


/* Looks until two agree, or differ for good; look->why, where they could not be
 * compared. */
static bool
slice_look(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_audit_look *look, FILE *out,
    struct ctl_error *e)
{
    const struct timespec pause = {0, LOOK_MS * 1000000L};
    unsigned n, wrong = 0, looks = LOOKS;

    for (n = 0; n < looks; n++) {
        ctl_arena_reset(arena);
        look->out = wrong + 1 == CONFIRM ? out : NULL;
        if (!ctl_audit_counters(pg, redis, arena, look, e)) {
            return false;
        }
        if (look->why == NULL
            && (look->broken == 0 || ++wrong == CONFIRM))
        {
            return true;
        }
        looks = look->behind ? LOOKS_BEHIND : LOOKS;
        nanosleep(&pause, NULL);
    }
    if (look->why == NULL) {
        look->why = "it does not rest";
    }

    return true;
}


/* The budgets, then the end users of each default.  What differs is told also
 * where the rest could not be compared. */
static bool
partition_look(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_audit_look *look, FILE *out,
    struct ctl_error *e)
{
    unsigned broken = 0;
    bool more = true;

    memset(&look->users, 0, sizeof(look->users));
    while (more) {
        if (!slice_look(pg, redis, arena, look, out, e)) {
            return false;
        }
        if (look->why != NULL) {
            break;
        }
        broken += look->broken;
        if (!ctl_audit_users_next(pg, arena, look->part, &look->users, &more,
                                  e))
        {
            return false;
        }
    }
    look->broken = broken;

    return true;
}


bool
ctl_audit_partition(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, bool limits, FILE *out,
    unsigned *broken, struct ctl_error *e)
{
    struct ctl_audit_look look = {.part = part, .limits = limits,
                                  .events = EVENTS_SOON};

    if (!partition_look(pg, redis, arena, &look, out, e)) {
        return false;
    }
    if (look.why != NULL && look.broken == 0) {
        return ctl_error_away(e, "budget_unavailable", "partition %u could not"
                              " be compared with the ledger: %s", part,
                              look.why);
    }
    *broken += look.broken;

    return true;
}


bool
ctl_audit_money(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, FILE *out, unsigned *broken, unsigned *missed,
    struct ctl_error *e)
{
    struct ctl_audit_look look = {.limits = true, .events = EVENTS_MAX};

    *broken = *missed = 0;
    if (!ledger_audit(pg, arena, out, broken, e)) {
        return false;
    }
    for (look.part = 0; look.part < ASG_PARTITIONS; look.part++) {
        if (!partition_look(pg, redis, arena, &look, out, e)) {
            return false;
        }
        *broken += look.broken;
        if (look.why != NULL) {
            fprintf(out, "partition %u could not be compared with the ledger:"
                    " %s\n", look.part, look.why);
            (*missed)++;
        }
    }

    return true;
}
