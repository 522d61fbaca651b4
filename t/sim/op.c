/*
 * The table of steps, and a run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "broken.h"
#include "door.h"
#include "evidence.h"
#include "losses.h"
#include "made.h"
#include "op.h"
#include "prices.h"
#include "records.h"
#include "slot.h"
#include "windows.h"

#define TICK_MS       20000
#define TICK_WAIT_MS  400               /* while a reseed waits */
#define JUMP_MS       60000             /* what is longer may end a stream */
#define SKEW_MS       4000              /* Redis against Postgres */
#define NEAR_MS       3000              /* an expiry, before or after */
#define CALLS         6                 /* one behind another */
#define SENDINGS      2
#define COPY_PERCENT  50
#define RARE          10                /* so much rarer is what is rare */


/* --- time --- */

static void
time_move(struct sim *s, int64_t ms)
{
    sim_clock_move(s->world.pg_clock, ms);
    sim_clock_move(s->world.redis_clock, ms);
    sim_say(&s->world, " %lld ms", (long long) ms);
    if (ms > JUMP_MS) {
        (void) sim_time_jumped(&s->model);
    }
    sim_gateways_beat(&s->gateways);
}


static void
op_tick(struct sim *s)
{
    bool wait = sim_meters_wait(&s->meters) && !sim_chance(&s->world, 4);

    time_move(s, 1 + (int64_t) sim_draw(&s->world, wait ? TICK_WAIT_MS
                                                        : TICK_MS));
}


/* Redis' clock goes wrong by a little, in both directions, also back over the
 * begin of a window; never further from the database's than that, and never
 * back behind the ids of a stream that was deleted. */
static void
skew_set(struct sim *s, int64_t to)
{
    int64_t apart = (s->world.redis_clock->fixed_us
                     - s->world.pg_clock->fixed_us) / 1000;
    int64_t least = (s->world.redis_least_us
                     - s->world.redis_clock->fixed_us) / 1000;

    if (to - apart < least) {
        to = apart + least;
    }
    sim_clock_move(s->world.redis_clock, to - apart);
    sim_say(&s->world, " Redis is %lld ms ahead", (long long) to);
}


static void
op_skew(struct sim *s)
{
    skew_set(s, (int64_t) sim_draw(&s->world, 2 * SKEW_MS) - SKEW_MS);
}


static void
calls_make(struct sim *s, unsigned n)
{
    unsigned i;

    for (i = 0; i < n && !s->world.failed; i++) {
        sim_call_new(&s->gateways);
    }
}


static void
outbox_send(struct sim *s)
{
    unsigned i;

    for (i = 0; i < SENDINGS; i++) {
        sim_sender_turn(&s->meters);
    }
}


/* All is lost, told again and seeded, while calls are under way; then calls
 * come at once. */
static void
op_flush_opens(struct sim *s)
{
    sim_lose_flush(s);
    sim_quiet(s, false);
    calls_make(s, CALLS);
}


/* As far as it goes, from ahead to behind, with calls between that may be of a
 * period that is still to come then. */
static void
clock_back(struct sim *s, unsigned calls)
{
    skew_set(s, SKEW_MS - (int64_t) sim_draw(&s->world, 500));
    calls_make(s, calls);
    skew_set(s, (int64_t) sim_draw(&s->world, 500) - SKEW_MS);
}


static int64_t
minute_next(const struct sim *s)
{
    return sim_redis_now(&s->world) / 60 * 60 + 60;
}


static void
op_back(struct sim *s)
{
    if (sim_chance(&s->world, 50)) {
        time_move(s, (minute_next(s) - sim_redis_now(&s->world)) * 1000 - 2000);
    }
    clock_back(s, 1);
    if (sim_chance(&s->world, 25)) {
        sim_say(&s->world, ", flushed");
        sim_lose_flush(s);
    }
}


/* All is lost there, told again and seeded before the minute begins that the
 * calls are of; then it begins. */
