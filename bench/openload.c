/*
 * openload: calls at a fixed rate, or streams held open, over HTTP/1.1.
 *
 *     openload HOST:PORT REQUEST rate CALLS_A_SECOND SECONDS CONNECTIONS [fresh]
 *     openload HOST:PORT REQUEST hold STREAMS
 *
 * REQUEST is a file with the bytes of one request as they go over the wire.
 *
 * rate: an open loop.  Call n is due at start + n / rate, whatever became of
 * the calls before it, and its time is counted from when it was due: a server
 * that stalls is charged with all calls that it kept waiting (a closed loop
 * would send fewer and not see them).  A call that finds no free connection
 * waits for one.  At the end the calls in flight have 5 s.  With `fresh` a
 * connection has one call and is closed; else it is kept.
 *
 * hold: opens STREAMS connections, sends the request on each, prints what
 * became of them when each had its first byte of the answer (or failed, or
 * after 60 s), reads what comes until standard input ends.
 *
 * Prints one line of JSON; exits 0 unless it could not run.  Bounds: 65,000
 * connections, 1,000 s, 1 MB of request.  An answer ends by Content-Length or
 * by the last chunk; another one is a failure, as is a status other than 200.
 * `failed` is the sum of what is told by its reason beside it:
 *
 *     connect     no connection, or none in time
 *     unanswered  a new connection was closed before a byte of an answer
 *     cut         ... after one; or the answer cannot be read
 *     status      another status than 200; `said` is the first such answer
 *     late        no whole answer (hold: no first byte) by the end
 *
 * `again` are no failures: calls that were written to a kept connection just
 * as the server closed it, not one byte of an answer came, and that were sent
 * once more on a new connection.  HTTP clients do so: any server closes kept
 * connections some time.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 65000,
    REQUEST_MAX = 1 << 20,
    HEAD_MAX = 8192,
    OPENING_MAX = 1000,         /* connections being opened at once, hold */
    BUCKETS = 200000            /* of 10 us each: 2 s and above in the last */
};

static const uint64_t MS = 1000000;

enum state { CLOSED, OPENING, FREE, SENDING, WAITING, BODY };

enum reason { CONNECT, UNANSWERED, CUT, STATUS, LATE, REASONS };
static const char *const reason_name[REASONS] = {"connect", "unanswered", "cut",
                                                 "status", "late"};

struct connection {
    int fd;
    enum state state;
    size_t sent;                /* of the request */
    uint64_t due_ns;            /* when its call was due */
    char head[HEAD_MAX];        /* of the answer, then the tail of the body */
    size_t head_len;
    uint64_t left;              /* body bytes to come; chunked: unused */
    bool chunked;
    bool listed;                /* stands in `free` */
    bool kept;                  /* has had a call before */
    bool called;                /* its call waits until it is open */
    char tail[8];               /* last bytes of a chunked body */
};

struct load {
    struct sockaddr_in to;
    char *request;
    size_t request_len;
    int epoll;
    struct connection *all;
    int count;
    struct connection **free;   /* a stack of those without a call */
    int free_count;
    uint64_t sent, done, opened, again;
    uint64_t failed[REASONS];
    char said[80];              /* of the first answer that was not 200 */
    bool hold, fresh;
    uint32_t *bucket;           /* calls by time */
    uint64_t max_ns;
};

static uint64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

