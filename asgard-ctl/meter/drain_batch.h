/*
 * One transaction's worth of usage events: parsed, joined with what the
 * ledger knows of their holds, and written.
 *
 * Runs inside the caller's transaction, with the cursor locked.  Everything is
 * of the arena.
 */
#ifndef CTL_DRAIN_BATCH_H
#define CTL_DRAIN_BATCH_H

#include "flow/evidence.h"
#include "meter/drain.h"
#include "meter/drain_detail.h"

struct ctl_event {
    asg_str_t hold, pins;
    int64_t at_ms;                      /* by Redis' clock: its stream id */
    uint64_t epoch, number;             /* 0: a script that gives none */
    struct ctl_evidence evidence;
    asg_nusd_t moved_nusd;              /* what Redis did already */
    int64_t held_nusd;                  /* by the open hold, or a replay; -1 */
    struct ctl_detail detail;
};

/* A hold as it is in the batch so far. */
struct ctl_hold {
    asg_str_t id, pins, detail, project, key;
    struct ctl_evidence_hold evidence;
    int64_t held_nusd;                  /* -1: not known */
    int64_t ended_ms;                   /* the time of its first evidence */
    int next_seq;
};

/* What the entries of the same pins add to them. */
struct ctl_pins_sum {
    asg_str_t pins;
    asg_nusd_t delta_nusd;
};

struct ctl_batch {
    struct ctl_leader *leader;
    const struct ctl_partition *partition;
    bool current;                       /* the stream of this epoch */
    uint64_t epoch;                     /* ... of the stream */
    uint64_t last_number;               /* of its events so far */
    unsigned ncopies;                   /* events that were there before */
    bool disturbed;                     /* the numbers do not follow */
    struct ctl_event events[CTL_DRAIN_BATCH];
    unsigned nevents;
    struct ctl_hold holds[CTL_DRAIN_BATCH];
    unsigned nholds;
    struct ctl_pins_sum sums[CTL_DRAIN_BATCH];
    unsigned nsums;
    asg_buf_t entries, owed;            /* JSON arrays */
    unsigned nentries, nowed;
};

/* When an event was written, "<ms>-<seq>"; 0 of what is no stream id. */
int64_t ctl_event_time_ms(asg_str_t stream_id);
/* Parses stream entries; one that is no usage event is logged and passed. */
bool ctl_batch_read(struct ctl_batch *b, const struct ctl_reply *entries,
    size_t n, struct ctl_error *e);
bool ctl_batch_join(struct ctl_batch *b, struct ctl_error *e);
bool ctl_batch_write(struct ctl_batch *b, struct ctl_error *e);

#endif
