/*
 * Summing, and the seed of one budget.
 */
#include "meter/partition_sum.h"

#include <stdio.h>
#include <string.h>

#include "ledger/zone.h"
#include "meter/partition_lead.h"

#define ARGS_MAX       1024            /* 8 windows, from 1 to 8 seconds: 732 */
#define AHEAD_MOST     "61"             /* of one window, the next ones */
#define OTHERS_MOST    "16"             /* of one budget */
#define WINDOW_JSON    (ASG_ID_MAX + ASG_WINDOW_NAME_MAX + 64)

#define SQL_WINDOWS \
    "SELECT b.budget_id, b.version, coalesce(w.limit_nusd::text, '-')," \
    " floor(extract(epoch FROM w.added_at))::bigint, " \
    CTL_BUDGET_LATE ", " CTL_ZONE_COLUMNS \
    " FROM budgets b JOIN budget_windows w USING (budget_id)" \
    CTL_ZONE_JOIN \
    " WHERE b.partition = $1 ORDER BY b.budget_id, w.window_name"

#define SQL_SUMS \
    "WITH held AS (SELECT pin, sum(t.a) AS a" \
    " FROM jsonb_to_recordset($2::jsonb) AS t(i text, a bigint, p text)," \
    " unnest(string_to_array(t.p, ',')) AS pin" \
    " WHERE NOT EXISTS (SELECT FROM holds h WHERE h.hold_id = t.i)" \
    " GROUP BY pin)" \
    " SELECT coalesce(o.amount_nusd, 0) + coalesce(s.spent_nano, 0)," \
    " coalesce(held.a, 0)::bigint" \
    " FROM jsonb_to_recordset($1::jsonb)" \
    " AS t(n int, b text, w text, i bigint)" \
    " LEFT JOIN openings o ON o.budget_id = t.b AND o.window_name = t.w" \
    " AND o.window_id = t.i" \
    " LEFT JOIN balances s ON s.budget_id = t.b AND s.window_name = t.w" \
    " AND s.window_id = t.i" \
    " LEFT JOIN held ON held.pin = t.b || ':' || t.w || ':' || t.i" \
    " ORDER BY t.n"

/* When Redis' clock was set back over the start of a window, the window to come
 * has been used.  Made anew at its start it would be 0.  Clocks that are more
 * than a minute apart move no money, so that of a window of a second no more
 * than these are to come.  A window that began between the one of now and now
 * is of another zone, which the budget had before. */
#define SQL_AHEAD \
    "WITH held AS (SELECT DISTINCT pin FROM jsonb_to_recordset($2::jsonb)" \
    " AS h(i text, p text), unnest(string_to_array(h.p, ',')) AS pin)" \
    " SELECT t.n, a.i FROM jsonb_to_recordset($1::jsonb)" \
    " AS t(n int, b text, w text, i bigint) CROSS JOIN LATERAL (" \
    "SELECT s.window_id AS i FROM balances s WHERE s.budget_id = t.b" \
    " AND s.window_name = t.w AND s.window_id > $3::bigint UNION" \
    " SELECT split_part(pin, ':', 3)::bigint FROM held" \
    " WHERE split_part(pin, ':', 1) = t.b AND split_part(pin, ':', 2) = t.w" \
    " AND split_part(pin, ':', 3)::bigint > $3::bigint" \
    " ORDER BY i LIMIT " AHEAD_MOST ") a WHERE t.i > 0 ORDER BY t.n, a.i"

/* What is held of periods that are none of these windows': of windows that were
 * taken away or moved to another zone and may come back.  Of one budget no more
 * than fit beside its windows, the youngest. */
#define SQL_OTHERS \
    "WITH held AS (SELECT pin, sum(t.a) AS a" \
    " FROM jsonb_to_recordset($2::jsonb) AS t(i text, a bigint, p text)," \
    " unnest(string_to_array(t.p, ',')) AS pin" \
    " WHERE NOT EXISTS (SELECT FROM holds h WHERE h.hold_id = t.i)" \
    " GROUP BY pin)," \
    " r AS (SELECT split_part(pin, ':', 1) AS b, split_part(pin, ':', 2)" \
    " || ':' || split_part(pin, ':', 3) AS wid, a, row_number() OVER" \
    " (PARTITION BY split_part(pin, ':', 1)" \
    " ORDER BY split_part(pin, ':', 3)::bigint DESC, pin) AS n FROM held" \
    " WHERE NOT EXISTS (SELECT FROM jsonb_to_recordset($1::jsonb)" \
    " AS t(b text, w text, i bigint)" \
    " WHERE t.b || ':' || t.w || ':' || t.i = pin))" \
    " SELECT b, 'g:' || wid, a FROM r WHERE n <= " OTHERS_MOST " ORDER BY b, n"

