/*
 * The meter's threads for the ledger and the outbox, and the four together.
 */
#include "proc/meter.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/zone.h"
#include "meter/apply.h"
#include "meter/drain.h"
#include "meter/expire.h"
#include "meter/gateways.h"
#include "meter/increase.h"
#include "meter/outbox_record.h"
#include "meter/outbox_send.h"
#include "meter/partition_lead.h"
#include "meter/partition_reseed.h"
#include "meter/restored.h"
#include "proc/meter_thread.h"
#include "redis/eviction.h"

#define ARENA_BYTES      ((size_t) 512 * 1024 * 1024)
#define REDIS_MS         2000           /* above every wait of ours */
#define DRAIN_WAIT_MS    100
#define ADOPT_POLL_MS    100
#define OUTBOX_WAIT_MS   200
#define LEAD_EVERY_MS    1000
#define EXPIRE_EVERY_MS  500
#define TRIM_EVERY_MS    2000
#define HEART_EVERY_MS   500
#define TEND_EVERY_MS    3600000
#define ZONES_EVERY_MS   60000
#define INCREASES_EVERY_MS 500
#define BACK_OFF_MS      300
#define RETRY_MS         20             /* of an outbox row that was kept */
#define THREADS          4

void
ctl_meter_pause(int ms)
{
    const struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};

    nanosleep(&t, NULL);
}


bool
ctl_meter_is_due(int64_t *next, int64_t every_ms)
{
    int64_t now = ctl_clock_ms();

    if (now < *next) {
        return false;
    }
    *next = now + every_ms;

    return true;
}


bool
ctl_meter_open(struct ctl_meter_thread *w, struct ctl_meter *m,
    const char *name, const char *application)
{
    memset(w, 0, sizeof(*w));
    w->meter = m;
    w->name = name;
    ctl_arena_init(&w->arena, ARENA_BYTES);
    w->pg = ctl_pg_open(m->config->postgres, application);
    w->redis = ctl_redis_open(m->config->redis, REDIS_MS);

    return w->pg != NULL && w->redis != NULL;
}


void
ctl_meter_close(struct ctl_meter_thread *w)
{
    ctl_pg_close(w->pg);
    ctl_redis_close(w->redis);
    ctl_arena_reset(&w->arena);
}


void
ctl_meter_note(struct ctl_meter_thread *w, bool ok,
    const struct ctl_error *e)
{
    if (ok && w->away) {
        ctl_log(CTL_LOG_INFO, "%s: works again", w->name);
    } else if (!ok && !w->away) {
        ctl_log_error(e, w->name);
    }
    w->away = !ok;
    if (!ok && !atomic_load(&w->meter->stop)) {
        ctl_meter_pause(BACK_OFF_MS);
    }
}


/* --- the ledger --- */

struct ledger_times {
    int64_t lead, expire, trim;
    unsigned waiting;                   /* partitions, for gateways */
    bool apart;                         /* the clocks were told of */
    bool filled;                        /* noted that all records stand */
    struct ctl_eviction eviction;       /* as last seen */
};


static unsigned
ledger_open(const struct ctl_leader *l)
{
    unsigned i, n = 0;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        n += l->parts[i].open;
    }

    return n;
}


/* A forward step of Redis' clock cannot be seen inside Redis; one back shuts
 * the door there until that time comes again, or until it is seeded. */
static bool
ledger_clocks(struct ctl_leader *l, struct ledger_times *t,
    struct ctl_error *e)
{
    int64_t now, apart, back;
    unsigned i;
    bool far;

    if (!ctl_lead_clocks(l, &now, &apart, e)) {
        return false;
    }
    far = apart > CTL_CLOCK_ALARM_S || apart < -CTL_CLOCK_ALARM_S;
    if (far && !t->apart) {
        ctl_log(CTL_LOG_ERROR, "the clock of Redis is %lld s off the "
                "database's", (long long) apart);
    }
    t->apart = far;
    back = ctl_lead_clock_back(l, now);
    if (back > 0) {
        ctl_log(CTL_LOG_ERROR, "the clock of Redis went back by %lld s: its "
                "counters are seeded again", (long long) back);
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (apart > CTL_CLOCK_CLOSE_S || apart < -CTL_CLOCK_CLOSE_S) {
            l->parts[i].open = false;
        }
    }

    return true;
}


/* What may be evicted is told of while all is there; once a key went, nothing
 * is believed, and nothing opens again before the policy is noeviction. */
static bool
ledger_eviction(struct ctl_leader *l, struct ledger_times *t,
    struct ctl_error *e)
{
    const asg_str_t forget[2] = {ASG_STR("DEL"), ASG_STR(ASG_RKEY_FILLED)};
    struct ctl_eviction now;

