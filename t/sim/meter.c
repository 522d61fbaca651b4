/*
 * Turns of a meter.
 */
#include "meter_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare.h"
#include "base/clock.h"
#include "broken.h"
#include "door.h"
#include "meter/apply.h"
#include "meter/drain.h"
#include "meter/expire.h"
#include "meter/gateways.h"
#include "meter/partition_lead.h"
#include "meter/partition_reseed.h"
#include "meter/restored.h"
#include "pause.h"
#include "windows.h"

#define ARENA_BYTES    ((size_t) 256 * 1024 * 1024)
#define REDIS_MS       5000
#define GONE_TRIES     5000

static bool
meter_open(struct sim_meters *ms, struct sim_meter *m)
{
    memset(&m->json, 0, sizeof(m->json));
    m->led_at = 0;
    m->led_well = false;
    if (!ctl_lead_init(&m->leader)) {
        return sim_fail(ms->world, "sim: a meter has no name");
    }
    m->leader.arena = &m->arena;
    m->leader.json = &m->json;
    m->leader.pg = ctl_pg_open(ms->world->conninfo, m->leader.name);
    m->leader.redis = ctl_redis_open(ms->world->redis_address, REDIS_MS);

    return (m->leader.pg != NULL && m->leader.redis != NULL)
           || sim_fail(ms->world, "sim: a meter cannot start");
}


static void
meter_close(struct sim_meter *m)
{
    ctl_pg_close(m->leader.pg);
    ctl_redis_close(m->leader.redis);
    m->leader.pg = NULL;
    m->leader.redis = NULL;
    ctl_arena_reset(&m->arena);
}


bool
sim_meters_begin(struct sim_meters *ms, struct sim_world *w,
    struct sim_model *m, struct sim_flight *f, struct sim_gateways *g)
{
    unsigned i;
    bool ok = true;

    memset(ms, 0, sizeof(*ms));
    ms->world = w;
    ms->model = m;
    ms->flight = f;
    ms->gateways = g;
    sim_pause_begin(w);
    for (i = 0; i < SIM_METERS; i++) {
        ctl_arena_init(&ms->all[i].arena, ARENA_BYTES);
        ok = meter_open(ms, &ms->all[i]) && ok;
    }
    for (i = 0; i < SIM_SENDERS; i++) {
        ctl_arena_init(&ms->senders[i].arena, ARENA_BYTES);
        ms->senders[i].pg = ctl_pg_open(w->conninfo, "sim sender");
        ms->senders[i].redis = ctl_redis_open(w->redis_address, REDIS_MS);
        ok = ok && ms->senders[i].pg != NULL && ms->senders[i].redis != NULL;
    }

    return ok;
}


void
sim_meters_end(struct sim_meters *ms)
{
    unsigned i;

    for (i = 0; i < SIM_METERS; i++) {
        meter_close(&ms->all[i]);
    }
    for (i = 0; i < SIM_SENDERS; i++) {
        ctl_pg_close(ms->senders[i].pg);
        ctl_redis_close(ms->senders[i].redis);
        ctl_arena_reset(&ms->senders[i].arena);
    }
    memset(ms->senders, 0, sizeof(ms->senders));
}


/* --- errors and traps --- */

/* A mistake inside asgard-ctl is never right, whatever was lost. */
bool
sim_meter_judge(struct sim_meters *ms, bool ok, const struct ctl_error *e)
{
    if (!ok) {
        sim_say(ms->world, " (%s: %.160s)", e->code,
                e->detail[0] != '\0' ? e->detail : e->text);
    }
    if (!ok && e->status != 503) {
        sim_fail(ms->world, "asgard-ctl: %d %s: %s %s", e->status, e->code,
                 e->text, e->detail);
    }

    return ok;
}


void
sim_meter_traps(struct sim_meters *ms, unsigned percent, unsigned scripts)
{
    static const enum sim_trap ways[] = {SIM_TRAP_BEFORE, SIM_TRAP_AFTER,
                                         SIM_TRAP_LATER};

    if (ms->calm) {
        return;
    }
    if (sim_chance(ms->world, percent)) {
        sim_trap_script(ways[sim_draw(ms->world, 3)],
                        1 + (unsigned) sim_draw(ms->world, scripts),
                        sim_flight_later, ms->flight);
    }
    if (sim_chance(ms->world, percent)) {
        sim_trap_commit(ways[sim_draw(ms->world, 2)], 1);
    }
}