#define SQL_ENDED \
    "SELECT h.hold_id FROM holds h" \
    " WHERE h.hold_id IN (SELECT t.i" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(i text))"


static bool
windows_read(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_sum *sum, struct ctl_error *e)
{
    struct ctl_sum_window *w;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(l->pg, l->arena, &rows, e, SQL_WINDOWS,
                ctl_arena_printf(l->arena, "%u", p->part)))
    {
        return false;
    }
    sum->nwindows = rows.nrows;
    sum->windows = ctl_arena_alloc(l->arena,
                                   (rows.nrows + 1) * sizeof(*sum->windows));
    for (i = 0; sum->windows != NULL && i < rows.nrows; i++) {
        w = &sum->windows[i];
        w->row.budget_id = ctl_rows_at(&rows, i, 0);
        w->version = ctl_rows_i64(&rows, i, 1);
        w->row.limit = ctl_rows_at(&rows, i, 2);
        w->row.added_at = ctl_rows_i64(&rows, i, 3) + sum->ahead_s;
        w->row.late = ctl_rows_at(&rows, i, 4)[0] == 't';
        if (!ctl_zone_window(&rows, i, 5, &w->row.window, e)) {
            return false;
        }
        w->start = asg_window_start(&w->row.window, sum->now);
    }

    return sum->windows != NULL || ctl_error_internal(e, "out of memory");
}


/* [{"i":id,"a":amount,"p":pins}] of the holds found in Redis. */
static bool
hold_put(struct ctl_leader *l, const struct ctl_partition *p, asg_str_t id,
    asg_buf_t *out, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t argv[2] = {ASG_STR("GET"), ASG_STR_NULL};
    struct ctl_hold_text hold;
    struct ctl_reply reply;

    argv[1] = (asg_str_t) {key, asg_rkey_hold(key, p->part, id)};
    if (argv[1].len == 0) {
        return true;
    }
    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 2, argv)) {
        return false;
    }
    if (!ctl_partition_hold_parse(&reply, &hold)) {
        return true;                    /* gone, or voided */
    }
    asg_buf_z(out, out->len > 1 ? ",{\"i\":" : "{\"i\":");
    asg_buf_json(out, id);
    asg_buf_z(out, ",\"a\":");
    asg_buf_str(out, hold.amount);
    asg_buf_z(out, ",\"p\":");
    asg_buf_json(out, hold.pins);
    asg_buf_z(out, "}");

    return true;
}


