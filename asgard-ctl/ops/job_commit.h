/*
 * The transaction that says what a step of a job came to.
 */
#ifndef CTL_JOB_COMMIT_H
#define CTL_JOB_COMMIT_H

#include "ops/job_run.h"

/* *held false: the lease is somebody else's, and nothing was written.  `job` is
 * as it is afterwards, unless it failed. */
bool ctl_job_commit(struct ctl_job_worker *w, struct ctl_job *job,
    const struct ctl_step_out *out, bool *held, struct ctl_error *e);

/* A failure instead, of what the database does not take. */
void ctl_job_outcome_refuse(struct ctl_step_out *out, const char *code,
    const char *text);

/* In a change: a lease that has ended; what came of it is not known. */
bool ctl_job_lose(struct ctl_change *c, struct ctl_job *job,
    struct ctl_error *e);

#endif