/* A turn that was cut may have been the meter's last. */
static void
traps_end(struct sim_meters *ms, unsigned which)
{
    if (!sim_traps_clear()) {
        return;
    }
    ms->model->counts[SIM_N_COMMITS_CUT]++;
    sim_say(ms->world, " cut");
    if (sim_chance(ms->world, 40)) {
        sim_meter_kill(ms, which);
    }
}


/* The database forgets a connection a moment after it was closed. */
static void
leader_wait_gone(struct sim_meters *ms, const char *name)
{
    struct ctl_rows rows;
    unsigned i;

    for (i = 0; i < GONE_TRIES && !ms->world->failed; i++) {
        if (sim_sql(ms->world, &rows, "SELECT FROM pg_stat_activity"
                    " WHERE application_name = '%s'", name)
            && rows.nrows == 0)
        {
            return;
        }
        sim_pause_real();
    }
}


/* --- leading --- */

static bool
lead_note(struct sim_meters *ms, struct ctl_leader *l, struct ctl_error *e)
{
    bool closed = false;
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        closed = closed || (l->parts[i].led && !l->parts[i].open);
    }
    if (closed) {
        return true;
    }
    if (!ctl_gateways_note(l, e)) {
        return false;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (l->parts[i].led) {
            sim_gateways_noted(ms->gateways);
            break;
        }
    }

    return true;
}


static bool
leads_all(const struct sim_meters *ms, const struct ctl_leader *l)
{
    unsigned i;

    for (i = 0; i < ms->model->nparts && l->parts[ms->model->parts[i]].led;
         i++)
    {
        /* the next one */
    }

    return i == ms->model->nparts;
}


/* Redis has seen more than the database: was it restored? */
static bool
lead_behind(struct sim_meters *ms, struct ctl_leader *l, struct ctl_error *e)
{
    bool behind, expected = ms->model->undone;
    unsigned i;

    if (!ctl_restored_is_behind(l, &behind, e)) {
        return false;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        expected = expected || (l->parts[i].led && ms->behind[i]);
    }
    if (behind && !expected) {
        sim_fail(ms->world, "the meter thinks that the database was restored, "
                 "and nobody did that");
    }
    if (behind) {
        sim_say(ms->world, " finds an older database");
        if (!ctl_restored_take(l, e)) {
            return false;
        }
    }
    if (behind || leads_all(ms, l)) {
        sim_ledger_looked(ms->model);
    }

    return true;
}


static bool
is_trap(const struct ctl_error *e)
{
    return strcmp(e->detail, "a trap") == 0;
}


/* The sessions of those whose lease is over are ended in the database; that is
 * waited for, so that the same steps do the same again. */
bool
sim_meter_lead(struct sim_meters *ms, struct sim_meter *m, struct ctl_error *e)
{
    struct ctl_leader *l = &m->leader;
    struct ctl_rows expired;
    int64_t now, apart;
    unsigned i;
    bool had, ok;

    m->led_well = false;
    had = l->parts[ms->model->sets[0].part].led;
    if (!sim_sql(ms->world, &expired, "SELECT DISTINCT leader FROM partitions"
                 " WHERE leader_until < now() AND leader NOT IN ('', '%s')",
                 l->name))
    {
        return false;
    }
    ok = ctl_lead_renew(l, e);
    for (i = 0; i < expired.nrows && (ok || is_trap(e)); i++) {
        leader_wait_gone(ms, ctl_rows_at(&expired, i, 0));
    }
    if (!ok) {
        return false;
    }
    m->led_at = sim_pg_now(ms->world);
    ms->model->counts[SIM_N_TAKEOVERS] +=
        !had && l->parts[ms->model->sets[0].part].led;
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (l->parts[i].led && !l->parts[i].seeding
            && !ctl_lead_check(l, &l->parts[i], e))
        {
            return false;
        }
    }
    if (!lead_behind(ms, l, e) || !ctl_lead_clocks(l, &now, &apart, e)) {
        return false;
    }
    if (ctl_lead_clock_back(l, now) > 0) {
        sim_say(ms->world, " finds that the clock of Redis went back");
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (l->parts[i].open) {
            sim_door_clock(ms->world, i);
        }
    }
    if (!lead_note(ms, l, e)) {
        return false;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (l->parts[i].open && !ctl_drain_publish(l, &l->parts[i], e)) {
            return false;
        }
    }
    m->led_well = true;

    return true;
}


