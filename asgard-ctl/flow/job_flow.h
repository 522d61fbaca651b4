/*
 * A job and what becomes of it: pure, one table and a little arithmetic.
 *
 * A job is ready until somebody claims it, running while its lease holds, and
 * ends done, failed (trying again cannot help), dead (tried often enough) or
 * cancelled.  One that was overtaken by a later job of its resource still says
 * what it knows, but decides nothing any more: whatever its step comes to, it
 * is over.  Times are milliseconds of one clock, the database's.
 *
 *     ctl_job_take(&job, CTL_JOB_TRANSIENT, now_ms, 0, &policy, spread)
 */
#ifndef CTL_JOB_FLOW_H
#define CTL_JOB_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#define CTL_JOB_LEASE_MS  10000
#define CTL_JOB_BEAT_MS   2500
#define CTL_JOB_LOST_MAX  10            /* leases that end in a row */
#define CTL_JOB_STEPS_MAX 10000         /* of one attempt */

enum ctl_job_state {
    CTL_JOB_READY, CTL_JOB_RUNNING, CTL_JOB_DONE, CTL_JOB_FAILED, CTL_JOB_DEAD,
    CTL_JOB_CANCELLED, CTL_JOB_STATES
};

enum ctl_job_event {
    CTL_JOB_CLAIM,
    CTL_JOB_END,                        /* the step says that all is done */
    CTL_JOB_GO_ON,                      /* ... to be called again at once */
    CTL_JOB_PAUSE,                      /* ... later */
    CTL_JOB_TRANSIENT, CTL_JOB_FINAL,   /* ... that it failed */
    CTL_JOB_RELEASE,                    /* the process ends */
    CTL_JOB_LOSE,                       /* the lease has ended */
    CTL_JOB_OVERTAKE,                   /* a later job takes its place */
    CTL_JOB_REARM,                      /* a human tries once more */
    CTL_JOB_EVENTS
};

struct ctl_job_policy {
    unsigned attempts;                  /* 5; at least 1 */
    int64_t base_ms, cap_ms;            /* 60000, 3600000 */
};

struct ctl_job_flow {
    enum ctl_job_state state;
    bool overtaken;
    unsigned attempt, steps, lost;
    int64_t run_at_ms, lease_until_ms;
};

/* `pause_ms`: what the step said about when; 0: at once, of a failure as the
 * policy says.  `spread`: 0 to 999, random; a back-off is longer by that much
 * of a quarter.  False: the event leads nowhere from there; *job stays. */
bool ctl_job_take(struct ctl_job_flow *job, enum ctl_job_event event,
    int64_t now_ms, int64_t pause_ms, const struct ctl_job_policy *policy,
    unsigned spread);

/* After the n-th failure, without its spread. */
int64_t ctl_job_back_off_ms(const struct ctl_job_policy *policy, unsigned n);

/* Is there an end that a human has to look at? */
bool ctl_job_is_bad(enum ctl_job_state state);
bool ctl_job_is_live(enum ctl_job_state state);

const char *ctl_job_state_name(enum ctl_job_state state);
bool ctl_job_state_parse(const char *name, enum ctl_job_state *out);

#endif
