/*
 * Projects in Postgres.
 */
#include "ops/project.h"

#include <string.h>

#include "base/blank.h"
#include "core/guard.h"
#include "core/rkey.h"
#include "core/str.h"
#include "ops/alias.h"
#include "ops/budget.h"
#include "ops/ceiling.h"
#include "ops/data_class.h"
#include "ops/email.h"
#include "ops/group.h"
#include "ops/notice.h"
#include "ops/project_price.h"
#include "ops/resource_work.h"
#include "policy/promotion.h"

#define PROJECT_COLUMNS \
    "p.project_id, p.name, p.description, p.owner_email, p.manager_email," \
    " p.group_key, p.cost_center, p.classification, p.data_class," \
    " p.lifecycle, p.killed, p.partition, p.version," \
    " to_char(p.created_at AT TIME ZONE 'UTC'," \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')," \
    " w.limit_nusd - coalesce(w.increase_nusd, 0), p.aliases," \
    " p.aliases ->> 'default', p.rpm_limit, p.tpm_limit," \
    " p.max_parallel_requests, " CTL_PROJECT_PRICES_COLUMN "," \
    " p.evidence, to_char(p.review_date AT TIME ZONE 'UTC'," \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), p.review_date < now()," \
    " p.review_extensions, p.guardrail_mode, p.fit_to_budget"
#define PROJECT_FROM \
    " FROM projects p LEFT JOIN budget_windows w" \
    " ON w.budget_id = 'p.' || p.project_id AND w.window_name = 'total'"


static bool
check_name(const char *name, struct ctl_error *e)
{
    size_t i;

    if (ctl_text_is_blank(name)) {
        return ctl_error_field(e, "invalid_value", "name",
                               "name must not be blank.");
    }
    if (ctl_text_is_placeholder(name)) {
        return ctl_error_field(e, "invalid_value", "name",
                               "name looks like a placeholder.");
    }
    for (i = 0; name[i] != '\0'; i++) {
        if ((unsigned char) name[i] < 0x20 || name[i] == 0x7f) {
            return ctl_error_field(e, "invalid_value", "name",
                                   "name must not hold control characters.");
        }
    }

    return true;
}


static bool
check_input(const struct ctl_project_input *in, struct ctl_error *e)
{
    asg_nusd_t ceiling;

    if (!ctl_ceiling_of(in->classification, &ceiling)) {
        return ctl_error_field(e, "invalid_value", "classification",
                               "classification must be poc, "
                               "light-operational, wide-operational or "
                               "critical-path.");
    }

    return check_name(in->name, e)
           && ctl_email_check("owner_email", in->owner_email, e)
           && ctl_email_check("manager_email", in->manager_email, e)
           && ctl_data_class_check(in->data_class, e);
}


static const char *
raw_text(struct ctl_arena *arena, asg_str_t raw)
{
    return raw.data == NULL ? NULL
           : ctl_arena_printf(arena, "%.*s", (int) raw.len, raw.data);
}


/* The row lock of the year's counter makes concurrent registrations wait for
 * each other: no id twice, and none lost when one of them rolls back. */
static const char *
next_id(struct ctl_change *c, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "INSERT INTO project_numbers (year, last)"
            " VALUES (extract(year FROM now() AT TIME ZONE 'UTC')::int, $1)"
            " ON CONFLICT (year) DO UPDATE SET last ="
            " project_numbers.last + 1"
            " RETURNING 'proj-' || year || '-' ||"
            " lpad(last::text, 4, '0')", "1"))
    {
        return NULL;
    }

    return ctl_rows_at(&rows, 0, 0);
}


static bool
insert_project(struct ctl_change *c, const struct ctl_project_input *in,
    const char *id, const char *part, struct ctl_error *e)
{
    const char *cost_center;

    return ctl_group_check(c->pg, c->arena, in->group, &cost_center, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "INSERT INTO projects (project_id, name, description,"
               " owner_email, manager_email, group_key, cost_center,"
               " classification, data_class, partition, evidence, lifecycle,"
               " review_date)"
               " VALUES ($1, $2, $3, lower($4), lower($5), $6, $12, $7, $8,"
               " $9, coalesce($10::jsonb, '{}'), $11,"
               " review_begin($7, coalesce($10::jsonb, '{}')))",
               id, in->name, in->description, in->owner_email,
               in->manager_email, in->group, in->classification,
               in->data_class, part, raw_text(c->arena, in->evidence),
               in->provisional ? "provisional" : "active", cost_center)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "INSERT INTO project_versions (project_id, version,"
               " owner_email, manager_email, group_key, cost_center,"
               " classification) SELECT project_id, version, owner_email,"
               " manager_email, group_key, cost_center, classification"
               " FROM projects WHERE project_id = $1", id);
}


