/*
 * Budgets in Postgres.
 */
#include "ops/budget.h"

#include <stdio.h>
#include <string.h>

#include "ledger/zone.h"
#include "ops/ceiling.h"
#include "ops/project.h"


static bool
is_utc(const char *zone)
{
    return strcmp(zone, "UTC") == 0;
}


static bool
list_has(const struct ctl_budget_list *list, const char *name)
{
    unsigned i;

    for (i = 0; i < list->n; i++) {
        if (strcmp(list->windows[i].name, name) == 0) {
            return true;
        }
    }

    return false;
}


/* Whether the database has such a zone is asked when it is written. */
static bool
zone_check(const asg_window_t *w, const char *zone, struct ctl_error *e)
{
    if (!asg_zone_is_name(asg_str_z(zone))) {
        return ctl_error_field(e, "invalid_value", "zone",
                               "zone must be an IANA name Area/City, as "
                               "Europe/Berlin, or UTC.");
    }

    return asg_window_is_of_days(w) || is_utc(zone)
           || ctl_error_field(e, "invalid_value", "zone",
                              "The window %s has no days, so a zone says "
                              "nothing; only windows of d, w and 1mo have "
                              "one.", w->name);
}


bool
ctl_budget_list_add(struct ctl_budget_list *list, const char *window,
    const char *zone, bool unlimited, asg_nusd_t limit_nusd,
    struct ctl_error *e)
{
    struct ctl_budget_window *to;
    asg_window_t w;

    if (asg_window_parse(asg_str_z(window), &w) != ASG_OK) {
        return ctl_error_field(e, "invalid_value", "window",
                               "window must be total, 1mo, or a number "
                               "followed by s, m, h, d or w.");
    }
    if (!zone_check(&w, zone, e)) {
        return false;
    }
    if (list_has(list, w.name)) {
        return ctl_error_field(e, "conflicting_fields", "window",
                               "The window %s stands twice in the list.",
                               w.name);
    }
    if (list->n == ASG_WINDOWS_MAX) {
        return ctl_error_field(e, "invalid_value", "budgets",
                               "A budget has at most %d windows.",
                               ASG_WINDOWS_MAX);
    }
    to = &list->windows[list->n++];
    memcpy(to->name, w.name, sizeof(to->name));
    snprintf(to->zone, sizeof(to->zone), "%s", zone);
    to->unlimited = unlimited;
    to->limit_nusd = unlimited ? 0 : limit_nusd;
    to->soft_pct = CTL_BUDGET_SOFT_PCT;

    return true;
}


void
ctl_budget_list_total(struct ctl_budget_list *list, bool unlimited,
    asg_nusd_t limit_nusd)
{
    unsigned i;

    for (i = 0; i < list->n; i++) {
        if (strcmp(list->windows[i].name, "total") == 0) {
            list->windows[i].unlimited = unlimited;
            list->windows[i].limit_nusd = limit_nusd;
            if (unlimited) {
                list->windows[i].increase_nusd = 0;
            }
        }
    }
}


bool
ctl_budget_list_soft(struct ctl_budget_list *list, int64_t soft_pct,
    struct ctl_error *e)
{
    if (soft_pct < 0 || soft_pct > 100) {
        return ctl_error_field(e, "invalid_value", "soft_pct",
                               "soft_pct must be 1 to 100, the percentage of "
                               "the limit at which to warn, or 0 for never.");
    }
    list->windows[list->n - 1].soft_pct = (int) soft_pct;

    return true;
}


bool
ctl_budget_list_increase(struct ctl_budget_list *list,
    asg_nusd_t increase_nusd, int64_t until, struct ctl_error *e)
{
    struct ctl_budget_window *w = &list->windows[list->n - 1];

    if (increase_nusd < 1 || w->unlimited
        || increase_nusd > ASG_NUSD_MAX - w->limit_nusd)
    {
        return ctl_error_field(e, "invalid_value", "increase_usd",
                               "increase_usd must be above 0, of a window "
                               "that has a limit.");
    }
    w->increase_nusd = increase_nusd;
    w->increase_until = until;

    return true;
}


/* An increase that is over says nothing any more. */
static bool
window_increase(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_window *w, struct ctl_error *e)
{
    const char *more = ctl_arena_printf(c->arena, "%lld",
                                        (long long) w->increase_nusd);
    const char *until = ctl_arena_printf(c->arena, "%lld",
                                         (long long) w->increase_until);
    struct ctl_rows rows;

    if (w->increase_nusd == 0) {
        return true;
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE budget_windows SET increase_nusd = $3,"
            " increase_until = to_timestamp($4::bigint)"
            " WHERE budget_id = $1 AND window_name = $2"
            " AND to_timestamp($4::bigint) > now() RETURNING 1",
            budget_id, w->name, more, until))
    {
        return false;
    }

    return rows.nrows > 0
           || ctl_error_field(e, "invalid_value", "increase_until",
                              "increase_until must be in the future.");
}


