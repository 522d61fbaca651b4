/*
 * What happened to a request as server-sent events, for those who follow it.
 */
#ifndef CTL_ASK_EVENTS_H
#define CTL_ASK_EVENTS_H

#include "ops/ask.h"

#define CTL_ASK_EVENTS_MAX 200          /* at once */

struct ctl_ask_events {
    const char *text;                   /* of the arena; "" for none */
    int64_t last;                       /* id of the last one that was told */
    bool ended;                         /* nothing will come after it */
};

/* Those after `after`; the last of an ended request says `event: end`. */
bool ctl_ask_events_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *id, int64_t after, struct ctl_ask_events *out,
    struct ctl_error *e);

#endif
