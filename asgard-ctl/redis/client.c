/*
 * hiredis behind a few calls: connect, greet, command, script.
 */
#include "redis/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <hiredis/sds.h>

#include "base/secret.h"
#include "redis/address.h"
#include "redis/connect.h"

#define ARGS_MAX       1056
#define RUN_ID_CHARS   40
#define REPLY_DEPTH    8
#define EVAL_HEAD      3                /* EVALSHA sha numkeys */

struct ctl_redis {
    redisContext *conn;
    struct ctl_redis_address address;
    int timeout_ms;
    char run_id[RUN_ID_CHARS + 1];
};


struct ctl_redis *
ctl_redis_open(const char *address, int timeout_ms)
{
    struct ctl_redis *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return NULL;
    }
    r->timeout_ms = timeout_ms;
    if (!ctl_redis_address_parse(&r->address, address)) {
        ctl_redis_close(r);
        return NULL;
    }

    return r;
}


static void
redis_drop(struct ctl_redis *r)
{
    if (r->conn != NULL) {
        redisFree(r->conn);
    }
    r->conn = NULL;
    r->run_id[0] = '\0';
}


void
ctl_redis_close(struct ctl_redis *r)
{
    if (r == NULL) {
        return;
    }
    redis_drop(r);
    ctl_redis_address_finish(&r->address);
    free(r);
}


static bool
redis_away(struct ctl_redis *r, struct ctl_error *e, const char *doing)
{
    ctl_error_away(e, "redis_unavailable", "Redis: %s: %s", doing,
                   r->conn != NULL && r->conn->err ? r->conn->errstr
                   : "no connection");
    redis_drop(r);

    return false;
}


/* Instead of hiredis' own way, which gets itself a new buffer for what comes
 * next and takes it for granted.  The socket has the deadline. */
