/*
 * End users in pages, and as many in one call of seed as fit.
 */
#include "meter/end_user_seed.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/end_users_sql.h"
#include "meter/partition_lead.h"

#define PAGE        500
#define PAGE_TEXT   "500"
#define USER_MOST   "64"                /* periods of one end user */
#define ARGS_MAX    600
#define KEYS_MAX    400
#define USER_ARGS   (2 + 4 * 64)

/* What the open holds of $3 hold of end users. */
#define WITH_HELD \
    "WITH held AS (SELECT split_part(pin, ':', 1) AS b," \
    " split_part(pin, ':', 2) AS w, split_part(pin, ':', 3)::bigint AS i," \
    " min(" CTL_END_USERS_OF("substring(t.p FROM 'p[.]([^:]+):')") ") AS d," \
    " sum(t.a)::bigint AS a FROM jsonb_to_recordset($3::jsonb)" \
    " AS t(i text, a bigint, p text)," \
    " unnest(string_to_array(t.p, ',')) AS pin WHERE pin LIKE 'e.%'" \
    " AND NOT EXISTS (SELECT FROM holds h WHERE h.hold_id = t.i)" \
    " GROUP BY 1, 2, 3)"

#define IS_ANOTHERS \
    " NOT EXISTS (SELECT FROM budgets o WHERE o.budget_id = "

#define WITH_USERS_HELD \
    ", u AS (SELECT DISTINCT d, b FROM held JOIN budgets x ON x.budget_id = d" \
    " WHERE x.partition = $1 AND" IS_ANOTHERS "held.b))"

#define WITH_USERS_PAGE \
    ", u AS (SELECT default_id AS d, budget_id AS b FROM end_users n" \
    " WHERE partition = $1 AND due > $2::bigint" \
    " AND (default_id, budget_id) > ($4, $5) AND" \
    IS_ANOTHERS "n.budget_id) AND EXISTS (SELECT FROM budgets x" \
    " WHERE x.budget_id = n.default_id AND x.partition = $1)" \
    " ORDER BY default_id, budget_id LIMIT " PAGE_TEXT ")"

/* default, end user, window, id, spent, held, when it must be over, and the
 * number of the last correction.  A row without a window: there is nothing.
 * The windows are those that the default ever had: its limits are all kept. */
#define SQL_PERIODS \
    " SELECT u.d, u.b, k.w, k.i, coalesce(s.spent_nano, 0)," \
    " coalesce(held.a, 0), window_due(k.w, k.i)," \
    " (SELECT coalesce(max(seq), 0) FROM applies WHERE partition = $1)" \
    " FROM u LEFT JOIN LATERAL (SELECT n.w, z.window_id AS i" \
    " FROM (SELECT DISTINCT window_name AS w FROM budget_limits" \
    " WHERE budget_id = u.d AND window_name <> 'total') n" \
    " JOIN balances z ON z.budget_id = u.b AND z.window_name = n.w" \
    " AND z.window_id > $2::bigint - window_due(n.w, 0)" \
    " UNION SELECT w, i FROM held WHERE held.b = u.b" \
    " AND window_due(w, i) > $2::bigint" \
    " ORDER BY i DESC, w LIMIT " USER_MOST ") k ON true" \
    " LEFT JOIN balances s ON s.budget_id = u.b AND s.window_name = k.w" \
    " AND s.window_id = k.i" \
    " LEFT JOIN held ON held.b = u.b AND held.w = k.w AND held.i = k.i" \
    " ORDER BY 1, 2"

/* One call of seed: end users of one default. */
struct batch {
    const char *default_id;
    char names[2][ASG_RKEY_MAX];
    asg_str_t keys[KEYS_MAX], argv[ARGS_MAX];
    size_t nkeys, nargs;
};


static const char *
number(struct ctl_leader *l, int64_t n)
{
    return ctl_arena_printf(l->arena, "%lld", (long long) n);
}


static bool
batch_send(struct ctl_leader *l, const struct ctl_partition *p,
    struct batch *b, struct ctl_error *e)
{
    asg_verdict_t verdict = ASG_VERDICT_OK;

    if (b->nkeys > 2
        && !ctl_partition_seed(l, p, "users", b->nkeys, b->keys, b->nargs,
                               b->argv, &verdict, e))
    {
        return false;
    }
    b->nkeys = b->nargs = 0;

    return verdict == ASG_VERDICT_OK
           || ctl_error_away(e, "reseed_pending", "seed of end users of %s: "
                             "%s", b->default_id, asg_verdict_text(verdict));
}


static void
batch_begin(const struct ctl_partition *p, struct batch *b,
    const char *default_id)
{
    b->default_id = default_id;
    b->keys[0] = (asg_str_t) {b->names[0], asg_rkey_budget(b->names[0],
                              p->part, asg_str_z(default_id))};
    b->keys[1] = (asg_str_t) {b->names[1], asg_rkey_users(b->names[1],
                              p->part, asg_str_z(default_id))};
    b->nkeys = 2;
}