static void
die(const char *what)
{
    fprintf(stderr, "openload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
call_time(struct load *load, uint64_t ns)
{
    uint64_t at = ns / 10000;

    load->bucket[at < BUCKETS ? at : BUCKETS - 1]++;
    if (ns > load->max_ns) {
        load->max_ns = ns;
    }
}

/* The time in us below which `share` of the calls were answered. */
static double
quantile_us(const struct load *load, double share)
{
    uint64_t want = (uint64_t) ((double) load->done * share), seen = 0;

    for (int i = 0; i < BUCKETS; i++) {
        seen += load->bucket[i];
        if (seen > want) {
            return i * 10 + 5;
        }
    }
    return (double) load->max_ns / 1000;
}

static uint64_t
failed_all(const struct load *load)
{
    uint64_t n = 0;

    for (int why = 0; why < REASONS; why++) {
        n += load->failed[why];
    }
    return n;
}

/* Ends the line of JSON. */
static void
failed_print(const struct load *load)
{
    printf("\"failed\":%" PRIu64, failed_all(load));
    for (int why = 0; why < REASONS; why++) {
        printf(",\"%s\":%" PRIu64, reason_name[why], load->failed[why]);
    }
    printf(",\"said\":\"%s\"}\n", load->said);
}

/* The status line of an answer, as text that JSON can have. */
static void
said_note(struct load *load, const char *head)
{
    size_t n = 0;

    for (; n < sizeof load->said - 1 && head[n] >= ' ' && head[n] < 127; n++) {
        bool plain = head[n] != '"' && head[n] != '\\';

        load->said[n] = plain ? head[n] : '.';
    }
    load->said[n] = '\0';
}

static void
connection_close(struct connection *c)
{
    if (c->state != CLOSED) {
        close(c->fd);
        c->state = CLOSED;
    }
}

static bool
connection_open(struct load *load, struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.ptr = c};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return false;
    }
    c->state = OPENING;
    c->kept = c->called = false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0
        || (connect(c->fd, (struct sockaddr *) &load->to, sizeof load->to) != 0
            && errno != EINPROGRESS))
    {
        connection_close(c);
        return false;
    }
    return true;
}

/* It has no call: open, or to be opened for its next one. */
static void
connection_free(struct load *load, struct connection *c, enum state state)
{
    c->state = state;
    if (!c->listed) {
        c->listed = true;
        load->free[load->free_count++] = c;
    }
}

/* The call on this connection failed, if there is one: opening a connection
 * is part of a call when it was opened for it. */
static void
call_failed(struct load *load, struct connection *c, enum reason why)
{
    bool opening = c->state == OPENING && c->called;

    if (opening || c->state == SENDING || c->state == WAITING
        || c->state == BODY)
    {
        load->failed[why]++;
    }
    connection_close(c);
    if (load->fresh) {
        connection_free(load, c, CLOSED);
    } else if (!load->hold) {
        connection_open(load, c);
    }
}

/* The call has a new connection of its own. */
static void
call_connect(struct load *load, struct connection *c, uint64_t due_ns)
{
    c->due_ns = due_ns;
    if (!connection_open(load, c)) {
        load->failed[CONNECT]++;
        if (load->fresh) {
            connection_free(load, c, CLOSED);
        }
        return;
    }
    c->called = true;
}

/* The server closed the connection, or it broke. */
static void
connection_lost(struct load *load, struct connection *c)
{
    bool unanswered = c->state == SENDING
        || (c->state == WAITING && c->head_len == 0);

    if (unanswered && c->kept && !load->hold) {
        load->again++;
        connection_close(c);
        call_connect(load, c, c->due_ns);
        return;
    }
    call_failed(load, c, unanswered ? UNANSWERED : CUT);
}

static void
call_send(struct load *load, struct connection *c)
{
    while (c->sent < load->request_len) {
        ssize_t n = send(c->fd, load->request + c->sent,
                         load->request_len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            connection_lost(load, c);
            return;
        }
        c->sent += (size_t) n;
    }
    c->state = WAITING;
}

static void
call_begin(struct load *load, struct connection *c, uint64_t due_ns)
{
    c->state = SENDING;
    c->sent = 0;
    c->head_len = 0;
    c->called = false;
    c->due_ns = due_ns;
    load->sent++;
    call_send(load, c);
}

static void
call_done(struct load *load, struct connection *c)
{
    load->done++;
    call_time(load, now_ns() - c->due_ns);
    if (load->fresh) {
        connection_close(c);
        connection_free(load, c, CLOSED);
        return;
    }
    c->kept = true;
    connection_free(load, c, FREE);
}

/* The head is whole: how will the body end?  False: a failure. */
static bool
head_read(struct load *load, struct connection *c, enum reason *why)
{
    const char *length;

    c->head[c->head_len] = '\0';
    *why = CUT;
    if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) {
        *why = STATUS;
        if (load->said[0] == '\0') {
            said_note(load, c->head);
        }
        return false;
    }
    c->chunked = strcasestr(c->head, "\r\ntransfer-encoding: chunked") != NULL;
    length = strcasestr(c->head, "\r\ncontent-length:");
    c->left = length ? strtoull(length + 17, NULL, 10) : 0;
    memset(c->tail, 0, sizeof c->tail);
    return c->chunked || length;
}

