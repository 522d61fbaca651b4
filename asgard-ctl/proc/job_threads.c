/*
 * Threads of the keeper for jobs.
 */
#include "proc/job_threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ops/job_run.h"
#include "ops/job_tend.h"
#include "store/leader.h"

#define IDLE_MS       1000              /* at most, for what is due again */
#define BACK_OFF_MS   500               /* PostgreSQL is away */
#define TEND_MS       2000
#define RECONCILE_MS  60000
#define TEND_ARENA    (8u * 1024 * 1024)
#define PG_MS         5000              /* of a beat */

struct worker {
    struct ctl_job_threads *of;
    struct ctl_job_worker work;
    pthread_t thread;
    bool running, away;
};

struct helper {                         /* the beats, or the tending */
    struct ctl_job_threads *of;
    struct ctl_pg *pg;
    struct ctl_arena arena;
    pthread_t thread;
    bool running, away;
};

struct ctl_job_threads {
    const struct ctl_connect *with;
    char owner[CTL_JOB_OWNER_MAX];
    atomic_bool ending;
    struct worker workers[CTL_JOB_WORKERS];
    struct helper beats, tending;
    int64_t leader_fence;
};


static void
note(bool *away, bool ok, const struct ctl_error *e, const char *what)
{
    if (!ok && !*away) {
        ctl_log_error(e, what);
    } else if (ok && *away) {
        ctl_log(CTL_LOG_INFO, "%s goes on", what);
    }
    *away = !ok;
}


static void
rest(const struct ctl_job_threads *t, int ms)
{
    for (; ms > 0 && !atomic_load(&t->ending); ms -= 100) {
        usleep(100000);
    }
}


/* --- workers --- */

static void *
worker_run(void *data)
{
    struct worker *w = data;
    bool ok, got, listening = false;
    struct ctl_error e;

    while (!atomic_load(&w->of->ending)) {
        ctl_error_clear(&e);
        got = false;
        ok = listening
             || (listening = ctl_pg_listen(w->work.pg, CTL_JOB_CHANNEL, &e));
        ok = ok && ctl_job_work(&w->work, &got, &e);
        note(&w->away, ok, &e, "working on jobs");
        if (!ok) {
            rest(w->of, BACK_OFF_MS);
        } else if (!got) {
            (void) ctl_pg_wait(w->work.pg, IDLE_MS);
        }
    }

    return NULL;
}


/* --- leases --- */

static bool
is_among(int64_t fence, const int64_t *fences, unsigned n)
{
    while (n > 0 && fences[n - 1] != fence) {
        n--;
    }

    return n > 0;
}


/* Whose lease is not among those that there are has lost it; `before` says what
 * each had when they were asked for, for a claim may come between. */
static void
losers_stop(struct ctl_job_threads *t, const int64_t *before,
    const int64_t *fences, unsigned n)
{
    unsigned i;

    for (i = 0; i < CTL_JOB_WORKERS; i++) {
        struct ctl_job_worker *w = &t->workers[i].work;

        if (before[i] != 0 && atomic_load(&w->fence) == before[i]
            && !is_among(before[i], fences, n))
        {
            atomic_store(&w->stop, true);
        }
    }
}


static void *
beats_run(void *data)
{
    struct helper *h = data;
    int64_t before[CTL_JOB_WORKERS], fences[CTL_JOB_WORKERS];
    int64_t beaten_ms = ctl_clock_ms(), asked_ms;
    struct ctl_error e;
    unsigned i, n;
    bool ok;

    while (!atomic_load(&h->of->ending)) {
        ctl_error_clear(&e);
        ctl_arena_reset(&h->arena);
        for (i = 0; i < CTL_JOB_WORKERS; i++) {
            before[i] = atomic_load(&h->of->workers[i].work.fence);
        }
        asked_ms = ctl_clock_ms();
        ok = ctl_job_beat(h->pg, &h->arena, h->of->owner, before, fences,
                          CTL_JOB_WORKERS, &n, &e);
        if (ok) {
            beaten_ms = asked_ms;
        }
        if (ok || ctl_clock_ms() - beaten_ms > CTL_JOB_LEASE_MS) {
            losers_stop(h->of, before, fences, ok ? n : 0);
        }
        note(&h->away, ok, &e, "keeping the leases of jobs");
        rest(h->of, ok ? CTL_JOB_BEAT_MS : BACK_OFF_MS);
    }

    return NULL;
}


/* --- tending --- */

