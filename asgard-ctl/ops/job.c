/*
 * Jobs in Postgres.
 */
#include "ops/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER(n)  #n
#define TEXT(n)    NUMBER(n)
#define LEASE      "interval '" TEXT(CTL_JOB_LEASE_MS) " milliseconds'"

#define MS(time) "(extract(epoch FROM " time ") * 1000)::bigint"
#define AT_MS(param) "to_timestamp(" param "::numeric / 1000)"

/* Column by column what `job_fill` reads; of a job `j`. */
#define SHOWN \
    "j.job_id, j.resource_id, (SELECT project_id FROM resources r" \
    " WHERE r.resource_id = j.resource_id), j.request_id, j.actor," \
    " j.trace_id, j.reason, j.kind, j.state, j.overtaken, j.attempt," \
    " j.steps, j.lost, " MS("j.run_at") ", " \
    "coalesce(" MS("j.lease_until") ", 0), j.fence, " \
    MS("clock_timestamp()")

enum column {
    ID, RESOURCE, PROJECT, REQUEST, ACTOR, TRACE, REASON, KIND, STATE,
    OVERTAKEN, ATTEMPT, STEPS, LOST, RUN_AT, LEASE_UNTIL, FENCE, NOW
};


static bool
job_fill(struct ctl_job *job, const struct ctl_rows *rows,
    struct ctl_error *e)
{
    const char *overtaken = ctl_rows_at(rows, 0, OVERTAKEN);

    *job = (struct ctl_job) {
        .id = ctl_rows_at(rows, 0, ID),
        .resource_id = ctl_rows_at(rows, 0, RESOURCE),
        .project_id = ctl_rows_at(rows, 0, PROJECT),
        .request_id = ctl_rows_at(rows, 0, REQUEST),
        .actor = ctl_rows_at(rows, 0, ACTOR),
        .trace_id = ctl_rows_at(rows, 0, TRACE),
        .reason = ctl_rows_at(rows, 0, REASON),
        .fence = ctl_rows_i64(rows, 0, FENCE),
        .now_ms = ctl_rows_i64(rows, 0, NOW),
        .flow = {
            .overtaken = strcmp(overtaken, "t") == 0,
            .attempt = (unsigned) ctl_rows_i64(rows, 0, ATTEMPT),
            .steps = (unsigned) ctl_rows_i64(rows, 0, STEPS),
            .lost = (unsigned) ctl_rows_i64(rows, 0, LOST),
            .run_at_ms = ctl_rows_i64(rows, 0, RUN_AT),
            .lease_until_ms = ctl_rows_i64(rows, 0, LEASE_UNTIL)
        }
    };

    return (ctl_act_parse(ctl_rows_at(rows, 0, KIND), &job->act)
            && ctl_job_state_parse(ctl_rows_at(rows, 0, STATE),
                                   &job->flow.state))
           || ctl_error_internal(e, "a job of no kind or state");
}


/* --- to add one --- */

static bool
lane_lock(struct ctl_change *c, const char *resource_id, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
        "INSERT INTO job_lanes AS l (resource_id) VALUES ($1::uuid)"
        " ON CONFLICT (resource_id) DO UPDATE SET busy = l.busy",
        resource_id);
}


static bool
overtake(struct ctl_change *c, const char *resource_id, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
        "UPDATE jobs SET overtaken = true, updated_at = now(),"
        " state = CASE state WHEN 'ready' THEN 'cancelled' ELSE state END,"
        " ended_at = CASE state WHEN 'ready' THEN now() END"
        " WHERE resource_id = $1::uuid AND state IN ('ready', 'running')",
        resource_id);
}


bool
ctl_job_add(struct ctl_change *c, const char *resource_id,
    const char *request_id, enum ctl_act act, const char *reason,
    struct ctl_error *e)
{
    return lane_lock(c, resource_id, e) && overtake(c, resource_id, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "INSERT INTO jobs (kind, resource_id, request_id, actor,"
               " trace_id, reason) VALUES ($1, $2::uuid, $3::uuid, $4, $5,"
               " $6)", ctl_act_name(act), resource_id, request_id, c->actor,
               c->trace_id, reason)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "SELECT pg_notify('" CTL_JOB_CHANNEL "', $1)", "");
}


