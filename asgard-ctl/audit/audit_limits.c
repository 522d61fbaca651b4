/*
 * The excess above each limit, and what explains it.
 */
#include "audit/audit_limits.h"

#include "audit/audit_opening.h"
#include "meter/outbox_send.h"

/* A changed limit is on record before Redis has it, and a reservation of before
 * may stand in the next window by a clock that is ahead. */
#define DELIVERY "interval '" CTL_OUTBOX_LATE "'"

/* When the limit `f` was sent.  Its row has the time of its transaction, and is
 * kept for a week, or for good when it was late. */
#define SENT \
    "greatest(f.at, (SELECT max(coalesce(o.sent_at, 'infinity'))" \
    " FROM outbox o WHERE o.kind = 'budget' AND o.target = f.budget_id" \
    " AND o.created_at = f.at))"

/* What one hold adds that no admission checked, which is all of it where a fail
 * mode let the call in.  Of a hold from before the
 * least was kept only a mark tells whether it was corrected. */
#define UNCHECKED \
    "greatest(h.balance_nano - CASE WHEN coalesce(h.detail ? 'fm', false)" \
    " THEN 0 ELSE coalesce(h.least_nano, CASE" \
    " WHEN coalesce(h.detail->'flags', '[]'::jsonb) ? 'overshoot'" \
    " OR h.next_seq > 2 THEN 0 ELSE h.balance_nano END) END, 0)"

/* "Unlimited" as a number above all others. */
#define LIMIT "coalesce(l.limit_nusd, 9223372036854775807)"

/* The highest limit of the window since its period began. */
#define SQL_SINCE_BEGIN \
    "(SELECT max(" LIMIT ") FROM budget_limits l" \
    " WHERE l.budget_id = coalesce(c.d, c.b) AND l.window_name = c.w" \
    " AND l.id >= coalesce((SELECT max(f.id) FROM budget_limits f" \
    " WHERE f.budget_id = coalesce(c.d, c.b) AND f.window_name = c.w" \
    " AND " SENT " < to_timestamp(c.i) - " DELIVERY "), 0))"

/* Of each limit that was lowered in the period: the highest since, or what was
 * used when Redis got it.  Each alone bounds what was admitted. */
#define SQL_SINCE_LOWERED \
    "(SELECT min(greatest(s.used_nusd, (SELECT max(" LIMIT ")" \
    " FROM budget_limits l WHERE l.budget_id = c.b AND l.window_name = c.w" \
    " AND l.id >= s.limit_id))) FROM limit_starts s" \
    " WHERE s.budget_id = c.b AND s.window_name = c.w AND s.window_id = c.i)"

/* $1 the counters of Redis, $2 its open holds, $3 what the events moved that
 * the ledger has not got. */
#define SQL_LIMITS \
    "WITH c AS (SELECT *, b || ':' || w || ':' || i AS pin" \
    " FROM jsonb_to_recordset($1::jsonb)" \
    " AS t(b text, w text, i bigint, o bigint, l bigint, d text)" \
    " WHERE l IS NOT NULL)," \
    " held AS (SELECT pin, sum(t.a) AS a FROM jsonb_to_recordset($2::jsonb)" \
    " AS t(i text, a bigint, p text, f boolean)," \
    " unnest(string_to_array(t.p, ',')) AS pin" \
    " WHERE NOT t.f" \
    " AND NOT EXISTS (SELECT FROM holds h WHERE h.hold_id = t.i)" \
    " GROUP BY pin)," \
    " over AS (SELECT c.*, " CTL_AUDIT_OPENING("c") " AS opened," \
    " coalesce(n.u, 0) AS above, u.h," \
    " coalesce(" CTL_AUDIT_OPENING("c") ", 0) + coalesce(b.spent_nano, 0)" \
    " + coalesce(n.n, 0) AS s" \
    " FROM c LEFT JOIN openings o ON o.budget_id = c.b" \
    " AND o.window_name = c.w AND o.window_id = c.i" \
    " LEFT JOIN balances b ON b.budget_id = c.b AND b.window_name = c.w" \
    " AND b.window_id = c.i" \
    " LEFT JOIN jsonb_to_recordset($3::jsonb)" \
    " AS n(n bigint, u bigint, p text) ON n.p = c.pin" \
    " LEFT JOIN held ON held.pin = c.pin" \
    " CROSS JOIN LATERAL (SELECT coalesce(held.a, 0) AS h) u)," \
    " x AS (SELECT c.*, greatest(c.l, least(" SQL_SINCE_BEGIN ", " \
    SQL_SINCE_LOWERED "), c.opened) AS cap, c.above" \
    " + (SELECT coalesce(sum(" UNCHECKED "), 0) FROM holds h" \
    " WHERE c.pin = ANY (string_to_array(h.pins, ','))) AS unchecked" \
    " FROM over c WHERE c.s + c.h > c.l)" \
    " SELECT 'M1 ' || pin || ': spent ' || s || ' + held ' || h || ' is '" \
    " || s + h - l || ' above its limit of ' || l || '; a higher limit" \
    " explains ' || cap - l || ', charges above their holds '" \
    " || unchecked FROM x" \
    " WHERE s + h > cap + unchecked" \
    " ORDER BY pin"

#define SQL_RECORD \
    "SELECT DISTINCT 'M1 ' || c.b || ':' || c.w || ': Redis limits it to '" \
    " || coalesce(c.l::text, 'nothing') || ', the record says '" \
    " || coalesce(w.limit_nusd::text, 'nothing')" \
    " FROM jsonb_to_recordset($1::jsonb)" \
    " AS c(b text, w text, v bigint, l bigint)" \
    " JOIN budgets b ON b.budget_id = c.b AND b.version <= c.v" \
    " JOIN budget_windows w ON w.budget_id = c.b AND w.window_name = c.w" \
    " WHERE w.limit_nusd IS DISTINCT FROM c.l ORDER BY 1"

/* $1 the partition.  Until it is sent a budget is not compared; that must not
 * go on for long. */
#define SQL_WAITING \
    "SELECT 'M1 ' || o.target || ': Redis lacks its version ' || b.version" \
    " || ' since ' || to_char(min(o.created_at) AT TIME ZONE 'UTC'," \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || coalesce(': '" \
    " || max(o.last_error), '') FROM outbox o" \
    " JOIN budgets b ON b.budget_id = o.target" \
    " WHERE o.kind = 'budget' AND o.sent_at IS NULL" \
    " AND b.partition = $1 GROUP BY o.target, b.version" \
    " HAVING min(o.created_at) < now() - " DELIVERY " ORDER BY 1"


static void
print(const struct ctl_rows *rows, FILE *out)
{
    unsigned i;

    for (i = 0; out != NULL && i < rows->nrows; i++) {
        fprintf(out, "%s\n", ctl_rows_at(rows, i, 0));
    }
}


bool
ctl_audit_limits(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *part, const char *counters, const char *holds,
    const char *ahead, FILE *out, unsigned *broken, struct ctl_error *e)
{
    struct ctl_rows over, other, waiting;

    if (!CTL_PG(pg, arena, &over, e, SQL_LIMITS, counters, holds,
                ahead)
        || !CTL_PG(pg, arena, &other, e, SQL_RECORD, counters)
        || !CTL_PG(pg, arena, &waiting, e, SQL_WAITING,
                   part))
    {
        return false;
    }
    print(&over, out);
    print(&other, out);
    print(&waiting, out);
    *broken += over.nrows + other.nrows + waiting.nrows;

    return true;
}
