/*
 * Running jobs.
 */
#include "ops/job_run.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "ops/job_commit.h"
#include "ops/job_rewrap.h"
#include "ops/job_secrets.h"

#define COMMIT_PAUSE_MS 200
#define COMMIT_ODD_MAX  5               /* failures that are no outage */
#define ENDING_TRIES    10


static void
pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}


/* A word that came late was about an earlier lease. */
static void
stop_reset(struct ctl_job_worker *w)
{
    atomic_store(&w->stop, false);
    if (atomic_load(w->ending)) {
        atomic_store(&w->stop, true);
    }
}


static bool
secret_read(const struct ctl_connect *with, const struct ctl_step_in *in,
    const char *output, bool pending, struct ctl_secret *out,
    struct ctl_error *e)
{
    struct ctl_job_worker *w = with->at;

    return ctl_job_secret_read(w->pg, in->arena, w->keks, in->resource_id,
                               output, pending, out, e);
}


void
ctl_job_worker_init(struct ctl_job_worker *w)
{
    w->with.secret = secret_read;
    w->with.at = w;
    ctl_arena_init(&w->of_job, CTL_JOB_ARENA_BYTES);
    ctl_arena_init(&w->of_step, CTL_JOB_ARENA_BYTES);
}


/* --- what a step is given --- */

enum column {
    RTYPE, NAME, SPEC, OUTPUTS, TAGS, CONFIG, SECRETS, GENERATION, PROGRESS,
    BACKEND
};


static bool
in_read(struct ctl_job_worker *w, const struct ctl_job *job,
    struct ctl_step_in *in, const char **backend, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(w->pg, &w->of_step, &rows, e,
            "SELECT rtype, r.name, spec, outputs, tags,"
            " coalesce(manifest->'provisioner'->'config', '{}'),"
            " coalesce(manifest->'secret_outputs', '[]'), generation,"
            " progress, r.backend FROM resources r"
            " JOIN job_lanes USING (resource_id)"
            " LEFT JOIN services s ON s.service_id = r.rtype"
            " WHERE resource_id = $1::uuid", job->resource_id))
    {
        return false;
    }
    *in = (struct ctl_step_in) {
        .arena = &w->of_step, .action = job->act,
        .resource_id = job->resource_id, .project_id = job->project_id,
        .rtype = ctl_rows_at(&rows, 0, RTYPE),
        .name = ctl_rows_at(&rows, 0, NAME),
        .spec = ctl_rows_at(&rows, 0, SPEC),
        .outputs = ctl_rows_at(&rows, 0, OUTPUTS),
        .tags = ctl_rows_at(&rows, 0, TAGS),
        .config = ctl_rows_at(&rows, 0, CONFIG),
        .secret_outputs = ctl_rows_at(&rows, 0, SECRETS),
        .generation = ctl_rows_i64(&rows, 0, GENERATION),
        .progress = ctl_rows_at(&rows, 0, PROGRESS),
        .job_id = job->id, .fence = job->fence,
        .attempt = job->flow.attempt + 1,
        .first = job->flow.attempt == 0 && job->flow.steps == 0
                 && job->flow.lost == 0,
        .stop = &w->stop
    };
    *backend = ctl_rows_at(&rows, 0, BACKEND);

    return true;
}


/* What is not armed (any more) may be so again. */
static void
step_call(struct ctl_job_worker *w, const struct ctl_step_in *in,
    const char *backend, struct ctl_step_out *out)
{
    const struct ctl_connector *connector = ctl_connector_find(backend);
    const char *why = connector == NULL
        ? "there is no such connector in this version"
        : connector->unarmed(&w->with, in->config, in->arena);

    if (why != NULL) {
        ctl_step_failed(out, true, "connector_unarmed", "%s: %s", backend,
                        why);
    } else if (connector->step[in->action] == NULL) {
        ctl_step_done(out, NULL);
        out->progress = in->progress;
    } else {
        connector->step[in->action](&w->with, in, out);
    }
}


