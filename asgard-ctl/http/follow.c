/*
 * One thread that tells followers what happened.
 */
#include "http/follow.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ops/ask_events.h"

#define ID_BYTES    40                  /* a uuid */
#define WAIT_MS     500                 /* for PostgreSQL to tell */
#define LOOK_MS     5000                /* what was not told is found */
#define ALIVE_MS    15000               /* a comment, so that nobody gives up */
#define POSTGRES_MS 2000                /* one question */
#define OPEN_MS     (10 * 60 * 1000)
#define ARENA_BYTES (8u * 1024 * 1024)

struct stream {
    int fd;
    char person[ID_BYTES];
    char id[ID_BYTES];
    int64_t after;                      /* last event that was sent */
    int64_t until_ms, spoke_ms;
};

struct ctl_follow {
    pthread_t thread;
    bool started;
    atomic_bool stop;
    pthread_mutex_t lock;               /* of the streams */
    struct stream streams[CTL_FOLLOW_MAX];
    unsigned n;
    struct ctl_pg *pg;
    struct ctl_arena arena;
    bool listening;
};


/* Under the lock. */
static bool
fits(const struct ctl_follow *f, const char *person)
{
    unsigned i, own = 0;

    for (i = 0; i < f->n; i++) {
        own += strcmp(f->streams[i].person, person) == 0;
    }

    return f->n < CTL_FOLLOW_MAX && own < CTL_FOLLOW_MAX_EACH;
}


bool
ctl_follow_has_room(struct ctl_follow *f, const char *person)
{
    bool room;

    pthread_mutex_lock(&f->lock);
    room = fits(f, person);
    pthread_mutex_unlock(&f->lock);

    return room;
}


void
ctl_follow_add(struct ctl_follow *f, int fd, const char *person,
    const char *request_id, int64_t after)
{
    struct stream *s;

    pthread_mutex_lock(&f->lock);
    if (!fits(f, person)) {
        close(fd);
    } else {
        s = &f->streams[f->n++];
        s->fd = fd;
        snprintf(s->person, sizeof(s->person), "%s", person);
        snprintf(s->id, sizeof(s->id), "%s", request_id);
        s->after = after;
        s->spoke_ms = ctl_clock_ms();
        s->until_ms = s->spoke_ms + OPEN_MS;
    }
    pthread_mutex_unlock(&f->lock);
}


/* A client that does not read is not waited for. */
static bool
tell(struct stream *s, const char *text)
{
    size_t len = strlen(text);

    s->spoke_ms = ctl_clock_ms();

    return send(s->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT)
           == (ssize_t) len;
}


static bool
is_gone(const struct stream *s)
{
    char byte;
    ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}


/* False: it is over. */
static bool
serve(struct ctl_follow *f, struct stream *s, bool *look)
{
    struct ctl_ask_events events;
    struct ctl_error e;
    int64_t now = ctl_clock_ms();

    if (now >= s->until_ms || is_gone(s)) {
        return false;
    }
    /* while PostgreSQL is away nothing happens to a request either, and one
     * question that it does not answer is enough */
    if (*look) {
        *look = ctl_ask_events_read(f->pg, &f->arena, s->id, s->after, &events,
                                    &e);
    }
    if (*look) {
        s->after = events.last;
        if (events.text[0] != '\0' && !tell(s, events.text)) {
            return false;
        }
        if (events.ended) {
            return false;
        }
    }

    return now - s->spoke_ms < ALIVE_MS || tell(s, ": still here\n\n");
}


static void
serve_all(struct ctl_follow *f, bool look)
{
    unsigned i = 0;

    pthread_mutex_lock(&f->lock);
    while (i < f->n) {
        if (serve(f, &f->streams[i], &look)) {
            i++;
            continue;
        }
        close(f->streams[i].fd);
        f->streams[i] = f->streams[--f->n];
    }
    pthread_mutex_unlock(&f->lock);
    ctl_arena_reset(&f->arena);
}


static void *
follow(void *data)
{
    struct ctl_follow *f = data;
    int64_t looked_ms = 0;
    struct ctl_error e;
    bool told;

    while (!atomic_load(&f->stop)) {
        f->listening = f->listening
                       || ctl_pg_listen(f->pg, "asgard_requests", &e);
        told = ctl_pg_wait(f->pg, WAIT_MS)
               || ctl_clock_ms() - looked_ms >= LOOK_MS;
        if (told) {
            looked_ms = ctl_clock_ms();
        }
        serve_all(f, told);
    }

    return NULL;
}


struct ctl_follow *
ctl_follow_start(const struct ctl_config *config)
{
    struct ctl_follow *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return NULL;
    }
    atomic_init(&f->stop, false);
    pthread_mutex_init(&f->lock, NULL);
    ctl_arena_init(&f->arena, ARENA_BYTES);
    f->pg = ctl_pg_open(config->postgres, "asgard-ctl follow");
    if (f->pg != NULL) {
        ctl_pg_deadline(f->pg, POSTGRES_MS);
    }
    f->started = f->pg != NULL
                 && pthread_create(&f->thread, NULL, follow, f) == 0;
    if (!f->started) {
        ctl_follow_stop(f);
        return NULL;
    }

    return f;
}


void
ctl_follow_stop(struct ctl_follow *f)
{
    unsigned i;

    if (f == NULL) {
        return;
    }
    atomic_store(&f->stop, true);
    if (f->started) {
        pthread_join(f->thread, NULL);
    }
    for (i = 0; i < f->n; i++) {
        close(f->streams[i].fd);
    }
    ctl_pg_close(f->pg);
    ctl_arena_reset(&f->arena);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