static bool
create_budget(struct ctl_change *c, const struct ctl_project_input *in,
    const char *id, int part, struct ctl_error *e)
{
    struct ctl_budget_list list = {.n = 0};
    asg_nusd_t ceiling = 0;

    (void) ctl_ceiling_of(in->classification, &ceiling);

    return ctl_budget_list_add(&list, "total", "UTC", in->budget_unlimited,
                               in->budget_given ? in->budget_nusd
                                                : ceiling / 2, e)
           && ctl_ceiling_hold(c, id, in->classification, NULL, &list, e)
           && ctl_budget_create(c, "project", id, id, part, &list, e);
}


static bool
audit_registered(struct ctl_change *c, const struct ctl_project_input *in,
    const char *id, struct ctl_error *e)
{
    struct ctl_audit_field fields[8 + ASG_LIMIT_COUNT] = {
        {"name", in->name}, {"owner", in->owner_email},
        {"manager", in->manager_email}, {"group", in->group},
        {"classification", in->classification},
        {"data_class", in->data_class},
        {"lifecycle", in->provisional ? "provisional" : NULL},
        {"evidence", raw_text(c->arena, in->evidence)}
    };

    ctl_limits_audit(c->arena, &in->limits, &fields[8]);
    return ctl_change_audit(c, "project.registered", "project", id, NULL,
                            NULL, ctl_audit_data(c->arena, fields,
                                                 8 + ASG_LIMIT_COUNT), e);
}


/* A claim is not yet a right: how high a project begins decides how much it
 * may spend. */
static bool
grant_class(struct ctl_change *c, struct ctl_project_input *in,
    struct ctl_error *e)
{
    struct ctl_dossier dossier = {.given = 0};
    enum ctl_class class;

    if (in->evidence.data != NULL
        && !ctl_dossier_read(in->evidence, c->arena, &dossier, e))
    {
        return false;
    }
    if (!c->may_exceed && ctl_class_parse(in->classification, &class)) {
        in->classification = ctl_class_name(
            ctl_promotion_granted(class, in->data_class, &dossier));
    }

    return true;
}


bool
ctl_project_register(struct ctl_change *c, const struct ctl_project_input *in,
    const char **project_id, struct ctl_error *e)
{
    struct ctl_project_input full = *in;
    const char *id, *part;
    int partition;

    full.classification = in->classification ? in->classification : "poc";
    full.data_class = in->data_class ? in->data_class : "internal";
    full.description = in->description ? in->description : "";
    if (!check_input(&full, e) || !grant_class(c, &full, e)) {
        return false;
    }
    id = next_id(c, e);
    if (id == NULL) {
        return false;
    }
    partition = (int) asg_partition_of(asg_str_z(in->group ? in->group : id));
    part = ctl_arena_printf(c->arena, "%d", partition);
    if (part == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    *project_id = id;

    return insert_project(c, &full, id, part, e)
           && ctl_limits_write(c, CTL_LIMITS_PROJECT, id, &full.limits, e)
           && create_budget(c, &full, id, partition, e)
           && ctl_change_send(c, CTL_OUTBOX_PROJECT, id, 1, e)
           && audit_registered(c, &full, id, e);
}


static void
project_fill(struct ctl_project *p, const struct ctl_rows *rows, unsigned i)
{
    unsigned kind;

    p->id = ctl_rows_at(rows, i, 0);
    p->name = ctl_rows_at(rows, i, 1);
    p->description = ctl_rows_at(rows, i, 2);
    p->owner_email = ctl_rows_at(rows, i, 3);
    p->manager_email = ctl_rows_at(rows, i, 4);
    p->group = ctl_rows_at(rows, i, 5);
    p->cost_center = ctl_rows_at(rows, i, 6);
    p->classification = ctl_rows_at(rows, i, 7);
    p->data_class = ctl_rows_at(rows, i, 8);
    p->lifecycle = ctl_rows_at(rows, i, 9);
    p->killed = strcmp(ctl_rows_at(rows, i, 10), "t") == 0;
    p->partition = (int) ctl_rows_i64(rows, i, 11);
    p->version = ctl_rows_i64(rows, i, 12);
    p->created_at = ctl_rows_at(rows, i, 13);
    p->budget_unlimited = ctl_rows_at(rows, i, 14) == NULL;
    p->budget_nusd = ctl_rows_i64(rows, i, 14);
    p->aliases = ctl_rows_at(rows, i, 15);
    p->default_backend = ctl_rows_at(rows, i, 16);
    for (kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        p->limits[kind] = ctl_rows_at(rows, i, 17 + kind);
    }
    p->prices = ctl_rows_at(rows, i, 17 + ASG_LIMIT_COUNT);
    p->evidence = ctl_rows_at(rows, i, 18 + ASG_LIMIT_COUNT);
    p->review_date = ctl_rows_at(rows, i, 19 + ASG_LIMIT_COUNT);
    p->review_expired = p->review_date != NULL
                        && strcmp(ctl_rows_at(rows, i, 20 + ASG_LIMIT_COUNT),
                                  "t") == 0;
    p->review_extensions = ctl_rows_i64(rows, i, 21 + ASG_LIMIT_COUNT);
    p->guardrail_mode = ctl_rows_at(rows, i, 22 + ASG_LIMIT_COUNT);
    p->fit_to_budget = strcmp(ctl_rows_at(rows, i, 23 + ASG_LIMIT_COUNT),
                              "t") == 0;
}


bool
ctl_project_absent(struct ctl_error *e)
{
    return ctl_error_set(e, 404, "project_not_found",
                         "There is no project with this id.");
}


bool
ctl_project_get(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, struct ctl_project *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " PROJECT_COLUMNS PROJECT_FROM " WHERE p.project_id = $1",
            project_id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_project_absent(e);
    }
    project_fill(out, &rows, 0);

    return true;
}


