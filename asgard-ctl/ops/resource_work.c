/*
 * Beginnings and ends of work on resources.
 */
#include "ops/resource_work.h"

#include <inttypes.h>
#include <string.h>

#include "ops/ask.h"
#include "ops/project.h"

/* Rotating is no state of its own: the old secret works until the new one
 * does. */
static const struct {
    enum ctl_resource_event event;
    const char *done, *failed;          /* actions of the audit log */
} acts[CTL_ACTS] = {
    [CTL_ACT_MAKE] = {CTL_RESOURCE_APPLY, NULL, NULL},
    [CTL_ACT_DESTROY] = {CTL_RESOURCE_DESTROY, NULL, NULL},
    [CTL_ACT_SUSPEND] = {CTL_RESOURCE_SUSPEND, NULL, NULL},
    [CTL_ACT_RESUME] = {CTL_RESOURCE_RESUME, NULL, NULL},
    [CTL_ACT_ROTATE] = {CTL_RESOURCE_EVENTS, "resource.rotated",
                        "resource.rotation_failed"}
};


static bool
audit(struct ctl_change *c, const struct ctl_resource *r, const char *action,
    const char *reason, struct ctl_error *e)
{
    const struct ctl_audit_field data[] = {
        {"type", r->rtype}, {"name", r->name}, {"backend", r->backend},
        {"request", r->request_id}
    };

    return ctl_change_audit(c, action, "resource", r->id, r->project_id,
                            reason, ctl_audit_data(c->arena, data, 4), e);
}


bool
ctl_resource_move(struct ctl_change *c, struct ctl_resource *r,
    enum ctl_resource_event event, const char *reason, struct ctl_error *e)
{
    enum ctl_resource_state next;
    const char *name;

    if (!ctl_resource_step(r->state, event, &next)) {
        return ctl_error_set(e, 400, "illegal_transition",
                             "A resource that is %s cannot do that now.",
                             r->state_name);
    }
    name = ctl_resource_state_name(next);
    if (!CTL_PG(c->pg, c->arena, NULL, e,
            "UPDATE resources SET state = $2, updated_at = now()"
            " WHERE resource_id = $1::uuid", r->id, name))
    {
        return false;
    }
    r->state = next;
    r->state_name = name;

    return audit(c, r, ctl_arena_printf(c->arena, "resource.%s", name),
                 reason, e);
}


/* --- to begin --- */

/* What an earlier request wanted is not what comes of it any more. */
static bool
earlier_cancel(struct ctl_change *c, const struct ctl_resource *r,
    const char *request_id, struct ctl_error *e)
{
    struct ctl_rows rows;
    struct ctl_ask ask;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT request_id FROM requests WHERE state = 'approved'"
            " AND request_id IS DISTINCT FROM $2::uuid AND request_id IN"
            " (SELECT request_id FROM jobs WHERE resource_id = $1::uuid)",
            r->id, request_id))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!ctl_ask_get(c->pg, c->arena, ctl_rows_at(&rows, i, 0), false,
                         &ask, e)
            || !ctl_ask_move(c, &ask, CTL_ASK_CANCEL,
                             "overtaken by what was asked later", e))
        {
            return false;
        }
    }

    return true;
}


/* The stub does nothing, and says so: nothing was made that could cost. */
static bool
stub_run(struct ctl_change *c, struct ctl_resource *r, enum ctl_act act,
    const char *reason, struct ctl_error *e)
{
    if (!CTL_PG(c->pg, c->arena, NULL, e,
            "UPDATE resources SET attempts = attempts + 1, outputs = '{}',"
            " error = NULL, needs_attention = false"
            " WHERE resource_id = $1::uuid", r->id))
    {
        return false;
    }

    return acts[act].done != NULL
           ? audit(c, r, acts[act].done, reason, e)
           : ctl_resource_move(c, r, CTL_RESOURCE_DONE, reason, e);
}


/* A new value of its secrets has a name of its own elsewhere. */
static bool
rotation_begin(struct ctl_change *c, struct ctl_resource *r, bool *already,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (r->state != CTL_RESOURCE_PROVISIONED) {
        return ctl_error_set(e, 400, "illegal_transition",
                             "A resource that is %s is not rotated.",
                             r->state_name);
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT 1 FROM jobs WHERE resource_id = $1::uuid"
            " AND kind = 'rotate' AND state IN ('ready', 'running')", r->id))
    {
        return false;
    }
    *already = rows.nrows > 0;

    return *already
           || CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE resources SET generation = generation + 1,"
               " updated_at = now() WHERE resource_id = $1::uuid", r->id);
}


static bool
told_start(struct ctl_change *c, const char *request_id, enum ctl_act act,
    struct ctl_error *e)
{
    return request_id == NULL
           || CTL_PG(c->pg, c->arena, NULL, e,
               "INSERT INTO request_events (request_id, actor, event, state)"
               " SELECT request_id, $2, $3, 'approved' FROM requests"
               " WHERE request_id = $1::uuid", request_id, c->actor,
               act == CTL_ACT_DESTROY ? "destroying" : "provisioning");
}


