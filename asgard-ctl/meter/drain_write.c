/*
 * Writing a joined batch: holds, ledger with its chain, sums by pin,
 * corrections.  Each is one statement over a JSON array.
 */
#include "meter/drain_batch.h"

#include <string.h>

#include "ledger/end_users_sql.h"
#include "meter/budget_warn.h"
#include "meter/guard_audit.h"

#define HOLD_BYTES 512
#define SUM_BYTES  64                   /* beside the pins */

/* An entry's time is its event's, which may have waited for us.  When that
 * month takes no entry any more it is now, and the detail has the event's. */
#define SQL_TIMED \
    "SELECT t.n, t.hold_id, t.seq, t.kind, t.delta_nano, t.rank, t.cause," \
    " t.project_id, t.project_version, t.key_id," \
    " CASE WHEN k.kept THEN v.at ELSE ledger_now() END AS at," \
    " CASE WHEN k.kept THEN t.detail ELSE t.detail" \
    " || jsonb_build_object('at_ms', t.at_ms) END AS detail" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(n int, hold_id text, seq int," \
    " kind text, delta_nano bigint, rank smallint, cause text, at_ms bigint," \
    " project_id text, project_version bigint, key_id uuid, detail jsonb)" \
    " CROSS JOIN LATERAL (SELECT timestamptz 'epoch'" \
    " + t.at_ms * interval '1 millisecond') AS v(at)" \
    " LEFT JOIN ledger_months m ON m.month = ledger_month(v.at)" \
    " AND m.closed_at IS NOT NULL" \
    " CROSS JOIN LATERAL (SELECT m.month IS NULL" \
    " AND ledger_takes(v.at)) AS k(kept)"

/* The chain goes over the entries in their order, from the partition's last
 * hash.  The texts stand in one array, so that a link costs the same however
 * many there are: joined to the entries, each would be looked for in all. */
#define SQL_LEDGER \
    "WITH RECURSIVE r AS MATERIALIZED (" SQL_TIMED ")," \
    " texts AS MATERIALIZED (SELECT array_agg(convert_to(ledger_text(" \
    "r.hold_id, r.seq, r.kind, r.delta_nano, r.rank, r.cause, r.at," \
    " $2::smallint, r.project_id, r.project_version, r.key_id, r.detail)," \
    " 'UTF8') ORDER BY r.n) AS list FROM r)," \
    " chain AS (SELECT 0 AS n, ledger_hash AS hash FROM partitions" \
    " WHERE partition = $2::smallint UNION ALL" \
    " SELECT c.n + 1, sha256(c.hash || (SELECT list FROM texts)[c.n + 1])" \
    " FROM chain c WHERE c.n < cardinality((SELECT list FROM texts)))," \
    " entered AS (INSERT INTO ledger (hold_id, seq, kind, delta_nano, rank," \
    " cause, at, partition, project_id, project_version, key_id, detail," \
    " hash) SELECT r.hold_id, r.seq, r.kind, r.delta_nano, r.rank," \
    " r.cause, r.at, $2::smallint, r.project_id, r.project_version," \
    " r.key_id, r.detail, c.hash FROM r JOIN chain c USING (n) ORDER BY n)" \
    " UPDATE partitions SET ledger_hash =" \
    " (SELECT hash FROM chain ORDER BY n DESC LIMIT 1)" \
    " WHERE partition = $2::smallint"

#define SQL_BALANCES \
    "INSERT INTO balances (budget_id, window_name, window_id, partition," \
    " spent_nano)" \
    " SELECT split_part(pin, ':', 1), split_part(pin, ':', 2)," \
    " split_part(pin, ':', 3)::bigint, $2::smallint, sum(t.delta_nano)" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(delta_nano bigint, pins text)," \
    " unnest(string_to_array(t.pins, ',')) AS pin" \
    " GROUP BY 1, 2, 3" \
    " ON CONFLICT (budget_id, window_name, window_id) DO UPDATE" \
    " SET spent_nano = balances.spent_nano + excluded.spent_nano"

