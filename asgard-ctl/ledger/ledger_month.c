/*
 * Making, closing and listing the months of the ledger.
 */
#include "ledger/ledger_month.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/rkey.h"

#define USD(nano) "trim_scale(" nano " * 0.000000001)"

#define SQL_AHEAD \
    "SELECT ledger_month_make(ledger_now() + n * interval '1 month')" \
    " FROM generate_series(0, 2) n"

#define SQL_MAKE \
    "SELECT ledger_month_make(at), ledger_month_make(ledger_now())," \
    " (extract(epoch FROM m AT TIME ZONE 'UTC') * 1000)::bigint," \
    " (extract(epoch FROM (m + interval '1 month') AT TIME ZONE 'UTC')" \
    " * 1000)::bigint" \
    " FROM (SELECT timestamptz 'epoch' + $1::bigint" \
    " * interval '1 millisecond' AS at) a," \
    " LATERAL (SELECT ledger_month(at)::timestamp AS m) b"

/* 25 hours after the end of a month, as ledger_month_close() has it. */
#define SQL_DUE \
    "SELECT month FROM ledger_months WHERE closed_at IS NULL" \
    " AND now() >= (month + interval '1 month') AT TIME ZONE 'UTC'" \
    " + interval '25 hours' ORDER BY month LIMIT 24"

#define SQL_STATE \
    "SELECT closed_at IS NOT NULL, now() >= due," \
    " to_char(due AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')," \
    " (extract(epoch FROM ends) * 1000)::bigint FROM (SELECT closed_at, ends," \
    " ends + interval '25 hours' AS due FROM (SELECT closed_at," \
    " (month + interval '1 month') AT TIME ZONE 'UTC' AS ends" \
    " FROM ledger_months WHERE month = $1::date) q) p"

#define SQL_LOCK \
    "SELECT closed_at IS NOT NULL, pruned_at IS NOT NULL," \
    " encode(sha256, 'hex') FROM ledger_months WHERE month = $1::date" \
    " FOR UPDATE"

#define SQL_LIST \
    "SELECT to_char(month, 'YYYY-MM'), month, CASE" \
    " WHEN pruned_at IS NOT NULL THEN 'pruned'" \
    " WHEN exported_at IS NOT NULL THEN 'exported'" \
    " WHEN closed_at IS NOT NULL THEN 'closed' ELSE 'open' END, entries, " \
    USD("sum_nano") ", encode(sha256, 'hex') FROM ledger_months" \
    " ORDER BY month"

#define SQL_COUNT \
    "SELECT count(*), " USD("coalesce(sum(delta_nano), 0)") " FROM ledger" \
    " WHERE " CTL_LEDGER_IN_MONTH


bool
ctl_ledger_month_make(struct ctl_pg *pg, struct ctl_arena *arena,
    int64_t at_ms, int64_t *from_ms, int64_t *to_ms, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_MAKE,
                ctl_arena_printf(arena, "%lld", (long long) at_ms)))
    {
        return false;
    }
    *from_ms = ctl_rows_i64(&rows, 0, 2);
    *to_ms = ctl_rows_i64(&rows, 0, 3);

    return true;
}


const char *
ctl_ledger_month_date(struct ctl_arena *arena, const char *month,
    struct ctl_error *e)
{
    static const char shape[] = "0000-00";
    const char *date;
    long n = 0;
    size_t i;

    for (i = 0; month[i] != '\0' && i < sizeof(shape) - 1; i++) {
        if (shape[i] == '-' ? month[i] != '-'
                            : month[i] < '0' || month[i] > '9')
        {
            break;
        }
    }
    if (i == sizeof(shape) - 1 && month[i] == '\0') {
        n = strtol(month + 5, NULL, 10);
    }
    if (n < 1 || n > 12 || memcmp(month, "0000", 4) == 0) {
        ctl_error_field(e, "invalid_value", "month",
                        "%.40s is no month: write YYYY-MM.", month);
        return NULL;
    }
    date = ctl_arena_printf(arena, "%s-01", month);
    if (date == NULL) {
        ctl_error_internal(e, "out of memory");
    }

    return date;
}


/* An event of the month that is in the stream and not behind the cursor. */
static bool
partition_is_drained(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, int64_t end_ms,
    struct ctl_error *e)
{
    const char *part = ctl_rows_at(rows, i, 0);
    char key[ASG_RKEY_MAX];
    const asg_str_t argv[6] = {ASG_STR("XRANGE"),
        {key, asg_rkey_stream(key, (unsigned) ctl_rows_i64(rows, i, 0),
                              (uint64_t) ctl_rows_i64(rows, i, 1))},
        asg_str_z(ctl_arena_printf(arena, "(%s", ctl_rows_at(rows, i, 3))),
        asg_str_z(ctl_arena_printf(arena, "%lld", (long long) end_ms - 1)),
        ASG_STR("COUNT"), ASG_STR("1")};
    struct ctl_reply reply;

