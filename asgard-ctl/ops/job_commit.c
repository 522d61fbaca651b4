/*
 * Outcomes of jobs in Postgres.
 */
#include "ops/job_commit.h"

#include <string.h>
#include <sys/random.h>

#include "ops/job_rewrap.h"
#include "ops/job_secrets.h"
#include "ops/resource_work.h"

#define ACTOR     "system:keeper"
#define LOST_CODE "lost"
#define LOST_TEXT "who ran it went away, again and again"


void
ctl_job_outcome_refuse(struct ctl_step_out *out, const char *code,
    const char *text)
{
    unsigned i;

    for (i = 0; i < out->nsecrets; i++) {
        ctl_secret_wipe(&out->secrets[i].value);
    }
    memset(out, 0, sizeof(*out));
    ctl_step_failed(out, false, code, "%s", text);
}


static enum ctl_job_event
event_of(const struct ctl_job_worker *w, const struct ctl_step_out *out)
{
    switch (out->verdict) {
    case CTL_STEP_DONE:
        return CTL_JOB_END;
    case CTL_STEP_TRANSIENT:
        return CTL_JOB_TRANSIENT;
    case CTL_STEP_FINAL:
        return CTL_JOB_FINAL;
    default:
        return out->pause_ms > 0 ? CTL_JOB_PAUSE
               : atomic_load(w->ending) ? CTL_JOB_RELEASE : CTL_JOB_GO_ON;
    }
}


static unsigned
spread_take(void)
{
    unsigned n;

    /* no secret: without any the spread is the same for all */
    return getrandom(&n, sizeof(n), GRND_NONBLOCK) == (ssize_t) sizeof(n)
           ? n % 1000 : 500;
}


static bool
is_within(const struct ctl_step_out *out)
{
    return (out->progress == NULL
            || strlen(out->progress) <= CTL_STEP_PROGRESS_MAX)
           && (out->outputs == NULL
               || strlen(out->outputs) <= CTL_STEP_OUTPUTS_MAX);
}


static bool
progress_save(struct ctl_change *c, const struct ctl_job *job,
    const struct ctl_step_out *out, struct ctl_error *e)
{
    const char *progress = out->progress != NULL ? out->progress
                           : out->verdict == CTL_STEP_DONE ? "{}" : NULL;

    return (progress == NULL
            || CTL_PG(c->pg, c->arena, NULL, e,
                "UPDATE job_lanes SET progress = $2::jsonb"
                " WHERE resource_id = $1::uuid", job->resource_id, progress))
           && (out->outputs == NULL
               || CTL_PG(c->pg, c->arena, NULL, e,
                   "UPDATE resources SET outputs = $2::jsonb,"
                   " updated_at = now() WHERE resource_id = $1::uuid",
                   job->resource_id, out->outputs));
}


static bool
steps_over(const struct ctl_job *job)
{
    return job->flow.state == CTL_JOB_FAILED
           && job->flow.steps >= CTL_JOB_STEPS_MAX;
}


static bool
outcome_save(struct ctl_change *c, const struct ctl_job_worker *w,
    struct ctl_job *job, const struct ctl_step_out *out, struct ctl_error *e)
{
    const char *code = out->code[0] != '\0' ? out->code : NULL;
    const char *text = code != NULL ? out->text : NULL;
    struct ctl_job_policy policy;
    struct ctl_resource r;

    if (!ctl_job_policy(c->pg, c->arena, job->resource_id, &policy, e)
        || !ctl_resource_get(c->pg, c->arena, job->project_id,
                             job->resource_id, &r, e)
        || !progress_save(c, job, out, e)
        || !ctl_job_secrets_save(c, w->keks, job, out, e))
    {
        return false;
    }
    if (!ctl_job_take(&job->flow, event_of(w, out), job->now_ms,
                      out->pause_ms, &policy, spread_take()))
    {
        return ctl_error_internal(e, "a job that runs took no event");
    }
    if (steps_over(job)) {
        code = "too_many_steps";
        text = "the connector came to no end";
    }

    return ctl_job_save(c, job, code, text, e)
           && ctl_resource_ended(c, &r, job, code, text, e);
}


/* The copy is what counts until it is committed. */
bool
ctl_job_commit(struct ctl_job_worker *w, struct ctl_job *job,
    const struct ctl_step_out *out, bool *held, struct ctl_error *e)
{
    struct ctl_job now = *job;
    struct ctl_change c;
    bool ok;

    *held = false;
    if (!is_within(out)) {
        return ctl_error_set(e, 400, "invalid_value", "too long");
    }
    if (!ctl_change_begin(&c, w->pg, &w->of_step, ACTOR, job->trace_id, e)) {
        return false;
    }
    ok = ctl_job_hold(&c, w->owner, &now, held, e)
         && (!*held || outcome_save(&c, w, &now, out, e));
    if (!ok || !*held) {
        ctl_change_abort(&c);
        return ok;
    }
    if (!ctl_change_commit(&c, e)) {
        return false;
    }
    job->flow = now.flow;

    return true;
}


static bool
lost_for_good(struct ctl_change *c, const struct ctl_job *job,
    struct ctl_error *e)
{
    struct ctl_resource r;

    if (job->act == CTL_ACT_REWRAP) {
        return ctl_job_rewrap_ended(c, job, LOST_TEXT, e);
    }

    return ctl_resource_get(c->pg, c->arena, job->project_id,
                            job->resource_id, &r, e)
           && ctl_resource_ended(c, &r, job, LOST_CODE, LOST_TEXT, e);
}


bool
ctl_job_lose(struct ctl_change *c, struct ctl_job *job, struct ctl_error *e)
{
    static const struct ctl_job_policy none = {1, 0, 0};
    bool held, bad;

    if (!ctl_job_hold(c, NULL, job, &held, e) || !held) {
        return e->status == 0;
    }
    (void) ctl_job_take(&job->flow, CTL_JOB_LOSE, job->now_ms, 0, &none, 0);
    bad = ctl_job_is_bad(job->flow.state);

    return ctl_job_save(c, job, bad ? LOST_CODE : NULL,
                        bad ? LOST_TEXT : NULL, e)
           && (!bad || lost_for_good(c, job, e));
}
