/*
 * One worker: it takes a job that is due and calls its connector's steps until
 * the job pauses or ends.
 *
 * What a step came to is written in one transaction: progress, outputs,
 * secrets, the job, the resource, the request, the audit entry.  When that
 * cannot be written it is tried again until the lease is lost, for the step has
 * been made; when the lease is lost nothing is written.
 */
#ifndef CTL_JOB_RUN_H
#define CTL_JOB_RUN_H

#include "core/keyfile.h"
#include "ops/job.h"

#define CTL_JOB_ARENA_BYTES (4u * 1024 * 1024)

struct ctl_job_worker {
    struct ctl_pg *pg;                  /* its own */
    struct ctl_connect with;            /* `secret` and `at` are the worker's */
    const asg_keks_t *keks;             /* NULL: it keeps no secrets */
    const char *owner;                  /* of its leases */
    struct ctl_arena of_job, of_step;
    const atomic_bool *ending;          /* the process is */
    atomic_bool stop;                   /* that, or the lease is lost */
    _Atomic int64_t fence;              /* of its lease; 0: none */
};

/* Once, after pg, with and keks are set. */
void ctl_job_worker_init(struct ctl_job_worker *w);
/* *got false: nothing is due.  False: PostgreSQL is away. */
bool ctl_job_work(struct ctl_job_worker *w, bool *got, struct ctl_error *e);

#endif
