/*
 * A usage stream as XINFO tells of it, and whether it still has, or had, each
 * event that was ever added to it.
 */
#ifndef CTL_STREAM_STATE_H
#define CTL_STREAM_STATE_H

#include "meter/partition.h"

/* The texts stand in the leader's arena. */
struct ctl_stream_state {
    int64_t added, length;
    asg_str_t first, last;              /* "0-0": none stands there */
};

/* All zero when there is no such stream: it was lost, not trimmed. */
bool ctl_stream_state(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t epoch, struct ctl_stream_state *state, struct ctl_error *e);

/*
 * Of the stream of an open partition: events that went before they were read
 * (a key that was deleted or evicted, a trim by somebody else, data of before)
 * have the partition seeded again, before `dur` lets the gateways forget what
 * they know of them.  p->open is false then.
 */
bool ctl_stream_check(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e);

#endif
