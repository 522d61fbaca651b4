/*
 * Ending holds whose time is over.
 */
#include "meter/expire.h"

#include <string.h>

#include "base/log.h"

#define BATCH     "100"                  /* CTL_EXPIRE_MOST */
#define ARGS_MAX  (4 + ASG_SCRIPT_BUDGETS_MAX + 6)


/* Its pins; empty when it is gone. */
static bool
hold_pins(struct ctl_leader *l, asg_str_t key, asg_str_t *pins,
    struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("GET"), key};
    struct ctl_hold_text hold;
    struct ctl_reply reply;

    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 2, argv)) {
        return false;
    }
    *pins = ctl_partition_hold_parse(&reply, &hold) ? hold.pins : ASG_STR("");

    return true;
}


static bool
hold_expire(struct ctl_leader *l, struct ctl_partition *p, asg_str_t id,
    asg_verdict_t *verdict, struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX], hold[ASG_RKEY_MAX], expiry[ASG_RKEY_MAX];
    char stream[ASG_RKEY_MAX], fence[CTL_FENCE_TEXT];
    asg_str_t argv[ARGS_MAX], pins;
    struct ctl_reply reply;
    size_t n = 4, nkeys;

    if (!ctl_partition_is_here(l, p, e)) {
        p->open = false;
        return false;
    }
    ctl_partition_fence(p, fence);
    argv[0] = (asg_str_t) {meta, asg_rkey_meta(meta, p->part)};
    argv[1] = (asg_str_t) {hold, asg_rkey_hold(hold, p->part, id)};
    argv[2] = (asg_str_t) {expiry, asg_rkey_expiry(expiry, p->part)};
    argv[3] = (asg_str_t) {stream, asg_rkey_stream(stream, p->part,
                                                   (uint64_t) p->epoch)};
    if (!hold_pins(l, argv[1], &pins, e)) {
        return false;
    }
    if (!ctl_partition_pin_keys(l, p, pins, argv, &n)) {
        return ctl_error_internal(e, "the pins of hold %.64s cannot be read",
                                  id.data);
    }
    nkeys = n;
    argv[n++] = asg_str_z(fence);
    argv[n++] = id;
    argv[n++] = ASG_STR("x");
    argv[n++] = ASG_STR("0");
    argv[n++] = ASG_STR("");
    argv[n++] = ASG_STR("");

    return ctl_redis_script(l->redis, l->arena, &reply, e, ASG_SCRIPT_FINISH,
                            nkeys, n, argv)
           && ctl_partition_verdict(&reply, verdict, e);
}


/* By the clock of Redis, to which the script holds as well. */
static bool
expired_ids(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_reply *ids, struct ctl_error *e)
{
    const asg_str_t time[1] = {ASG_STR("TIME")};
    char expiry[ASG_RKEY_MAX];
    asg_str_t argv[7] = {ASG_STR("ZRANGEBYSCORE"), ASG_STR_NULL,
        ASG_STR("-inf"), ASG_STR_NULL, ASG_STR("LIMIT"), ASG_STR("0"),
        ASG_STR(BATCH)};
    struct ctl_reply now;

    if (!ctl_redis_command(l->redis, l->arena, &now, e, 1, time)) {
        return false;
    }
    argv[1] = (asg_str_t) {expiry, asg_rkey_expiry(expiry, p->part)};
    argv[3] = now.items[0].text;

    return ctl_redis_command(l->redis, l->arena, ids, e, 7, argv);
}


bool
ctl_expire_some(struct ctl_leader *l, struct ctl_partition *p, unsigned *n,
    struct ctl_error *e)
{
    struct ctl_reply ids;
    asg_verdict_t verdict;
    size_t i;

    *n = 0;
    if (!expired_ids(l, p, &ids, e)) {
        return false;
    }
    for (i = 0; i < ids.nitems; i++) {
        if (!hold_expire(l, p, ids.items[i].text, &verdict, e)) {
            return false;
        }
        if (verdict == ASG_VERDICT_FENCE || verdict == ASG_VERDICT_CLOSED) {
            p->open = false;
            return true;
        }
        if (verdict == ASG_VERDICT_OK) {
            (*n)++;
        } else if (verdict != ASG_VERDICT_GONE
                   && verdict != ASG_VERDICT_LIVE)
        {
            ctl_log(CTL_LOG_ERROR, "partition %u: hold %.64s does not expire: "
                    "%s", p->part, ids.items[i].text.data,
                    asg_verdict_text(verdict));
        }
    }

    return true;
}
