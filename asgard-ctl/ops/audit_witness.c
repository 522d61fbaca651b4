/*
 * The witness files against the ledger.
 */
#include "ops/audit_witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/rkey.h"
#include "core/window.h"
#include "ops/partition.h"
#include "ops/undrained.h"
#include "ops/witness_load.h"

#define SHOWN        "100"              /* rows of one kind in a report */
#define PAGE         "1000"
#define LOOKS        30                 /* at lines that are on their way */
#define LOOK_MS      100

#define PLACE \
    "(SELECT name FROM witness_files f WHERE f.file = w.file) || ':' || w.line"

/* A sibling that dies while it ends a dead worker's call may leave two. */
#define SQL_DOUBLE \
    "SELECT 'M5 hold ' || w.hold_id || ' has ' || count(*) || ' lines: '" \
    " || string_agg(" PLACE ", ', ' ORDER BY w.file, w.line) FROM witness w" \
    " GROUP BY w.hold_id HAVING count(*) > 1 AND NOT bool_or(w.dead)" \
    " ORDER BY w.hold_id LIMIT " SHOWN

#define SQL_OVERSHOOTS \
    "SELECT 'M8 hold ' || w.hold_id || ': held ' || w.held || ', its line'" \
    " || ' charges ' || w.amount || ' without the flag (' || " PLACE " || ')'" \
    " FROM witness w WHERE w.amount > w.held AND NOT w.over" \
    " ORDER BY w.hold_id LIMIT " SHOWN

/* The greatest line of each hold whose ledger is not known to have it. */
#define SQL_OPEN \
    "DROP TABLE IF EXISTS witness_open;" \
    "CREATE TEMP TABLE witness_open AS SELECT w.* FROM" \
    " (SELECT DISTINCT ON (hold_id) * FROM witness" \
    " ORDER BY hold_id, rank DESC, amount DESC) w" \
    " LEFT JOIN holds h USING (hold_id) WHERE h.hold_id IS NULL" \
    " OR (h.rank, h.balance_nano) < (w.rank, w.amount);" \
    "CREATE INDEX ON witness_open (hold_id)"

/* Equal evidence of another amount comes from nowhere. */
#define SQL_AMOUNTS \
    "SELECT 'M5 hold ' || w.hold_id || ': ' || CASE" \
    " WHEN h.rank = w.rank AND h.balance_nano > w.amount" \
    " THEN 'its line says ' || w.amount || ', the ledger ' || h.balance_nano" \
    " || ', of the same evidence'" \
    " ELSE 'its line held ' || w.held || ', the ledger ' || h.held_nano END" \
    " || ' (' || " PLACE " || ')' FROM" \
    " (SELECT DISTINCT ON (hold_id) * FROM witness" \
    " ORDER BY hold_id, rank DESC, amount DESC) w" \
    " JOIN holds h USING (hold_id)" \
    " WHERE (h.rank = w.rank AND h.balance_nano > w.amount)" \
    " OR h.held_nano <> w.held ORDER BY w.hold_id LIMIT " SHOWN

#define SQL_ARRIVED \
    "DELETE FROM witness_open w USING holds h WHERE h.hold_id = w.hold_id" \
    " AND (h.rank, h.balance_nano) >= (w.rank, w.amount)"

/* A gateway tells Redis of a line after it wrote it, and keeps on. */
#define SQL_YOUNG \
    "DELETE FROM witness_open w WHERE w.at > now() - interval '5 minutes'" \
    " AND w.at > coalesce((SELECT to_timestamp(max(split_part(c.last_id, '-'," \
    " 1)::bigint) / 1000.0) FROM cursors c WHERE c.partition = w.part)," \
    " '-infinity')"

#define SQL_LOST \
    "SELECT 'M5 hold ' || w.hold_id || ': ' || coalesce('its line says '" \
    " || w.amount || ' (rank ' || w.rank || '), the ledger '" \
    " || h.balance_nano || ' (rank ' || h.rank || ')'," \
    " 'its line is not in the ledger, nor on its way') || ' (' || " PLACE \
    " || ')' FROM witness_open w LEFT JOIN holds h USING (hold_id)" \
    " ORDER BY w.hold_id LIMIT " SHOWN

