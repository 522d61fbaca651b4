/*
 * The thread that looks at the parts.
 */
#include "http/health.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define LOOK_MS     500                 /* between two looks */
#define DEADLINE_MS 400                 /* of one question */
#define STALE_MS    10000
#define ARENA_BYTES (1024u * 1024)

struct ctl_health {
    pthread_t id;
    pthread_mutex_t lock;               /* over what follows it */
    struct ctl_readiness last;          /* texts of `kept` */
    int64_t at_ms;                      /* of `last`; 0: none yet */
    struct ctl_arena kept;
    struct ctl_pg *pg;                  /* of the thread, like all below */
    struct ctl_redis *redis;
    int stop;
    bool started;
};


static void
look(struct ctl_health *h)
{
    struct ctl_readiness now;
    struct ctl_arena fresh, old;

    ctl_arena_init(&fresh, ARENA_BYTES);
    ctl_readiness_check(h->pg, h->redis, &fresh, &now);
    pthread_mutex_lock(&h->lock);
    old = h->kept;
    h->kept = fresh;
    h->last = now;
    h->at_ms = ctl_clock_ms();
    pthread_mutex_unlock(&h->lock);
    ctl_arena_reset(&old);
}


static void *
run(void *data)
{
    struct ctl_health *h = data;
    struct pollfd stop = {.fd = h->stop, .events = POLLIN};

    do {
        look(h);
    } while (poll(&stop, 1, LOOK_MS) <= 0);

    return NULL;
}


struct ctl_health *
ctl_health_start(const struct ctl_config *config)
{
    struct ctl_health *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        return NULL;
    }
    pthread_mutex_init(&h->lock, NULL);
    ctl_arena_init(&h->kept, ARENA_BYTES);
    h->stop = eventfd(0, EFD_CLOEXEC);
    h->pg = ctl_pg_open(config->postgres, "asgard-ctl health");
    h->redis = ctl_redis_open(config->redis, DEADLINE_MS);
    if (h->pg != NULL && h->redis != NULL && h->stop >= 0) {
        ctl_pg_deadline(h->pg, DEADLINE_MS);
        h->started = pthread_create(&h->id, NULL, run, h) == 0;
    }
    if (!h->started) {
        ctl_health_stop(h);
        return NULL;
    }

    return h;
}


void
ctl_health_stop(struct ctl_health *h)
{
    if (h == NULL) {
        return;
    }
    if (h->started) {
        eventfd_write(h->stop, 1);
        pthread_join(h->id, NULL);
    }
    if (h->stop >= 0) {
        close(h->stop);
    }
    ctl_pg_close(h->pg);
    ctl_redis_close(h->redis);
    ctl_arena_reset(&h->kept);
    pthread_mutex_destroy(&h->lock);
    free(h);
}


static const char *
copy(struct ctl_arena *arena, const char *text)
{
    const char *own = ctl_arena_text(arena, text, strlen(text));

    return own != NULL ? own : "out of memory";
}


void
ctl_health_read(struct ctl_health *h, struct ctl_arena *arena,
    struct ctl_readiness *out)
{
    *out = (struct ctl_readiness) {"ok", "ok", "ok", "ok", false};
    pthread_mutex_lock(&h->lock);
    if (h->at_ms == 0) {
        out->ctl = "just started";
    } else if (ctl_clock_ms() - h->at_ms > STALE_MS) {
        out->ctl = "the parts were not looked at for 10 s";
    } else {
        out->ready = h->last.ready;
        out->redis = copy(arena, h->last.redis);
        out->postgres = copy(arena, h->last.postgres);
        out->ctl = copy(arena, h->last.ctl);
        out->catalog = copy(arena, h->last.catalog);
    }
    pthread_mutex_unlock(&h->lock);
}
