/*
 * The meter's four threads.
 */
#include "proc/meter.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "ops/apply.h"
#include "ops/audit_money.h"
#include "ops/audit_seal.h"
#include "ops/drain.h"
#include "ops/expire.h"
#include "ops/gateways.h"
#include "ops/ledger_month.h"
#include "ops/outbox_record.h"
#include "ops/outbox_send.h"
#include "ops/partition_lead.h"
#include "ops/partition_reseed.h"
#include "ops/readiness.h"
#include "ops/restored.h"
#include "ops/zone.h"

#define ARENA_BYTES      ((size_t) 512 * 1024 * 1024)
#define REDIS_MS         2000           /* above every wait of ours */
#define DRAIN_WAIT_MS    100
#define ADOPT_POLL_MS    20
#define OUTBOX_WAIT_MS   200
#define SEAL_EVERY_MS    200
#define LEAD_EVERY_MS    1000
#define EXPIRE_EVERY_MS  500
#define TRIM_EVERY_MS    2000
#define BEAT_EVERY_MS    1000
#define HEAD_EVERY_MS    10000
#define HEAD_BYTES       96             /* a number and a hash */
#define HEART_EVERY_MS   500
#define TEND_EVERY_MS    3600000
#define ZONES_EVERY_MS   60000
#define BACK_OFF_MS      300
#define RETRY_MS         20             /* of an outbox row that was kept */
#define AUDIT_EVERY_MS   4000           /* one partition; all in a minute */
#define AUDIT_POLL_MS    200
#define THREADS          4

struct meter {
    const struct ctl_config *config;
    atomic_bool stop;
    atomic_int open;                    /* partitions that are open here */
    atomic_int drift;                   /* counters found wrong so far */
};

/* One thread's own things. */
struct worker {
    struct meter *meter;
    const char *name;
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_arena arena;
    bool away;                          /* an outage was logged */
};


static void
pause_ms(int ms)
{
    const struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};

    nanosleep(&t, NULL);
}


/* True once in every `every_ms`. */
static bool
is_due(int64_t *next, int64_t every_ms)
{
    int64_t now = ctl_clock_ms();

    if (now < *next) {
        return false;
    }
    *next = now + every_ms;

    return true;
}


static bool
worker_open(struct worker *w, struct meter *m, const char *name,
    const char *application)
{
    memset(w, 0, sizeof(*w));
    w->meter = m;
    w->name = name;
    ctl_arena_init(&w->arena, ARENA_BYTES);
    w->pg = ctl_pg_open(m->config->postgres, application);
    w->redis = ctl_redis_open(m->config->redis, REDIS_MS);

    return w->pg != NULL && w->redis != NULL;
}


static void
worker_close(struct worker *w)
{
    ctl_pg_close(w->pg);
    ctl_redis_close(w->redis);
    ctl_arena_reset(&w->arena);
}


/* One line when something goes away and one when it is back; between them
 * the loop tries again at its pace. */
static void
worker_note(struct worker *w, bool ok, const struct ctl_error *e)
{
    if (ok && w->away) {
        ctl_log(CTL_LOG_INFO, "%s: works again", w->name);
    } else if (!ok && !w->away) {
        ctl_log_error(e, w->name);
    }
    w->away = !ok;
    if (!ok && !atomic_load(&w->meter->stop)) {
        pause_ms(BACK_OFF_MS);
    }
}


/* --- the ledger --- */

struct ledger_times {
    int64_t lead, expire, trim;
    unsigned waiting;                   /* partitions, for gateways */
    bool apart;                         /* the clocks were told of */
    bool filled;                        /* noted that all records stand */
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


/* A forward step of Redis' clock cannot be seen inside Redis. */
static bool
ledger_clocks(struct ctl_leader *l, struct ledger_times *t,
    struct ctl_error *e)
{
    int64_t now, apart;
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
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (apart > CTL_CLOCK_CLOSE_S || apart < -CTL_CLOCK_CLOSE_S) {
            l->parts[i].open = false;
        }
    }

