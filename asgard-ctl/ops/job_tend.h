/*
 * What one process does for all jobs: gives back what the dead had, starts what
 * should be at work and is not, forgets what ended long ago.
 *
 * Only its leader does it; each change asks in its own transaction whether that
 * still is so (store/leader.h).
 */
#ifndef CTL_JOB_TEND_H
#define CTL_JOB_TEND_H

#include "ops/job.h"

#define CTL_JOB_LEADER          "jobs"
#define CTL_JOB_LEADER_LEASE_MS 5000

/* Jobs whose lease has ended are ready again, or dead; *n of them. */
bool ctl_job_reap(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    unsigned *n, struct ctl_error *e);

/* A job for each resource that is at work without one, or whose project wants
 * it otherwise (flow/resource_state.h); *n of them. */
bool ctl_job_reconcile(struct ctl_pg *pg, struct ctl_arena *arena,
    int64_t fence, unsigned *n, struct ctl_error *e);

/* A rotation for each resource with a secret that is older than its manifest's
 * secret_rotation_days; *n of them.  One that failed is not tried again. */
bool ctl_job_rotate_old(struct ctl_pg *pg, struct ctl_arena *arena,
    int64_t fence, unsigned *n, struct ctl_error *e);

bool ctl_job_prune(struct ctl_pg *pg, struct ctl_arena *arena, int64_t fence,
    struct ctl_error *e);

#endif