bool
ctl_resource_begin(struct ctl_change *c, struct ctl_resource *r,
    enum ctl_act act, const char *request_id, const char *reason,
    struct ctl_error *e)
{
    bool already = false;

    if (act == CTL_ACT_ROTATE
        ? !rotation_begin(c, r, &already, e)
        : !ctl_resource_move(c, r, acts[act].event, reason, e))
    {
        return false;
    }
    if (already || r->state == CTL_RESOURCE_DESTROYED) {
        return true;                    /* it was only linked */
    }
    if (strcmp(r->backend, "stub") == 0) {
        return stub_run(c, r, act, reason, e);
    }

    return earlier_cancel(c, r, request_id, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE resources SET error = NULL, attempts = 0,"
               " next_retry_at = NULL, needs_attention = false"
               " WHERE resource_id = $1::uuid", r->id)
           && told_start(c, request_id, act, e)
           && ctl_job_add(c, r->id, request_id, act, reason, e);
}


/* --- to end --- */

static bool
request_fulfil(struct ctl_change *c, const struct ctl_job *job,
    struct ctl_error *e)
{
    struct ctl_ask ask;

    if (job->request_id == NULL) {
        return true;
    }

    return ctl_ask_get(c->pg, c->arena, job->request_id, false, &ask, e)
           && (ask.state != CTL_ASK_APPROVED
               || ctl_ask_move(c, &ask, CTL_ASK_FULFIL, NULL, e));
}


static bool
ended_well(struct ctl_change *c, struct ctl_resource *r,
    const struct ctl_job *job, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE resources SET error = NULL, next_retry_at = NULL,"
               " needs_attention = false, attempts = $2"
               " WHERE resource_id = $1::uuid", r->id,
               ctl_arena_printf(c->arena, "%u", job->flow.attempt + 1))
           && (acts[job->act].done != NULL
               ? audit(c, r, acts[job->act].done, job->reason, e)
               : ctl_resource_move(c, r, CTL_RESOURCE_DONE, job->reason, e))
           && request_fulfil(c, job, e) && ctl_resource_follow(c, r, e);
}


/* Who asked is told; who may decide sees it in the list. */
static bool
told_failure(struct ctl_change *c, const struct ctl_job *job,
    const char *why, struct ctl_error *e)
{
    struct ctl_ask ask;

    return job->request_id == NULL
           || (ctl_ask_get(c->pg, c->arena, job->request_id, false, &ask, e)
               && ctl_ask_tell(c, &ask, "failed", why, e));
}


static bool
ended_badly(struct ctl_change *c, struct ctl_resource *r,
    const struct ctl_job *job, const char *why, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE resources SET error = $2, next_retry_at = NULL,"
               " needs_attention = true, attempts = $3"
               " WHERE resource_id = $1::uuid", r->id, why,
               ctl_arena_printf(c->arena, "%u", job->flow.attempt))
           && (acts[job->act].failed != NULL
               ? audit(c, r, acts[job->act].failed, why, e)
               : ctl_resource_move(c, r, CTL_RESOURCE_FAIL, why, e))
           && told_failure(c, job, why, e);
}


/* Its followers hear of each attempt; nobody gets a notice of it. */
static bool
tried_again(struct ctl_change *c, const struct ctl_resource *r,
    const struct ctl_job *job, const char *why, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE resources SET error = $2, attempts = $3, next_retry_at"
               " = to_timestamp($4::numeric / 1000), updated_at = now()"
               " WHERE resource_id = $1::uuid", r->id, why,
               ctl_arena_printf(c->arena, "%u", job->flow.attempt),
               ctl_arena_printf(c->arena, "%" PRId64, job->flow.run_at_ms))
           && (job->request_id == NULL
               || CTL_PG(c->pg, c->arena, NULL, e,
                   "INSERT INTO request_events (request_id, actor, event,"
                   " state, reason) SELECT request_id, $2, 'retry', state, $3"
                   " FROM requests WHERE request_id = $1::uuid",
                   job->request_id, c->actor, why));
}


bool
ctl_resource_ended(struct ctl_change *c, struct ctl_resource *r,
    const struct ctl_job *job, const char *code, const char *text,
    struct ctl_error *e)
{
    const char *why = code != NULL
                      ? ctl_arena_printf(c->arena, "%s: %s", code, text)
                      : NULL;

    if (job->flow.overtaken) {
        return true;                    /* the later one says what is */
    }
    if (job->flow.state == CTL_JOB_DONE) {
        return ended_well(c, r, job, e);
    }
    if (ctl_job_is_bad(job->flow.state)) {
        return ended_badly(c, r, job, why, e);
    }

    return code == NULL || tried_again(c, r, job, why, e);
}


