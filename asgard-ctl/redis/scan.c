/*
 * What a scan answers: a cursor and a list.
 */
#include "redis/scan.h"

#include <string.h>


bool
ctl_redis_scan(struct ctl_redis *redis, struct ctl_arena *arena, size_t argc,
    const asg_str_t *argv, char cursor[CTL_SCAN_CURSOR],
    struct ctl_reply *page, struct ctl_error *e)
{
    struct ctl_reply reply;

    if (!ctl_redis_command(redis, arena, &reply, e, argc, argv)) {
        return false;
    }
    if (reply.nitems != 2 || reply.items[0].text.len >= CTL_SCAN_CURSOR) {
        return ctl_error_internal(e, "a scan of Redis cannot be read");
    }
    memcpy(cursor, reply.items[0].text.data, reply.items[0].text.len);
    cursor[reply.items[0].text.len] = '\0';
    *page = reply.items[1];

    return true;
}
