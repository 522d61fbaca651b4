/*
 * Reading the counters of budgets.
 */
#include "ops/usage.h"

#include <stdio.h>
#include <string.h>

#include "core/rkey.h"
#include "ledger/zone.h"

#define FIELD_BYTES 64

/* One row of budgets joined with its windows. */
struct row {
    const char *budget, *scope, *scope_id, *zone, *limit;
    asg_window_t window;
    int partition;
};


static asg_nusd_t
counter(const struct ctl_reply *hash, const char *kind, const char *window,
    int64_t id)
{
    char name[FIELD_BYTES];
    uint64_t value = 0;
    size_t i;

    snprintf(name, sizeof(name), "%s:%s:%lld", kind, window, (long long) id);
    for (i = 0; i + 1 < hash->nitems; i += 2) {
        if (asg_str_eq_z(hash->items[i].text, name)) {
            (void) asg_str_u64(hash->items[i + 1].text, &value);
        }
    }

    return (asg_nusd_t) value;
}


static bool
budget_hash(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct row *row, struct ctl_reply *hash, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t argv[2] = {ASG_STR("HGETALL"), {key, 0}};

    argv[1].len = asg_rkey_budget(key, (unsigned) row->partition,
                                  asg_str_z(row->budget));
    if (!ctl_redis_command(redis, arena, hash, e, 2, argv)) {
        return false;
    }

    return hash->nitems > 0
           || ctl_error_away(e, "redis_unavailable",
                             "the budget %s is not seeded", row->budget);
}


static bool
fill_window(const struct row *row, const struct ctl_reply *hash, int64_t now,
    struct ctl_usage_window *to, struct ctl_error *e)
{
    const asg_window_t *w = &row->window;
    uint64_t limit = 0;

    memcpy(to->window, w->name, sizeof(to->window));
    to->scope = row->scope;
    to->scope_id = row->scope_id;
    to->zone = row->zone != NULL ? row->zone : "UTC";
    to->starts_at = asg_window_start(w, now);
    to->resets_at = asg_window_end(w, now);
    if (to->starts_at == ASG_WINDOW_NONE) {
        return ctl_error_away(e, "budget_unavailable", "%s of %s has no "
                              "boundaries for now", w->name, row->budget);
    }
    to->unlimited = row->limit == NULL;
    if (!to->unlimited) {
        (void) asg_str_u64(asg_str_z(row->limit), &limit);
    }
    to->limit_nusd = (asg_nusd_t) limit;
    to->spent_nusd = counter(hash, "s", w->name, to->starts_at);
    to->held_nusd = counter(hash, "h", w->name, to->starts_at);

    return true;
}


static bool
row_read(const struct ctl_rows *rows, unsigned i, struct row *row,
    struct ctl_error *e)
{
    row->budget = ctl_rows_at(rows, i, 0);
    row->scope = ctl_rows_at(rows, i, 1);
    row->scope_id = ctl_rows_at(rows, i, 2);
    row->partition = (int) ctl_rows_i64(rows, i, 3);
    row->limit = ctl_rows_at(rows, i, 4);
    row->zone = ctl_rows_at(rows, i, 7);

    return ctl_zone_window(rows, i, 6, &row->window, e);
}


static bool
read_rows(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, struct ctl_usage *out, struct ctl_error *e)
{
    struct ctl_reply hash = {0};
    const char *last = "";
    struct row row;
    unsigned i;

    for (i = 0; i < rows->nrows; i++) {
        if (!row_read(rows, i, &row, e)
            || (strcmp(row.budget, last) != 0
                && !budget_hash(redis, arena, &row, &hash, e)))
        {
            return false;
        }
        last = row.budget;
        if (!fill_window(&row, &hash, ctl_rows_i64(rows, i, 5),
                         &out->windows[i], e))
        {
            return false;
        }
        if (row.budget[0] == 'p' && row.window.kind == ASG_WINDOW_TOTAL) {
            out->spent_nusd = out->windows[i].spent_nusd;
            out->held_nusd = out->windows[i].held_nusd;
        }
    }

    return true;
}


bool
ctl_usage_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *project_id, struct ctl_usage *out,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    memset(out, 0, sizeof(*out));
    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT b.budget_id, b.scope, b.scope_id, b.partition,"
            " w.limit_nusd, floor(extract(epoch FROM now()))::bigint, "
            CTL_ZONE_COLUMNS
            " FROM budgets b JOIN budget_windows w USING (budget_id)"
            CTL_ZONE_JOIN
            " WHERE (b.project_id = $1 AND b.scope_id <> $1 || '/*')"
            " OR (b.scope = 'group' AND b.scope_id ="
            " (SELECT group_key FROM projects WHERE project_id = $1))"
            " ORDER BY b.scope <> 'project', b.scope, b.created_at,"
            " b.budget_id,"
            " w.window_name = 'total' DESC, w.window_name", project_id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "project_not_found",
                             "There is no project with this id.");
    }
    out->nwindows = rows.nrows;
    out->windows = ctl_arena_alloc(arena, rows.nrows * sizeof(*out->windows));
    if (out->windows == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return read_rows(redis, arena, &rows, out, e);
}