/* One of those that are led, and open or not; NULL: none is. */
struct ctl_partition *
sim_meter_part(struct sim_meters *ms, struct ctl_leader *l, bool open)
{
    unsigned i, at = (unsigned) sim_draw(ms->world, ASG_PARTITIONS);
    struct ctl_partition *p;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        p = &l->parts[(at + i) % ASG_PARTITIONS];
        if (p->led && p->open == open) {
            return p;
        }
    }

    return NULL;
}


bool
sim_meter_reseed(struct sim_meters *ms, struct ctl_leader *l,
    struct ctl_partition *p, struct ctl_error *e)
{
    bool adopting = p->seeding && p->adopt_until_ms != 0;
    bool given_up = adopting && ctl_clock_ms() >= p->adopt_until_ms;
    bool ok;

    sim_say(ms->world, " partition %u from %s", p->part,
            p->seeding ? p->step : "the start");
    ok = ctl_reseed_step(l, p, e);
    sim_say(ms->world, " to %s", p->step);
    if (adopting && ok && strcmp(p->step, "catching") == 0) {
        sim_say(ms->world, given_up ? ", without waiting longer" : "");
        sim_gateways_unheard(ms->gateways, p->part, (uint64_t) p->epoch,
                             given_up);
    }
    (void) sim_openings_take(ms->model, false);
    if (ok && strcmp(p->step, "summing") == 0) {
        ms->deleted[p->part] = false;   /* every budget was written anew */
        sim_part_new(ms->model, p->part);
        ms->model->restored[p->part] = false;
    }
    if (ok && strcmp(p->step, "adopting") == 0) {
        (void) sim_copies_opened(ms->model, p->part);
    }
    if (ok && p->open) {
        ms->behind[p->part] = false;
        ms->model->counts[SIM_N_EPOCHS]++;
    }

    return ok;
}


/* --- the ledger's turn --- */

/* A blocking read would wait on a clock that stands still. */
static bool
something_waits(struct sim_meters *ms, const struct ctl_leader *l)
{
    char key[ASG_RKEY_MAX];
    bool waits = false;
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS && !waits; i++) {
        if (l->parts[i].open) {
            (void) asg_rkey_stream(key, i, (uint64_t) l->parts[i].epoch);
            waits = sim_redis_i64(ms->world, "XRANGE %s (%s + COUNT 1", key,
                                  l->parts[i].cursor) > 0;
        }
    }

    return waits;
}


bool
sim_meter_drain(struct sim_meters *ms, struct ctl_leader *l, unsigned *n,
    struct ctl_error *e)
{
    bool ok;

    *n = 0;
    if (!something_waits(ms, l)) {
        return true;
    }
    ok = ctl_drain_wait(l, 1, n, e);
    sim_say(ms->world, " %u events", *n);

    return ok;
}


bool
sim_meter_apply(struct sim_meters *ms, struct ctl_leader *l,
    struct ctl_partition *p, struct ctl_error *e)
{
    bool owed = p->owed;

    ms->model->counts[SIM_N_APPLIED] += owed;

    return !owed || ctl_apply_owed(l, p, e);
}


bool
sim_meter_expire(struct sim_meters *ms, struct ctl_leader *l,
    struct ctl_partition *p, unsigned *n, struct ctl_error *e)
{
    bool ok = ctl_expire_some(l, p, n, e);

    ms->model->counts[SIM_N_EXPIRED] += *n;
    sim_say(ms->world, " %u expired", *n);

    return ok;
}