    if (strcmp(ctl_rows_at(rows, i, 2), "open") != 0) {
        return ctl_error_set(e, 409, "month_open", "Partition %s is not open: "
                             "asgard-ctl serve must run; asgard-ctl status "
                             "says what is wrong.", part);
    }
    if (strtoll(ctl_rows_at(rows, i, 3), NULL, 10) >= end_ms) {
        return true;
    }

    return ctl_redis_command(redis, arena, &reply, e, 6, argv)
           && (reply.nitems == 0
               || ctl_error_set(e, 409, "month_open", "Partition %s has usage "
                                "events of that month that were not read yet: "
                                "asgard-ctl serve must run.", part));
}


static bool
streams_are_drained(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, int64_t end_ms, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e, "SELECT p.partition, p.epoch, p.step,"
            " coalesce(c.last_id, $1) FROM partitions p LEFT JOIN cursors c"
            " USING (partition, epoch) ORDER BY p.partition", "0-0"))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!partition_is_drained(redis, arena, &rows, i, end_ms, e)) {
            return false;
        }
    }

    return true;
}


bool
ctl_ledger_month_close(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *date, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_STATE, date)) {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "month_not_found", "The ledger has no "
                             "month %.7s: asgard-ctl ledger months lists "
                             "them.", date);
    }
    if (ctl_rows_at(&rows, 0, 0)[0] == 't') {
        return true;
    }
    if (ctl_rows_at(&rows, 0, 1)[0] != 't') {
        return ctl_error_set(e, 409, "month_open", "%.7s may be closed from "
                             "%s UTC on.", date, ctl_rows_at(&rows, 0, 2));
    }
    if (!streams_are_drained(pg, redis, arena, ctl_rows_i64(&rows, 0, 3), e)
        || !CTL_PG(pg, arena, &rows, e,
                   "SELECT ledger_month_close($1::date)", date))
    {
        return false;
    }

    return ctl_rows_at(&rows, 0, 0)[0] == 't'
           || ctl_error_internal(e, "the month %.7s was not closed", date);
}


bool
ctl_ledger_month_tend(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!ctl_pg_exec(pg, e, SQL_AHEAD)
        || !ctl_pg_query(pg, arena, &rows, e, SQL_DUE, 0, NULL))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (ctl_ledger_month_close(pg, redis, arena, ctl_rows_at(&rows, i, 0),
                                   e))
        {
            ctl_log(CTL_LOG_INFO, "the month %.7s of the ledger is closed",
                    ctl_rows_at(&rows, i, 0));
        } else if (e->status != 409) {
            return false;
        } else {
            ctl_error_clear(e);
        }
    }

    return true;
}


bool
ctl_ledger_month_lock(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *date, struct ctl_ledger_lock *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_LOCK, date)) {
        return false;
    }
    *out = (struct ctl_ledger_lock) {.known = rows.nrows > 0};
    if (out->known) {
        out->closed = ctl_rows_at(&rows, 0, 0)[0] == 't';
        out->pruned = ctl_rows_at(&rows, 0, 1)[0] == 't';
        out->sha256 = ctl_rows_at(&rows, 0, 2);
    }

    return true;
}


/* What was exported is not counted again. */
static bool
month_count(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    struct ctl_ledger_month *m, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (m->entries != NULL) {
        return true;
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_COUNT, date)) {
        return false;
    }
    m->entries = ctl_rows_at(&rows, 0, 0);
    m->sum_usd = ctl_rows_at(&rows, 0, 1);

    return true;
}


bool
ctl_ledger_month_list(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_ledger_month **months, unsigned *n, struct ctl_error *e)
{
    struct ctl_ledger_month *list;
    struct ctl_rows rows;
    unsigned i;

    *n = 0;
    if (!ctl_pg_query(pg, arena, &rows, e, SQL_LIST, 0, NULL)) {
        return false;
    }
    list = ctl_arena_alloc(arena, (rows.nrows + 1) * sizeof(*list));
    if (list == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    for (i = 0; i < rows.nrows; i++) {
        list[*n] = (struct ctl_ledger_month) {
            .month = ctl_rows_at(&rows, i, 0),
            .state = ctl_rows_at(&rows, i, 2),
            .entries = ctl_rows_at(&rows, i, 3),
            .sum_usd = ctl_rows_at(&rows, i, 4),
            .sha256 = ctl_rows_at(&rows, i, 5)};
        if (!month_count(pg, arena, ctl_rows_at(&rows, i, 1), &list[*n], e)) {
            return false;
        }
        *n += strcmp(list[*n].entries, "0") != 0;
    }
    *months = list;

    return true;
}