static bool
holds_read(struct ctl_leader *l, const struct ctl_partition *p,
    const char **text, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t argv[4] = {ASG_STR("ZRANGE"), ASG_STR_NULL, ASG_STR("0"),
                         ASG_STR("-1")};
    struct ctl_reply ids;
    asg_buf_t out;
    size_t i, bytes;

    argv[1] = (asg_str_t) {key, asg_rkey_expiry(key, p->part)};
    if (!ctl_redis_command(l->redis, l->arena, &ids, e, 4, argv)) {
        return false;
    }
    /* pins of a usual hold are a few hundred bytes; what does not fit fails */
    bytes = ids.nitems * 2048 + 2 * ASG_SCRIPT_PINS_BYTES;
    asg_buf_init(&out, ctl_arena_alloc(l->arena, bytes), bytes);
    if (out.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < ids.nitems; i++) {
        if (!hold_put(l, p, ids.items[i].text, &out, e)) {
            return false;
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);
    *text = out.data;

    return asg_buf_ok(&out)
           || ctl_error_internal(e, "the open holds are too large");
}


static void
window_put(asg_buf_t *out, unsigned n, const struct ctl_sum_window *w,
    int64_t start)
{
    asg_buf_z(out, n > 0 ? ",{\"n\":" : "{\"n\":");
    asg_buf_u64(out, n);
    asg_buf_z(out, ",\"b\":");
    asg_buf_json(out, asg_str_z(w->row.budget_id));
    asg_buf_z(out, ",\"w\":");
    asg_buf_json(out, asg_str_z(w->row.window.name));
    asg_buf_z(out, ",\"i\":");
    asg_buf_i64(out, start);
    asg_buf_z(out, "}");
}


/* The windows of now, then those ahead as far as they are known. */
static const char *
windows_text(struct ctl_leader *l, const struct ctl_sum *sum)
{
    size_t bytes = (sum->nwindows + sum->nahead + 1) * WINDOW_JSON;
    const struct ctl_sum_ahead *a;
    asg_buf_t out;
    unsigned i;

    asg_buf_init(&out, ctl_arena_alloc(l->arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < sum->nwindows; i++) {
        window_put(&out, i, &sum->windows[i], sum->windows[i].start);
    }
    for (i = 0; i < sum->nahead; i++) {
        a = &sum->ahead[i];
        window_put(&out, sum->nwindows + i, &sum->windows[a->window],
                   a->start);
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static bool
ahead_read(struct ctl_leader *l, struct ctl_sum *sum, const char *holds,
    struct ctl_error *e)
{
    const char *windows = windows_text(l, sum);
    struct ctl_rows rows;
    unsigned i;

    if (windows == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(l->pg, l->arena, &rows, e, SQL_AHEAD, windows, holds,
                ctl_arena_printf(l->arena, "%lld", (long long) sum->now)))
    {
        return false;
    }
    sum->ahead = ctl_arena_alloc(l->arena,
                                 (rows.nrows + 1) * sizeof(*sum->ahead));
    for (i = 0; sum->ahead != NULL && i < rows.nrows; i++) {
        sum->ahead[i].window = (unsigned) ctl_rows_i64(&rows, i, 0);
        sum->ahead[i].start = ctl_rows_i64(&rows, i, 1);
    }
    sum->nahead = rows.nrows;

    return sum->ahead != NULL || ctl_error_internal(e, "out of memory");
}


static bool
sums_read(struct ctl_leader *l, struct ctl_sum *sum, const char *holds,
    struct ctl_error *e)
{
    const char *windows = windows_text(l, sum);
    asg_nusd_t *spent, *held;
    struct ctl_rows rows;
    unsigned i;

    if (windows == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(l->pg, l->arena, &rows, e, SQL_SUMS, windows, holds)) {
        return false;
    }
    if (rows.nrows != sum->nwindows + sum->nahead) {
        return ctl_error_internal(e, "sums are missing");
    }
    for (i = 0; i < rows.nrows; i++) {
        spent = i < sum->nwindows ? &sum->windows[i].spent_nusd
                : &sum->ahead[i - sum->nwindows].spent_nusd;
        held = i < sum->nwindows ? &sum->windows[i].held_nusd
               : &sum->ahead[i - sum->nwindows].held_nusd;
        *spent = ctl_rows_i64(&rows, i, 0);
        *held = ctl_rows_i64(&rows, i, 1);
    }

    return true;
}


static bool
others_read(struct ctl_leader *l, struct ctl_sum *sum, const char *holds,
    struct ctl_error *e)
{
    const char *windows = windows_text(l, sum);

    return windows != NULL
           ? CTL_PG(l->pg, l->arena, &sum->others, e, SQL_OTHERS, windows,
                    holds)
           : ctl_error_internal(e, "out of memory");
}


static bool
ended_read(struct ctl_leader *l, struct ctl_sum *sum, const char *holds,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, &rows, e, SQL_ENDED, holds)) {
        return false;
    }
    sum->nended = rows.nrows;
    sum->ended = (const char **) rows.cells;

    return true;
}


static bool
adj_read(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_sum *sum, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "SELECT coalesce(max(seq), 0) FROM applies WHERE partition = $1",
            ctl_arena_printf(l->arena, "%u", p->part)))
    {
        return false;
    }
    sum->adj = ctl_rows_i64(&rows, 0, 0);

    return true;
}


bool
ctl_sum_read(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_sum *sum, struct ctl_error *e)
{
    const char *holds;
    int64_t apart;
    unsigned i;
    bool ok;

    memset(sum, 0, sizeof(*sum));
    if (!ctl_lead_clocks(l, &sum->now, &apart, e)) {
        return false;
    }
    if (apart > CTL_CLOCK_CLOSE_S || apart < -CTL_CLOCK_CLOSE_S) {
        return ctl_error_away(e, "clock_skew", "the clock of Redis is %lld s "
                              "off the database's", (long long) apart);
    }
    sum->ahead_s = apart > 0 ? apart : 0;
    if (!ctl_zone_refresh(l->pg, l->arena, e)
        || !holds_read(l, p, &sum->holds, e)
        || !windows_read(l, p, sum, e))
    {
        return false;
    }
    holds = sum->holds;
    for (i = 0; i < sum->nwindows; i++) {
        if (!ctl_opening_ensure(l->pg, l->arena, &sum->windows[i].row,
                                sum->now, e))
        {
            return false;
        }
    }
    if (!ctl_pg_begin(l->pg, e)) {
        return false;
    }
    ok = ctl_pg_exec(l->pg, e, "SET TRANSACTION ISOLATION LEVEL"
                     " REPEATABLE READ READ ONLY")
         && windows_read(l, p, sum, e)
         && ahead_read(l, sum, holds, e)
         && sums_read(l, sum, holds, e)
         && others_read(l, sum, holds, e)
         && ended_read(l, sum, holds, e)
         && adj_read(l, p, sum, e);
    ctl_pg_rollback(l->pg);

    return ok;
}


struct budget_args {
    asg_str_t argv[ARGS_MAX];
    size_t n;
    char specs[ASG_WINDOWS_MAX * ASG_WINDOW_SPEC_MAX];
    asg_buf_t w;
};


