/*
 * What a partition's counters must be, by the ledger and the open holds.
 *
 * Sums, limits and the number of the last correction are of one snapshot of
 * the database.  Everything is of the arena.  End users without a budget of
 * their own are none of it: meter/end_user_seed.h.
 */
#ifndef CTL_PARTITION_SUM_H
#define CTL_PARTITION_SUM_H

#include "ledger/opening.h"
#include "meter/partition.h"

struct ctl_sum_window {
    struct ctl_window_row row;
    int64_t version;                    /* of its budget */
    int64_t start;                      /* its id at `now`, or _NONE */
    asg_nusd_t spent_nusd, held_nusd;
};

/* A window that is still to come, though holds are counted in it. */
struct ctl_sum_ahead {
    unsigned window;                    /* in `windows` */
    int64_t start;
    asg_nusd_t spent_nusd, held_nusd;
};

struct ctl_sum {
    int64_t now;                        /* by Redis' clock */
    int64_t ahead_s;                    /* ... of the database's, if it is */
    int64_t adj;                        /* last correction in the sums */
    const char *holds;                  /* those of Redis, as JSON */
    struct ctl_sum_window *windows;     /* those of a budget together */
    unsigned nwindows;
    struct ctl_sum_ahead *ahead;        /* in the order of `windows` */
    unsigned nahead;
    struct ctl_rows others;             /* budget, `g:<w>:<id>`, held */
    const char **ended;                 /* holds of Redis with an end */
    unsigned nended;
    unsigned nopen;                     /* holds that stay open */
};

bool ctl_sum_read(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_sum *sum, struct ctl_error *e);
/* One budget from sum->windows[*at] on, written anew by seed; *at moves on. */
bool ctl_sum_seed_budget(struct ctl_leader *l, const struct ctl_partition *p,
    const struct ctl_sum *sum, unsigned *at, struct ctl_error *e);

#endif
