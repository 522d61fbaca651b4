/*
 * Threads over an SCGI socket.
 */
#include "http/server.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/trace.h"
#include "http/bad_tokens.h"
#include "http/follow.h"
#include "http/health.h"
#include "http/job.h"
#include "http/json_out.h"
#include "http/route.h"

#define BACKLOG           256
#define READ_TIMEOUT_MS   10000
#define ARENA_BYTES       (64u * 1024 * 1024)
#define REDIS_TIMEOUT_MS  1000
#define POSTGRES_MS       5000          /* one question */
#define READERS           2
#define WAITING_MAX       64            /* requests read, without a worker */
#define NO_ROOM_MS        50            /* a pause without descriptors */

struct thread {
    pthread_t id;
    struct ctl_server *server;
    struct ctl_worker worker;
    bool started;
};

struct ctl_server {
    const struct ctl_config *config;
    int listener;
    int stop;                           /* eventfd: readable = stop */
    struct ctl_jobs *jobs;              /* from readers to workers */
    struct ctl_health *health;
    struct ctl_follow *follow;
    atomic_uint waiting;                /* workers, for Redis */
    struct ctl_bad_tokens bad_tokens;
    struct thread *threads;             /* READERS, then the workers */
    unsigned nthreads;
};


static bool
wait_readable(int fd, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = until_ms - ctl_clock_ms();

    return left > 0 && poll(&p, 1, (int) left) > 0;
}


/* Reads until the parser has a whole request. */
static void
read_request(struct ctl_job *job)
{
    int64_t until = ctl_clock_ms() + READ_TIMEOUT_MS;
    enum ctl_scgi_status status = CTL_SCGI_MORE;
    ssize_t n;

    while (status == CTL_SCGI_MORE && job->len < CTL_JOB_INPUT
           && wait_readable(job->fd, until))
    {
        n = recv(job->fd, job->input + job->len, CTL_JOB_INPUT - job->len, 0);
        if (n <= 0) {
            break;
        }
        job->len += (size_t) n;
        status = ctl_scgi_parse((asg_str_t) {job->input, job->len},
                                &job->scgi);
    }
    job->status = status == CTL_SCGI_MORE ? CTL_SCGI_BAD : status;
}


static void
write_all(int fd, const char *data, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) {
                continue;
            }
            return;                     /* the client is gone */
        }
        data += n;
        len -= (size_t) n;
    }
}


/* Each line of `head` that follows from the answer. */
static void
write_head(asg_buf_t *b, const struct ctl_answer *an, const char *trace_id)
{
    asg_buf_z(b, "Status: ");
    asg_buf_i64(b, an->status);
    asg_buf_z(b, "\r\nContent-Type: ");
    asg_buf_z(b, an->content_type != NULL ? an->content_type
                                          : "application/json");
    if (an->follow == NULL) {
        asg_buf_z(b, "\r\nContent-Length: ");
        asg_buf_i64(b, (int64_t) an->body.len);
    } else {
        asg_buf_z(b, "\r\nX-Accel-Buffering: no");
    }
    asg_buf_z(b, "\r\nCache-Control: no-store\r\nX-Asgard-Trace-Id: ");
    asg_buf_z(b, trace_id);
    if (an->status == 401) {
        asg_buf_z(b, "\r\nWWW-Authenticate: Bearer");
    }
    if (an->set_cookie != NULL) {
        asg_buf_z(b, "\r\nSet-Cookie: ");
        asg_buf_z(b, an->set_cookie);
    }
    if (an->policy != NULL) {
        asg_buf_z(b, "\r\nContent-Security-Policy: ");
        asg_buf_z(b, an->policy);
        asg_buf_z(b, "\r\nReferrer-Policy: no-referrer"
                     "\r\nX-Content-Type-Options: nosniff"
                     "\r\nX-Robots-Tag: noindex");
    }
    if (an->allow != NULL) {
        asg_buf_z(b, "\r\nAllow: ");
        asg_buf_z(b, an->allow);
    }
    if (an->retry_after_s > 0) {
        asg_buf_z(b, "\r\nRetry-After: ");
        asg_buf_i64(b, an->retry_after_s);
    }
    asg_buf_z(b, "\r\n\r\n");
}


static void
write_answer(int fd, const struct ctl_answer *an, const char *trace_id)
{
    char head[1024];
    asg_buf_t b;

    asg_buf_init(&b, head, sizeof(head));
    write_head(&b, an, trace_id);
    write_all(fd, head, asg_buf_view(&b).len);
    write_all(fd, an->body.data, an->body.len);
    OPENSSL_cleanse(head, sizeof(head));        /* a session's token */
}


