/*
 * Rotations that somebody asks for.
 */
#include "ops/secret_rotate.h"

#include "ops/project.h"
#include "ops/resource_work.h"


bool
ctl_secret_rotate(struct ctl_change *c, const char *project_id,
    const char *name, const char *reason, struct ctl_resource *out,
    struct ctl_error *e)
{
    struct ctl_project p;
    struct ctl_rows rows;

    if (!ctl_project_lock_live(c, project_id, &p, e)) {
        return false;
    }
    if (p.killed) {
        return ctl_error_set(e, 403, "project_killed",
                             "The project is killed; unkill it first.");
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT resource_id FROM secrets WHERE project_id = $1"
            " AND name = $2 AND state = 'active'", project_id, name))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "secret_not_found",
                             "This project has no such secret.");
    }

    return ctl_resource_get(c->pg, c->arena, project_id,
                            ctl_rows_at(&rows, 0, 0), out, e)
           && ctl_resource_begin(c, out, CTL_ACT_ROTATE, NULL, reason, e)
           && ctl_resource_get(c->pg, c->arena, project_id, out->id, out, e);
}
