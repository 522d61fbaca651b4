/*
 * Limits in answers.
 */
#include "http/limits_json.h"


void
ctl_limits_out(cJSON *o, const char *const most[ASG_LIMIT_COUNT])
{
    int kind;

    for (kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        ctl_out_raw(o, ctl_limit_name((asg_limit_kind_t) kind), most[kind]);
    }
}