    return true;
}


static bool
ledger_is_behind(const struct ctl_leader *l)
{
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (l->parts[i].led && l->parts[i].ahead) {
            return true;
        }
    }

    return false;
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
    bool closed = false, ok = true;
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
    if (!ledger_clocks(l, t, e)
        || (ledger_is_behind(l) && !ctl_restored_take(l, e)))
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
    bool expire = is_due(&t->expire, EXPIRE_EVERY_MS);
    bool trim = is_due(&t->trim, TRIM_EVERY_MS);
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
    if (is_due(&t->lead, LEAD_EVERY_MS)) {
        ok = ledger_lead(l, t, e);
    } else if (t->waiting > 0) {
        ok = ledger_seed(l, t, e);
    }
    ctl_arena_reset(l->arena);
    wait_ms = t->waiting > 0 ? ADOPT_POLL_MS : DRAIN_WAIT_MS;
    if (ledger_open(l) == 0) {
        pause_ms(wait_ms);
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
    struct meter *m = data;
    struct ctl_leader *l = calloc(1, sizeof(*l));
    asg_json_t *json = calloc(1, sizeof(*json));
    struct ledger_times times = {0};
    struct worker w = {0};
    struct ctl_error e;
    bool ok;

    if (l == NULL || json == NULL || !ctl_lead_init(l)
        || !worker_open(&w, m, "meter ledger", l->name))
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
        worker_note(&w, ok, &e);
    }
    ctl_lead_release(l);

out:
    worker_close(&w);
    free(json);
    free(l);

    return NULL;
}


/* --- the outbox --- */

static bool
outbox_turn(struct worker *w, int64_t *tend, int64_t *zones,
    struct ctl_error *e)
{
    unsigned sent, kept;

    do {
        ctl_arena_reset(&w->arena);
        if (!ctl_outbox_send_some(w->pg, w->redis, &w->arena, &sent, &kept,
                                  e))
        {
            return false;
        }
    } while (sent > 0);
    if (kept > 0) {
        pause_ms(RETRY_MS);
        return true;
    }
    if (is_due(tend, TEND_EVERY_MS) && !ctl_outbox_tend(w->pg, &w->arena, e)) {
        *tend = 0;
        return false;
    }
    if (is_due(zones, ZONES_EVERY_MS) && !ctl_zone_tend(w->pg, &w->arena, e)) {
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
    struct meter *m = data;
    int64_t heart = 0, tend = 0, zones = 0;
    struct ctl_error e;
    struct worker w;
    bool ok, listening = false;

    if (!worker_open(&w, m, "meter outbox", "asgard meter outbox")) {
        ctl_log(CTL_LOG_ERROR, "meter: the outbox thread cannot start");
        goto out;
    }
    while (!atomic_load(&m->stop)) {
        ctl_error_clear(&e);
        ctl_arena_reset(&w.arena);
        ok = !is_due(&heart, HEART_EVERY_MS)
             || ctl_outbox_heartbeat(w.redis, &w.arena, &e);
        if (ok && !listening) {
            ok = listening = ctl_pg_listen(w.pg, "asgard_outbox", &e);
        }
        ok = ok && outbox_turn(&w, &tend, &zones, &e);
        worker_note(&w, ok, &e);
    }

out:
    worker_close(&w);

    return NULL;
}


/* --- the sealer --- */

/* Where the chain ends is said in the log too: who can change every row of the
 * database seldom has the logs as well. */
static bool
sealer_checkpoint(struct worker *w, char *said, size_t size,
    struct ctl_error *e)
{
    const char *head;

    ctl_arena_reset(&w->arena);
    head = ctl_audit_checkpoint(w->pg, &w->arena, e);
    if (head != NULL && strcmp(head, said) != 0) {
        snprintf(said, size, "%s", head);
        ctl_log(CTL_LOG_INFO, "audit chain ends at %s", head);
    }