/* --- what came of it --- */

/* Until it is written, or the lease is gone.  What the database refuses again
 * and again is the step's own fault. */
static bool
outcome_write(struct ctl_job_worker *w, struct ctl_job *job,
    struct ctl_step_out *out)
{
    unsigned odd = 0, tries = 0;
    struct ctl_error e;
    bool held;

    for ( ;; ) {
        ctl_error_clear(&e);
        if (ctl_job_commit(w, job, out, &held, &e)) {
            return held;
        }
        odd += e.status != 503;
        if (odd == COMMIT_ODD_MAX) {
            ctl_log_error(&e, "writing what a job came to");
            ctl_job_outcome_refuse(out, e.status == 400 ? "invalid_output"
                                   : "internal_error",
                                   "what the connector said cannot be stored");
        }
        if (odd > COMMIT_ODD_MAX * 2
            || (atomic_load(&w->stop)
                && (!atomic_load(w->ending) || ++tries > ENDING_TRIES)))
        {
            return false;
        }
        pause_ms(COMMIT_PAUSE_MS);
    }
}


/* An interrupted call is no failure: it is made again. */
static bool
is_interrupted(const struct ctl_job_worker *w, const struct ctl_step_out *out)
{
    return atomic_load(&w->stop)
           && (out->verdict == CTL_STEP_TRANSIENT
               || out->verdict == CTL_STEP_FINAL);
}


static void
job_log(const struct ctl_job *job, const struct ctl_step_out *out)
{
    if (out->verdict == CTL_STEP_TRANSIENT
        || out->verdict == CTL_STEP_FINAL)
    {
        ctl_log(ctl_job_is_bad(job->flow.state) ? CTL_LOG_ERROR
                                                : CTL_LOG_WARN,
                "%s of resource %s, attempt %u: %s: %s%s",
                ctl_act_name(job->act), job->resource_id, job->flow.attempt,
                out->code, out->text,
                ctl_job_is_bad(job->flow.state) ? "; it is given up" : "");
    }
}


/* One step and its commit; true while the job goes on. */
static bool
step_run(struct ctl_job_worker *w, struct ctl_job *job, struct ctl_error *e)
{
    struct ctl_step_out out;
    struct ctl_step_in in;
    const char *backend;
    bool held;
    unsigned i;

    ctl_arena_reset(&w->of_step);
    memset(&out, 0, sizeof(out));
    if (!in_read(w, job, &in, &backend, e)) {
        return false;
    }
    step_call(w, &in, backend, &out);
    if (is_interrupted(w, &out)) {
        ctl_step_again(&out, 0, NULL);
    }
    if (out.nsecrets > 0 && w->keks == NULL) {
        ctl_job_outcome_refuse(&out, "secrets_unavailable",
                               "the keeper has no key for secrets");
    }
    held = outcome_write(w, job, &out);
    for (i = 0; i < out.nsecrets; i++) {
        ctl_secret_wipe(&out.secrets[i].value);
    }
    if (held) {
        job_log(job, &out);
        stop_reset(w);
    }

    return held && job->flow.state == CTL_JOB_RUNNING;
}


bool
ctl_job_work(struct ctl_job_worker *w, bool *got, struct ctl_error *e)
{
    const char *kek = w->keks != NULL ? w->keks->keks[0].id : NULL;
    struct ctl_job job;

    ctl_arena_reset(&w->of_job);
    stop_reset(w);
    if (!ctl_job_claim(w->pg, &w->of_job, w->owner, kek, &job, got, e)) {
        return false;
    }
    if (!*got) {
        return true;
    }
    atomic_store(&w->fence, job.fence);
    while (job.act == CTL_ACT_REWRAP ? ctl_job_rewrap_step(w, &job, e)
                                     : step_run(w, &job, e))
    {
        /* its state says that it goes on */
    }
    atomic_store(&w->fence, 0);
    ctl_arena_reset(&w->of_step);

    return e->status == 0;
}
