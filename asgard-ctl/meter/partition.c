/*
 * What every step of a partition needs: its fence, its seed script.
 */
#include "meter/partition.h"

#include <stdio.h>
#include <string.h>

#define ARGS_MAX   1040
#define HEAD_ARGS  3                    /* verb token fence */


void
ctl_partition_fence(const struct ctl_partition *p, char out[CTL_FENCE_TEXT])
{
    snprintf(out, CTL_FENCE_TEXT, "%lld:%s", (long long) p->epoch, p->run_id);
}


bool
ctl_partition_is_here(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e)
{
    return ctl_redis_ready(l->redis, e)
           && ctl_redis_replid(l->redis, l->arena, l->replid, e)
           && ((strcmp(p->run_id, ctl_redis_run_id(l->redis)) == 0
                && (p->replid[0] == '\0'
                    || strcmp(p->replid, l->replid) == 0))
               || ctl_error_away(e, "reseed_pending", "partition %u: Redis "
                                 "was started again", p->part));
}


/* The verdict of a script's reply; a reply without one is a lost reply. */
bool
ctl_partition_verdict(const struct ctl_reply *reply, asg_verdict_t *verdict,
    struct ctl_error *e)
{
    *verdict = reply->nitems > 0 ? asg_verdict_parse(reply->items[0].text)
               : ASG_VERDICT_UNKNOWN;

    return *verdict != ASG_VERDICT_UNKNOWN
           || ctl_error_away(e, "redis_unavailable",
                             "a script gave no verdict");
}


/* The text up to the next space, which `rest` loses. */
static asg_str_t
word_take(asg_str_t *rest)
{
    const char *end = memchr(rest->data, ' ', rest->len);
    asg_str_t word = {rest->data, end != NULL ? (size_t) (end - rest->data)
                                  : rest->len};
    size_t taken = word.len + (end != NULL);

    rest->data += taken;
    rest->len -= taken;

    return word;
}


bool
ctl_partition_hold_parse(const struct ctl_reply *reply,
    struct ctl_hold_text *out)
{
    asg_str_t rest = reply->text;
    uint64_t amount;

    if (reply->kind != CTL_REPLY_TEXT) {
        return false;
    }
    out->amount = word_take(&rest);
    out->created = word_take(&rest);
    out->expires = word_take(&rest);
    out->pins = word_take(&rest);
    out->detail = rest;

    return out->pins.len > 0 && asg_str_u64(out->amount, &amount);
}


bool
ctl_partition_pin_keys(struct ctl_leader *l, const struct ctl_partition *p,
    asg_str_t pins, asg_str_t *argv, size_t *n)
{
    const char *at = pins.data, *end = pins.data + pins.len, *colon;
    asg_str_t budget, last = ASG_STR("");
    size_t budgets = 0;
    char *key;

    for ( ; at != NULL && at < end; at = at != NULL ? at + 1 : NULL) {
        colon = memchr(at, ':', (size_t) (end - at));
        if (colon == NULL) {
            return false;
        }
        budget = (asg_str_t) {at, (size_t) (colon - at)};
        if (!asg_str_eq(budget, last)) {
            key = ctl_arena_alloc(l->arena, ASG_RKEY_MAX);
            if (key == NULL || budgets++ == ASG_SCRIPT_BUDGETS_MAX) {
                return false;
            }
            argv[*n].len = asg_rkey_budget(key, p->part, budget);
            argv[(*n)++].data = key;
        }
        last = budget;
        at = memchr(colon, ',', (size_t) (end - colon));
    }

    return true;
}


bool
ctl_partition_seed_reply(struct ctl_leader *l, const struct ctl_partition *p,
    const char *verb, size_t nkeys, const asg_str_t *keys, size_t argc,
    const asg_str_t *argv, struct ctl_reply *reply, asg_verdict_t *verdict,
    struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX], fence[CTL_FENCE_TEXT], token[24];
    asg_str_t args[ARGS_MAX];
    size_t n = 0;

    if (nkeys + argc + HEAD_ARGS + 1 > ARGS_MAX) {
        return ctl_error_internal(e, "too many arguments for seed %s", verb);
    }
    if (!ctl_partition_is_here(l, p, e)) {
        return false;
    }
    ctl_partition_fence(p, fence);
    snprintf(token, sizeof(token), "%lld", (long long) p->token);
    args[n].len = asg_rkey_meta(meta, p->part);
    args[n++].data = meta;
    if (nkeys > 0) {
        memcpy(args + n, keys, nkeys * sizeof(*keys));
        n += nkeys;
    }
    args[n++] = asg_str_z(verb);
    args[n++] = asg_str_z(token);
    args[n++] = asg_str_z(fence);
    if (argc > 0) {
        memcpy(args + n, argv, argc * sizeof(*argv));
        n += argc;
    }

    return ctl_redis_script(l->redis, l->arena, reply, e, ASG_SCRIPT_SEED,
                            nkeys + 1, n, args)
           && ctl_partition_verdict(reply, verdict, e);
}


bool
ctl_partition_seed(struct ctl_leader *l, const struct ctl_partition *p,
    const char *verb, size_t nkeys, const asg_str_t *keys, size_t argc,
    const asg_str_t *argv, asg_verdict_t *verdict, struct ctl_error *e)
{
    struct ctl_reply reply;

    return ctl_partition_seed_reply(l, p, verb, nkeys, keys, argc, argv,
                                    &reply, verdict, e);
}
