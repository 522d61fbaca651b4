/*
 * What INFO tells of memory.  CONFIG would tell it too, and with it passwords:
 * the user that we are in Redis may not ask that.
 */
#include "redis/eviction.h"

#include <stdlib.h>
#include <string.h>


static bool
memory_ask(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_reply *reply, struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("INFO"), ASG_STR("memory")};

    return ctl_redis_command(r, arena, reply, e, 2, argv)
           && (reply->text.data != NULL
               || ctl_error_away(e, "redis_unavailable", "INFO gave no text"));
}


bool
ctl_redis_check_eviction(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_error *e)
{
    static const char wanted[] = "maxmemory_policy:noeviction";
    struct ctl_reply reply;

    if (!memory_ask(r, arena, &reply, e)) {
        return false;
    }

    return strstr(reply.text.data, wanted) != NULL
           || ctl_error_set(e, 409, "redis_evicts", "maxmemory-policy must be "
                            "noeviction: Redis may not forget money");
}


bool
ctl_redis_maxmemory(struct ctl_redis *r, struct ctl_arena *arena,
    int64_t *bytes, struct ctl_error *e)
{
    static const char mark[] = "\nmaxmemory:";
    struct ctl_reply reply;
    const char *at;

    if (!memory_ask(r, arena, &reply, e)) {
        return false;
    }
    at = strstr(reply.text.data, mark);
    *bytes = at != NULL ? strtoll(at + sizeof(mark) - 1, NULL, 10) : 0;

    return true;
}