bool
ctl_resource_lost(struct ctl_change *c, struct ctl_resource *r,
    const char *code, const char *text, struct ctl_error *e)
{
    const char *why = ctl_arena_printf(c->arena, "%s: %s", code, text);

    return ctl_job_add_failed(c, r->id, CTL_ACT_MAKE, code, text, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE resources SET error = $2, next_retry_at = NULL,"
               " needs_attention = true, attempts = 1"
               " WHERE resource_id = $1::uuid", r->id, why)
           && ctl_resource_move(c, r, CTL_RESOURCE_LOSE, why, e);
}


/* --- after its project --- */

bool
ctl_resource_follow(struct ctl_change *c, struct ctl_resource *r,
    struct ctl_error *e)
{
    static const struct {
        enum ctl_resource_event event;
        enum ctl_act act;
        const char *why;
    } of[] = {
        {CTL_RESOURCE_SUSPEND, CTL_ACT_SUSPEND, "its project was killed"},
        {CTL_RESOURCE_RESUME, CTL_ACT_RESUME, "its project lives again"},
        {CTL_RESOURCE_DESTROY, CTL_ACT_DESTROY, "its project has ended"}
    };
    enum ctl_resource_event event;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT killed::integer, (lifecycle NOT IN ('active',"
            " 'provisional'))::integer FROM projects WHERE project_id = $1",
            r->project_id))
    {
        return false;
    }
    if (!ctl_resource_due(r->state, ctl_rows_i64(&rows, 0, 0) != 0,
                          ctl_rows_i64(&rows, 0, 1) != 0, &event))
    {
        return true;
    }
    for (i = 0; of[i].event != event; i++) { }

    return ctl_resource_begin(c, r, of[i].act, NULL, of[i].why, e);
}


bool
ctl_resource_follow_all(struct ctl_change *c, const char *project_id,
    struct ctl_error *e)
{
    struct ctl_resource r;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT resource_id FROM resources WHERE project_id = $1"
            " AND state IN ('provisioned', 'suspended') ORDER BY number",
            project_id))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!ctl_resource_get(c->pg, c->arena, project_id,
                              ctl_rows_at(&rows, i, 0), &r, e)
            || !ctl_resource_follow(c, &r, e))
        {
            return false;
        }
    }

    return true;
}


/* --- once more --- */

static bool
check_alive(struct ctl_change *c, const char *project_id, enum ctl_act act,
    struct ctl_error *e)
{
    struct ctl_project p;

    if (!ctl_project_get(c->pg, c->arena, project_id, &p, e)) {
        return false;
    }
    if (act == CTL_ACT_DESTROY || act == CTL_ACT_SUSPEND) {
        return true;
    }

    return ctl_project_must_live(&p, e)
           && (!p.killed
               || ctl_error_set(e, 403, "project_killed",
                                "The project is killed; unkill it first."));
}


/* A job that waits for its time has its state already. */
static bool
rearm(struct ctl_change *c, struct ctl_resource *r, struct ctl_job *job,
    const char *reason, struct ctl_error *e)
{
    static const struct ctl_job_policy none = {1, 0, 0};
    bool bad = ctl_job_is_bad(job->flow.state);
    bool moved = acts[job->act].failed != NULL;

    if (!ctl_job_take(&job->flow, CTL_JOB_REARM, job->now_ms, 0, &none, 0)) {
        return ctl_error_set(e, 400, "illegal_transition",
                             "Nothing of this resource has failed.");
    }

    return (!bad || moved
            || ctl_resource_move(c, r, acts[job->act].event, reason, e))
           && ctl_job_save(c, job, NULL, NULL, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE resources SET next_retry_at = NULL, attempts = 0,"
               " needs_attention = false WHERE resource_id = $1::uuid", r->id)
           && audit(c, r, "resource.retried", reason, e);
}


static bool
check_asked(struct ctl_change *c, const struct ctl_job *job,
    struct ctl_error *e)
{
    struct ctl_ask ask;

    if (job->request_id == NULL) {
        return true;
    }

    return ctl_ask_get(c->pg, c->arena, job->request_id, false, &ask, e)
           && (ask.state == CTL_ASK_APPROVED || ask.state == CTL_ASK_FULFILLED
               || ctl_error_set(e, 400, "illegal_transition",
                                "Its request is %s; ask for it again.",
                                ctl_ask_state_name(ask.state)));
}


bool
ctl_resource_retry(struct ctl_change *c, const char *project_id,
    const char *id, const char *reason, struct ctl_resource *out,
    struct ctl_error *e)
{
    struct ctl_project p;
    struct ctl_job job;
    bool found;

    if (!ctl_project_lock(c, project_id, &p, e)
        || !ctl_resource_get(c->pg, c->arena, project_id, id, out, e)
        || !ctl_job_latest(c, out->id, &job, &found, e))
    {
        return false;
    }
    if (!found) {
        return ctl_error_set(e, 400, "illegal_transition",
                             "Nothing of this resource has failed.");
    }

    return check_alive(c, project_id, job.act, e) && check_asked(c, &job, e)
           && rearm(c, out, &job, reason, e)
           && ctl_resource_get(c->pg, c->arena, project_id, id, out, e);
}