/* `status` DONE: the request is whole, but there are too many. */
static void
refuse_input(struct ctl_request *rq, enum ctl_scgi_status status,
    struct ctl_answer *an)
{
    struct ctl_error e;

    if (status == CTL_SCGI_DONE) {
        ctl_error_set(&e, 503, "overloaded",
                      "Too many requests wait already; try again shortly.");
    } else if (status == CTL_SCGI_TOO_LARGE) {
        ctl_error_set(&e, 413, "body_too_large",
                      "The request is larger than 1 MiB.");
    } else {
        ctl_error_set(&e, 400, "bad_request",
                      "The request could not be read.");
    }
    ctl_route_refuse(rq, &e, an);
}


static void
refuse_followers(struct ctl_request *rq, struct ctl_answer *an)
{
    struct ctl_error e;

    ctl_error_set(&e, 503, "overloaded", "Too many follow requests already, "
                  "%d at once, %d of one person; try again later.",
                  CTL_FOLLOW_MAX, CTL_FOLLOW_MAX_EACH);
    ctl_route_refuse(rq, &e, an);
}


static void
choose_trace(asg_str_t given, char trace[ASG_TRACE_MAX + 1])
{
    uint8_t random[16];

    if (asg_trace_is_valid(given)) {
        memcpy(trace, given.data, given.len);
        trace[given.len] = '\0';
        return;
    }
    if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        memset(random, 0, sizeof(random));
    }
    asg_trace_make(random, trace);
}


/* The connection belongs to those who are told what happens. */
static void
give_away(struct ctl_server *s, struct ctl_job *job,
    const struct ctl_request *rq, const struct ctl_answer *an)
{
    ctl_follow_add(s->follow, job->fd, &rq->who, an->follow,
                   an->follow_after);
    job->fd = -1;
}


/* Ends the job. */
static void
answer(struct thread *t, struct ctl_job *job, bool serve)
{
    char trace[ASG_TRACE_MAX + 1];
    struct ctl_answer an = {0};
    const struct ctl_scgi *scgi = &job->scgi;
    struct ctl_request rq = {.worker = &t->worker, .trace_id = trace};

    choose_trace(job->status == CTL_SCGI_DONE ? scgi->trace_id : ASG_STR_NULL,
                 trace);
    if (serve) {
        rq.method = scgi->method;
        rq.path = scgi->path;
        rq.query = scgi->query;
        rq.body = scgi->body;
        rq.content_type = scgi->content_type;
        rq.idempotency_key = scgi->idempotency_key;
        rq.authorization = scgi->authorization;
        rq.cookie = scgi->cookie;
        rq.origin = scgi->origin;
        rq.fetch_site = scgi->fetch_site;
        rq.last_event_id = scgi->last_event_id;
        rq.host = scgi->host;
        rq.scheme = scgi->scheme;
        rq.remote_addr = scgi->remote_addr;
        ctl_route_serve(&rq, &an);
    } else {
        refuse_input(&rq, job->status, &an);
    }
    if (an.follow != NULL
        && !ctl_follow_has_room(t->server->follow, &rq.who))
    {
        refuse_followers(&rq, &an);
    }
    write_answer(job->fd, &an, trace);
    if (an.follow != NULL) {
        give_away(t->server, job, &rq, &an);
    }
    ctl_job_done(job);
    ctl_arena_reset(&t->worker.arena);
}


/* A reader answers what needs no store, so that this never waits for one. */
static void
take_connection(struct thread *t, int fd)
{
    struct ctl_job *job = ctl_job_new(fd);

    if (job == NULL) {
        return;
    }
    read_request(job);
    if (job->status == CTL_SCGI_DONE
        && asg_str_eq_z(job->scgi.path, "/internal/ready"))
    {
        answer(t, job, true);
    } else if (job->status != CTL_SCGI_DONE
               || !ctl_jobs_push(t->server->jobs, job))
    {
        answer(t, job, false);
    }
}


static void *
work(void *data)
{
    struct thread *t = data;
    struct ctl_job *job;

    while ((job = ctl_jobs_pop(t->server->jobs)) != NULL) {
        answer(t, job, true);
    }

    return NULL;
}


static void *
read_all(void *data)
{
    struct thread *t = data;
    struct pollfd fds[2] = {
        {.fd = t->server->stop, .events = POLLIN},
        {.fd = t->server->listener, .events = POLLIN}
    };
    int fd;

    for ( ;; ) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if (fds[0].revents != 0) {
            break;
        }
        fd = accept4(t->server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            take_connection(t, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
            (void) poll(fds, 1, NO_ROOM_MS);
        }
    }

    return NULL;
}