static bool
tend(struct helper *h, int64_t *reconcile_ms, struct ctl_error *e)
{
    int64_t *fence = &h->of->leader_fence;
    unsigned reaped = 0, started = 0, rotated = 0;

    if (!ctl_leader_take(h->pg, &h->arena, CTL_JOB_LEADER, h->of->owner,
                         CTL_JOB_LEADER_LEASE_MS, fence, e)
        || *fence == 0)
    {
        return e->status == 0;
    }
    if (!ctl_job_reap(h->pg, &h->arena, *fence, &reaped, e)) {
        return false;
    }
    if (ctl_clock_ms() >= *reconcile_ms) {
        if (!ctl_job_reconcile(h->pg, &h->arena, *fence, &started, e)
            || !ctl_job_rotate_old(h->pg, &h->arena, *fence, &rotated, e)
            || !ctl_job_prune(h->pg, &h->arena, *fence, e))
        {
            return false;
        }
        *reconcile_ms = ctl_clock_ms() + RECONCILE_MS;
    }
    if (reaped + started > 0) {
        ctl_log(CTL_LOG_WARN, "jobs: %u given back by who went away, %u begun "
                "that nobody did", reaped, started);
    }
    if (rotated > 0) {
        ctl_log(CTL_LOG_INFO, "jobs: %u rotations of old secrets begun",
                rotated);
    }

    return true;
}


static void *
tending_run(void *data)
{
    struct helper *h = data;
    int64_t reconcile_ms = 0;
    struct ctl_error e;
    bool ok;

    while (!atomic_load(&h->of->ending)) {
        ctl_error_clear(&e);
        ctl_arena_reset(&h->arena);
        ok = tend(h, &reconcile_ms, &e);
        note(&h->away, ok, &e, "tending jobs");
        rest(h->of, TEND_MS);
    }
    ctl_arena_reset(&h->arena);
    if (!h->away && !ctl_leader_release(h->pg, &h->arena, CTL_JOB_LEADER,
                                        h->of->owner, &e))
    {
        ctl_log_error(&e, "leaving the tending of jobs to others");
    }

    return NULL;
}


/* --- all --- */

static bool
worker_open(struct worker *w, struct ctl_job_threads *t,
    const asg_keks_t *keks)
{
    w->of = t;
    w->work.with = *t->with;
    w->work.keks = keks;
    w->work.owner = t->owner;
    w->work.ending = &t->ending;
    ctl_job_worker_init(&w->work);
    w->work.pg = ctl_pg_open(t->with->config->postgres, "asgard jobs");
    w->running = w->work.pg != NULL
                 && pthread_create(&w->thread, NULL, worker_run, w) == 0;

    return w->running;
}


static bool
helper_open(struct helper *h, struct ctl_job_threads *t,
    void *(*run)(void *data), const char *name)
{
    h->of = t;
    ctl_arena_init(&h->arena, TEND_ARENA);
    h->pg = ctl_pg_open(t->with->config->postgres, name);
    if (h->pg != NULL) {
        ctl_pg_deadline(h->pg, PG_MS);
        h->running = pthread_create(&h->thread, NULL, run, h) == 0;
    }

    return h->running;
}


static void
helper_close(struct helper *h)
{
    if (h->running) {
        pthread_join(h->thread, NULL);
    }
    ctl_pg_close(h->pg);
    ctl_arena_reset(&h->arena);
}


/* Another name with each start: a process that died keeps no lease alive. */
static bool
owner_make(char owner[CTL_JOB_OWNER_MAX])
{
    unsigned char bytes[16];
    asg_buf_t b;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes)) {
        return false;
    }
    asg_buf_init(&b, owner, CTL_JOB_OWNER_MAX - 1);
    asg_buf_z(&b, "keeper-");
    asg_buf_hex(&b, bytes, sizeof(bytes));

    return asg_buf_ok(&b);
}


struct ctl_job_threads *
ctl_job_threads_open(const struct ctl_connect *with, const asg_keks_t *keks)
{
    struct ctl_job_threads *t = calloc(1, sizeof(*t));
    bool ok;
    unsigned i;

    if (t == NULL) {
        return NULL;
    }
    t->with = with;
    ok = owner_make(t->owner)
         && helper_open(&t->beats, t, beats_run, "asgard job leases")
         && helper_open(&t->tending, t, tending_run, "asgard job tending");
    for (i = 0; ok && i < CTL_JOB_WORKERS; i++) {
        ok = worker_open(&t->workers[i], t, keks);
    }
    if (!ok) {
        ctl_job_threads_close(t);
        return NULL;
    }

    return t;
}


void
ctl_job_threads_close(struct ctl_job_threads *t)
{
    unsigned i;

    if (t == NULL) {
        return;
    }
    atomic_store(&t->ending, true);
    for (i = 0; i < CTL_JOB_WORKERS; i++) {
        atomic_store(&t->workers[i].work.stop, true);
    }
    for (i = 0; i < CTL_JOB_WORKERS; i++) {
        struct worker *w = &t->workers[i];

        if (w->running) {
            pthread_join(w->thread, NULL);
        }
        ctl_pg_close(w->work.pg);
        ctl_arena_reset(&w->work.of_job);
        ctl_arena_reset(&w->work.of_step);
    }
    helper_close(&t->beats);
    helper_close(&t->tending);
    free(t);
}