static bool
window_insert(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_window *w, struct ctl_error *e)
{
    const char *limit = w->unlimited ? NULL
                        : ctl_arena_printf(c->arena, "%lld",
                                           (long long) (w->limit_nusd
                                                        + w->increase_nusd));
    const char *soft = ctl_arena_printf(c->arena, "%d", w->soft_pct);
    const char *zone = is_utc(w->zone) ? NULL : w->zone;

    if (zone != NULL && !ctl_zone_ensure(c->pg, c->arena, zone, w->name, e)) {
        return false;
    }

    /* in another zone it is another window: added now */
    return CTL_PG(c->pg, c->arena, NULL, e,
        "INSERT INTO budget_windows AS w (budget_id, window_name, limit_nusd,"
        " zone, soft_pct) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (budget_id, window_name)"
        " DO UPDATE SET limit_nusd = excluded.limit_nusd,"
        " increase_nusd = NULL, increase_until = NULL,"
        " soft_pct = excluded.soft_pct,"
        " zone = excluded.zone, added_at = CASE WHEN w.zone"
        " IS DISTINCT FROM excluded.zone THEN now() ELSE w.added_at END",
        budget_id, w->name, limit, zone, soft)
        && window_increase(c, budget_id, w, e);
}


static bool
windows_insert(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_list *list, struct ctl_error *e)
{
    unsigned i;

    for (i = 0; i < list->n; i++) {
        if (!window_insert(c, budget_id, &list->windows[i], e)) {
            return false;
        }
    }

    return true;
}


