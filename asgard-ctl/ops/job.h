/*
 * Jobs in Postgres: rows of flow/job_flow.h.
 *
 * A job is added in the change that wants it and claimed by whoever is free.
 * Between claim and end no transaction is open; whoever writes what came of it
 * takes ctl_job_hold() first, which is false when the lease went to somebody
 * else.  Locks are taken in one order everywhere: project, lane, job.  Only the
 * database's clock counts.
 */
#ifndef CTL_JOB_H
#define CTL_JOB_H

#include "connect/connector.h"
#include "flow/job_flow.h"
#include "ops/change.h"

#define CTL_JOB_CHANNEL   "asgard_jobs"
#define CTL_JOB_OWNER_MAX 64
#define CTL_JOB_KEEP_DAYS 30            /* after its end */
#define CTL_JOB_TEND_MAX  1000          /* at once */

/* Texts are of the arena. */
struct ctl_job {
    const char *id, *resource_id;
    const char *project_id;             /* NULL: of no resource */
    const char *request_id;
    const char *actor, *trace_id, *reason;
    enum ctl_act act;
    int64_t fence;
    int64_t now_ms;                     /* when it was read */
    struct ctl_job_flow flow;
};

/* In a change that has the resource's row: a job, in place of what is not
 * begun; what runs is overtaken.  Who wants it is the change's actor. */
bool ctl_job_add(struct ctl_change *c, const char *resource_id,
    const char *request_id, enum ctl_act act, const char *reason,
    struct ctl_error *e);

/* One that has failed already, where none is live: what a resource was made for
 * is not so any more, and to try again is to make it again. */
bool ctl_job_add_failed(struct ctl_change *c, const char *resource_id,
    enum ctl_act act, const char *code, const char *text,
    struct ctl_error *e);

/* The latest of a resource, locked; *found false: it never had one. */
bool ctl_job_latest(struct ctl_change *c, const char *resource_id,
    struct ctl_job *out, bool *found, struct ctl_error *e);

/* One that is due, for `owner`, whose first KEK is `kek` (NULL: it has none);
 * *got false: there is none. */
bool ctl_job_claim(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *owner, const char *kek, struct ctl_job *out, bool *got,
    struct ctl_error *e);

/* Locks all that the end of a job may touch, and reads it anew: *held says
 * that it is still `job`'s lease.  `owner` NULL: a lease that has ended. */
bool ctl_job_hold(struct ctl_change *c, const char *owner,
    struct ctl_job *job, bool *held, struct ctl_error *e);
/* Of a job that is held: as job->flow says now.  NULL code: no failure. */
bool ctl_job_save(struct ctl_change *c, const struct ctl_job *job,
    const char *code, const char *text, struct ctl_error *e);

/* Lengthens the leases of `owner` with the fences of `held`, where 0 is none;
 * *fences are those that it still has.  A lease that nobody of it works under,
 * for the answer to its claim was lost, ends. */
bool ctl_job_beat(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *owner, const int64_t *held, int64_t *fences, unsigned most,
    unsigned *n, struct ctl_error *e);

/* What the manifest of the resource says of trying again, now. */
bool ctl_job_policy(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *resource_id, struct ctl_job_policy *out,
    struct ctl_error *e);

#endif