bool
ctl_project_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *email, const char *after, unsigned limit,
    struct ctl_project **out, unsigned *n, bool *more, struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " PROJECT_COLUMNS PROJECT_FROM
            " WHERE p.project_id > $1 AND ($3::text IS NULL"
            " OR p.owner_email = $3 OR p.manager_email = $3)"
            " ORDER BY p.project_id LIMIT $2", after, most, email))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        project_fill(&(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_project_lock(struct ctl_change *c, const char *project_id,
    struct ctl_project *out, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "SELECT 1 FROM projects WHERE project_id = $1 FOR UPDATE",
               project_id)
           && ctl_project_get(c->pg, c->arena, project_id, out, e);
}


/* Raises the version and remembers the organisation. */
#define SQL_CHANGED(where) \
    "WITH changed AS (UPDATE projects SET version = version + 1," \
    " updated_at = now() WHERE " where \
    " RETURNING project_id, version, owner_email, manager_email," \
    " group_key, cost_center, classification)," \
    " noted AS (INSERT INTO project_versions (project_id, version," \
    " owner_email, manager_email, group_key, cost_center," \
    " classification) SELECT * FROM changed) "


bool
ctl_project_changed(struct ctl_change *c, const char *id, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e, SQL_CHANGED("project_id = $1")
                "SELECT version FROM changed", id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_internal(e, "the project vanished");
    }

    return ctl_change_send(c, CTL_OUTBOX_PROJECT, id,
                           ctl_rows_i64(&rows, 0, 0), e);
}


bool
ctl_project_changed_group(struct ctl_change *c, const char *group,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e, SQL_CHANGED("group_key = $1")
                ", sent AS (INSERT INTO outbox (kind, target, version)"
                " SELECT 'project', project_id, version FROM changed"
                " ORDER BY project_id RETURNING id)"
                " SELECT id FROM sent ORDER BY id DESC LIMIT 8", group)
        || !ctl_pg_exec(c->pg, e, "NOTIFY asgard_outbox"))
    {
        return false;
    }
    for (i = 0; i < rows.nrows && c->noutbox < CTL_CHANGE_OUTBOX_MAX; i++) {
        c->outbox[c->noutbox++] = ctl_rows_i64(&rows, i, 0);
    }

    return true;
}


static bool
patch_budget(struct ctl_change *c, const char *project_id,
    const struct ctl_project_patch *patch, struct ctl_error *e)
{
    const char *budget = ctl_arena_printf(c->arena, "p.%s", project_id);
    struct ctl_budget_list list;

    if (budget == NULL
        || !ctl_budget_read(c->pg, c->arena, budget, &list, e))
    {
        return false;
    }
    ctl_budget_list_total(&list, patch->budget_unlimited,
                          patch->budget_nusd);

    return ctl_budget_replace(c, budget, &list, e);
}


