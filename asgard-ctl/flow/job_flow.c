/*
 * The states of a job as one table.
 */
#include "flow/job_flow.h"

#include <string.h>

#define S(name) CTL_JOB_ ## name
#define NONE    CTL_JOB_STATES

/* Of a job that nothing overtakes; its attempts are not used up. */
static const enum ctl_job_state table[CTL_JOB_STATES][CTL_JOB_EVENTS] = {
    /*                  claim       end         go on       pause
     *                  transient   final       release     lose
     *                  overtake    rearm */
    [S(READY)] =       {S(RUNNING), NONE,       NONE,       NONE,
                        NONE,       NONE,       NONE,       NONE,
                        S(CANCELLED), S(READY)},
    [S(RUNNING)] =     {NONE,       S(DONE),    S(RUNNING), S(READY),
                        S(READY),   S(FAILED),  S(READY),   S(READY),
                        S(RUNNING), NONE},
    [S(DONE)] =        {NONE,       NONE,       NONE,       NONE,
                        NONE,       NONE,       NONE,       NONE,
                        NONE,       NONE},
    [S(FAILED)] =      {NONE,       NONE,       NONE,       NONE,
                        NONE,       NONE,       NONE,       NONE,
                        NONE,       S(READY)},
    [S(DEAD)] =        {NONE,       NONE,       NONE,       NONE,
                        NONE,       NONE,       NONE,       NONE,
                        NONE,       S(READY)},
    [S(CANCELLED)] =   {NONE,       NONE,       NONE,       NONE,
                        NONE,       NONE,       NONE,       NONE,
                        NONE,       NONE}
};

static const char *const names[CTL_JOB_STATES] = {
    [S(READY)] = "ready", [S(RUNNING)] = "running", [S(DONE)] = "done",
    [S(FAILED)] = "failed", [S(DEAD)] = "dead", [S(CANCELLED)] = "cancelled"
};


int64_t
ctl_job_back_off_ms(const struct ctl_job_policy *policy, unsigned n)
{
    int64_t ms = policy->base_ms;

    while (n-- > 1 && ms < policy->cap_ms) {
        ms *= 2;
    }

    return ms < policy->cap_ms ? ms : policy->cap_ms;
}


static int64_t
later_ms(const struct ctl_job_flow *job, int64_t pause_ms,
    const struct ctl_job_policy *policy, unsigned spread)
{
    int64_t ms = ctl_job_back_off_ms(policy, job->attempt);

    ms += ms / 4 * spread / 1000;

    return ms > pause_ms ? ms : pause_ms;
}


/* The one of the table, unless it has had its chances. */
static enum ctl_job_state
bounded(struct ctl_job_flow *job, enum ctl_job_event event,
    enum ctl_job_state next, const struct ctl_job_policy *policy)
{
    switch (event) {
    case CTL_JOB_TRANSIENT:
        job->attempt++;
        return job->attempt >= policy->attempts ? CTL_JOB_DEAD : next;
    case CTL_JOB_FINAL:
        job->attempt++;
        return next;
    case CTL_JOB_LOSE:
        job->lost++;
        return job->lost >= CTL_JOB_LOST_MAX ? CTL_JOB_DEAD : next;
    case CTL_JOB_GO_ON:
    case CTL_JOB_PAUSE:
        job->lost = 0;
        job->steps++;
        return job->steps >= CTL_JOB_STEPS_MAX ? CTL_JOB_FAILED : next;
    default:
        return next;
    }
}


bool
ctl_job_take(struct ctl_job_flow *job, enum ctl_job_event event,
    int64_t now_ms, int64_t pause_ms, const struct ctl_job_policy *policy,
    unsigned spread)
{
    enum ctl_job_state next = table[job->state][event];

    if (next == NONE) {
        return false;
    }
    if (event == CTL_JOB_OVERTAKE) {
        job->overtaken = true;
    }
    next = bounded(job, event, next, policy);
    if (job->overtaken && job->state == CTL_JOB_RUNNING
        && event != CTL_JOB_OVERTAKE && next != CTL_JOB_DONE)
    {
        next = CTL_JOB_CANCELLED;
    }
    if (event == CTL_JOB_REARM) {
        job->attempt = job->steps = job->lost = 0;
    }
    if (event == CTL_JOB_TRANSIENT) {
        job->steps = job->lost = 0;
    }
    job->run_at_ms = event == CTL_JOB_TRANSIENT
                     ? now_ms + later_ms(job, pause_ms, policy, spread)
                     : event == CTL_JOB_PAUSE ? now_ms + pause_ms : now_ms;
    if (event != CTL_JOB_OVERTAKE) {
        job->lease_until_ms = next == CTL_JOB_RUNNING
                              ? now_ms + CTL_JOB_LEASE_MS : 0;
    }
    job->state = next;

    return true;
}


bool
ctl_job_is_bad(enum ctl_job_state state)
{
    return state == CTL_JOB_FAILED || state == CTL_JOB_DEAD;
}


bool
ctl_job_is_live(enum ctl_job_state state)
{
    return state == CTL_JOB_READY || state == CTL_JOB_RUNNING;
}


const char *
ctl_job_state_name(enum ctl_job_state state)
{
    return names[state];
}


bool
ctl_job_state_parse(const char *name, enum ctl_job_state *out)
{
    unsigned i;

    for (i = 0; i < CTL_JOB_STATES && strcmp(names[i], name) != 0; i++) { }
    if (i < CTL_JOB_STATES) {
        *out = (enum ctl_job_state) i;
    }

    return i < CTL_JOB_STATES;
}
