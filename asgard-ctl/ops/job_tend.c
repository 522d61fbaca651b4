/*
 * Tending jobs.
 */
#include "ops/job_tend.h"

#include <string.h>

#include "ops/job_commit.h"
#include "ops/project.h"
#include "ops/resource_work.h"
#include "store/leader.h"

#define NUMBER(n) #n
#define TEXT(n)   NUMBER(n)
#define ACTOR     "system:keeper"

typedef bool (*tend_pt)(struct ctl_change *c, const struct ctl_rows *rows,
    unsigned i, struct ctl_error *e);


/* One row in one transaction of the leader. */
static bool
tend_one(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    tend_pt what, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    struct ctl_change c;
    bool held;

    if (!ctl_change_begin(&c, pg, arena, ACTOR, NULL, e)) {
        return false;
    }
    if (!ctl_leader_hold(pg, arena, CTL_JOB_LEADER, fence, &held, e)
        || !held || !what(&c, rows, i, e))
    {
        ctl_change_abort(&c);
        return e->status == 0;
    }

    return ctl_change_commit(&c, e);
}


static bool
tend_all(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    tend_pt what, const struct ctl_rows *rows, unsigned *n,
    struct ctl_error *e)
{
    for (*n = 0; *n < rows->nrows; (*n)++) {
        if (!tend_one(pg, arena, fence, what, rows, *n, e)) {
            return false;
        }
    }

    return true;
}


/* --- leases that have ended --- */

static bool
lose_one(struct ctl_change *c, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    struct ctl_job job = {
        .id = ctl_rows_at(rows, i, 0), .resource_id = ctl_rows_at(rows, i, 1),
        .project_id = ctl_rows_at(rows, i, 2),
        .fence = ctl_rows_i64(rows, i, 3)
    };

    return ctl_job_lose(c, &job, e);
}


bool
ctl_job_reap(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    unsigned *n, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(pg, arena, &rows, e,
               "SELECT job_id, resource_id, project_id, fence FROM jobs"
               " LEFT JOIN resources USING (resource_id) WHERE jobs.state = $1"
               " AND lease_until < now() ORDER BY lease_until LIMIT "
               TEXT(CTL_JOB_TEND_MAX), "running")
           && tend_all(pg, arena, fence, lose_one, &rows, n, e);
}


/* --- work that nobody does --- */

static bool
act_of(enum ctl_resource_state state, enum ctl_act *act)
{
    switch (state) {
    case CTL_RESOURCE_PROVISIONING:
        *act = CTL_ACT_MAKE;
        return true;
    case CTL_RESOURCE_DESTROYING:
        *act = CTL_ACT_DESTROY;
        return true;
    case CTL_RESOURCE_SUSPENDING:
        *act = CTL_ACT_SUSPEND;
        return true;
    case CTL_RESOURCE_RESUMING:
        *act = CTL_ACT_RESUME;
        return true;
    default:
        return false;
    }
}


/* Looked at again with the project's row: a job may have come, or ended. */
static bool
start_one(struct ctl_change *c, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    struct ctl_resource r;
    struct ctl_project p;
    struct ctl_job job;
    enum ctl_act act;
    bool found;

    if (!ctl_project_lock(c, ctl_rows_at(rows, i, 1), &p, e)
        || !ctl_resource_get(c->pg, c->arena, p.id, ctl_rows_at(rows, i, 0),
                             &r, e)
        || !ctl_job_latest(c, r.id, &job, &found, e))
    {
        return false;
    }
    if (found && (ctl_job_is_live(job.flow.state)
                  || ctl_job_is_bad(job.flow.state)))
    {
        return true;
    }

    return act_of(r.state, &act)
           ? ctl_job_add(c, r.id, act == CTL_ACT_MAKE ? r.request_id : NULL,
                         act, "it was at work, and nobody did it", e)
           : ctl_resource_follow(c, &r, e);
}