/* What stands behind `default` as the alias that it is; null takes it away. */
static bool
check_default(struct ctl_arena *arena, asg_str_t raw, struct ctl_error *e)
{
    const char *alias;

    if (raw.data == NULL || asg_str_eq_z(raw, "null")) {
        return true;
    }
    alias = ctl_arena_printf(arena, "{\"default\":%.*s}", (int) raw.len,
                             raw.data);
    if (alias == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_aliases_check(arena, asg_str_z(alias), "default_backend", e);
}


/* JSON's string of a mode, or null. */
static bool
check_guardrail_mode(asg_str_t raw, struct ctl_error *e)
{
    asg_guard_mode_t mode;

    if (raw.data == NULL || asg_str_eq_z(raw, "null")
        || (raw.len > 2 && raw.data[0] == '"'
            && asg_guard_mode_parse((asg_str_t) {raw.data + 1, raw.len - 2},
                                    &mode) == ASG_OK))
    {
        return true;
    }

    return ctl_error_field(e, "invalid_value", "guardrail_mode",
                           "guardrail_mode must be enforce, monitor, off or "
                           "null.");
}


static bool
patch_guardrail_mode(struct ctl_change *c, const char *project_id,
    const struct ctl_project_patch *patch, struct ctl_error *e)
{
    const char *mode = raw_text(c->arena, patch->guardrail_mode);

    return mode == NULL
           || CTL_PG(c->pg, c->arena, NULL, e,
                  "UPDATE projects SET guardrail_mode = $2::jsonb #>> '{}'"
                  " WHERE project_id = $1", project_id, mode);
}


/* All of them together once more: both fields may have been given. */
static bool
patch_aliases(struct ctl_change *c, const char *project_id,
    const struct ctl_project_patch *patch, struct ctl_error *e)
{
    const char *aliases = raw_text(c->arena, patch->aliases);
    const char *other = raw_text(c->arena, patch->default_backend);
    struct ctl_rows rows;

    if (patch->aliases.data == NULL && patch->default_backend.data == NULL) {
        return true;
    }

    return CTL_PG(c->pg, c->arena, &rows, e,
               "UPDATE projects SET aliases = CASE"
               " WHEN $3::jsonb IS NULL THEN coalesce($2::jsonb, aliases)"
               " WHEN $3::jsonb = 'null' THEN"
               " coalesce($2::jsonb, aliases) - 'default'"
               " ELSE coalesce($2::jsonb, aliases)"
               " || jsonb_build_object('default', $3::jsonb) END"
               " WHERE project_id = $1 RETURNING aliases",
               project_id, aliases, other)
           && ctl_aliases_check(c->arena,
                                asg_str_z(ctl_rows_at(&rows, 0, 0)),
                                "aliases", e);
}


static bool
check_patch(struct ctl_arena *arena, const struct ctl_project_patch *patch,
    struct ctl_error *e)
{
    struct ctl_dossier dossier;

    return (patch->evidence.data == NULL
            || ctl_dossier_read(patch->evidence, arena, &dossier, e))
           && (patch->aliases.data == NULL
               || ctl_aliases_check(arena, patch->aliases, "aliases", e))
           && check_default(arena, patch->default_backend, e)
           && check_guardrail_mode(patch->guardrail_mode, e)
           && (patch->name == NULL || check_name(patch->name, e))
           && (patch->owner_email == NULL
               || ctl_email_check("owner_email", patch->owner_email, e))
           && (patch->manager_email == NULL
               || ctl_email_check("manager_email", patch->manager_email, e))
           && (patch->data_class == NULL
               || ctl_data_class_check(patch->data_class, e));
}


static bool
audit_updated(struct ctl_change *c, const char *project_id,
    const struct ctl_project_patch *p, struct ctl_error *e)
{
    struct ctl_audit_field fields[12 + ASG_LIMIT_COUNT] = {
        {"name", p->name}, {"description", p->description},
        {"owner", p->owner_email}, {"manager", p->manager_email},
        {"cost_center", p->cost_center}, {"data_class", p->data_class},
        {"fit_to_budget", p->fit_to_budget},
        {"aliases", raw_text(c->arena, p->aliases)},
        {"default_backend", raw_text(c->arena, p->default_backend)},
        {"prices", raw_text(c->arena, p->prices)},
        {"evidence", raw_text(c->arena, p->evidence)},
        {"guardrail_mode", raw_text(c->arena, p->guardrail_mode)}
    };

    ctl_limits_audit(c->arena, &p->limits, &fields[12]);
    return ctl_change_audit(c, "project.updated", "project", project_id,
                            NULL, NULL, ctl_audit_data(c->arena, fields,
                                                       12 + ASG_LIMIT_COUNT),
                            e);
}


/* Who manages it now is told what waits for them. */
static bool
tell_manager(struct ctl_change *c, const struct ctl_project *before,
    const struct ctl_project *now, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (strcmp(before->manager_email, now->manager_email) == 0) {
        return true;
    }

    return CTL_PG(c->pg, c->arena, &rows, e, "SELECT user_id FROM users"
                  " WHERE email = $1", now->manager_email)
           && (rows.nrows == 0
               || ctl_notice_newcomer(c, ctl_rows_at(&rows, 0, 0), e));
}


/* Who decides and who pays is found without reading every update. */
static bool
audit_people(struct ctl_change *c, const struct ctl_project *before,
    struct ctl_error *e)
{
    struct ctl_project now;

    if (!ctl_project_get(c->pg, c->arena, before->id, &now, e)) {
        return false;
    }
    if (strcmp(before->owner_email, now.owner_email) == 0
        && strcmp(before->manager_email, now.manager_email) == 0)
    {
        return true;
    }

    return ctl_change_audit(c, "project.owner_changed", "project", now.id,
                NULL, NULL,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"owner_before", before->owner_email},
                    {"owner", now.owner_email},
                    {"manager_before", before->manager_email},
                    {"manager", now.manager_email}}, 4), e)
           && tell_manager(c, before, &now, e);
}


