/*
 * The keeper's threads that work: workers, each with a job at a time; one that
 * keeps their leases; one that tends all jobs, if it leads.
 *
 * Each has its own connection, so that a step that takes long, or a lock that
 * is waited for, ends no lease.  PostgreSQL that is away is waited for; a lease
 * that may have ended meanwhile counts as lost, and the step that ran under it
 * is told to stop.
 */
#ifndef CTL_JOB_THREADS_H
#define CTL_JOB_THREADS_H

#include "connect/connector.h"
#include "core/keyfile.h"

#define CTL_JOB_WORKERS 4

struct ctl_job_threads;

/* NULL: no memory or no thread.  Both are there until close(); `keks` NULL:
 * what makes a secret fails. */
struct ctl_job_threads *ctl_job_threads_open(const struct ctl_connect *with,
    const asg_keks_t *keks);
/* Steps under way are stopped, their jobs given back. */
void ctl_job_threads_close(struct ctl_job_threads *t);

#endif