/* Body bytes came; true when they were the last. */
static bool
body_read(struct connection *c, const char *bytes, size_t len)
{
    size_t keep = sizeof c->tail - 1;

    if (!c->chunked) {
        c->left -= len < c->left ? len : c->left;
        return c->left == 0;
    }
    if (len >= keep) {
        memcpy(c->tail, bytes + len - keep, keep);
    } else if (len > 0) {
        memmove(c->tail, c->tail + len, keep - len);
        memcpy(c->tail + keep - len, bytes, len);
    }
    return memcmp(c->tail, "\r\n0\r\n\r\n", keep) == 0;
}

/* Add bytes to the head; those after its end are of the body. */
static void
answer_take(struct load *load, struct connection *c, const char *bytes,
            size_t len)
{
    if (c->state == WAITING) {
        size_t room = HEAD_MAX - 1 - c->head_len, before = c->head_len;
        size_t n = len < room ? len : room;
        enum reason why;
        char *end;

        memcpy(c->head + before, bytes, n);
        c->head_len += n;
        c->head[c->head_len] = '\0';
        end = strstr(c->head, "\r\n\r\n");
        if (end == NULL) {
            if (n < len) {
                call_failed(load, c, CUT);
            }
            return;
        }
        n = (size_t) (end + 4 - c->head) - before;
        c->head_len = before + n;
        if (!head_read(load, c, &why)) {
            call_failed(load, c, why);
            return;
        }
        c->state = BODY;
        load->opened++;
        bytes += n;
        len -= n;
    }
    if (body_read(c, bytes, len) && !load->hold) {
        call_done(load, c);
    }
}

static void
connection_read(struct load *load, struct connection *c)
{
    static char buf[65536];

    while (c->state != CLOSED && c->state != OPENING) {
        ssize_t n = recv(c->fd, buf, sizeof buf, 0);

        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0 || (c->state != WAITING && c->state != BODY)) {
            if (n <= 0 && load->hold && c->state == BODY) {
                connection_close(c);
                return;
            }
            connection_lost(load, c);
            return;
        }
        answer_take(load, c, buf, (size_t) n);
    }
}

static void
connection_ready(struct load *load, struct connection *c, uint32_t events)
{
    if (c->state == OPENING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int error = 0;
        socklen_t len = sizeof error;

        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0) {
            call_failed(load, c, CONNECT);
            return;
        }
        if (c->called) {
            call_begin(load, c, c->due_ns);
        } else {
            connection_free(load, c, FREE);
        }
    }
    if (c->state == SENDING && (events & EPOLLOUT)) {
        call_send(load, c);
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        connection_read(load, c);
    }
}

static void
load_turn(struct load *load, uint64_t wait_ns)
{
    struct timespec wait = {.tv_sec = (time_t) (wait_ns / 1000000000),
                            .tv_nsec = (long) (wait_ns % 1000000000)};
    struct epoll_event events[512];
    int n = epoll_pwait2(load->epoll, events, 512, &wait, NULL);

    for (int i = 0; i < n; i++) {
        connection_ready(load, events[i].data.ptr, events[i].events);
    }
}

/* A free connection that was closed by the server meanwhile is none. */
static struct connection *
connection_take(struct load *load)
{
    while (load->free_count > 0) {
        struct connection *c = load->free[--load->free_count];

        c->listed = false;
        if (c->state == FREE || load->fresh) {
            return c;
        }
    }
    return NULL;
}