bool
ctl_budget_name(struct ctl_change *c, const char *scope, const char *scope_id,
    const char **id, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (strcmp(scope, "project") == 0 || strcmp(scope, "key") == 0) {
        *id = ctl_arena_printf(c->arena, "%c.%s", scope[0], scope_id);
        return *id != NULL || ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT left($1, 1) || '.' || left(encode(sha256(convert_to($2,"
            " 'UTF8')), 'hex'), 16)", scope, scope_id))
    {
        return false;
    }
    *id = ctl_rows_at(&rows, 0, 0);

    return true;
}


bool
ctl_budget_create(struct ctl_change *c, const char *scope,
    const char *scope_id, const char *project_id, int partition,
    const struct ctl_budget_list *list, struct ctl_error *e)
{
    const struct ctl_budget_window total = {.name = "total", .zone = "UTC",
                                            .unlimited = true,
                                            .soft_pct = CTL_BUDGET_SOFT_PCT};
    const char *part = ctl_arena_printf(c->arena, "%d", partition);
    const char *id;

    if (part == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!list_has(list, "total") && list->n == ASG_WINDOWS_MAX) {
        return ctl_error_field(e, "invalid_value", "budgets",
                               "A budget has at most %d windows, total "
                               "included.", ASG_WINDOWS_MAX);
    }

    return ctl_budget_name(c, scope, scope_id, &id, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "INSERT INTO budgets (budget_id, scope, scope_id, project_id,"
               " partition) VALUES ($1, $2, $3, $4, $5)",
               id, scope, scope_id, project_id, part)
           && windows_insert(c, id, list, e)
           && (list_has(list, "total") || window_insert(c, id, &total, e))
           && ctl_change_send(c, CTL_OUTBOX_BUDGET, id, 1, e);
}


/* Names of the list as a text[] literal, `total` always among them. */
static const char *
kept_names(struct ctl_change *c, const struct ctl_budget_list *list)
{
    const char *text = "{total";
    unsigned i;

    for (i = 0; i < list->n && text != NULL; i++) {
        text = ctl_arena_printf(c->arena, "%s,%s", text,
                                list->windows[i].name);
    }

    return text != NULL ? ctl_arena_printf(c->arena, "%s}", text) : NULL;
}


/* "total=5 1d=unlimited 7d@Europe/Berlin=2": the limits in USD. */
static const char *
limits_text(struct ctl_change *c, const struct ctl_budget_list *list)
{
    const struct ctl_budget_window *w;
    char usd[ASG_MONEY_TEXT];
    const char *text = "";
    unsigned i;
    bool utc;

    for (i = 0; i < list->n && text != NULL; i++) {
        w = &list->windows[i];
        utc = is_utc(w->zone);
        asg_money_format(w->limit_nusd + w->increase_nusd, usd);
        text = ctl_arena_printf(c->arena, "%s%s%s%s%s=%s", text, i ? " " : "",
                                w->name, utc ? "" : "@", utc ? "" : w->zone,
                                w->unlimited ? "unlimited" : usd);
    }

    return text;
}


bool
ctl_budget_note(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_list *before, struct ctl_error *e)
{
    struct ctl_audit_field fields[2] = {{"before", limits_text(c, before)},
                                        {"after", NULL}};
    struct ctl_budget_list after;
    struct ctl_rows rows;

    if (!ctl_budget_read(c->pg, c->arena, budget_id, &after, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT scope || '.budget_set', scope, scope_id,"
            " nullif(project_id, scope_id) FROM budgets"
            " WHERE budget_id = $1", budget_id))
    {
        return false;
    }
    fields[1].value = limits_text(c, &after);

    return ctl_change_audit(c, ctl_rows_at(&rows, 0, 0),
                            ctl_rows_at(&rows, 0, 1),
                            ctl_rows_at(&rows, 0, 2),
                            ctl_rows_at(&rows, 0, 3), NULL,
                            ctl_audit_data(c->arena, fields, 2), e);
}


/* Of a project's; a key spends what its project has. */
static bool
check_project(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_list *before, struct ctl_budget_list *list,
    struct ctl_error *e)
{
    struct ctl_project project;

    return budget_id[0] != 'p'
           || (ctl_project_get(c->pg, c->arena, budget_id + 2, &project, e)
               && ctl_project_must_live(&project, e)
               && ctl_ceiling_hold(c, project.id, project.classification,
                                   before, list, e));
}


/* The row's lock: of two who change a budget at once the second sees what the
 * first made of it. */
static bool
raise_version(struct ctl_change *c, const char *budget_id, int64_t *version,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE budgets SET version = version + 1 WHERE budget_id = $1"
            " RETURNING version", budget_id))
    {
        return false;
    }
    *version = ctl_rows_i64(&rows, 0, 0);

    return rows.nrows == 1
           || ctl_error_internal(e, "the budget %s is missing", budget_id);
}


bool
ctl_budget_replace(struct ctl_change *c, const char *budget_id,
    const struct ctl_budget_list *wanted, struct ctl_error *e)
{
    const char *kept = kept_names(c, wanted);
    struct ctl_budget_list before, list = *wanted;
    int64_t version;

    if (kept == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!list_has(&list, "total") && list.n == ASG_WINDOWS_MAX) {
        return ctl_error_field(e, "invalid_value", "budgets",
                               "A budget has at most %d windows, total "
                               "included.", ASG_WINDOWS_MAX);
    }

    return raise_version(c, budget_id, &version, e)
           && ctl_budget_read(c->pg, c->arena, budget_id, &before, e)
           && check_project(c, budget_id, &before, &list, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "DELETE FROM budget_windows WHERE budget_id = $1"
               " AND window_name <> ALL ($2::text[])", budget_id, kept)
           && windows_insert(c, budget_id, &list, e)
           && ctl_change_send(c, CTL_OUTBOX_BUDGET, budget_id, version, e)
           && ctl_budget_note(c, budget_id, &before, e);
}


bool
ctl_budget_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *budget_id, struct ctl_budget_list *list, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    memset(list, 0, sizeof(*list));
    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT window_name, limit_nusd - coalesce(increase_nusd, 0),"
            " coalesce(zone, 'UTC'), soft_pct,"
            " CASE WHEN increase_until > now() THEN increase_nusd ELSE 0 END,"
            " coalesce(ceil(extract(epoch FROM increase_until))::bigint, 0)"
            " FROM budget_windows"
            " WHERE budget_id = $1 ORDER BY window_name = 'total' DESC,"
            " window_name", budget_id))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!ctl_budget_list_add(list, ctl_rows_at(&rows, i, 0),
                                 ctl_rows_at(&rows, i, 2),
                                 ctl_rows_at(&rows, i, 1) == NULL,
                                 ctl_rows_i64(&rows, i, 1), e)
            || !ctl_budget_list_soft(list, ctl_rows_i64(&rows, i, 3), e)
            || (ctl_rows_i64(&rows, i, 4) > 0
                && !ctl_budget_list_increase(list, ctl_rows_i64(&rows, i, 4),
                                             ctl_rows_i64(&rows, i, 5), e)))
        {
            return false;
        }
    }

    return true;
}
