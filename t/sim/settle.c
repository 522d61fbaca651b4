/*
 * Quiet: a meter that leads everything, and nothing left to do.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "door.h"
#include "meter/drain.h"
#include "meter_step.h"

#define LEASE_MS       4000
#define SETTLE_ROUNDS  200
#define LEAD_ROUNDS    16
#define PATIENCE       24
#define SENDINGS       3


bool
sim_meters_wait(const struct sim_meters *ms)
{
    unsigned i, k;

    for (i = 0; i < SIM_METERS; i++) {
        for (k = 0; k < ASG_PARTITIONS; k++) {
            if (ms->all[i].leader.parts[k].seeding) {
                return true;
            }
        }
    }

    return false;
}


/* Those who are dead are waited for as long as the meter waits for anybody; so
 * are all, when the meta hash was lost and nobody's word is taken. */
static void
waits_end(struct sim_meters *ms, const struct ctl_partition *p,
    unsigned round)
{
    int64_t ms_left;

    if (p->adopt_until_ms > ctl_clock_ms()
        && (sim_gateways_told(ms->gateways, p->part, (uint64_t) p->epoch)
            || round % PATIENCE == PATIENCE - 1))
    {
        ms_left = p->adopt_until_ms - ctl_clock_ms();
        sim_clock_move(ms->world->pg_clock, ms_left);
        sim_clock_move(ms->world->redis_clock, ms_left);
    }
}


/* Until every partition of the run is open, as meter 0 sees it. */
static void
open_all(struct sim_meters *ms)
{
    struct sim_meter *m = &ms->all[0];
    struct ctl_partition *p;
    struct ctl_error e = {0};
    unsigned round;

    sim_clock_move(ms->world->pg_clock, LEASE_MS);
    sim_clock_move(ms->world->redis_clock, LEASE_MS);
    sim_gateways_beat(ms->gateways);
    for (round = 0; round < SETTLE_ROUNDS && !ms->world->failed; round++) {
        ctl_arena_reset(&m->arena);
        p = sim_meter_part(ms, &m->leader, false);
        if (p == NULL || round % LEAD_ROUNDS == 0 || !m->led_well) {
            (void) sim_meter_judge(ms, sim_meter_lead(ms, m, &e), &e);
            p = sim_meter_part(ms, &m->leader, false);
        }
        if (p == NULL) {
            break;                      /* also after another look */
        }
        if (!m->led_well) {
            continue;
        }
        (void) sim_meter_judge(ms, sim_meter_reseed(ms, &m->leader, p, &e),
                               &e);
        sim_gateways_settle(ms->gateways);
        waits_end(ms, p, round);
    }
    if (sim_meter_part(ms, &m->leader, false) != NULL
        || sim_meter_part(ms, &m->leader, true) == NULL)
    {
        sim_fail(ms->world, "the partitions do not open: %s %s", e.text,
                 e.detail);
    }
}


/* *n grows with the holds that expired: their events are to be read. */
static bool
part_clear(struct sim_meters *ms, struct ctl_partition *p, unsigned *n,
    struct ctl_error *e)
{
    struct ctl_leader *l = &ms->all[0].leader;
    unsigned expired = 0;
    bool ok;

    ok = sim_meter_apply(ms, l, p, e)
         && sim_meter_expire(ms, l, p, &expired, e)
         && ctl_drain_publish(l, p, e);
    *n += expired;

    return sim_meter_judge(ms, ok, e);
}


static void
drain_all(struct sim_meters *ms)
{
    struct ctl_leader *l = &ms->all[0].leader;
    struct ctl_error e = {0};
    unsigned i, n = 1, round;

    for (round = 0; n > 0 && round < SETTLE_ROUNDS && !ms->world->failed;
         round++)
    {
        ctl_arena_reset(l->arena);
        if (!sim_meter_judge(ms, sim_meter_drain(ms, l, &n, &e), &e)) {
            sim_fail(ms->world, "cannot drain: %s %s", e.text, e.detail);
        }
        for (i = 0; i < ASG_PARTITIONS; i++) {
            if (l->parts[i].open && !part_clear(ms, &l->parts[i], &n, &e)) {
                sim_fail(ms->world, "cannot apply or expire: %s %s", e.text,
                         e.detail);
            }
        }
        ms->world->said[0] = '\0';
    }
}


/* False: something is left.  `last`: nothing may be. */
static bool
send_all(struct sim_meters *ms, bool last)
{
    struct ctl_rows rows;
    unsigned i;

    for (i = 0; i < SIM_SENDERS * 4; i++) {
        sim_sender_turn(ms);
    }
    ms->world->said[0] = '\0';
    if (!sim_sql(ms->world, &rows, "SELECT target, last_error FROM outbox"
                 " WHERE sent_at IS NULL LIMIT 1"))
    {
        return false;
    }
    if (rows.nrows > 0 && last) {
        sim_fail(ms->world, "the outbox is not sent: %s: %s",
                 ctl_rows_at(&rows, 0, 0), ctl_rows_at(&rows, 0, 1));
    }

    return rows.nrows == 0;
}


/* What was drained goes, and full streams have room again. */
static void
trim_all(struct sim_meters *ms)
{
    struct ctl_leader *l = &ms->all[0].leader;
    struct ctl_error e = {0};
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS && !ms->world->failed; i++) {
        if (l->parts[i].open
            && sim_meter_judge(ms, ctl_drain_trim(l, &l->parts[i], &e), &e))
        {
            sim_door_check(ms->flight, i);
        }
    }
}


static bool
settle_once(struct sim_meters *ms, bool last)
{
    open_all(ms);
    drain_all(ms);
    sim_gateways_settle(ms->gateways);
    drain_all(ms);
    sim_gateways_settle(ms->gateways);
    trim_all(ms);

    return send_all(ms, last);
}


/* A sender may ask for a reseed, after which it sends the rest. */
void
sim_meters_settle(struct sim_meters *ms)
{
    unsigned i;

    ms->calm = true;
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (ms->deleted[i]) {
            sim_meter_force(ms, i);
        }
    }
    for (i = 1; i <= SENDINGS && !settle_once(ms, i == SENDINGS); i++) {
        /* once more */
    }
    ms->calm = false;
}