static void
rate_run(struct load *load, double rate, double seconds)
{
    uint64_t total = (uint64_t) (rate * seconds), due = 0, start, end;

    for (int i = 0; i < load->count; i++) {
        if (load->fresh) {
            connection_free(load, &load->all[i], CLOSED);
        } else {
            connection_open(load, &load->all[i]);
        }
    }
    for (int turns = 0; load->free_count < load->count && turns < 2000;
         turns++)
    {
        load_turn(load, MS);
    }
    start = now_ns();
    end = start + (uint64_t) ((seconds + 5) * 1e9);
    while (load->done + failed_all(load) < total && now_ns() < end) {
        uint64_t now = now_ns(), at = 0;

        for ( ;; due++) {
            struct connection *c;

            at = start + (uint64_t) ((double) due * 1e9 / rate);
            c = due < total && at <= now ? connection_take(load) : NULL;
            if (c == NULL) {
                break;
            }
            if (load->fresh) {
                call_connect(load, c, at);
            } else {
                call_begin(load, c, at);
            }
        }
        load_turn(load, due < total && at > now ? at - now : MS);
    }
    load->failed[LATE] = total - load->done - failed_all(load);
    printf("{\"due\":%" PRIu64 ",\"done\":%" PRIu64 ",\"again\":%" PRIu64
           ",\"p50_us\":%.0f,\"p90_us\":%.0f,\"p99_us\":%.0f,"
           "\"p999_us\":%.0f,\"max_us\":%.0f,",
           total, load->done, load->again,
           quantile_us(load, 0.50), quantile_us(load, 0.90),
           quantile_us(load, 0.99), quantile_us(load, 0.999),
           (double) load->max_ns / 1000);
    failed_print(load);
}

static void
hold_run(struct load *load)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN | POLLHUP};
    uint64_t end = now_ns() + 60000000000u;
    uint64_t begun = 0, count = (uint64_t) load->count;

    while (load->opened + failed_all(load) < count && now_ns() < end) {
        while (begun < count
               && begun - load->opened - failed_all(load) < OPENING_MAX)
        {
            call_connect(load, &load->all[begun++], now_ns());
        }
        load_turn(load, 10 * MS);
    }
    load->failed[LATE] = count - load->opened - failed_all(load);
    printf("{\"open\":%" PRIu64 ",", load->opened);
    failed_print(load);
    fflush(stdout);
    end = now_ns() + 1000000000000u;
    while (poll(&in, 1, 0) == 0 && now_ns() < end) {
        load_turn(load, 50 * MS);
    }
}

static void
request_read(struct load *load, const char *path)
{
    FILE *file = fopen(path, "rb");

    load->request = malloc(REQUEST_MAX);
    if (file == NULL || load->request == NULL) {
        die(path);
    }
    load->request_len = fread(load->request, 1, REQUEST_MAX, file);
    fclose(file);
}

static void
load_init(struct load *load, const char *address, int count)
{
    struct rlimit limit = {.rlim_cur = CONNECTIONS_MAX + 100,
                           .rlim_max = CONNECTIONS_MAX + 100};
    char host[64];
    int port;

    if (sscanf(address, "%63[^:]:%d", host, &port) != 2
        || inet_pton(AF_INET, host, &load->to.sin_addr) != 1
        || count < 1 || count > CONNECTIONS_MAX)
    {
        errno = EINVAL;
        die("arguments");
    }
    load->to.sin_family = AF_INET;
    load->to.sin_port = htons((uint16_t) port);
    setrlimit(RLIMIT_NOFILE, &limit);
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->count = count;
    load->all = calloc((size_t) count, sizeof *load->all);
    load->free = calloc((size_t) count, sizeof *load->free);
    load->bucket = calloc(BUCKETS, sizeof *load->bucket);
    if (load->epoll < 0 || !load->all || !load->free || !load->bucket) {
        die("memory");
    }
}

int
main(int argc, char **argv)
{
    static struct load load;

    load.fresh = argc == 8 && strcmp(argv[7], "fresh") == 0;
    if ((argc == 7 || load.fresh) && strcmp(argv[3], "rate") == 0) {
        request_read(&load, argv[2]);
        load_init(&load, argv[1], atoi(argv[6]));
        rate_run(&load, atof(argv[4]), atof(argv[5]));
        return 0;
    }
    if (argc == 5 && strcmp(argv[3], "hold") == 0) {
        load.hold = true;
        request_read(&load, argv[2]);
        load_init(&load, argv[1], atoi(argv[4]));
        hold_run(&load);
        return 0;
    }
    fprintf(stderr, "usage: openload HOST:PORT REQUEST rate CALLS_A_SECOND "
            "SECONDS CONNECTIONS [fresh]\n       openload HOST:PORT REQUEST "
            "hold STREAMS\n");
    return 2;
}
