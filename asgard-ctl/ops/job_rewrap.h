/*
 * KEK rotation: a job that wraps every secret by the first KEK, of no resource
 * and in a lane of its own.
 *
 * A step is a page: the envelopes, where the job is, the job and the audit
 * entry are one transaction under its lease.  It is done by who has that KEK
 * first; one for another KEK overtakes it.  When a secret does not open the
 * others are wrapped, and the job is tried again.
 */
#ifndef CTL_JOB_REWRAP_H
#define CTL_JOB_REWRAP_H

#include "ops/job_run.h"

#define CTL_JOB_REWRAP_LANE "00000000-0000-0000-0000-000000000000"

struct ctl_rewrap_seen {
    enum ctl_job_state state;
    unsigned attempt;
    int64_t rewrapped, wrong;           /* so far */
    int64_t steps;                      /* changes when somebody works on it */
};

/* A job for the first of `keks` where a secret waits for it, and none is under
 * way or was given up within the hour; `now`: in any case.  *id: of the one
 * that is under way then; NULL: there is none, or another is just written. */
bool ctl_job_rewrap_want(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_keks_t *keks, const char *actor, bool now, const char **id,
    struct ctl_error *e);

bool ctl_job_rewrap_look(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *id, struct ctl_rewrap_seen *out, struct ctl_error *e);

/* A page; true while the job goes on. */
bool ctl_job_rewrap_step(struct ctl_job_worker *w, struct ctl_job *job,
    struct ctl_error *e);

/* In its change: the audit entry of a job that has ended. */
bool ctl_job_rewrap_ended(struct ctl_change *c, const struct ctl_job *job,
    const char *text, struct ctl_error *e);

#endif
