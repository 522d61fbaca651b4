/*
 * Telling Redis of one witness line.
 */
#ifndef CTL_REPLAY_TELL_H
#define CTL_REPLAY_TELL_H

#include "meter/partition.h"

#define CTL_REPLAY_CLOSED_MS 60000      /* for a partition that is closed */

struct ctl_replay_line {
    const char *file;
    uint64_t number;
    asg_str_t hold, pins, project, key, detail;
    char verb;
    unsigned part, rank;
    asg_nusd_t amount_nusd, held_nusd;
    int64_t at_ms;
    bool overshoot;                     /* it says that it is above its hold */
    bool known;                         /* the ledger has it, or more */
    const char *refusal;                /* NULL: none */
};

enum ctl_replay_told {
    CTL_REPLAY_TOLD,
    CTL_REPLAY_OPEN,                    /* held: it ends by itself */
    CTL_REPLAY_VOIDED,                  /* Redis knows of its void */
    CTL_REPLAY_REFUSED                  /* line->refusal says why */
};

/* `l` has connections and arena, and p->part of each partition; its fences are
 * read here.  Safe to repeat after a failure. */
bool ctl_replay_tell(struct ctl_leader *l, struct ctl_replay_line *line,
    enum ctl_replay_told *told, struct ctl_error *e);

#endif
