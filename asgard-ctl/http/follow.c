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
#include "ops/principal.h"

#define ID_BYTES    40                  /* a uuid */
#define WAIT_MS     500                 /* for PostgreSQL to tell */
#define LOOK_MS     5000                /* what was not told is found */
#define RIGHT_MS    3000                /* who follows is looked at again */
#define ALIVE_MS    15000               /* a comment, so that nobody gives up */
#define POSTGRES_MS 2000                /* one question */
#define OPEN_MS     (10 * 60 * 1000)
#define ARENA_BYTES (8u * 1024 * 1024)

struct stream {
    int fd;
    char person[ID_BYTES];              /* whose connections count together */
    char token[ID_BYTES], session[ID_BYTES];    /* one; ids, no secrets */
    char id[ID_BYTES];
    int64_t after;                      /* last event that was sent */
    int64_t until_ms, spoke_ms, seen_ms;
};

struct ctl_follow {
    pthread_t thread;
    bool started;
    atomic_bool stop;
    pthread_mutex_t lock;               /* of the streams */
    struct stream streams[CTL_FOLLOW_MAX];
    unsigned n;
    const struct ctl_config *config;
    struct ctl_pg *pg;
    struct ctl_arena arena;
    bool listening;
};


/* Who answers for it, agents included; of an operator their token. */
static const char *
person_of(const struct ctl_principal *who)
{
    return who->user_id != NULL ? who->user_id : who->token_id;
}


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
ctl_follow_has_room(struct ctl_follow *f, const struct ctl_principal *who)
{
    bool room;

    pthread_mutex_lock(&f->lock);
    room = fits(f, person_of(who));
    pthread_mutex_unlock(&f->lock);

    return room;
}


static void
copy_id(char id[ID_BYTES], const char *text)
{
    snprintf(id, ID_BYTES, "%s", text != NULL ? text : "");
}


void
ctl_follow_add(struct ctl_follow *f, int fd, const struct ctl_principal *who,
    const char *request_id, int64_t after)
{
    struct stream *s;

    pthread_mutex_lock(&f->lock);
    if (!fits(f, person_of(who))) {
        close(fd);
    } else {
        s = &f->streams[f->n++];
        s->fd = fd;
        copy_id(s->person, person_of(who));
        copy_id(s->token, who->token_id);
        copy_id(s->session, who->session_id);
        copy_id(s->id, request_id);
        s->after = after;
        s->spoke_ms = s->seen_ms = ctl_clock_ms();
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


/* As it was when they came: the credential, its scope, the request.  *away: it
 * could not be looked at, and nothing is told until it can. */
static bool
may_follow(struct ctl_follow *f, struct stream *s, bool *away)
{
    const char *session = s->session[0] != '\0' ? s->session : NULL;
    struct ctl_principal who;
    struct ctl_ask ask;
    struct ctl_error e;
    unsigned relation;

    ctl_error_clear(&e);
    if (!ctl_principal_now(f->pg, &f->arena, f->config, s->token, session,
                           &who, &e))
    {
        *away = true;
        return true;
    }
    if (ctl_access_enter(CTL_RULE_READ, &who) != CTL_VERDICT_ALLOW) {
        return false;
    }
    if (!ctl_ask_see(f->pg, &f->arena, &who, s->id, &ask, &relation, &e)) {
        *away = e.status != 404;
        return *away;
    }
    s->seen_ms = ctl_clock_ms();

    return true;
}


/* False: it is over. */
static bool
tell_news(struct ctl_follow *f, struct stream *s, bool *away)
{
    struct ctl_ask_events events;
    struct ctl_error e;

    if (!ctl_ask_events_read(f->pg, &f->arena, s->id, s->after, &events, &e)) {
        *away = true;
        return true;
    }
    if (events.text[0] == '\0') {
        return true;
    }
    if (!may_follow(f, s, away)) {
        return false;
    }
    if (*away) {
        return true;
    }
    s->after = events.last;

    return tell(s, events.text) && !events.ended;
}


/* False: it is over.  While PostgreSQL is away nothing happens to a request
 * either, and one question that it does not answer is enough. */
static bool
serve(struct ctl_follow *f, struct stream *s, bool look, bool *away)
{
    int64_t now = ctl_clock_ms();

    if (now >= s->until_ms || is_gone(s)
        || (look && !*away && !tell_news(f, s, away))
        || (now - s->seen_ms >= RIGHT_MS && !*away && !may_follow(f, s, away)))
    {
        return false;
    }

    return now - s->spoke_ms < ALIVE_MS || tell(s, ": still here\n\n");
}


static void
serve_all(struct ctl_follow *f, bool look)
{
    bool away = false, more;
    unsigned i = 0;

    pthread_mutex_lock(&f->lock);
    while (i < f->n) {
        more = serve(f, &f->streams[i], look, &away);
        ctl_arena_reset(&f->arena);
        if (more) {
            i++;
            continue;
        }
        close(f->streams[i].fd);
        f->streams[i] = f->streams[--f->n];
    }
    pthread_mutex_unlock(&f->lock);
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
    f->config = config;
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
