/*
 * The witness files against the ledger.
 */
#include "audit/audit_witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/rkey.h"
#include "core/window.h"
#include "ledger/entries_sql.h"
#include "meter/partition.h"
#include "meter/undrained.h"
#include "witness/witness_load.h"

#define SHOWN        "100"              /* rows of one kind in a report */
#define PAGE         "1000"
#define LOOKS        70                 /* at lines that are on their way */
#define LOOK_MS      100                /* 7 s: a gateway tells every 5 */

#define TELL_LATE    "interval '1 hour'" /* of a gateway that is cut off */

#define PLACE \
    "(SELECT name FROM witness_files f WHERE f.file = w.file) || ':' || w.line"

/* A sibling that dies while it ends a dead worker's call may leave two.  A call
 * that a fail mode let in has one from its beginning besides. */
#define SQL_DOUBLE \
    "SELECT 'M5 hold ' || w.hold_id || ' has ' || count(*) || ' lines: '" \
    " || string_agg(" PLACE ", ', ' ORDER BY w.file, w.line) FROM witness w" \
    " GROUP BY w.hold_id HAVING count(*) FILTER (WHERE NOT (w.alone" \
    " AND w.rank = 0)) > 1 AND NOT bool_or(w.dead)" \
    " ORDER BY w.hold_id LIMIT " SHOWN

#define SQL_OVERSHOOTS \
    "SELECT 'M8 hold ' || w.hold_id || ': held ' || w.held || ', its line'" \
    " || ' charges ' || w.amount || ' without the flag (' || " PLACE " || ')'" \
    " FROM witness w WHERE w.amount > w.held AND NOT w.over" \
    " ORDER BY w.hold_id LIMIT " SHOWN

/* The greatest line of each hold. */
#define LINES \
    " (SELECT DISTINCT ON (hold_id) * FROM witness" \
    " ORDER BY hold_id, rank DESC, amount DESC) w"

/* Those whose ledger is not known to have them. */
#define SQL_OPEN \
    "DROP TABLE IF EXISTS witness_open;" \
    "CREATE TEMP TABLE witness_open AS SELECT w.* FROM" LINES \
    " LEFT JOIN holds h USING (hold_id) WHERE h.hold_id IS NULL" \
    " OR (h.rank, h.balance_nano) < (w.rank, w.amount);" \
    "CREATE INDEX ON witness_open (hold_id)"

#define DIFFERS(name, line, ledger) \
    " CASE WHEN " line " IS DISTINCT FROM " ledger \
    " THEN 'its line has the " name " ' || coalesce(" line ", 'none')" \
    " || ', the ledger ' || coalesce(" ledger ", 'none') END"

/* Of a line `w` and of what else is known: whose the call was, for how much. */
#define WHOSE(other) \
    DIFFERS("project", "w.project", other ".project_id") "," \
    DIFFERS("key", "nullif(w.key, '')", other ".key_id::text")
#define SAYS(who, nano, rank) \
    "'its line says ' || w.amount || ' (rank ' || w.rank || '), the " who " '" \
    " || " nano " || ' (rank ' || " rank " || ')'"

/* The greatest line of a hold against its record.  More than a gateway said is
 * known of by the provider only (rank 4). */
#define SQL_RECORDS \
    "SELECT 'M5 hold ' || w.hold_id || ': ' || d.why || ' (' || " PLACE \
    " || ')' FROM" LINES " JOIN holds h USING (hold_id) CROSS JOIN LATERAL" \
    " (SELECT nullif(concat_ws('; '," \
    " CASE WHEN h.rank <> 4 AND (h.rank, h.balance_nano) > (w.rank, w.amount)" \
    " THEN " SAYS("ledger", "h.balance_nano", "h.rank") " END," \
    " CASE WHEN h.held_nano <> w.held" \
    " THEN 'its line held ' || w.held || ', the ledger ' || h.held_nano END," \
    WHOSE("h") "," \
    " CASE WHEN w.pins <> '' AND w.pins <> h.pins" \
    " THEN 'its line has the pins ' || w.pins" \
    " || ', the ledger ' || h.pins END), '') AS why) d" \
    " WHERE d.why IS NOT NULL ORDER BY w.hold_id LIMIT " SHOWN

/* What the chain has of a hold, entry by entry: each was written for what a
 * line says, for an expiry of all that was held, or for the provider's record.
 * The details of an expiry are those of the reserve: another card, perhaps. */
