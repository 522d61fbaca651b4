/*
 * Finding the holds of a partition by their names.
 */
#include "meter/hold_index.h"

#include <string.h>

#include "redis/scan.h"

#define HEAD   3                        /* ZADD x NX */
#define COUNT  "5000"                   /* few questions: gateways may tell
                                         * other partitions meanwhile */


/* score id score id… of the holds among `names`, whose values `all` has. */
static size_t
holds_add(const struct ctl_reply *names, const struct ctl_reply *all,
    size_t head, asg_str_t *argv, size_t n)
{
    struct ctl_hold_text hold;
    asg_str_t name;
    size_t i;

    for (i = 0; i < names->nitems && i < all->nitems; i++) {
        name = names->items[i].text;
        if (name.len > head
            && ctl_partition_hold_parse(&all->items[i], &hold))
        {
            argv[n++] = hold.expires;
            argv[n++] = (asg_str_t) {name.data + head, name.len - head};
        }
    }

    return n;
}


static bool
page_mend(struct ctl_leader *l, const struct ctl_reply *names, asg_str_t set,
    size_t head, struct ctl_error *e)
{
    asg_str_t *argv = ctl_arena_alloc(l->arena, (HEAD + 2 * names->nitems)
                                      * sizeof(*argv));
    struct ctl_reply all;
    size_t i, n;

    if (argv == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    argv[0] = ASG_STR("MGET");
    for (i = 0; i < names->nitems; i++) {
        argv[i + 1] = names->items[i].text;
    }
    if (!ctl_redis_command(l->redis, l->arena, &all, e, names->nitems + 1,
                           argv))
    {
        return false;
    }
    argv[0] = ASG_STR("ZADD");
    argv[1] = set;
    argv[2] = ASG_STR("NX");
    n = holds_add(names, &all, head, argv, HEAD);

    return n == HEAD
           || ctl_redis_command(l->redis, l->arena, NULL, e, n, argv);
}


bool
ctl_hold_index_mend(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e)
{
    char cursor[CTL_SCAN_CURSOR] = "0", pattern[ASG_RKEY_MAX];
    char set[ASG_RKEY_MAX];
    asg_str_t argv[6] = {ASG_STR("SCAN"), ASG_STR_NULL, ASG_STR("MATCH"),
                         ASG_STR_NULL, ASG_STR("COUNT"), ASG_STR(COUNT)};
    const asg_str_t expiry = {set, asg_rkey_expiry(set, p->part)};
    const size_t star = asg_rkey_hold(pattern, p->part, ASG_STR("0"));
    struct ctl_reply names = {0};
    unsigned pages = 0;

    pattern[star - 1] = '*';            /* of every hold: an id, made a star */
    argv[3] = (asg_str_t) {pattern, star};
    do {
        ctl_arena_reset(l->arena);
        argv[1] = asg_str_z(cursor);
        if (!ctl_redis_scan(l->redis, l->arena, 6, argv, cursor, &names, e)
            || (names.nitems > 0
                && !page_mend(l, &names, expiry, star - 1, e)))
        {
            return false;
        }
    } while (strcmp(cursor, "0") != 0 && ++pages < CTL_SCAN_PAGES);

    return true;
}
