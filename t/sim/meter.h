/*
 * Two meters and two outbox senders of asgard-ctl, in this process, on real
 * connections: the functions of ops/ that proc/meter.c calls, one at a time.
 *
 * A turn may be cut in the middle (broken.h).  Which meter leads is decided by
 * the lease in Postgres: the other one goes on with what it believes.
 */
#ifndef SIM_METER_H
#define SIM_METER_H

#include "gateway.h"
#include "meter/partition.h"

#define SIM_METERS   2
#define SIM_SENDERS  2

struct sim_meter {
    struct ctl_leader leader;
    struct ctl_arena arena;
    asg_json_t json;
    int64_t led_at;                     /* by the clock of Postgres */
    bool led_well;                      /* ... else it seeds nothing */
};

struct sim_sender {
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_arena arena;
};

struct sim_meters {
    struct sim_world *world;
    struct sim_model *model;
    struct sim_flight *flight;
    struct sim_gateways *gateways;
    struct sim_meter all[SIM_METERS];
    struct sim_sender senders[SIM_SENDERS];
    uint64_t epochs[ASG_PARTITIONS];    /* the highest that was opened */
    int64_t tended_at;                  /* by the clock of Postgres */
    bool calm;                          /* nothing is cut */
    bool deleted[ASG_PARTITIONS];       /* a key, since the last reseed */
    bool behind[ASG_PARTITIONS];        /* of an older database, likewise */
};

bool sim_meters_begin(struct sim_meters *ms, struct sim_world *w,
    struct sim_model *m, struct sim_flight *f, struct sim_gateways *g);
void sim_meters_end(struct sim_meters *ms);

void sim_meter_turn(struct sim_meters *ms);
void sim_meter_kill(struct sim_meters *ms, unsigned which);
/* asgard-ctl is stopped for a restore of its database, and started. */
void sim_meters_restored(struct sim_meters *ms);
void sim_sender_turn(struct sim_meters *ms);
void sim_meter_force(struct sim_meters *ms, unsigned part);
/* The one that leads all partitions of the run, by another look; NULL: none. */
struct sim_meter *sim_meters_leading(struct sim_meters *ms);
/* It looks again, and closes what it finds to be other data. */
void sim_meters_notice(struct sim_meters *ms, struct sim_meter *m);

/* Is some partition waiting for the gateways? */
bool sim_meters_wait(const struct sim_meters *ms);

/* Without cuts: meter 0 leads everything, and everything is open, drained,
 * applied, expired, published, sent. */
void sim_meters_settle(struct sim_meters *ms);

#endif