static bool
ledger_turn(struct sim_meters *ms, struct sim_meter *m, struct ctl_error *e)
{
    struct ctl_leader *l = &m->leader;
    struct ctl_partition *closed = sim_meter_part(ms, l, false);
    struct ctl_partition *open = sim_meter_part(ms, l, true);
    uint64_t what = sim_draw(ms->world, 100);
    unsigned n;

    if (sim_pg_now(ms->world) > m->led_at || !m->led_well || what < 4) {
        sim_say(ms->world, " leads");
        return sim_meter_lead(ms, m, e);
    }
    if (closed != NULL && (open == NULL || what < 75)) {
        return sim_meter_reseed(ms, l, closed, e);
    }
    if (open == NULL) {
        return true;
    }
    if (what < 50) {
        sim_say(ms->world, " drains");
        return sim_meter_drain(ms, l, &n, e);
    }
    if (what < 75) {
        sim_say(ms->world, " applies, partition %u", open->part);
        return sim_meter_apply(ms, l, open, e);
    }
    if (what < 95) {
        sim_say(ms->world, " expires, partition %u", open->part);
        return sim_meter_expire(ms, l, open, &n, e);
    }
    sim_say(ms->world, " trims, partition %u", open->part);

    return ctl_drain_trim(l, open, e);
}


struct sim_meter *
sim_meters_leading(struct sim_meters *ms)
{
    struct ctl_error e = {0};
    struct sim_meter *m;
    unsigned i;

    for (i = 0; i < SIM_METERS; i++) {
        m = &ms->all[i];
        ctl_arena_reset(&m->arena);
        if (leads_all(ms, &m->leader)) {
            return sim_meter_judge(ms, sim_meter_lead(ms, m, &e), &e)
                   && leads_all(ms, &m->leader) ? m : NULL;
        }
    }

    return NULL;
}


void
sim_meters_notice(struct sim_meters *ms, struct sim_meter *m)
{
    struct ctl_partition *p;
    struct ctl_error e = {0};
    unsigned i;

    (void) sim_meter_judge(ms, sim_meter_lead(ms, m, &e), &e);
    for (i = 0; i < ms->model->nparts; i++) {
        p = &m->leader.parts[ms->model->parts[i]];
        if (p->open || !m->led_well) {
            sim_fail(ms->world, "partition %u is taken for open, and has the "
                     "data of another Redis", p->part);
            return;
        }
        p->seeding = false;             /* what had begun begins anew */
        (void) sim_meter_judge(ms, sim_meter_reseed(ms, &m->leader, p, &e), &e);
    }
}


/* Mostly the one that leads, or believes so. */
static unsigned
meter_pick(struct sim_meters *ms)
{
    unsigned which = (unsigned) sim_draw(ms->world, SIM_METERS);
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS && sim_chance(ms->world, 98); i++) {
        if (ms->all[which].leader.parts[i].led) {
            return which;
        }
    }

    return SIM_METERS - 1 - which;
}


void
sim_meter_turn(struct sim_meters *ms)
{
    unsigned which = meter_pick(ms);
    struct sim_meter *m = &ms->all[which];
    struct ctl_error e = {0};

    sim_say(ms->world, " %u", which);
    ctl_arena_reset(&m->arena);
    sim_meter_traps(ms, 8, 4);
    (void) sim_meter_judge(ms, ledger_turn(ms, m, &e), &e);
    traps_end(ms, which);
}


void
sim_meter_kill(struct sim_meters *ms, unsigned which)
{
    struct sim_meter *m = &ms->all[which];
    char name[CTL_LEADER_TEXT];

    sim_say(ms->world, " meter %u is killed", which);
    snprintf(name, sizeof(name), "%s", m->leader.name);
    meter_close(m);
    leader_wait_gone(ms, name);
    (void) meter_open(ms, m);
    ms->model->counts[SIM_N_METER_DEATHS]++;
}


void
sim_meters_restored(struct sim_meters *ms)
{
    unsigned i;

    for (i = 0; i < SIM_METERS; i++) {
        sim_meter_kill(ms, i);
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        ms->behind[i] = true;
    }
}