static void
arg_add(struct budget_args *a, const char *text)
{
    if (a->n < ARGS_MAX) {
        a->argv[a->n++] = asg_str_z(text);
    }
}


static void
counters_add(struct ctl_leader *l, const char *name, int64_t start,
    asg_nusd_t spent, asg_nusd_t held, struct budget_args *a)
{
    arg_add(a, ctl_arena_printf(l->arena, "s:%s:%lld", name,
                                (long long) start));
    arg_add(a, ctl_arena_printf(l->arena, "%lld", (long long) spent));
    arg_add(a, ctl_arena_printf(l->arena, "h:%s:%lld", name,
                                (long long) start));
    arg_add(a, ctl_arena_printf(l->arena, "%lld", (long long) held));
}


static void
windows_add(struct ctl_leader *l, const struct ctl_sum *sum, unsigned from,
    unsigned upto, struct budget_args *args)
{
    const struct ctl_sum_window *w;
    const struct ctl_sum_ahead *a;
    unsigned i;

    for (i = from; i < upto; i++) {
        w = &sum->windows[i];
        if (w->start != ASG_WINDOW_NONE) {
            counters_add(l, w->row.window.name, w->start, w->spent_nusd,
                         w->held_nusd, args);
        }
    }
    for (i = 0; i < sum->nahead; i++) {
        a = &sum->ahead[i];
        if (a->window >= from && a->window < upto) {
            counters_add(l, sum->windows[a->window].row.window.name, a->start,
                         a->spent_nusd, a->held_nusd, args);
        }
    }
}


static void
others_add(const struct ctl_sum *sum, const char *budget,
    struct budget_args *args)
{
    unsigned i;

    for (i = 0; i < sum->others.nrows; i++) {
        if (strcmp(ctl_rows_at(&sum->others, i, 0), budget) == 0) {
            arg_add(args, ctl_rows_at(&sum->others, i, 1));
            arg_add(args, ctl_rows_at(&sum->others, i, 2));
        }
    }
}


/* `version w at (w limit)... | (field value)...`; a window past its boundaries
 * gets no counters and is unseeded.  The windows of the windows from..upto. */
static bool
budget_args_fill(struct ctl_leader *l, const struct ctl_sum *sum,
    unsigned from, unsigned upto, struct budget_args *a)
{
    const struct ctl_sum_window *w = &sum->windows[from];
    unsigned i;

    asg_buf_init(&a->w, a->specs, sizeof(a->specs) - 1);
    for (i = from; i < upto; i++) {
        asg_buf_z(&a->w, i > from ? "," : "");
        if (asg_window_spec(&sum->windows[i].row.window, sum->now, &a->w)
            != ASG_OK)
        {
            return false;
        }
    }
    a->specs[a->w.len] = '\0';
    arg_add(a, ctl_arena_printf(l->arena, "%lld", (long long) w->version));
    arg_add(a, a->specs);
    arg_add(a, ctl_arena_printf(l->arena, "%lld", (long long) sum->now));
    for (i = from; i < upto; i++) {
        arg_add(a, sum->windows[i].row.window.name);
        arg_add(a, sum->windows[i].row.limit);
    }
    arg_add(a, "|");
    windows_add(l, sum, from, upto, a);
    others_add(sum, w->row.budget_id, a);

    return !l->arena->failed && a->n < ARGS_MAX && asg_buf_ok(&a->w);
}


bool
ctl_sum_seed_budget(struct ctl_leader *l, const struct ctl_partition *p,
    const struct ctl_sum *sum, unsigned *at, struct ctl_error *e)
{
    const char *id = sum->windows[*at].row.budget_id;
    struct budget_args args = {.n = 0};
    char budget[ASG_RKEY_MAX], users[ASG_RKEY_MAX];
    const asg_str_t keys[2] = {
        {budget, asg_rkey_budget(budget, p->part, asg_str_z(id))},
        {users, asg_rkey_users(users, p->part, asg_str_z(id))}
    };
    asg_verdict_t verdict;
    unsigned upto = *at;

    while (upto < sum->nwindows
           && strcmp(sum->windows[upto].row.budget_id, id) == 0)
    {
        upto++;
    }
    if (!budget_args_fill(l, sum, *at, upto, &args)) {
        return ctl_error_internal(e, "the budget %s cannot be written", id);
    }
    /* one of end users may be a default, whom nobody is held by now */
    if (!ctl_partition_seed(l, p, "budget", memcmp(id, "e.", 2) == 0 ? 2 : 1,
                            keys, args.n, args.argv, &verdict, e))
    {
        return false;
    }
    *at = upto;

    return verdict == ASG_VERDICT_OK
           || ctl_error_away(e, "reseed_pending", "seed of %s: %s", id,
                             asg_verdict_text(verdict));
}
