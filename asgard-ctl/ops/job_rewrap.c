/*
 * Wrapping secrets anew, page by page.
 */
#include "ops/job_rewrap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ops/secret_sweep.h"

#define ACTOR     "system:keeper"
#define LANE      "'" CTL_JOB_REWRAP_LANE "'"
#define LEFT_CODE "secrets_not_opened"


/* --- to begin --- */

static const char *
ids_of(struct ctl_arena *arena, const asg_keks_t *keks)
{
    const char *ids = "";
    size_t i;

    for (i = 0; ids != NULL && i < keks->nkeks; i++) {
        ids = ctl_arena_printf(arena, "%s %s", ids, keks->keks[i].id);
    }

    return ids;
}


/* What no KEK of the file opens is no reason to begin: it would not help. */
static bool
is_due(struct ctl_change *c, const asg_keks_t *keks, bool *due,
    struct ctl_error *e)
{
    const char *ids = ids_of(c->arena, keks);
    struct ctl_rows rows;

    if (ids == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT 1 WHERE EXISTS (SELECT FROM secrets WHERE kek <> $1"
            " AND envelope IS NOT NULL AND kek = ANY (string_to_array($2,"
            " ' '))) AND NOT EXISTS (SELECT FROM jobs WHERE resource_id = "
            LANE " AND kek = $1 AND state IN ('failed', 'dead')"
            " AND ended_at > now() - interval '1 hour')", keks->keks[0].id,
            ids))
    {
        return false;
    }
    *due = rows.nrows > 0;

    return true;
}


static bool
live_id(struct ctl_change *c, const char *kek, const char **id,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT job_id FROM jobs WHERE resource_id = " LANE
            " AND kek = $1 AND state IN ('ready', 'running')"
            " AND NOT overtaken", kek))
    {
        return false;
    }
    *id = rows.nrows > 0 ? ctl_rows_at(&rows, 0, 0) : NULL;

    return true;
}


static bool
audit(struct ctl_change *c, const char *action, const char *kek,
    const char *job_id, const char *reason, struct ctl_error *e)
{
    const struct ctl_audit_field data[] = {{"kek", kek}, {"job", job_id}};

    return ctl_change_audit(c, action, "kek", kek, NULL, reason,
                            ctl_audit_data(c->arena, data, 2), e);
}


static bool
begin(struct ctl_change *c, const char *kek, const char **id,
    struct ctl_error *e)
{
    return ctl_job_add(c, CTL_JOB_REWRAP_LANE, NULL, CTL_ACT_REWRAP, NULL, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE jobs SET kek = $1 WHERE resource_id = " LANE
               " AND state = 'ready'", kek)
           && live_id(c, kek, id, e)
           && audit(c, "secrets.rewrap_begun", kek, *id, NULL, e);
}


/* Whoever writes a page, or wants the same, has the lane. */
static bool
want(struct ctl_change *c, const asg_keks_t *keks, bool now, const char **id,
    struct ctl_error *e)
{
    const char *kek = keks->keks[0].id;
    struct ctl_rows lane;
    bool due = now;

    if (!CTL_PG(c->pg, c->arena, &lane, e,
            "SELECT 1 FROM job_lanes WHERE resource_id = $1::uuid"
            " FOR UPDATE SKIP LOCKED", CTL_JOB_REWRAP_LANE))
    {
        return false;
    }
    if (lane.nrows == 0) {
        return true;
    }
    if (!live_id(c, kek, id, e)
        || (*id == NULL && !now && !is_due(c, keks, &due, e)))
    {
        return false;
    }

    return *id != NULL || !due || begin(c, kek, id, e);
}


bool
ctl_job_rewrap_want(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_keks_t *keks, const char *actor, bool now, const char **id,
    struct ctl_error *e)
{
    struct ctl_change c;

    *id = NULL;
    if (!ctl_change_begin(&c, pg, arena, actor, NULL, e)) {
        return false;
    }
    if (!want(&c, keks, now, id, e)) {
        ctl_change_abort(&c);
        return false;
    }

    return ctl_change_commit(&c, e);
}


/* --- where it is --- */

bool
ctl_job_rewrap_look(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *id, struct ctl_rewrap_seen *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT state, attempt, steps, coalesce(progress->>'rewrapped',"
            " '0'), coalesce(progress->>'wrong', '0') FROM jobs j"
            " LEFT JOIN job_lanes l ON l.resource_id = j.resource_id"
            " AND progress->>'job' = j.job_id::text WHERE job_id = $1::uuid",
            id))
    {
        return false;
    }
    *out = (struct ctl_rewrap_seen) {
        .attempt = (unsigned) ctl_rows_i64(&rows, 0, 1),
        .steps = ctl_rows_i64(&rows, 0, 2),
        .rewrapped = ctl_rows_i64(&rows, 0, 3),
        .wrong = ctl_rows_i64(&rows, 0, 4)
    };

    return (rows.nrows > 0
            && ctl_job_state_parse(ctl_rows_at(&rows, 0, 0), &out->state))
           || ctl_error_internal(e, "a job that is not there");
}


static void
wrong_tell(const char *path, int64_t version, const char *why)
{
    ctl_log(CTL_LOG_ERROR, "secret %s version %lld: %s", path,
            (long long) version, why);
}


/* An attempt begins at the first secret, and with what it has wrapped. */
static bool
place_read(struct ctl_change *c, const struct ctl_job *job,
    struct ctl_secret_sweep *s, struct ctl_error *e)
{
    struct ctl_rows rows;