bool
ctl_job_reconcile(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    unsigned *n, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(pg, arena, &rows, e,
               "SELECT resource_id, project_id FROM resources r"
               " JOIN projects p USING (project_id) WHERE backend <> $1"
               " AND (state IN ('provisioning', 'suspending', 'resuming',"
               "  'destroying') OR (state = 'provisioned' AND killed)"
               "  OR (state = 'suspended' AND NOT killed)"
               "  OR (state IN ('provisioned', 'suspended', 'failed')"
               "   AND lifecycle NOT IN ('active', 'provisional')))"
               " AND coalesce((SELECT j.state FROM jobs j"
               "  WHERE j.resource_id = r.resource_id ORDER BY number DESC"
               "  LIMIT 1), 'done') IN ('done', 'cancelled')"
               " ORDER BY r.number LIMIT " TEXT(CTL_JOB_TEND_MAX), "stub")
           && tend_all(pg, arena, fence, start_one, &rows, n, e);
}


/* --- secrets that are too old --- */

/* $1: a resource, or null for all.  A rotation that changed nothing is not
 * begun again before as many days are over. */
#define SQL_OLD \
    "SELECT r.resource_id, r.project_id FROM resources r" \
    " JOIN projects p USING (project_id)" \
    " JOIN services s ON s.service_id = r.rtype," \
    " LATERAL (SELECT now() - (s.manifest->>'secret_rotation_days')::int" \
    "  * interval '1 day' AS since) d" \
    " WHERE r.resource_id = coalesce($1::uuid, r.resource_id)" \
    " AND r.state = 'provisioned' AND NOT r.dry_run AND NOT p.killed" \
    " AND p.lifecycle IN ('active', 'provisional')" \
    " AND EXISTS (SELECT 1 FROM secrets x WHERE x.resource_id =" \
    "  r.resource_id AND x.state = 'active' AND x.active_at < d.since)" \
    " AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.resource_id =" \
    "  r.resource_id AND j.kind = 'rotate' AND j.created_at > d.since)" \
    " AND coalesce((SELECT j.state FROM jobs j WHERE j.resource_id =" \
    "  r.resource_id ORDER BY number DESC LIMIT 1), 'done')" \
    "  IN ('done', 'cancelled') ORDER BY r.number LIMIT " \
    TEXT(CTL_JOB_TEND_MAX)


static bool
rotate_one(struct ctl_change *c, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    const char *id = ctl_rows_at(rows, i, 0);
    struct ctl_resource r;
    struct ctl_project p;
    struct ctl_rows still;

    if (!ctl_project_lock(c, ctl_rows_at(rows, i, 1), &p, e)
        || !CTL_PG(c->pg, c->arena, &still, e, SQL_OLD, id))
    {
        return false;
    }

    return still.nrows == 0
           || (ctl_resource_get(c->pg, c->arena, p.id, id, &r, e)
               && ctl_resource_begin(c, &r, CTL_ACT_ROTATE, NULL,
                      "its secret is secret_rotation_days old", e));
}


bool
ctl_job_rotate_old(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    unsigned *n, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(pg, arena, &rows, e, SQL_OLD, (const char *) NULL)
           && tend_all(pg, arena, fence, rotate_one, &rows, n, e);
}


/* The latest of a resource stays: it says what is with it. */
static bool
forget(struct ctl_change *c, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    (void) rows;
    (void) i;

    return CTL_PG(c->pg, c->arena, NULL, e,
        "DELETE FROM jobs WHERE job_id IN (SELECT job_id FROM jobs j"
        " WHERE ended_at < now() - $1::interval AND EXISTS (SELECT 1 FROM"
        " jobs later WHERE later.resource_id = j.resource_id"
        " AND later.number > j.number) LIMIT " TEXT(CTL_JOB_TEND_MAX) ")",
        TEXT(CTL_JOB_KEEP_DAYS) " days");
}


bool
ctl_job_prune(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    struct ctl_error *e)
{
    struct ctl_rows none = {.nrows = 1};
    unsigned n;

    return tend_all(pg, arena, fence, forget, &none, &n, e);
}
