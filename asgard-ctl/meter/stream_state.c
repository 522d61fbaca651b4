/*
 * Counting the events of a stream.
 */
#include "meter/stream_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "meter/partition_lead.h"


static int64_t
number_of(const struct ctl_reply *info, const char *name)
{
    asg_str_t text = ctl_reply_field(info, name);

    return text.len > 0 ? strtoll(text.data, NULL, 10) : 0;
}


bool
ctl_stream_state(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t epoch, struct ctl_stream_state *state, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t exists[2] = {ASG_STR("EXISTS"), ASG_STR_NULL};
    asg_str_t info[3] = {ASG_STR("XINFO"), ASG_STR("STREAM"), ASG_STR_NULL};
    struct ctl_reply reply;

    memset(state, 0, sizeof(*state));
    exists[1] = info[2] = (asg_str_t) {key,
        asg_rkey_stream(key, p->part, (uint64_t) epoch)};
    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 2, exists)) {
        return false;
    }
    if (!asg_str_eq_z(reply.text, "1")) {
        return true;
    }
    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 3, info)) {
        return false;
    }
    state->added = number_of(&reply, "entries-added");
    state->length = number_of(&reply, "length");
    state->first = ctl_reply_field(&reply, "recorded-first-entry-id");
    state->last = ctl_reply_field(&reply, "last-generated-id");

    return true;
}


/* Where the first entry is behind the cursor, all of them are unread.  Else the
 * read ones cannot be told from the others, but for the moment at which there
 * are no others. */
static bool
is_whole(const struct ctl_partition *p, const struct ctl_stream_state *state)
{
    if (state->length == 0
        || ctl_stream_id_is_after(state->first, p->cursor))
    {
        return state->added == p->rows_read + state->length;
    }

    return state->added >= p->rows_read
           && (!asg_str_eq_z(state->last, p->cursor)
               || state->added == p->rows_read);
}


bool
ctl_stream_check(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    struct ctl_stream_state state;

    if (!ctl_stream_state(l, p, p->epoch, &state, e)) {
        return false;
    }
    if (is_whole(p, &state)) {
        return true;
    }
    ctl_log(CTL_LOG_ERROR, "partition %u: usage events are gone that were not "
            "read (%lld were added, %lld read): the gateways are asked for "
            "them", p->part, (long long) state.added,
            (long long) p->rows_read);
    p->open = false;

    return ctl_lead_force_reseed(l->pg, l->arena, (int) p->part, 0, e);
}