#define SQL_ENTRIES \
    "SELECT 'M5 hold ' || e.hold_id || ', entry ' || e.seq || ': ' || d.why" \
    " || ' (' || " PLACE " || ')' FROM (" CTL_ENTRIES_SQL " AND EXISTS" \
    " (SELECT FROM witness w WHERE w.hold_id = n.hold_id)) e" \
    " CROSS JOIN LATERAL (SELECT * FROM witness w" \
    " WHERE w.hold_id = e.hold_id ORDER BY (w.rank = e.rank) DESC," \
    " (w.amount = e.nano) DESC LIMIT 1) w CROSS JOIN LATERAL" \
    " (SELECT nullif(concat_ws('; '," \
    " CASE WHEN e.rank = 0 THEN CASE WHEN e.nano <> w.held" \
    " THEN 'its line held ' || w.held || ', it expired with ' || e.nano END" \
    " WHEN (e.rank, e.nano) <> (w.rank, w.amount)" \
    " THEN " SAYS("chain", "e.nano", "e.rank") " END," \
    WHOSE("e") "," \
    " CASE WHEN e.rank = w.rank AND e.rank > 0 THEN (SELECT string_agg(" \
    "'its line has ' || name || ' ' || coalesce(line, 'none')" \
    " || ', the chain ' || coalesce(chain, 'none'), '; ') FROM unnest(" \
    CTL_WITNESS_FACT_NAMES ", w.facts, " CTL_WITNESS_FACTS("e.detail") \
    ") AS u(name, line, chain) WHERE line IS DISTINCT FROM chain) END)," \
    " '') AS why) d WHERE e.rank <> 4 AND d.why IS NOT NULL" \
    " ORDER BY e.hold_id, e.seq LIMIT " SHOWN

#define SQL_ARRIVED \
    "DELETE FROM witness_open w USING holds h WHERE h.hold_id = w.hold_id" \
    " AND (h.rank, h.balance_nano) >= (w.rank, w.amount)"

/* A gateway that is cut off from Redis for longer than its hold lasts has
 * written down what the ledger has as expired, in full; it tells later. */
#define SQL_UNTOLD \
    "DELETE FROM witness_open w USING holds h WHERE h.hold_id = w.hold_id" \
    " AND h.rank = 0 AND h.balance_nano = w.held" \
    " AND w.at > now() - " TELL_LATE

/* Calls that a fail mode let in: Redis has never heard of them, nor the ledger,
 * until their gateway reaches it. */
#define SQL_ALONE \
    "DELETE FROM witness_open w WHERE w.alone AND w.at > now() - " TELL_LATE \
    " AND NOT EXISTS (SELECT FROM holds h WHERE h.hold_id = w.hold_id)"

#define SQL_LOST \
    "SELECT 'M5 hold ' || w.hold_id || ': ' || coalesce(" \
    SAYS("ledger", "h.balance_nano", "h.rank") \
    ", 'its line is not in the ledger, nor on its way') || ' (' || " PLACE \
    " || ')' FROM witness_open w LEFT JOIN holds h USING (hold_id)" \
    " ORDER BY w.hold_id LIMIT " SHOWN

/* Evidence that only a gateway gives, which writes a line of it. */
#define ENDED_RANKS "(1, 2, 3)"

/* Holds of the period, as of before the files are read: who ended one had
 * written its line before it told.  $1 from, $2 until, as far as they are
 * given; else from the first month that was not pruned. */
#define SQL_DUE_TABLE \
    "DROP TABLE IF EXISTS witness_due;" \
    "CREATE TEMP TABLE witness_due (hold_id text, state text," \
    " balance_nano bigint, rank smallint, at timestamptz)"
#define SQL_DUE \
    "INSERT INTO witness_due SELECT hold_id, state, balance_nano, rank, at" \
    " FROM (SELECT *, coalesce(ended_at, first_seen) AS at" \
    " FROM holds) h WHERE at >= coalesce(nullif($1, '')::timestamptz," \
    " (SELECT max(month) + interval '1 month' FROM ledger_months" \
    " WHERE pruned_at IS NOT NULL)::timestamp AT TIME ZONE 'UTC'," \
    " '-infinity')" \
    " AND at < coalesce(nullif($2, '')::timestamptz, 'infinity')"

#define SQL_WITNESSED \
    "DELETE FROM witness_due d USING witness w WHERE w.hold_id = d.hold_id"

/* The ids of one worker's calls begin with the same digits. */
#define WORKER(id) "left(" id ", 17)"