bool
ctl_job_add_failed(struct ctl_change *c, const char *resource_id,
    enum ctl_act act, const char *code, const char *text,
    struct ctl_error *e)
{
    return lane_lock(c, resource_id, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "INSERT INTO jobs (kind, resource_id, state, actor, trace_id,"
               " attempt, last_code, last_error, ended_at) VALUES ($1,"
               " $2::uuid, 'failed', $3, $4, 1, $5, $6, now())",
               ctl_act_name(act), resource_id, c->actor, c->trace_id, code,
               text);
}


bool
ctl_job_latest(struct ctl_change *c, const char *resource_id,
    struct ctl_job *out, bool *found, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, NULL, e,
            "SELECT 1 FROM job_lanes WHERE resource_id = $1::uuid"
            " FOR UPDATE", resource_id)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT " SHOWN " FROM jobs j WHERE resource_id = $1::uuid"
            " ORDER BY number DESC LIMIT 1 FOR UPDATE", resource_id))
    {
        return false;
    }
    *found = rows.nrows > 0;

    return !*found || job_fill(out, &rows, e);
}


/* --- to run one --- */

/* What CTL_JOB_CLAIM of the flow does, in one statement, so that a job that two
 * want is got by one.  The project with the fewest at work goes first: none
 * waits for all that another has asked for. */
bool
ctl_job_claim(struct ctl_pg *pg, struct ctl_arena *arena, const char *owner,
    const char *kek, struct ctl_job *out, bool *got, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "WITH at_work AS (SELECT project_id, count(*) AS n FROM jobs"
            "  JOIN resources USING (resource_id)"
            "  WHERE jobs.state = 'running' GROUP BY project_id),"
            " next AS (SELECT j.job_id, j.resource_id FROM jobs j"
            "  JOIN job_lanes l USING (resource_id)"
            "  LEFT JOIN resources r USING (resource_id)"
            "  LEFT JOIN at_work w USING (project_id)"
            "  WHERE j.state = 'ready' AND j.run_at <= now() AND NOT l.busy"
            "  AND (j.kek IS NULL OR j.kek = $2)"
            "  ORDER BY coalesce(w.n, 0), j.run_at, j.number LIMIT 1"
            "  FOR UPDATE OF j, l SKIP LOCKED),"
            " lane AS (UPDATE job_lanes l SET busy = true FROM next"
            "  WHERE l.resource_id = next.resource_id)"
            " UPDATE jobs j SET state = 'running', lease_owner = $1,"
            " lease_until = clock_timestamp() + " LEASE ","
            " fence = nextval('job_fences'), updated_at = now() FROM next"
            " WHERE j.job_id = next.job_id RETURNING " SHOWN, owner, kek))
    {
        return false;
    }
    *got = rows.nrows > 0;

    return !*got || job_fill(out, &rows, e);
}


/* Whoever changes a request or a resource of a project has its row first. */
static bool
surroundings_lock(struct ctl_change *c, const struct ctl_job *job,
    struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "SELECT 1 FROM projects WHERE project_id = $1 FOR UPDATE",
               job->project_id)
           && lane_lock(c, job->resource_id, e);
}


bool
ctl_job_hold(struct ctl_change *c, const char *owner, struct ctl_job *job,
    bool *held, struct ctl_error *e)
{
    const char *fence = ctl_arena_printf(c->arena, "%" PRId64, job->fence);
    struct ctl_rows rows;

    if (!surroundings_lock(c, job, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT " SHOWN " FROM jobs j WHERE job_id = $1::uuid"
            " AND state = 'running' AND fence = $2::bigint"
            " AND CASE WHEN $3::text IS NULL"
            "  THEN lease_until < clock_timestamp()"
            "  ELSE lease_owner = $3 END FOR UPDATE", job->id, fence, owner))
    {
        return false;
    }
    *held = rows.nrows > 0;

    return !*held || job_fill(job, &rows, e);
}