static bool
redis_write(redisContext *conn)
{
    size_t sent = 0, len = sdslen(conn->obuf);
    ssize_t n;

    while (sent < len) {
        n = send(conn->fd, conn->obuf + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        sent += (size_t) n;
    }
    sdsclear(conn->obuf);

    return true;
}


/* One round trip; error replies too are replies here. */
static redisReply *
redis_ask(struct ctl_redis *r, size_t argc, const asg_str_t *argv)
{
    const char *args[ARGS_MAX];
    size_t lens[ARGS_MAX], i;
    void *reply = NULL;

    if (argc > ARGS_MAX) {
        return NULL;
    }
    for (i = 0; i < argc; i++) {
        args[i] = argv[i].data;
        lens[i] = argv[i].len;
    }

    if (redisAppendCommandArgv(r->conn, (int) argc, args, lens) != REDIS_OK
        || !redis_write(r->conn)
        || redisGetReply(r->conn, &reply) != REDIS_OK)
    {
        return NULL;
    }

    return reply;
}


static bool
redis_authenticate(struct ctl_redis *r, struct ctl_error *e)
{
    asg_str_t argv[3] = {ASG_STR("AUTH"), ASG_STR_NULL, ASG_STR_NULL};
    size_t argc = 1;
    redisReply *reply;
    bool ok;

    if (r->address.password.len == 0) {
        return true;
    }
    if (r->address.user[0] != '\0') {
        argv[argc++] = asg_str_z(r->address.user);
    }
    argv[argc++] = ctl_secret_view(&r->address.password);

    reply = redis_ask(r, argc, argv);
    ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return ok || redis_away(r, e, "the password was refused");
}


/* The run id is the server process's: a stale replica or a restarted server
 * has another, whatever its data says. */
static bool
redis_learn_run_id(struct ctl_redis *r, struct ctl_error *e)
{
    static const char mark[] = "run_id:";
    const asg_str_t argv[2] = {ASG_STR("INFO"), ASG_STR("server")};
    redisReply *reply = redis_ask(r, 2, argv);
    const char *at = NULL;

    if (reply != NULL && reply->type == REDIS_REPLY_STRING) {
        at = strstr(reply->str, mark);
    }
    if (at != NULL && strlen(at) >= sizeof(mark) - 1 + RUN_ID_CHARS) {
        memcpy(r->run_id, at + sizeof(mark) - 1, RUN_ID_CHARS);
        r->run_id[RUN_ID_CHARS] = '\0';
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return r->run_id[0] != '\0' || redis_away(r, e, "INFO gave no run id");
}


static bool
redis_check_role(struct ctl_redis *r, struct ctl_error *e)
{
    const asg_str_t argv[1] = {ASG_STR("ROLE")};
    redisReply *reply = redis_ask(r, 1, argv);
    bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY
              && reply->elements > 0
              && reply->element[0]->type == REDIS_REPLY_STRING
              && strcmp(reply->element[0]->str, "master") == 0;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return ok || redis_away(r, e, "the server is not a master");
}


/* Between commands the server says nothing: what can be read then is the end
 * of the connection, and better found before a command than by one. */
static bool
redis_was_closed(const struct ctl_redis *r)
{
    struct pollfd fd = {.fd = r->conn->fd, .events = POLLIN | POLLRDHUP};

    return poll(&fd, 1, 0) > 0;
}


/* A context on a socket that is connected; false, with what the system said. */
static bool
redis_connect(struct ctl_redis *r, struct ctl_error *e)
{
    struct timeval tv = {r->timeout_ms / 1000, (r->timeout_ms % 1000) * 1000};
    int fd = ctl_redis_connect(&r->address, r->timeout_ms);

    if (fd < 0) {
        return ctl_error_away(e, "redis_unavailable", "Redis: connect: %s",
                              strerror(errno));
    }
    r->conn = redisConnectFd(fd);
    if (r->conn == NULL) {
        close(fd);
        return redis_away(r, e, "connect");
    }
    redisSetTimeout(r->conn, tv);
    /* a large buffer is kept: hiredis aborts when it cannot have a new one */
    r->conn->reader->maxbuf = 0;

    return true;
}


bool
ctl_redis_ready(struct ctl_redis *r, struct ctl_error *e)
{
    if (r->conn != NULL && r->conn->err == 0 && !redis_was_closed(r)) {
        return true;
    }
    redis_drop(r);

    return redis_connect(r, e) && redis_authenticate(r, e)
           && redis_learn_run_id(r, e) && redis_check_role(r, e);
}


const char *
ctl_redis_run_id(struct ctl_redis *r)
{
    return r->run_id;
}


static bool reply_copy(const redisReply *from, struct ctl_arena *arena,
    struct ctl_reply *to, unsigned depth);


static bool
reply_copy_list(const redisReply *from, struct ctl_arena *arena,
    struct ctl_reply *to, unsigned depth)
{
    size_t i;

    to->kind = CTL_REPLY_LIST;
    to->nitems = from->elements;
    to->items = ctl_arena_alloc(arena, (from->elements + 1)
                                       * sizeof(struct ctl_reply));
    for (i = 0; to->items != NULL && i < from->elements; i++) {
        if (!reply_copy(from->element[i], arena, &to->items[i], depth + 1)) {
            return false;
        }
    }

    return to->items != NULL;
}


static bool
reply_copy(const redisReply *from, struct ctl_arena *arena,
    struct ctl_reply *to, unsigned depth)
{
    char *text;

    memset(to, 0, sizeof(*to));
    switch (from->type) {
    case REDIS_REPLY_NIL:
        to->kind = CTL_REPLY_NIL;
        return true;
    case REDIS_REPLY_ARRAY:
        return depth < REPLY_DEPTH && reply_copy_list(from, arena, to, depth);
    case REDIS_REPLY_INTEGER:
        to->kind = CTL_REPLY_INTEGER;
        text = ctl_arena_printf(arena, "%lld", from->integer);
        to->text = asg_str_z(text);
        return text != NULL;
    default:
        to->kind = CTL_REPLY_TEXT;
        to->text = ctl_arena_str(arena, (asg_str_t) {from->str,
                                                     (size_t) from->len});
        return to->text.data != NULL;
    }
}


/* Takes the reply: copies it out, or says what is wrong with it. */
static bool
redis_take(struct ctl_redis *r, redisReply *got, struct ctl_arena *arena,
    struct ctl_reply *reply, struct ctl_error *e)
{
    struct ctl_reply none;
    bool ok;

    if (got == NULL) {
        return redis_away(r, e, "no answer");
    }
    if (got->type == REDIS_REPLY_ERROR) {
        ctl_error_away(e, "redis_unavailable", "%.200s", got->str);
        if (asg_script_error((asg_str_t) {got->str, (size_t) got->len})
            == ASG_SCRIPT_ERROR_READONLY)
        {
            redis_drop(r);
        }
        freeReplyObject(got);
        return false;
    }
    ok = reply_copy(got, arena, reply != NULL ? reply : &none, 0)
         || ctl_error_internal(e, "a reply is larger than its arena");
    freeReplyObject(got);

    return ok;
}


bool
ctl_redis_command(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_reply *reply, struct ctl_error *e, size_t argc,
    const asg_str_t *argv)
{
    if (!ctl_redis_ready(r, e)) {
        return false;
    }

    return redis_take(r, redis_ask(r, argc, argv), arena, reply, e);
}


static bool
reply_is_noscript(const redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ERROR
           && asg_script_error((asg_str_t) {reply->str, (size_t) reply->len})
              == ASG_SCRIPT_ERROR_NOSCRIPT;
}


bool
ctl_redis_script(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_reply *reply, struct ctl_error *e, asg_script_t script,
    size_t nkeys, size_t argc, const asg_str_t *argv)
{
    asg_str_t args[ARGS_MAX];
    char count[24];
    redisReply *got;

    if (argc + EVAL_HEAD > ARGS_MAX) {
        return ctl_error_internal(e, "too many arguments for a script");
    }
    if (!ctl_redis_ready(r, e)) {
        return false;
    }
    snprintf(count, sizeof(count), "%zu", nkeys);
    args[0] = ASG_STR("EVALSHA");
    args[1] = asg_script_sha(script);
    args[2] = asg_str_z(count);
    memcpy(args + EVAL_HEAD, argv, argc * sizeof(*argv));

    got = redis_ask(r, argc + EVAL_HEAD, args);
    if (reply_is_noscript(got)) {
        /* same connection, so the same process whose run id was learned */
        freeReplyObject(got);
        args[0] = ASG_STR("EVAL");
        args[1] = asg_script_text(script);
        got = redis_ask(r, argc + EVAL_HEAD, args);
    }

    return redis_take(r, got, arena, reply, e);
}


asg_str_t
ctl_reply_field(const struct ctl_reply *fields, const char *name)
{
    size_t i;

    for (i = 0; i + 1 < fields->nitems; i += 2) {
        if (asg_str_eq_z(fields->items[i].text, name)) {
            return fields->items[i + 1].text;
        }
    }

    return ASG_STR("");
}