    ctl_secret_sweep_begin(s, wrong_tell);
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT progress->>'rewrapped', progress->>'wrong',"
            " progress->>'project', progress->>'name', progress->>'version'"
            " FROM job_lanes WHERE resource_id = " LANE
            " AND progress->>'job' = $1", job->id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    s->rewrapped = (unsigned) ctl_rows_i64(&rows, 0, 0);
    if (job->flow.steps > 0) {
        s->wrong = (unsigned) ctl_rows_i64(&rows, 0, 1);
        snprintf(s->project_id, sizeof(s->project_id), "%s",
                 ctl_rows_at(&rows, 0, 2));
        snprintf(s->name, sizeof(s->name), "%s", ctl_rows_at(&rows, 0, 3));
        s->version = ctl_rows_i64(&rows, 0, 4);
    }

    return true;
}


static bool
place_save(struct ctl_change *c, const struct ctl_job *job,
    const struct ctl_secret_sweep *s, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
        "UPDATE job_lanes SET progress = jsonb_build_object('job', $1::text,"
        " 'rewrapped', $2::bigint, 'wrong', $3::bigint, 'project', $4::text,"
        " 'name', $5::text, 'version', $6::bigint) WHERE resource_id = " LANE,
        job->id, ctl_arena_printf(c->arena, "%u", s->rewrapped),
        ctl_arena_printf(c->arena, "%u", s->wrong), s->project_id, s->name,
        ctl_arena_printf(c->arena, "%" PRId64, s->version));
}


/* --- a page --- */

static enum ctl_job_event
event_of(const struct ctl_job_worker *w, const struct ctl_secret_sweep *s)
{
    if (s->more) {
        return atomic_load(w->ending) ? CTL_JOB_RELEASE : CTL_JOB_GO_ON;
    }

    return s->wrong > 0 ? CTL_JOB_TRANSIENT : CTL_JOB_END;
}


bool
ctl_job_rewrap_ended(struct ctl_change *c, const struct ctl_job *job,
    const char *text, struct ctl_error *e)
{
    bool bad = ctl_job_is_bad(job->flow.state);
    struct ctl_rows rows;

    if (!bad && job->flow.state != CTL_JOB_DONE) {
        return true;
    }

    return CTL_PG(c->pg, c->arena, &rows, e,
               "SELECT kek FROM jobs WHERE job_id = $1::uuid", job->id)
           && audit(c, bad ? "secrets.rewrap_failed" : "secrets.rewrap_done",
                    ctl_rows_at(&rows, 0, 0), job->id, text, e);
}


static bool
page_commit(struct ctl_change *c, const struct ctl_job_worker *w,
    struct ctl_job *job, struct ctl_secret_sweep *s, struct ctl_error *e)
{
    static const struct ctl_job_policy policy = {5, 60000, 3600000};
    const char *text = NULL;

    if (!place_read(c, job, s, e)
        || (!job->flow.overtaken
            && (!ctl_secret_rewrap(s, c, w->keks, e)
                || !place_save(c, job, s, e))))
    {
        return false;
    }
    if (!ctl_job_take(&job->flow, event_of(w, s), job->now_ms, 0, &policy,
                      0))
    {
        return ctl_error_internal(e, "a job that runs took no event");
    }
    if (!s->more && s->wrong > 0) {
        text = ctl_arena_printf(c->arena, "%u secrets do not open; asgard-ctl"
                                " secrets verify says which", s->wrong);
    }

    return ctl_job_save(c, job, text != NULL ? LEFT_CODE : NULL, text, e)
           && ctl_job_rewrap_ended(c, job, text, e);
}


static void
end_log(const struct ctl_job_worker *w, const struct ctl_job *job,
    const struct ctl_secret_sweep *s)
{
    const char *kek = w->keks->keks[0].id;

    if (job->flow.state == CTL_JOB_DONE) {
        ctl_log(CTL_LOG_INFO, "%u secrets are wrapped by kek %s now",
                s->rewrapped, kek);
    } else if (!s->more && s->wrong > 0) {
        ctl_log(CTL_LOG_ERROR, "%u secrets are not wrapped by kek %s, attempt "
                "%u%s", s->wrong, kek, job->flow.attempt,
                ctl_job_is_bad(job->flow.state) ? "; it is given up" : "");
    }
}


/* Nothing is done outside of the transaction: what it did not commit was not
 * done, and its lease ends. */
static bool
page_run(struct ctl_job_worker *w, struct ctl_arena *arena,
    struct ctl_job *job, bool *held, struct ctl_error *e)
{
    struct ctl_secret_sweep s;
    struct ctl_job now = *job;
    struct ctl_change c;

    if (!ctl_change_begin(&c, w->pg, arena, ACTOR, job->trace_id, e)) {
        return false;
    }
    if (!ctl_job_hold(&c, w->owner, &now, held, e) || !*held
        || !page_commit(&c, w, &now, &s, e))
    {
        ctl_change_abort(&c);
        return false;
    }
    if (!ctl_change_commit(&c, e)) {
        return false;
    }
    job->flow = now.flow;
    end_log(w, job, &s);

    return true;
}


bool
ctl_job_rewrap_step(struct ctl_job_worker *w, struct ctl_job *job,
    struct ctl_error *e)
{
    struct ctl_arena arena;
    bool held = false, ok;

    ctl_arena_init(&arena, CTL_SECRET_SWEEP_ARENA);
    ok = page_run(w, &arena, job, &held, e);
    ctl_arena_reset(&arena);

    return ok && job->flow.state == CTL_JOB_RUNNING;
}