/* Of pins that name an end user's budget: by which default it is held, and
 * until when it is needed. */
#define SQL_END_USERS \
    "INSERT INTO end_users (budget_id, default_id, partition, due)" \
    " SELECT split_part(pin, ':', 1), min(" \
    CTL_END_USERS_OF("substring(t.pins FROM 'p[.]([^:]+):')") ")," \
    " $2::smallint, coalesce(max(window_due(split_part(pin, ':', 2)," \
    " split_part(pin, ':', 3)::bigint)), 0)" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(pins text)," \
    " unnest(string_to_array(t.pins, ',')) AS pin WHERE pin LIKE 'e.%'" \
    " GROUP BY 1 ON CONFLICT (budget_id) DO UPDATE SET due = excluded.due" \
    " WHERE end_users.due < excluded.due"

#define SQL_HOLDS \
    "INSERT INTO holds (hold_id, partition, epoch, pins, rank, balance_nano," \
    " held_nano, least_nano, state, project_id, key_id, detail, next_seq," \
    " ended_at)" \
    " SELECT hold_id, $2::smallint, $3::bigint, pins, rank, balance_nano," \
    " held_nano, least_nano, state, project_id, key_id, detail, next_seq," \
    " timestamptz 'epoch' + ended_ms * interval '1 millisecond'" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(hold_id text, pins text," \
    " rank smallint, balance_nano bigint, held_nano bigint," \
    " least_nano bigint, state text, project_id text, key_id uuid," \
    " detail jsonb, next_seq int, ended_ms bigint)" \
    " ON CONFLICT (hold_id) DO UPDATE SET pins = excluded.pins," \
    " rank = excluded.rank, balance_nano = excluded.balance_nano," \
    " held_nano = excluded.held_nano, least_nano = excluded.least_nano," \
    " state = excluded.state," \
    " project_id = excluded.project_id, key_id = excluded.key_id," \
    " detail = excluded.detail, next_seq = excluded.next_seq"

#define SQL_APPLIES \
    "INSERT INTO applies (partition, seq, hold_id, delta_nano, pins)" \
    " SELECT $2::smallint, t.n + (SELECT coalesce(max(seq), 0) FROM applies" \
    " WHERE partition = $2::smallint), t.hold_id, t.delta_nano, t.pins" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(n int, hold_id text," \
    " delta_nano bigint, pins text)"

/* Once a second is exact enough for a person and spares the row. */
#define SQL_LAST_USED \
    "UPDATE keys SET last_used_at = now() WHERE key_id = ANY ($1::uuid[])" \
    " AND (last_used_at IS NULL OR last_used_at < now() - interval '1 s')"


static void
hold_put(asg_buf_t *out, const struct ctl_hold *h)
{
    asg_buf_z(out, out->len > 1 ? ",{\"hold_id\":" : "{\"hold_id\":");
    asg_buf_json(out, h->id);
    asg_buf_z(out, ",\"pins\":");
    asg_buf_json(out, h->pins);
    asg_buf_z(out, ",\"rank\":");
    asg_buf_i64(out, h->evidence.best.rank);
    asg_buf_z(out, ",\"balance_nano\":");
    asg_buf_i64(out, h->evidence.best.amount_nusd);
    if (h->held_nusd >= 0) {
        asg_buf_z(out, ",\"held_nano\":");
        asg_buf_i64(out, h->held_nusd);
    }
    if (h->evidence.least_nusd >= 0) {
        asg_buf_z(out, ",\"least_nano\":");
        asg_buf_i64(out, h->evidence.least_nusd);
    }
    asg_buf_z(out, ",\"ended_ms\":");
    asg_buf_i64(out, h->ended_ms);
    asg_buf_z(out, ",\"state\":");
    asg_buf_json(out, asg_str_z(ctl_evidence_state(&h->evidence)));
    asg_buf_z(out, ",\"project_id\":");
    asg_buf_json(out, h->project);
    if (h->key.len > 0) {
        asg_buf_z(out, ",\"key_id\":");
        asg_buf_json(out, h->key);
    }
    asg_buf_z(out, ",\"next_seq\":");
    asg_buf_i64(out, h->next_seq);
    asg_buf_z(out, ",\"detail\":");
    asg_buf_str(out, h->detail);
    asg_buf_z(out, "}");
}