bool
ctl_project_patch(struct ctl_change *c, const char *project_id,
    const struct ctl_project_patch *patch, struct ctl_error *e)
{
    const char *prices = NULL;
    struct ctl_project p;

    if (!check_patch(c->arena, patch, e)
        || (patch->prices.data != NULL
            && (prices = ctl_project_prices_read(c->arena, patch->prices, e))
               == NULL)
        || !ctl_project_lock_live(c, project_id, &p, e)
        || !ctl_data_class_gate(c, &p, patch->data_class, e)
        || !CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE projects SET name = coalesce($2, name),"
               " description = coalesce($3, description),"
               " owner_email = coalesce(lower($4), owner_email),"
               " manager_email = coalesce(lower($5), manager_email),"
               " cost_center = coalesce($6, cost_center),"
               " data_class = coalesce($7, data_class),"
               " evidence = coalesce($8::jsonb, evidence),"
               " fit_to_budget = coalesce($9::boolean, fit_to_budget)"
               " WHERE project_id = $1",
               project_id, patch->name, patch->description,
               patch->owner_email, patch->manager_email, patch->cost_center,
               patch->data_class, raw_text(c->arena, patch->evidence),
               patch->fit_to_budget)
        || !ctl_limits_write(c, CTL_LIMITS_PROJECT, project_id,
                             &patch->limits, e)
        || !patch_aliases(c, project_id, patch, e)
        || !patch_guardrail_mode(c, project_id, patch, e)
        || (prices != NULL && !ctl_project_prices_set(c, project_id, prices,
                                                      e)))
    {
        return false;
    }

    return ctl_project_changed(c, project_id, e)
           && (!patch->budget_given || patch_budget(c, project_id, patch, e))
           && audit_updated(c, project_id, patch, e)
           && audit_people(c, &p, e);
}


bool
ctl_project_set_killed(struct ctl_change *c, const char *project_id,
    bool killed, const char *reason, struct ctl_error *e)
{
    struct ctl_project p;

    return ctl_project_lock(c, project_id, &p, e)
           && (killed || ctl_project_must_live(&p, e))
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE projects SET killed = $2::boolean"
               " WHERE project_id = $1", project_id, killed ? "t" : "f")
           && ctl_project_changed(c, project_id, e)
           && ctl_change_audit(c, killed ? "project.kill" : "project.unkill",
                               "project", project_id, NULL, reason, NULL, e)
           && ctl_resource_follow_all(c, project_id, e);
}


bool
ctl_project_must_live(const struct ctl_project *p, struct ctl_error *e)
{
    return strcmp(p->lifecycle, "active") == 0
           || strcmp(p->lifecycle, "provisional") == 0
           || ctl_error_set(e, 403, "project_inactive",
                            "The project is %s; nothing of it is changed.",
                            p->lifecycle);
}


bool
ctl_project_lock_live(struct ctl_change *c, const char *project_id,
    struct ctl_project *out, struct ctl_error *e)
{
    return ctl_project_lock(c, project_id, out, e)
           && ctl_project_must_live(out, e);
}