/* $1 from, $2 until, of holds that a gateway ended: these have a line. */
#define SQL_UNWITNESSED \
    "SELECT 'M5 hold ' || h.hold_id || ' (' || h.state || ', '" \
    " || h.balance_nano || ') has no line' FROM holds h" \
    " WHERE coalesce(h.ended_at, h.first_seen) > $1::timestamptz" \
    " AND coalesce(h.ended_at, h.first_seen) < $2::timestamptz" \
    " AND h.rank IN (1, 3)" \
    " AND NOT EXISTS (SELECT FROM witness w WHERE w.hold_id = h.hold_id)" \
    " ORDER BY h.hold_id LIMIT " SHOWN

#define SQL_EXPIRED \
    "SELECT count(*) FROM holds h" \
    " WHERE coalesce(h.ended_at, h.first_seen) > $1::timestamptz" \
    " AND coalesce(h.ended_at, h.first_seen) < $2::timestamptz" \
    " AND h.rank IN (0, 2, 4)" \
    " AND NOT EXISTS (SELECT FROM witness w WHERE w.hold_id = h.hold_id)"

/* Where holds must have lines: from the first line on, or five minutes behind
 * it when there are holds of before, whose lines may stand in older files;
 * until the last line, or until the reading began. */
#define SQL_PERIOD \
    "SELECT first + CASE WHEN EXISTS (SELECT FROM holds h" \
    " WHERE coalesce(h.ended_at, h.first_seen) < first - interval '1 s')" \
    " THEN interval '5 minutes' ELSE interval '-1 s' END," \
    " least(last, $1::timestamptz - interval '2 s')" \
    " FROM (SELECT min(at) AS first, max(at) AS last FROM witness) p"

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
young_take(struct auditing *a, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_pg_query(a->pg, a->arena, &rows, e, SQL_YOUNG, 0, NULL)) {
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
            || !ctl_pg_exec(a->pg, e, SQL_ARRIVED) || !young_take(a, e))
        {
            return false;
        }
        nanosleep(&pause, NULL);
    }

    return true;
}


/* Holds of the period that have no line. */
static bool
unwitnessed_check(struct auditing *a, const char *began, struct ctl_error *e)
{
    struct ctl_rows period, rows;
    const char *from, *until;
    unsigned i;

    ctl_arena_reset(a->arena);
    if (!CTL_PG(a->pg, a->arena, &period, e, SQL_PERIOD, began)) {
        return false;
    }
    from = ctl_rows_at(&period, 0, 0);
    until = ctl_rows_at(&period, 0, 1);
    if (from == NULL || until == NULL) {
        return true;                    /* no line at all */
    }
    if (!CTL_PG(a->pg, a->arena, &rows, e, SQL_UNWITNESSED, from, until)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        fprintf(a->out, "%s\n", ctl_rows_at(&rows, i, 0));
    }
    *a->broken += rows.nrows;
    if (!CTL_PG(a->pg, a->arena, &rows, e, SQL_EXPIRED, from, until)) {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 0) > 0) {
        fprintf(a->out, "note: %s holds that expired or were voided have no "
                "line: their gateway went down with them\n",
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
checks_run(struct auditing *a, const char *began, struct ctl_error *e)
{
    return rows_report(a, SQL_DOUBLE, e) && rows_report(a, SQL_OVERSHOOTS, e)
           && arrivals_wait(a, e) && rows_report(a, SQL_LOST, e)
           && rows_report(a, SQL_AMOUNTS, e)
           && unwitnessed_check(a, began, e);
}


bool
ctl_audit_witness(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *const *files, unsigned nfiles,
    FILE *out, unsigned *broken, struct ctl_error *e)
{
    struct auditing a = {pg, redis, arena, out, broken, 0};
    struct ctl_witness *w;
    struct ctl_rows now;
    char began[64];
    bool ok;

    if (!ctl_pg_query(pg, arena, &now, e, "SELECT now()", 0, NULL)
        || !ctl_pg_exec(pg, e, "SET statement_timeout = 0"))
    {
        return false;
    }
    snprintf(began, sizeof(began), "%s", ctl_rows_at(&now, 0, 0));
    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ok = ctl_witness_load(pg, arena, w, files, nfiles, out, broken, e)
         && checks_run(&a, began, e);
    if (ok) {
        summary_print(&a, w);
    }
    free(w);

    return ok;
}