static const char *
number(struct ctl_change *c, int64_t n)
{
    return ctl_arena_printf(c->arena, "%" PRId64, n);
}


bool
ctl_job_save(struct ctl_change *c, const struct ctl_job *job,
    const char *code, const char *text, struct ctl_error *e)
{
    const struct ctl_job_flow *f = &job->flow;
    const char *live = f->state == CTL_JOB_RUNNING ? "t" : "f";

    return CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE jobs SET state = $2, overtaken = $3::boolean,"
               " attempt = $4, steps = $5, lost = $6, run_at = " AT_MS("$7") ","
               " lease_owner = CASE WHEN $8::boolean THEN lease_owner END,"
               " lease_until = CASE WHEN $8::boolean THEN " AT_MS("$9") " END,"
               " ended_at = CASE WHEN $10::boolean THEN NULL ELSE now() END,"
               " last_code = coalesce($11, last_code),"
               " last_error = coalesce($12, last_error), updated_at = now()"
               " WHERE job_id = $1::uuid", job->id,
               ctl_job_state_name(f->state), f->overtaken ? "t" : "f",
               number(c, f->attempt), number(c, f->steps), number(c, f->lost),
               number(c, f->run_at_ms), live, number(c, f->lease_until_ms),
               ctl_job_is_live(f->state) ? "t" : "f", code, text)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE job_lanes SET busy = EXISTS (SELECT 1 FROM jobs j"
               " WHERE j.resource_id = job_lanes.resource_id"
               " AND j.state = 'running') WHERE resource_id = $1::uuid",
               job->resource_id)
           && (f->state == CTL_JOB_RUNNING
               || CTL_PG(c->pg, c->arena, NULL, e,
                   "SELECT pg_notify('" CTL_JOB_CHANNEL "', $1)", ""));
}


/* A row that is locked is just being written by its owner. */
bool
ctl_job_beat(struct ctl_pg *pg, struct ctl_arena *arena, const char *owner,
    const int64_t *held, int64_t *fences, unsigned most, unsigned *n,
    struct ctl_error *e)
{
    const char *under = "{0";
    struct ctl_rows rows;
    unsigned i;

    for (i = 0; under != NULL && i < most; i++) {
        under = ctl_arena_printf(arena, "%s,%" PRId64, under, held[i]);
    }
    under = under != NULL ? ctl_arena_printf(arena, "%s}", under) : NULL;
    if (under == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "WITH mine AS (SELECT job_id FROM jobs WHERE lease_owner = $1"
            "  AND fence = ANY ($2::bigint[])"
            "  AND state = 'running' FOR UPDATE SKIP LOCKED),"
            " longer AS (UPDATE jobs SET"
            "  lease_until = clock_timestamp() + " LEASE
            "  WHERE job_id IN (SELECT job_id FROM mine))"
            " SELECT fence FROM jobs WHERE lease_owner = $1"
            " AND state = 'running'",
            owner, under))
    {
        return false;
    }
    *n = rows.nrows < most ? rows.nrows : most;
    for (i = 0; i < *n; i++) {
        fences[i] = ctl_rows_i64(&rows, i, 0);
    }

    return true;
}


bool
ctl_job_policy(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *resource_id, struct ctl_job_policy *out, struct ctl_error *e)
{
    struct ctl_rows rows;
    int64_t attempts;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT coalesce(retry->>'max_attempts', '5'),"
            " coalesce(retry->>'base_secs', '60'),"
            " coalesce(retry->>'cap_secs', '3600') FROM resources r"
            " LEFT JOIN services s ON s.service_id = r.rtype,"
            " LATERAL (SELECT s.manifest->'retry' AS retry) t"
            " WHERE resource_id = $1::uuid", resource_id))
    {
        return false;
    }
    attempts = ctl_rows_i64(&rows, 0, 0);
    out->attempts = attempts > 1 ? (unsigned) attempts : 1;
    out->base_ms = ctl_rows_i64(&rows, 0, 1) * 1000;
    out->cap_ms = ctl_rows_i64(&rows, 0, 2) * 1000;

    return true;
}
