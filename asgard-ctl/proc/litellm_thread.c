/*
 * Looking after a LiteLLM proxy.
 */
#include "proc/litellm_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ops/litellm_sweep.h"
#include "store/leader.h"

#define OWNER_BYTES  16
#define OWNER_TEXT   64
#define TURN_MS      1000
#define LEASE_MS     30000              /* longer than a call may take */
#define ARENA_BYTES  (8u * 1024 * 1024)

struct ctl_litellm_thread {
    const struct ctl_connect *with;
    struct ctl_pg *pg;
    struct ctl_arena arena;
    char owner[OWNER_TEXT];
    atomic_bool ending;
    pthread_t thread;
    bool running, away;
    int64_t fence;
    int64_t next_ms;                    /* of the next sweep */
};


static bool
owner_make(char owner[OWNER_TEXT])
{
    unsigned char bytes[OWNER_BYTES];
    asg_buf_t b;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes)) {
        return false;
    }
    asg_buf_init(&b, owner, OWNER_TEXT - 1);
    asg_buf_z(&b, "litellm-");
    asg_buf_hex(&b, bytes, sizeof(bytes));

    return asg_buf_ok(&b);
}


static bool
look_after(struct ctl_litellm_thread *t, struct ctl_error *e)
{
    struct ctl_litellm_sweep sweep = {
        .pg = t->pg, .arena = &t->arena, .with = t->with,
        .stop = &t->ending, .fence = t->fence
    };
    struct ctl_litellm_health health;

    ctl_litellm_probe(t->with, &t->ending, &t->arena, &health);
    if (atomic_load(&t->ending)) {
        return true;
    }
    if (!ctl_litellm_status_save(t->pg, &t->arena, &health, e)
        || (health.reason == NULL && !ctl_litellm_sweep(&sweep, e)))
    {
        return false;
    }
    if (sweep.blocked + sweep.deleted + sweep.begun > 0) {
        ctl_log(CTL_LOG_WARN, "LiteLLM keys: %u without a resource blocked, "
                "%u deleted, %u set right", sweep.blocked,
                sweep.deleted, sweep.begun);
    }

    if (sweep.lost > 0) {
        ctl_log(CTL_LOG_ERROR, "LiteLLM keys: %u of resources were deleted "
                "there; retry makes them again", sweep.lost);
    }

    return true;
}


static bool
turn(struct ctl_litellm_thread *t, struct ctl_error *e)
{
    int64_t every_ms;
    bool wanted;

    ctl_arena_reset(&t->arena);
    if (!ctl_litellm_sweep_wanted(t->pg, &t->arena, &wanted, &every_ms, e)
        || !wanted || ctl_clock_ms() < t->next_ms)
    {
        return e->status == 0;
    }
    if (!ctl_leader_take(t->pg, &t->arena, CTL_LITELLM_LEADER, t->owner,
                         LEASE_MS, &t->fence, e)
        || t->fence == 0)
    {
        return e->status == 0;
    }
    t->next_ms = ctl_clock_ms() + every_ms;

    return look_after(t, e);
}


static void *
run(void *data)
{
    struct ctl_litellm_thread *t = data;
    struct ctl_error e;
    bool ok;
    int ms;

    while (!atomic_load(&t->ending)) {
        ctl_error_clear(&e);
        ok = turn(t, &e);
        if (!ok && !t->away) {
            ctl_log_error(&e, "looking after LiteLLM");
        }
        t->away = !ok;
        for (ms = 0; ms < TURN_MS && !atomic_load(&t->ending); ms += 100) {
            usleep(100000);
        }
    }
    if (!t->away && !ctl_leader_release(t->pg, &t->arena, CTL_LITELLM_LEADER,
                                        t->owner, &e))
    {
        ctl_log_error(&e, "leaving LiteLLM to others");
    }

    return NULL;
}


struct ctl_litellm_thread *
ctl_litellm_thread_open(const struct ctl_connect *with)
{
    struct ctl_litellm_thread *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return NULL;
    }
    t->with = with;
    ctl_arena_init(&t->arena, ARENA_BYTES);
    t->pg = ctl_pg_open(with->config->postgres, "asgard litellm");
    t->running = owner_make(t->owner) && t->pg != NULL
                 && pthread_create(&t->thread, NULL, run, t) == 0;
    if (!t->running) {
        ctl_litellm_thread_close(t);
        return NULL;
    }

    return t;
}


void
ctl_litellm_thread_close(struct ctl_litellm_thread *t)
{
    if (t == NULL) {
        return;
    }
    atomic_store(&t->ending, true);
    if (t->running) {
        pthread_join(t->thread, NULL);
    }
    ctl_pg_close(t->pg);
    ctl_arena_reset(&t->arena);
    free(t);
}