static void
op_back_opens(struct sim *s)
{
    int64_t minute, left;

    if (!sim_limits_lift(&s->model)) {
        return;
    }
    outbox_send(s);
    minute = minute_next(s);
    time_move(s, (minute - sim_redis_now(&s->world)) * 1000 - 2000);
    clock_back(s, CALLS);
    sim_lose_flush(s);
    sim_quiet(s, false);
    left = minute - sim_redis_now(&s->world);
    if (left > 0) {
        time_move(s, left * 1000);
    }
    calls_make(s, CALLS);
    sim_quiet(s, false);
}


/* To just before or after the end of a minute, an hour, a day, a month. */
static void
op_rollover(struct sim *s)
{
    static const int64_t lengths[] = {60, 60, 60, 3600, 3600, 86400, 2678400};
    int64_t length = lengths[sim_draw(&s->world, 7)];
    int64_t left = length - sim_redis_now(&s->world) % length;

    s->model.counts[SIM_N_ROLLOVERS]++;
    time_move(s, left * 1000 + (int64_t) sim_draw(&s->world, 4000) - 2000);
}


/* To a midnight of a time zone; rarely the next one of a day that has 23 or 25
 * hours. */
static void
op_midnight(struct sim *s)
{
    unsigned zone = 1 + (unsigned) sim_draw(&s->world, SIM_ZONES - 1);
    int64_t now = sim_redis_now(&s->world);
    bool odd = sim_chance(&s->world, 25);
    int64_t at = odd ? sim_day_odd(zone, now) : sim_day_next(zone, now);

    s->model.counts[SIM_N_ODD_DAYS] += odd;
    sim_say(&s->world, " of %s", sim_zone_name(zone));
    time_move(s, (at - now) * 1000 + (int64_t) sim_draw(&s->world, 4000)
              - 2000);
}


static void
op_expire(struct sim *s)
{
    time_move(s, (SIM_TTL_S - 10 + (int64_t) sim_draw(&s->world, 20)) * 1000);
}


/* To just before or after a hold expires, and an extension comes in the last
 * moment, or not. */
static void
op_near(struct sim *s)
{
    struct sim_slot *slot = sim_call_due(&s->gateways);
    int64_t ms;

    if (slot == NULL) {
        return;
    }
    ms = (slot->expires - sim_redis_now(&s->world)) * 1000
         - (int64_t) sim_draw(&s->world, NEAR_MS)
         + (int64_t) sim_draw(&s->world, NEAR_MS);
    time_move(s, ms > 0 ? ms : 1);
    if (sim_chance(&s->world, 60)
        && (slot->state == SIM_HELD || slot->state == SIM_SENT))
    {
        sim_slot_send(&s->gateways, slot, 'E');
    }
}


/* --- what a partition suffers --- */

static void
op_narrow(struct sim *s)
{
    sim_door_narrow(&s->flight,
                    s->model.sets[sim_draw(&s->world, s->model.nsets)].part);
}


static void
op_delete(struct sim *s)
{
    sim_lose_key(s);
    if (sim_chance(&s->world, 30)) {
        calls_make(s, CALLS);
    }
}


static void
op_script_flush(struct sim *s)
{
    (void) sim_redis_i64(&s->world, "SCRIPT FLUSH");
}


static void
op_force(struct sim *s)
{
    sim_meter_force(&s->meters,
                    s->model.sets[sim_draw(&s->world, s->model.nsets)].part);
}


static void
op_meter_kill(struct sim *s)
{
    sim_meter_kill(&s->meters, (unsigned) sim_draw(&s->world, SIM_METERS));
}


/* Another process, or the same one with the data of another. */
static void
op_failover(struct sim *s)
{
    if (sim_chance(&s->world, COPY_PERCENT)) {
        sim_lose_by_copy(s);
    } else {
        sim_lose_failover(s);
    }
}


/* --- the rest, by other hands --- */