static void
arg_add(struct batch *b, const char *text)
{
    b->argv[b->nargs++] = asg_str_z(text != NULL ? text : "");
}


/* `ends n (field value)...` of the rows from..upto. */
static void
user_put(struct ctl_leader *l, struct batch *b, const struct ctl_rows *rows,
    unsigned from, unsigned upto)
{
    int64_t ends = 0, due;
    unsigned i;

    for (i = from; i < upto; i++) {
        due = ctl_rows_i64(rows, i, 6);
        ends = due > ends ? due : ends;
    }
    arg_add(b, number(l, ends));
    arg_add(b, number(l, 2 * (int64_t) (upto - from)));
    for (i = from; i < upto; i++) {
        arg_add(b, ctl_arena_printf(l->arena, "s:%s:%s",
                                    ctl_rows_at(rows, i, 2),
                                    ctl_rows_at(rows, i, 3)));
        arg_add(b, ctl_rows_at(rows, i, 4));
        arg_add(b, ctl_arena_printf(l->arena, "h:%s:%s",
                                    ctl_rows_at(rows, i, 2),
                                    ctl_rows_at(rows, i, 3)));
        arg_add(b, ctl_rows_at(rows, i, 5));
    }
}


static bool
user_add(struct ctl_leader *l, const struct ctl_partition *p,
    struct batch *b, const struct ctl_rows *rows, unsigned from,
    unsigned upto, struct ctl_error *e)
{
    const char *default_id = ctl_rows_at(rows, from, 0);
    char *key = ctl_arena_alloc(l->arena, ASG_RKEY_MAX);

    if (key == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if ((b->nkeys == KEYS_MAX || b->nargs + USER_ARGS > ARGS_MAX
         || (b->nkeys > 0 && strcmp(b->default_id, default_id) != 0))
        && !batch_send(l, p, b, e))
    {
        return false;
    }
    if (b->nkeys == 0) {
        batch_begin(p, b, default_id);
    }
    b->keys[b->nkeys++] = (asg_str_t) {key, asg_rkey_budget(key, p->part,
                           asg_str_z(ctl_rows_at(rows, from, 1)))};
    user_put(l, b, rows, from, upto);

    return !l->arena->failed || ctl_error_internal(e, "out of memory");
}


/* The rows of one end user stand together. */
static bool
rows_send(struct ctl_leader *l, const struct ctl_partition *p,
    const struct ctl_rows *rows, struct ctl_error *e)
{
    struct batch *b = ctl_arena_alloc(l->arena, sizeof(*b));
    unsigned from, upto;

    if (b == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    b->nkeys = b->nargs = 0;
    for (from = 0; from < rows->nrows; from = upto) {
        if (ctl_rows_i64(rows, from, 7) != p->summed) {
            return ctl_error_away(e, "reseed_pending", "partition %u: the "
                                  "ledger moved while it was summed", p->part);
        }
        for (upto = from + 1; upto < rows->nrows
             && strcmp(ctl_rows_at(rows, upto, 1),
                       ctl_rows_at(rows, from, 1)) == 0; upto++) { }
        if (ctl_rows_at(rows, from, 2) != NULL
            && !user_add(l, p, b, rows, from, upto, e))
        {
            return false;
        }
    }

    return batch_send(l, p, b, e);
}


bool
ctl_end_users_seed_held(struct ctl_leader *l, struct ctl_partition *p,
    const char *holds, struct ctl_error *e)
{
    struct ctl_rows rows;
    int64_t now;

    p->users_of[0] = p->users_from[0] = '\0';

    return ctl_lead_redis_now(l, &now, e)
           && CTL_PG(l->pg, l->arena, &rows, e,
                     WITH_HELD WITH_USERS_HELD SQL_PERIODS,
                     number(l, p->part), number(l, now), holds)
           && rows_send(l, p, &rows, e);
}


static bool
page_seed(struct ctl_leader *l, struct ctl_partition *p, bool *done,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    int64_t now;

    ctl_arena_reset(l->arena);
    if (!ctl_lead_redis_now(l, &now, e)
        || !CTL_PG(l->pg, l->arena, &rows, e,
                   WITH_HELD WITH_USERS_PAGE SQL_PERIODS, number(l, p->part),
                   number(l, now), "[]", p->users_of, p->users_from)
        || !rows_send(l, p, &rows, e))
    {
        return false;
    }
    *done = rows.nrows < PAGE;          /* each has a row at least */
    if (!*done) {
        snprintf(p->users_of, sizeof(p->users_of), "%s",
                 ctl_rows_at(&rows, rows.nrows - 1, 0));
        snprintf(p->users_from, sizeof(p->users_from), "%s",
                 ctl_rows_at(&rows, rows.nrows - 1, 1));
    }

    return true;
}


bool
ctl_end_users_seed_some(struct ctl_leader *l, struct ctl_partition *p,
    int64_t until_ms, bool *done, struct ctl_error *e)
{
    do {
        if (!page_seed(l, p, done, e)) {
            return false;
        }
    } while (!*done && ctl_clock_ms() < until_ms);

    return true;
}