static bool
set_owner(const struct ctl_config *c, struct ctl_error *e)
{
    struct group *group;

    if (chmod(c->listen, c->socket_mode) != 0) {
        return ctl_error_internal(e, "chmod %s: %s", c->listen,
                                  strerror(errno));
    }
    if (c->socket_group == NULL) {
        return true;
    }
    group = getgrnam(c->socket_group);
    if (group == NULL || chown(c->listen, (uid_t) -1, group->gr_gid) != 0) {
        return ctl_error_internal(e, "cannot give %s to the group %s",
                                  c->listen, c->socket_group);
    }

    return true;
}


static bool
open_listener(struct ctl_server *s, struct ctl_error *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = s->config->listen;
    mode_t before;
    int bound;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return ctl_error_field(e, "invalid_value", "listen",
                               "%s: the path is too long for a socket", path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                         0);
    unlink(path);
    before = umask(0177);
    bound = bind(s->listener, (struct sockaddr *) &address, sizeof(address));
    umask(before);
    if (s->listener < 0 || bound != 0 || listen(s->listener, BACKLOG) != 0) {
        return ctl_error_internal(e, "cannot listen at %s: %s", path,
                                  strerror(errno));
    }

    return set_owner(s->config, e);
}


static bool
start_thread(struct ctl_server *s, struct thread *t,
    const asg_keyfile_t *peppers)
{
    bool reader = t < s->threads + READERS;

    t->server = s;
    t->worker.config = s->config;
    t->worker.peppers = peppers;
    t->worker.pg = ctl_pg_open(s->config->postgres, "asgard-ctl api");
    t->worker.redis = ctl_redis_open(s->config->redis, REDIS_TIMEOUT_MS);
    t->worker.health = s->health;
    t->worker.waiting = &s->waiting;
    t->worker.bad_tokens = &s->bad_tokens;
    ctl_arena_init(&t->worker.arena, ARENA_BYTES);
    if (t->worker.pg == NULL || t->worker.redis == NULL) {
        return false;
    }
    ctl_pg_deadline(t->worker.pg, POSTGRES_MS);
    t->started = pthread_create(&t->id, NULL, reader ? read_all : work, t)
                 == 0;

    return t->started;
}


struct ctl_server *
ctl_server_start(const struct ctl_config *config,
    const asg_keyfile_t *peppers, struct ctl_error *e)
{
    struct ctl_server *s = calloc(1, sizeof(*s));
    unsigned i;

    if (s == NULL) {
        ctl_error_internal(e, "out of memory");
        return NULL;
    }
    ctl_out_init();
    s->config = config;
    s->listener = -1;
    s->nthreads = config->api_threads + READERS;
    s->stop = eventfd(0, EFD_CLOEXEC);
    s->threads = calloc(s->nthreads, sizeof(*s->threads));
    s->jobs = ctl_jobs_open(WAITING_MAX);
    s->health = ctl_health_start(config);
    s->follow = ctl_follow_start(config);
    if (s->stop < 0 || s->threads == NULL || s->jobs == NULL
        || s->health == NULL || s->follow == NULL)
    {
        s->nthreads = 0;
        ctl_error_internal(e, "out of memory or descriptors");
        goto failed;
    }
    if (!open_listener(s, e)) {
        goto failed;
    }
    for (i = 0; i < s->nthreads; i++) {
        if (!start_thread(s, &s->threads[i], peppers)) {
            ctl_error_internal(e, "cannot start a thread");
            goto failed;
        }
    }

    return s;

failed:
    ctl_server_stop(s);

    return NULL;
}


static void
stop_thread(struct thread *t)
{
    if (t->started) {
        pthread_join(t->id, NULL);
    }
    ctl_pg_close(t->worker.pg);
    ctl_redis_close(t->worker.redis);
    ctl_arena_reset(&t->worker.arena);
}


void
ctl_server_stop(struct ctl_server *server)
{
    const uint64_t one = 1;
    unsigned i;

    if (server == NULL) {
        return;
    }
    if (server->stop >= 0
        && write(server->stop, &one, sizeof(one)) != (ssize_t) sizeof(one))
    {
        ctl_log(CTL_LOG_ERROR, "cannot wake the threads: %s",
                strerror(errno));
    }
    if (server->jobs != NULL) {
        ctl_jobs_close(server->jobs);
    }
    for (i = 0; i < server->nthreads; i++) {
        stop_thread(&server->threads[i]);
    }
    ctl_jobs_free(server->jobs);
    ctl_health_stop(server->health);
    ctl_follow_stop(server->follow);
    if (server->listener >= 0) {
        close(server->listener);
    }
    if (server->stop >= 0) {
        close(server->stop);
    }
    free(server->threads);
    free(server);
}
