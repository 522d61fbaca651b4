/*
 * A partition as its leader knows it.
 *
 * The row of `partitions` is the truth: who leads (a token that only rises, a
 * lease by the database's clock), the epoch, the server process (run id) and
 * its data (replication id) that the counters were seeded into, and the step of
 * a reseed.  Every write to
 * Redis carries the token and the fence "epoch:run_id"; every step of a reseed
 * is first a compare-and-set on the row.  Not thread-safe: one thread leads.
 */
#ifndef CTL_PARTITION_H
#define CTL_PARTITION_H

#include "core/json.h"
#include "core/rkey.h"
#include "redis/client.h"
#include "redis/replid.h"
#include "store/pg.h"

#define CTL_FENCE_TEXT      64          /* epoch, colon, run id, NUL */
#define CTL_STREAM_ID_TEXT  44          /* "<ms>-<seq>" and a NUL */
#define CTL_LEADER_TEXT     64
#define CTL_LEASE_S         "3"

/* When the steps of a reseed were reached, by base/clock.h. */
struct ctl_reseed_times {
    int64_t begun_ms, drained_ms, adopting_ms, told_ms;
};

struct ctl_partition {
    unsigned part;
    bool led;                           /* the token was ours when last seen */
    bool open;                          /* seeded, fence and state agree */
    bool owed;                          /* corrections may wait */
    bool moved;                         /* events since the last trim */
    bool ahead;                         /* Redis knows what we do not */
    int64_t seen;                       /* newest second that Redis has seen */
    int64_t corrections;                /* numbered so far */
    bool seeding;                       /* `step` was reached by us */
    bool asked;                         /* ... somebody asked for it, or it was
                                         * begun before: single keys may be
                                         * gone */
    int64_t before;                     /* seeding: the epoch in Redis */
    int64_t summed;                     /* ... last correction in the sums */
    char users_of[ASG_BUDGET_SHORT + 1];    /* ... end users up to this one of
                                         * this default are written */
    char users_from[ASG_BUDGET_SHORT + 1];
    int64_t drained;                    /* ... older epochs up to this one */
    int64_t adopt_until_ms;             /* ... waiting for gateways; else 0 */
    int64_t catch_until_ms;             /* ... then opens with events left */
    bool unfinished;                    /* ... a step to be gone on with */
    struct ctl_reseed_times times;
    int64_t token;
    int64_t epoch;
    int64_t cap;                        /* entries that the stream may have */
    char run_id[ASG_SCRIPT_RUN_ID_CHARS + 1];
    char replid[CTL_REPLID_CHARS + 1];  /* ... into which data; "": only who
                                         * leads needs to know */
    char step[16];
    char cursor[CTL_STREAM_ID_TEXT];    /* of the stream of this epoch */
    int64_t rows_read;                  /* ... up to there */
    char durable[CTL_STREAM_ID_TEXT];   /* last published as `dur` */
};

/* Connections and memory of the thread that leads; nothing here is owned. */
struct ctl_leader {
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_arena *arena;            /* reset by the loop between steps */
    asg_json_t *json;                   /* for details; zeroed at first */
    char name[CTL_LEADER_TEXT];         /* unique to the process */
    char replid[CTL_REPLID_CHARS + 1];  /* of Redis, when last looked at */
    int64_t month_from_ms, month_to_ms; /* the ledger's, last made sure of */
    unsigned seed_next, drain_next;     /* partition whose turn it is */
    int64_t turn_ms;                    /* of all reseeds, its begin; else 0 */
    struct ctl_partition parts[ASG_PARTITIONS];
};

/* "epoch:run_id" of the partition. */
void ctl_partition_fence(const struct ctl_partition *p,
    char out[CTL_FENCE_TEXT]);

/* Is the connection to the server process, and the data, that the counters
 * were seeded into?  Data that came back with another process, a dump or a
 * promoted replica, or into this one while it was a replica, have our fence in
 * them: what is written there may stand before the cursor. */
bool ctl_partition_is_here(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e);

/* The verdict of a script's reply; without one it counts as lost: 503. */
bool ctl_partition_verdict(const struct ctl_reply *reply,
    asg_verdict_t *verdict, struct ctl_error *e);

/* Of "amount created expires pins detail", borrowed. */
struct ctl_hold_text {
    asg_str_t amount, created, expires, pins, detail;
};

/* False when the reply is no open hold: gone, or the marker of a void. */
bool ctl_partition_hold_parse(const struct ctl_reply *reply,
    struct ctl_hold_text *out);

/* Adds `{pNN}:b:<budget>` of each budget of the pins to argv at *n, in their
 * order; false when there are more than 16 or they are no pins. */
bool ctl_partition_pin_keys(struct ctl_leader *l,
    const struct ctl_partition *p, asg_str_t pins, asg_str_t *argv,
    size_t *n);

/* seed.lua with the partition's m, token and fence before `argv`; `keys` are
 * those after m.  *verdict is set when true is returned. */
bool ctl_partition_seed(struct ctl_leader *l, const struct ctl_partition *p,
    const char *verb, size_t nkeys, const asg_str_t *keys, size_t argc,
    const asg_str_t *argv, asg_verdict_t *verdict, struct ctl_error *e);
/* The same, with the whole reply. */
bool ctl_partition_seed_reply(struct ctl_leader *l,
    const struct ctl_partition *p, const char *verb, size_t nkeys,
    const asg_str_t *keys, size_t argc, const asg_str_t *argv,
    struct ctl_reply *reply, asg_verdict_t *verdict, struct ctl_error *e);

#endif
