/*
 * What INFO tells of replication.
 */
#include "redis/replid.h"

#include <string.h>


bool
ctl_redis_replid(struct ctl_redis *r, struct ctl_arena *arena,
    char out[CTL_REPLID_CHARS + 1], struct ctl_error *e)
{
    static const char mark[] = "\nmaster_replid:";
    const asg_str_t argv[2] = {ASG_STR("INFO"), ASG_STR("replication")};
    struct ctl_reply reply;
    const char *at = NULL;

    out[0] = '\0';
    if (!ctl_redis_command(r, arena, &reply, e, 2, argv)) {
        return false;
    }
    if (reply.text.data != NULL) {
        at = strstr(reply.text.data, mark);
    }
    if (at != NULL && strlen(at) >= sizeof(mark) - 1 + CTL_REPLID_CHARS) {
        memcpy(out, at + sizeof(mark) - 1, CTL_REPLID_CHARS);
        out[CTL_REPLID_CHARS] = '\0';
    }

    return true;
}