static const char *
holds_text(struct ctl_batch *b)
{
    size_t bytes = HOLD_BYTES;
    asg_buf_t out;
    unsigned i;

    for (i = 0; i < b->nholds; i++) {
        bytes += HOLD_BYTES + b->holds[i].pins.len + b->holds[i].detail.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(b->leader->arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < b->nholds; i++) {
        hold_put(&out, &b->holds[i]);
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


/* [{"delta_nano":..,"pins":".."}] */
static const char *
sums_text(struct ctl_batch *b)
{
    size_t bytes = SUM_BYTES;
    asg_buf_t out;
    unsigned i;

    for (i = 0; i < b->nsums; i++) {
        bytes += SUM_BYTES + b->sums[i].pins.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(b->leader->arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < b->nsums; i++) {
        asg_buf_z(&out, i > 0 ? ",{\"delta_nano\":" : "{\"delta_nano\":");
        asg_buf_i64(&out, b->sums[i].delta_nusd);
        asg_buf_z(&out, ",\"pins\":");
        asg_buf_json(&out, b->sums[i].pins);
        asg_buf_z(&out, "}");
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


/* {a,b} of the keys of the holds, one that follows itself once. */
static const char *
keys_text(struct ctl_batch *b)
{
    size_t bytes = 3;
    asg_str_t last = ASG_STR("");
    asg_buf_t out;
    unsigned i;

    for (i = 0; i < b->nholds; i++) {
        bytes += b->holds[i].key.len + 1;
    }
    asg_buf_init(&out, ctl_arena_alloc(b->leader->arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "{");
    for (i = 0; i < b->nholds; i++) {
        if (b->holds[i].key.len > 0 && !asg_str_eq(b->holds[i].key, last)) {
            last = b->holds[i].key;
            asg_buf_z(&out, out.len > 1 ? "," : "");
            asg_buf_str(&out, last);
        }
    }
    asg_buf_z(&out, "}");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


bool
ctl_batch_write(struct ctl_batch *b, struct ctl_error *e)
{
    struct ctl_arena *arena = b->leader->arena;
    struct ctl_pg *pg = b->leader->pg;
    const char *part = ctl_arena_printf(arena, "%u", b->partition->part);
    const char *epoch = ctl_arena_printf(arena, "%lld",
                                         (long long) b->partition->epoch);
    const char *holds, *sums, *keys;

    if (b->nholds == 0) {
        return true;
    }
    holds = holds_text(b);
    sums = sums_text(b);
    keys = keys_text(b);
    if (holds == NULL || sums == NULL || keys == NULL || part == NULL
        || epoch == NULL)
    {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(pg, arena, NULL, e, SQL_HOLDS, holds, part, epoch)
           && (b->nentries == 0
               || (CTL_PG(pg, arena, NULL, e, SQL_LEDGER, b->entries.data,
                          part)
                   && CTL_PG(pg, arena, NULL, e, SQL_BALANCES, sums, part)
                   && (strstr(sums, ",e.") == NULL
                       || CTL_PG(pg, arena, NULL, e, SQL_END_USERS, sums,
                                 part))
                   && ctl_budget_warn(pg, arena, sums, b->entries.data, e)
                   && ctl_guard_audit(pg, arena, &b->entries, e)))
           && (b->nowed == 0
               || CTL_PG(pg, arena, NULL, e, SQL_APPLIES, b->owed.data, part))
           && CTL_PG(pg, arena, NULL, e, SQL_LAST_USED, keys);
}
