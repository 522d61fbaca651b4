/*
 * rpm_limit, tpm_limit and max_parallel_requests in bodies and answers.
 */
#ifndef CTL_LIMITS_JSON_H
#define CTL_LIMITS_JSON_H

#include "http/json_in.h"
#include "http/json_out.h"
#include "ops/limits.h"

/* Rows of a table of fields. */
#define CTL_LIMIT_FIELD(name, limits, kind) \
    {name, CTL_JSON_LIMIT, false, ASG_LIMIT_MAX, &(limits).of[kind]}
#define CTL_LIMIT_FIELDS(limits) \
    CTL_LIMIT_FIELD("rpm_limit", limits, ASG_LIMIT_REQUESTS), \
    CTL_LIMIT_FIELD("tpm_limit", limits, ASG_LIMIT_TOKENS), \
    CTL_LIMIT_FIELD("max_parallel_requests", limits, ASG_LIMIT_PARALLEL)

/* `most`: decimal digits by asg_limit_kind_t, or NULL for none. */
void ctl_limits_out(cJSON *o, const char *const most[ASG_LIMIT_COUNT]);

#endif