#define SQL_NO_WITNESS \
    "DROP TABLE IF EXISTS witness_none;" \
    "CREATE TEMP TABLE witness_none AS SELECT * FROM (SELECT " \
    WORKER("hold_id") " AS worker, count(*) AS n, min(at) AS first," \
    " max(at) AS last FROM witness_due WHERE rank IN " ENDED_RANKS \
    " GROUP BY 1) d WHERE worker NOT IN (SELECT " WORKER("hold_id") \
    " FROM witness)"

#define SQL_SILENT \
    "SELECT 'M5 no witness of the gateway''s worker ' || worker || ': its '" \
    " || n || ' calls, ended from ' || first || ' to ' || last" \
    " || ', have no line' FROM witness_none ORDER BY worker LIMIT " SHOWN

#define SQL_UNWITNESSED \
    "SELECT 'M5 hold ' || hold_id || ' (' || state || ', ' || balance_nano" \
    " || ') has no line' FROM witness_due WHERE rank IN " ENDED_RANKS \
    " AND " WORKER("hold_id") " NOT IN (SELECT worker FROM witness_none)" \
    " ORDER BY hold_id LIMIT " SHOWN

#define SQL_EXPIRED \
    "SELECT count(*) FROM witness_due WHERE rank NOT IN " ENDED_RANKS

struct auditing {
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_arena *arena;
    FILE *out;
    unsigned *broken;
    int64_t in_flight;
};


static bool
rows_report(struct auditing *a, const char *sql, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    ctl_arena_reset(a->arena);
    if (!ctl_pg_query(a->pg, a->arena, &rows, e, sql, 0, NULL)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        fprintf(a->out, "%s\n", ctl_rows_at(&rows, i, 0));
    }
    *a->broken += rows.nrows;

    return true;
}


/* Deletes what is open in Redis of one page behind the id `last`, which moves;
 * *n: how many there were. */
static bool
open_page(struct auditing *a, char last[ASG_ID_MAX + 1], unsigned *n,
    struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t argv[2] = {ASG_STR("GET"), ASG_STR_NULL};
    struct ctl_hold_text hold;
    struct ctl_reply reply;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(a->pg, a->arena, &rows, e, "SELECT hold_id, part FROM"
                " witness_open WHERE hold_id > $1 ORDER BY hold_id LIMIT "
                PAGE, last))
    {
        return false;
    }
    *n = rows.nrows;
    for (i = 0; i < rows.nrows; i++) {
        snprintf(last, ASG_ID_MAX + 1, "%s", ctl_rows_at(&rows, i, 0));
        argv[1] = (asg_str_t) {key, asg_rkey_hold(key,
                               (unsigned) ctl_rows_i64(&rows, i, 1),
                               asg_str_z(last))};
        if (!ctl_redis_command(a->redis, a->arena, &reply, e, 2, argv)) {
            return false;
        }
        if (!ctl_partition_hold_parse(&reply, &hold)) {
            continue;
        }
        a->in_flight++;
        if (!CTL_PG(a->pg, a->arena, NULL, e, "DELETE FROM witness_open"
                    " WHERE hold_id = $1", last))
        {
            return false;
        }
    }

    return true;
}


static bool
open_take(struct auditing *a, struct ctl_error *e)
{
    char last[ASG_ID_MAX + 1] = "";
    unsigned n;

    do {
        ctl_arena_reset(a->arena);
        if (!open_page(a, last, &n, e)) {
            return false;
        }
    } while (n > 0);

    return true;
}