    if (!ctl_redis_eviction(l->redis, l->arena, &now, e)) {
        return false;
    }
    if (now.allowed && !t->eviction.allowed) {
        ctl_log(CTL_LOG_ERROR, "Redis may evict keys: set maxmemory-policy "
                "noeviction; with the first key that goes, calls are refused");
    } else if (!now.allowed && t->eviction.allowed) {
        ctl_log(CTL_LOG_INFO, "Redis may not evict keys any more");
    }
    if (now.keys > t->eviction.keys) {
        /* a key of a project that is missing is not unknown */
        if (!ctl_redis_command(l->redis, l->arena, NULL, e, 2, forget)) {
            return false;
        }
        ctl_log(CTL_LOG_ERROR, "Redis has evicted %lld keys: all is seeded "
                "again", (long long) (now.keys - t->eviction.keys));
        if (!ctl_lead_force_reseed(l->pg, l->arena, -1, 0, e)) {
            return false;
        }
    }
    t->eviction = now;

    return true;
}


/* What is closed is seeded as far as it gets; a partition that waits for the
 * gateways is looked at again in each turn. */
static bool
ledger_seed(struct ctl_leader *l, struct ledger_times *t, struct ctl_error *e)
{
    bool ok;

    t->filled = false;
    ok = ctl_reseed_advance(l, &t->waiting, e);
    ctl_arena_reset(l->arena);

    return ok;
}


static bool
ledger_lead(struct ctl_leader *l, struct ledger_times *t, struct ctl_error *e)
{
    bool closed = false, behind, ok = true;
    unsigned i;

    if (!ctl_lead_renew(l, e)) {
        return false;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (l->parts[i].led && !l->parts[i].seeding
            && !ctl_lead_check(l, &l->parts[i], e))
        {
            return false;
        }
    }
    if (!ledger_clocks(l, t, e) || !ledger_eviction(l, t, e)
        || !ctl_restored_is_behind(l, &behind, e)
        || (behind && !ctl_restored_take(l, e)))
    {
        return false;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        closed = closed || (l->parts[i].led && !l->parts[i].open);
    }
    if (closed) {
        ok = ledger_seed(l, t, e);
    } else {
        ok = ctl_gateways_note(l, e);
    }
    if (ok && t->waiting == 0 && !t->filled) {
        ok = ctl_record_note_filled(l->pg, l->redis, l->arena, e);
        t->filled = ok && ledger_open(l) == ASG_PARTITIONS;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        ok = (!l->parts[i].open || ctl_drain_publish(l, &l->parts[i], e))
             && ok;
    }

    return ok;
}


/* *expired: how many holds, when it was time to look. */
static bool
ledger_one(struct ctl_leader *l, struct ctl_partition *p, bool expire,
    bool trim, unsigned *expired, struct ctl_error *e)
{
    *expired = 0;

    return (!p->owed || ctl_apply_owed(l, p, e))
           && (!expire || ctl_expire_some(l, p, expired, e))
           && (!trim || !p->open || ctl_drain_trim(l, p, e));
}


static bool
ledger_each(struct ctl_leader *l, struct ledger_times *t,
    struct ctl_error *e)
{
    bool idle = t->waiting == 0;        /* a door that is shut goes first */
    bool expire = idle && ctl_meter_is_due(&t->expire, EXPIRE_EVERY_MS);
    bool trim = idle && ctl_meter_is_due(&t->trim, TRIM_EVERY_MS);
    struct ctl_partition *p;
    unsigned i, expired;
    bool ok = true;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        p = &l->parts[i];
        if (!p->open) {
            continue;
        }
        ok = ledger_one(l, p, expire, trim, &expired, e) && ok;
        if (expired >= CTL_EXPIRE_MOST) {
            t->expire = 0;              /* there are more: in the next turn */
        }
        if (!p->open) {
            t->lead = 0;                /* a verdict said so: seed it at once */
        }
    }

    return ok;
}


/* What fails in one partition does not keep the others back; a store that is
 * away does, since each would wait for it in turn. */
static bool
ledger_turn(struct ctl_leader *l, struct ledger_times *t, struct ctl_error *e)
{
    bool ok = true;
    unsigned n;
    int wait_ms;

    ctl_arena_reset(l->arena);
    if (ctl_meter_is_due(&t->lead, LEAD_EVERY_MS)) {
        ok = ledger_lead(l, t, e);
    } else if (t->waiting > 0) {
        ok = ledger_seed(l, t, e);
    }
    ctl_arena_reset(l->arena);
    wait_ms = t->waiting > 0 ? ADOPT_POLL_MS : DRAIN_WAIT_MS;
    if (ledger_open(l) == 0) {
        ctl_meter_pause(wait_ms);
        return ok;
    }
    if (!ctl_drain_wait(l, wait_ms, &n, e)) {
        ok = false;
        if (e->status == 503) {
            return false;
        }
    }

    return ledger_each(l, t, e) && ok;
}