static void op_flush(struct sim *s) { sim_lose_flush(s); }
static void op_restart(struct sim *s) { sim_lose_restart(s); }
static void op_dump(struct sim *s) { sim_lose_dump(s); }
static void op_save(struct sim *s) { sim_lose_save(s); }
static void op_restore(struct sim *s) { sim_lose_restore(s); }
static void op_reserve(struct sim *s) { sim_call_new(&s->gateways); }
static void op_advance(struct sim *s) { sim_call_advance(&s->gateways); }
static void op_replay(struct sim *s) { sim_call_replay(&s->gateways); }
static void op_evidence(struct sim *s) { sim_evidence_import(s); }
static void op_found(struct sim *s) { sim_call_found(&s->gateways); }
static void op_deliver(struct sim *s) { sim_gateways_deliver(&s->gateways); }
static void op_worker(struct sim *s) { sim_worker_turn(&s->gateways); }
static void op_kill_worker(struct sim *s) { sim_worker_kill(&s->gateways); }
static void op_kill_gateway(struct sim *s) { sim_gateway_kill(&s->gateways); }
static void op_pause(struct sim *s) { sim_gateway_pause(&s->gateways); }
static void op_resume(struct sim *s) { sim_gateways_resume(&s->gateways); }
static void op_price_take(struct sim *s) { sim_gateway_price(&s->gateways); }
static void op_meter(struct sim *s) { sim_meter_turn(&s->meters); }
static void op_outbox(struct sim *s) { sim_sender_turn(&s->meters); }
static void op_audit(struct sim *s) { sim_audit_some(s); }
static void op_limits(struct sim *s) { (void) sim_limits_change(&s->model); }
static void op_windows(struct sim *s)
{
    (void) sim_windows_change(&s->model);
}
static void
op_zone(struct sim *s)
{
    if (sim_zone_move(&s->model)) {
        outbox_send(s);
        calls_make(s, CALLS);
    }
}


static void op_price(struct sim *s)
{
    (void) (sim_chance(&s->world, 50) ? sim_price_change(&s->model)
                                      : sim_own_prices_set(&s->model));
}
static void op_project(struct sim *s) { (void) sim_project_make(&s->model); }
static void op_key(struct sim *s) { (void) sim_key_make(&s->model); }
static void op_revoke(struct sim *s) { (void) sim_key_revoke(&s->model); }
static void op_empty(struct sim *s) { (void) sim_windows_empty(&s->model); }
static void op_no_memory(struct sim *s) { sim_memory_gone(&s->world); }
static void op_memory(struct sim *s) { sim_memory_back(&s->world); }
static void op_call_limits(struct sim *s) { (void) sim_limits_set(&s->model); }
static void op_kill(struct sim *s) { (void) sim_project_kill(&s->model); }
static void op_records(struct sim *s) { sim_records_read(s); }
static void op_quiet(struct sim *s) { sim_quiet(s, false); }

static const struct {
    const char *name;
    unsigned weight;
    void (*run)(struct sim *s);
    enum { ALWAYS, LOSS, SPENDING } when;
} kinds[] = {
    {"reserve", 230, op_reserve, ALWAYS},
    {"call goes on", 290, op_advance, ALWAYS},
    {"worker", 200, op_worker, ALWAYS},
    {"meter", 180, op_meter, ALWAYS},
    {"tick", 50, op_tick, ALWAYS},
    {"arrives", 50, op_deliver, ALWAYS},
    {"replay", 12, op_replay, ALWAYS},
    {"outbox", 24, op_outbox, ALWAYS},
    {"limits", 24, op_limits, ALWAYS},
    {"windows", 12, op_windows, SPENDING},
    {"zone moves", 2, op_zone, SPENDING},
    {"project is made", 2, op_project, SPENDING},
    {"key is made", 3, op_key, SPENDING},
    {"key is revoked", 1, op_revoke, SPENDING},
    {"budget is emptied", 1, op_empty, SPENDING},
    {"limits of calls", 8, op_call_limits, ALWAYS},
    {"project is killed", 2, op_kill, ALWAYS},
    {"records are read", 16, op_records, ALWAYS},
    {"clock of Redis", 5, op_skew, ALWAYS},
    {"clock of Redis goes back", 2, op_back, LOSS},
    {"clock goes back, and all is lost", 1, op_back_opens, ALWAYS},
    {"audit", 4, op_audit, ALWAYS},
    {"new window", 4, op_rollover, ALWAYS},
    {"midnight", 2, op_midnight, SPENDING},
    {"hold is near its end", 6, op_near, SPENDING},
    {"found out", 6, op_found, SPENDING},
    {"provider's records", 6, op_evidence, SPENDING},
    {"time passes", 3, op_expire, ALWAYS},
    {"price", 2, op_price, ALWAYS},
    {"price taken", 3, op_price_take, ALWAYS},
    {"worker is killed", 4, op_kill_worker, ALWAYS},
    {"gateway is lost", 1, op_kill_gateway, LOSS},
    {"gateway pauses", 2, op_pause, LOSS},
    {"gateways resume", 5, op_resume, ALWAYS},
    {"meter is killed", 2, op_meter_kill, LOSS},
    {"dump", 2, op_dump, ALWAYS},
    {"flush", 1, op_flush, LOSS},
    {"flush, and open again", 1, op_flush_opens, ALWAYS},
    {"Redis restarts empty", 1, op_restart, LOSS},
    {"failover", 1, op_failover, LOSS},
    {"key deleted", 2, op_delete, ALWAYS},
    {"database is saved", 2, op_save, ALWAYS},
    {"database is restored", 1, op_restore, LOSS},
    {"scripts flushed", 1, op_script_flush, ALWAYS},
    {"stream is narrow", 2, op_narrow, LOSS},
    {"no memory", 1, op_no_memory, LOSS},
    {"memory is back", 20, op_memory, ALWAYS},
    {"reseed is asked for", 1, op_force, LOSS},
    {"quiet", 2, op_quiet, ALWAYS}
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))