/* Deletes what stands in a stream behind the cursor. */
static bool
undrained_take(void *data, struct ctl_arena *arena, const asg_str_t *holds,
    size_t n, bool *enough, struct ctl_error *e)
{
    struct auditing *a = data;
    size_t i, bytes = 3 + n * (ASG_ID_MAX + 1);
    struct ctl_rows rows;
    asg_buf_t ids;

    (void) enough;
    asg_buf_init(&ids, ctl_arena_alloc(arena, bytes), bytes);
    if (ids.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_buf_z(&ids, "{");
    for (i = 0; i < n; i++) {
        asg_buf_z(&ids, i ? "," : "");
        asg_buf_str(&ids, holds[i]);
    }
    asg_buf_put(&ids, "}", 2);
    if (!CTL_PG(a->pg, arena, &rows, e, "DELETE FROM witness_open"
                " WHERE hold_id = ANY ($1::text[])", ids.data))
    {
        return false;
    }
    a->in_flight += rows.affected;

    return true;
}


static bool
open_count(struct auditing *a, int64_t *n, struct ctl_error *e)
{
    struct ctl_rows rows;

    ctl_arena_reset(a->arena);
    if (!ctl_pg_query(a->pg, a->arena, &rows, e,
                      "SELECT count(*) FROM witness_open", 0, NULL))
    {
        return false;
    }
    *n = ctl_rows_i64(&rows, 0, 0);

    return true;
}


/* Lines that the ledger has not got: on their way, or lost.  What is at one
 * look in none of the places may be between two. */
static bool
arrivals_wait(struct auditing *a, struct ctl_error *e)
{
    const struct timespec pause = {0, LOOK_MS * 1000000L};
    unsigned look;
    int64_t n;

    if (!ctl_pg_exec(a->pg, e, SQL_OPEN)) {
        return false;
    }
    for (look = 0; look < LOOKS; look++) {
        if (!open_count(a, &n, e)) {
            return false;
        }
        if (n == 0) {
            return true;
        }
        if (!open_take(a, e)
            || !ctl_undrained_each(a->pg, a->redis, a->arena, undrained_take,
                                   a, e)
            || !ctl_pg_exec(a->pg, e, SQL_ARRIVED))
        {
            return false;
        }
        nanosleep(&pause, NULL);
    }

    return true;
}


static bool
untold_take(struct auditing *a, struct ctl_error *e)
{
    struct ctl_rows rows;

    ctl_arena_reset(a->arena);
    if (!ctl_pg_query(a->pg, a->arena, &rows, e, SQL_UNTOLD, 0, NULL)) {
        return false;
    }
    if (rows.affected > 0) {
        fprintf(a->out, "note: %lld calls that expired are not told yet: their "
                "gateway has written down how they ended\n",
                (long long) rows.affected);
    }
    if (!ctl_pg_query(a->pg, a->arena, &rows, e, SQL_ALONE, 0, NULL)) {
        return false;
    }
    if (rows.affected > 0) {
        fprintf(a->out, "note: %lld calls that a fail mode let in are not told "
                "yet\n", (long long) rows.affected);
    }

    return true;
}


static bool
due_take(struct auditing *a, const struct ctl_witness_words *words,
    struct ctl_error *e)
{
    return ctl_pg_exec(a->pg, e, SQL_DUE_TABLE)
           && CTL_PG(a->pg, a->arena, NULL, e, SQL_DUE, words->since,
                     words->until);
}


/* Holds of the period that have no line. */
static bool
unwitnessed_check(struct auditing *a, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_pg_exec(a->pg, e, SQL_WITNESSED)
        || !ctl_pg_exec(a->pg, e, SQL_NO_WITNESS)
        || !rows_report(a, SQL_SILENT, e)
        || !rows_report(a, SQL_UNWITNESSED, e)
        || !ctl_pg_query(a->pg, a->arena, &rows, e, SQL_EXPIRED, 0, NULL))
    {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 0) > 0) {
        fprintf(a->out, "note: %s holds that expired have no line: their "
                "gateway went down with them\n",
                ctl_rows_at(&rows, 0, 0));
    }

    return true;
}


static void
summary_print(const struct auditing *a, const struct ctl_witness *w)
{
    char from[28], until[28];

    if (w->lines > 0) {
        asg_time_rfc3339_ms(w->first_ms, from);
        asg_time_rfc3339_ms(w->last_ms, until);
    }
    fprintf(a->out, "witness: %llu lines", (unsigned long long) w->lines);
    if (w->lines > 0) {
        fprintf(a->out, " from %s to %s", from, until);
    }
    fprintf(a->out, ", %lld still on their way, %llu torn, %llu damaged\n",
            (long long) a->in_flight, (unsigned long long) w->torn,
            (unsigned long long) w->damaged);
}


static bool
checks_run(struct auditing *a, struct ctl_error *e)
{
    return rows_report(a, SQL_DOUBLE, e) && rows_report(a, SQL_OVERSHOOTS, e)
           && arrivals_wait(a, e) && untold_take(a, e)
           && rows_report(a, SQL_LOST, e)
           && rows_report(a, SQL_RECORDS, e) && rows_report(a, SQL_ENTRIES, e)
           && unwitnessed_check(a, e);
}


bool
ctl_audit_witness(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const struct ctl_witness_words *words, FILE *out,
    unsigned *broken, struct ctl_error *e)
{
    struct auditing a = {pg, redis, arena, out, broken, 0};
    struct ctl_witness *w;
    bool ok;

    if (!ctl_pg_exec(pg, e, "SET statement_timeout = 0")
        || !due_take(&a, words, e))
    {
        return false;
    }
    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ok = ctl_witness_load(pg, arena, w, words->files, words->nfiles, out,
                          broken, e)
         && checks_run(&a, e);
    if (ok) {
        summary_print(&a, w);
    }
    free(w);

    return ok;
}