    return head != NULL;
}


static bool
sealer_turn(struct worker *w, int64_t *beat, bool *whole, struct ctl_error *e)
{
    const char *info;
    unsigned n;

    if (!ctl_audit_seal(w->pg, &w->arena, *whole, &n, e)) {
        return false;
    }
    *whole = *whole && n > 0;           /* a batch at a time */
    if (!is_due(beat, BEAT_EVERY_MS)) {
        return true;
    }
    info = ctl_arena_printf(&w->arena, "{\"open\":%d,\"drift\":%d}",
                            atomic_load(&w->meter->open),
                            atomic_load(&w->meter->drift));

    return ctl_readiness_beat(w->pg, &w->arena, "meter", info, e);
}


static void *
sealer_run(void *data)
{
    struct meter *m = data;
    int64_t beat = 0, head = 0;
    bool ok, whole = true;
    char said[HEAD_BYTES] = "";
    struct ctl_error e;
    struct worker w;

    if (!worker_open(&w, m, "meter sealer", "asgard meter sealer")) {
        ctl_log(CTL_LOG_ERROR, "meter: the sealer cannot start");
        goto out;
    }
    while (!atomic_load(&m->stop)) {
        ctl_error_clear(&e);
        ctl_arena_reset(&w.arena);
        ok = sealer_turn(&w, &beat, &whole, &e)
             && (!is_due(&head, HEAD_EVERY_MS)
                 || sealer_checkpoint(&w, said, sizeof(said), &e));
        worker_note(&w, ok, &e);
        pause_ms(SEAL_EVERY_MS);
    }
    if (!sealer_checkpoint(&w, said, sizeof(said), &e)) {
        ctl_log_error(&e, "reading the end of the audit chain");
    }

out:
    worker_close(&w);

    return NULL;
}


/* --- the auditor --- */

/* Counters that differ from the ledger are not believed any longer: the
 * partition is seeded again.  Who asks twice for it asks once. */
static bool
auditor_turn(struct worker *w, unsigned part, struct ctl_error *e)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    unsigned broken = 0;
    bool ok;

    if (out == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ok = ctl_audit_partition(w->pg, w->redis, &w->arena, part, false, out,
                             &broken, e);
    fclose(out);
    if (ok && broken > 0) {
        atomic_fetch_add(&w->meter->drift, (int) broken);
        ctl_log(CTL_LOG_ERROR, "partition %u differs from the ledger and is "
                "seeded again: %.*s", part, (int) strcspn(text, "\n"), text);
        ok = ctl_lead_force_reseed(w->pg, &w->arena, (int) part, 0, e);
    }
    free(text);

    return ok;
}


static void *
auditor_run(void *data)
{
    struct meter *m = data;
    int64_t next = ctl_clock_ms() + AUDIT_EVERY_MS, tend = 0;
    unsigned part = 0;
    struct ctl_error e;
    struct worker w;

    if (!worker_open(&w, m, "meter auditor", "asgard meter auditor")) {
        ctl_log(CTL_LOG_ERROR, "meter: the auditor cannot start");
        goto out;
    }
    while (!atomic_load(&m->stop)) {
        pause_ms(AUDIT_POLL_MS);
        ctl_error_clear(&e);
        ctl_arena_reset(&w.arena);
        if (atomic_load(&m->open) > 0 && is_due(&tend, TEND_EVERY_MS)
            && !ctl_ledger_month_tend(w.pg, w.redis, &w.arena, &e))
        {
            tend = 0;
            worker_note(&w, false, &e);
        }
        if (atomic_load(&m->open) < ASG_PARTITIONS
            || !is_due(&next, AUDIT_EVERY_MS))
        {
            continue;
        }
        worker_note(&w, auditor_turn(&w, part, &e), &e);
        part = (part + 1) % ASG_PARTITIONS;
    }

out:
    worker_close(&w);

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
        ledger_run, outbox_run, sealer_run, auditor_run
    };
    struct meter m = {.config = c};
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