unsigned
sim_kinds(void)
{
    return NKINDS;
}


/* In a calm run little is lost, so that much is spent; else the other way
 * round. */
static unsigned
weight_of(unsigned kind, uint64_t seed)
{
    bool rare = kinds[kind].when == (sim_broken_is_calm(seed) ? LOSS
                                                              : SPENDING);

    return kinds[kind].weight * (rare ? 1 : RARE);
}


void
sim_ops_draw(uint64_t seed, struct sim_op *ops, unsigned n)
{
    struct sim_world dice = {.dice = seed * 0x2545f4914f6cdd1du + 1};
    uint64_t at;
    unsigned i, k, sum = 0;

    for (k = 0; k < NKINDS; k++) {
        sum += weight_of(k, seed);
    }
    for (i = 0; i < n; i++) {
        at = sim_draw(&dice, sum);
        for (k = 0; at >= weight_of(k, seed); k++) {
            at -= weight_of(k, seed);
        }
        ops[i].at = i;
        ops[i].kind = k;
        ops[i].dice = sim_draw(&dice, 0);
    }
}


static void
run_begin(struct sim *s)
{
    if (sim_world_begin(&s->world)
        && sim_model_begin(&s->model, &s->world))
    {
        memset(&s->flight, 0, sizeof(s->flight));
        s->flight.world = &s->world;
        s->flight.model = &s->model;
        sim_gateways_begin(&s->gateways, &s->world, &s->model, &s->flight);
        (void) sim_meters_begin(&s->meters, &s->world, &s->model, &s->flight,
                                &s->gateways);
        sim_gateways_beat(&s->gateways);
        sim_meters_settle(&s->meters);
    }
}


static void
run_end(struct sim *s)
{
    sim_flight_clear(&s->flight);
    sim_meters_end(&s->meters);
    sim_gateways_end(&s->gateways);
    sim_world_end(&s->world);
}


static void
step_print(const struct sim *s, const struct sim_op *op, FILE *trace)
{
    if (trace != NULL) {
        fprintf(trace, "%5u  %s:%s\n", op->at, kinds[op->kind].name,
                s->world.said);
    }
}


bool
sim_run(struct sim *s, const struct sim_op *ops, unsigned n,
    unsigned *failed_at, FILE *trace)
{
    unsigned i;
    bool ok;

    run_begin(s);
    *failed_at = 0;
    for (i = 0; i < n && !s->world.failed; i++) {
        *failed_at = i;
        ctl_arena_reset(&s->world.arena);
        s->world.said[0] = '\0';
        sim_dice_set(&s->world, ops[i].dice);
        kinds[ops[i].kind].run(s);
        step_print(s, &ops[i], trace);
    }
    if (!s->world.failed) {
        s->world.said[0] = '\0';
        sim_dice_set(&s->world, n);
        sim_quiet(s, true);
        *failed_at = n;
    }
    ok = !s->world.failed;
    run_end(s);

    return ok;
}