static void *
ledger_run(void *data)
{
    struct ctl_meter *m = data;
    struct ctl_leader *l = calloc(1, sizeof(*l));
    asg_json_t *json = calloc(1, sizeof(*json));
    struct ledger_times times = {0};
    struct ctl_meter_thread w = {0};
    struct ctl_error e;
    bool ok;

    if (l == NULL || json == NULL || !ctl_lead_init(l)
        || !ctl_meter_open(&w, m, "meter ledger", l->name))
    {
        ctl_log(CTL_LOG_ERROR, "meter: the ledger thread cannot start");
        goto out;
    }
    l->pg = w.pg;
    l->redis = w.redis;
    l->arena = &w.arena;
    l->json = json;
    while (!atomic_load(&m->stop)) {
        ctl_error_clear(&e);
        ok = ledger_turn(l, &times, &e);
        atomic_store(&m->open, (int) ledger_open(l));
        ctl_meter_note(&w, ok, &e);
    }
    ctl_lead_release(l);

out:
    ctl_meter_close(&w);
    free(json);
    free(l);

    return NULL;
}


/* --- the outbox --- */

static bool
outbox_turn(struct ctl_meter_thread *w, int64_t *tend, int64_t *zones,
    int64_t *increases, struct ctl_error *e)
{
    unsigned sent, kept;

    if (ctl_meter_is_due(increases, INCREASES_EVERY_MS)
        && !ctl_increase_end(w->pg, &w->arena, e))
    {
        return false;
    }
    do {
        ctl_arena_reset(&w->arena);
        if (!ctl_outbox_send_some(w->pg, w->redis, &w->arena, &sent, &kept,
                                  e))
        {
            return false;
        }
    } while (sent > 0);
    if (kept > 0) {
        ctl_meter_pause(RETRY_MS);
        return true;
    }
    if (ctl_meter_is_due(tend, TEND_EVERY_MS)
        && !ctl_outbox_tend(w->pg, &w->arena, e))
    {
        *tend = 0;
        return false;
    }
    if (ctl_meter_is_due(zones, ZONES_EVERY_MS)
        && !ctl_zone_tend(w->pg, &w->arena, e))
    {
        *zones = 0;
        return false;
    }
    (void) ctl_pg_wait(w->pg, OUTBOX_WAIT_MS);

    return true;
}


/* The heartbeat says that the channel is alive, whether or not Postgres is. */
static void *
outbox_run(void *data)
{
    struct ctl_meter *m = data;
    int64_t heart = 0, tend = 0, zones = 0, increases = 0;
    struct ctl_error e;
    struct ctl_meter_thread w;
    bool ok, listening = false;

    if (!ctl_meter_open(&w, m, "meter outbox", "asgard meter outbox")) {
        ctl_log(CTL_LOG_ERROR, "meter: the outbox thread cannot start");
        goto out;
    }
    while (!atomic_load(&m->stop)) {
        ctl_error_clear(&e);
        ctl_arena_reset(&w.arena);
        ok = !ctl_meter_is_due(&heart, HEART_EVERY_MS)
             || ctl_outbox_heartbeat(w.redis, &w.arena, &e);
        if (ok && !listening) {
            ok = listening = ctl_pg_listen(w.pg, "asgard_outbox", &e);
        }
        ok = ok && outbox_turn(&w, &tend, &zones, &increases, &e);
        ctl_meter_note(&w, ok, &e);
    }

out:
    ctl_meter_close(&w);

    return NULL;
}


/* --- the role --- */

static void
wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, -1) <= 0) {
        /* interrupted by a signal */
    }
}


int
ctl_meter_run(const struct ctl_config *c, int stop_fd)
{
    static void *(*const bodies[THREADS])(void *) = {
        ledger_run, outbox_run, ctl_meter_seal, ctl_meter_audit
    };
    struct ctl_meter m = {.config = c};
    pthread_t threads[THREADS];
    unsigned i, started = 0;

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, bodies[i], &m) != 0) {
            ctl_log(CTL_LOG_ERROR, "meter: a thread cannot start");
            break;
        }
        started++;
    }
    if (started == THREADS) {
        wait_readable(stop_fd);
    }
    atomic_store(&m.stop, true);
    for (i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }

    return started == THREADS ? 0 : 1;
}
