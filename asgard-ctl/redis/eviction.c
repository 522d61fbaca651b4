/*
 * What INFO tells of memory and of what was evicted.  CONFIG would tell it too,
 * and with it passwords: the user that we are in Redis may not ask that.
 */
#include "redis/eviction.h"

#include <stdlib.h>
#include <string.h>


static bool
info_ask(struct ctl_redis *r, struct ctl_arena *arena, const char *section,
    struct ctl_reply *reply, struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("INFO"), asg_str_z(section)};

    return ctl_redis_command(r, arena, reply, e, 2, argv)
           && (reply->text.data != NULL
               || ctl_error_away(e, "redis_unavailable", "INFO gave no text"));
}


/* The number after `mark`; 0 when it does not stand there. */
static int64_t
number_after(const struct ctl_reply *info, const char *mark)
{
    const char *at = strstr(info->text.data, mark);

    return at != NULL ? strtoll(at + strlen(mark), NULL, 10) : 0;
}


bool
ctl_redis_eviction(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_eviction *out, struct ctl_error *e)
{
    struct ctl_reply memory, stats;

    if (!info_ask(r, arena, "memory", &memory, e)
        || !info_ask(r, arena, "stats", &stats, e))
    {
        return false;
    }
    out->allowed = strstr(memory.text.data, "maxmemory_policy:noeviction")
                   == NULL;
    out->keys = number_after(&stats, "\nevicted_keys:");

    return true;
}


bool
ctl_redis_check_eviction(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_error *e)
{
    struct ctl_eviction now;

    if (!ctl_redis_eviction(r, arena, &now, e)) {
        return false;
    }

    return !now.allowed
           || ctl_error_set(e, 409, "redis_evicts", "maxmemory-policy must be "
                            "noeviction: Redis may not forget money");
}


bool
ctl_redis_maxmemory(struct ctl_redis *r, struct ctl_arena *arena,
    int64_t *bytes, struct ctl_error *e)
{
    struct ctl_reply reply;

    if (!info_ask(r, arena, "memory", &reply, e)) {
        return false;
    }
    *bytes = number_after(&reply, "\nmaxmemory:");

    return true;
}
