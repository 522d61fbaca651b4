/*
 * The eviction policy, as INFO tells it.
 */
#include "redis/eviction.h"

#include <string.h>


bool
ctl_redis_check_eviction(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_error *e)
{
    static const char wanted[] = "maxmemory_policy:noeviction";
    const asg_str_t argv[2] = {ASG_STR("INFO"), ASG_STR("memory")};
    struct ctl_reply reply;

    if (!ctl_redis_command(r, arena, &reply, e, 2, argv)) {
        return false;
    }

    return memmem(reply.text.data, reply.text.len, wanted, sizeof(wanted) - 1)
           != NULL
           || ctl_error_set(e, 409, "redis_evicts", "maxmemory-policy must be "
                            "noeviction: Redis may not forget money");
}
