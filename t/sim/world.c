/*
 * Servers, clocks, databases, dice.
 */
#include "world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broken.h"
#include "pause.h"
#include "pool.h"

#define ARENA_BYTES   ((size_t) 256 * 1024 * 1024)
#define START_TRIES   2000
#define SQL_BYTES     8192
#define MILLION       1000000
#define PARKED        "sim parked"      /* who leads what is not simulated */


/* --- failure, words, dice --- */

bool
sim_fail(struct sim_world *w, const char *fmt, ...)
{
    va_list args;

    if (!w->failed) {
        va_start(args, fmt);
        vsnprintf(w->why, sizeof(w->why), fmt, args);
        va_end(args);
    }
    w->failed = true;

    return false;
}


void
sim_say(struct sim_world *w, const char *fmt, ...)
{
    size_t len = strlen(w->said);
    va_list args;

    va_start(args, fmt);
    vsnprintf(w->said + len, sizeof(w->said) - len, fmt, args);
    va_end(args);
}


void
sim_dice_set(struct sim_world *w, uint64_t seed)
{
    w->dice = seed;
}


/* splitmix64 */
uint64_t
sim_draw(struct sim_world *w, uint64_t sides)
{
    uint64_t z = w->dice += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;

    return sides > 0 ? z % sides : z;
}


bool
sim_chance(struct sim_world *w, unsigned percent)
{
    return sim_draw(w, 100) < percent;
}


/* --- clocks --- */

static struct sim_clock *
clock_open(const struct sim_world *w, const char *name)
{
    const struct sim_clock start = {0, 0, (int64_t) SIM_START_S * MILLION};
    char path[SIM_PATH];
    void *at;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", w->options->dir, name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return NULL;
    }
    at = write(fd, &start, sizeof(start)) == (ssize_t) sizeof(start)
         ? mmap(NULL, sizeof(start), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
         : MAP_FAILED;
    close(fd);

    return at != MAP_FAILED ? at : NULL;
}


int64_t
sim_redis_now(const struct sim_world *w)
{
    return w->redis_clock->fixed_us / MILLION;
}


int64_t
sim_pg_now(const struct sim_world *w)
{
    return w->pg_clock->fixed_us / MILLION;
}


void
sim_clock_move(struct sim_clock *clock, int64_t ms)
{
    clock->fixed_us += ms * 1000;
}


/* --- Redis --- */

static void
redis_exec(const struct sim_world *w)
{
    char clock[SIM_PATH], log[SIM_PATH];

    snprintf(clock, sizeof(clock), "%s/clock.redis", w->options->dir);
    snprintf(log, sizeof(log), "%s/redis.log", w->options->dir);
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);    /* whoever ends us ends it */
    if (setenv("LD_PRELOAD", w->options->shim, 1) != 0
        || setenv("CLOCK_SHIM", clock, 1) != 0)
    {
        _exit(126);
    }
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
           w->redis_socket, "--dir", w->options->dir, "--logfile", log,
           "--save", "", "--appendonly", "no", "--maxmemory-policy",
           "noeviction", "--loglevel", "warning", "--enable-debug-command",
           "local", "--jemalloc-bg-thread", "no",
           (char *) NULL);              /* it would spin by our clock */
    _exit(127);
}


static bool
redis_run_id(struct sim_world *w)
{
    redisReply *reply = redisCommand(w->wire, "INFO server");
    const char *at = reply != NULL && reply->type == REDIS_REPLY_STRING
                     ? strstr(reply->str, "run_id:") : NULL;

    if (at != NULL) {
        snprintf(w->run_id, sizeof(w->run_id), "%.40s", at + 7);
        sim_broken_run_id(w->run_id);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return at != NULL;
}


static bool
redis_start(struct sim_world *w)
{
    unsigned i;

    w->life++;
    w->no_memory = false;
    (void) unlink(w->redis_socket);
    w->redis_pid = fork();
    if (w->redis_pid == 0) {
        redis_exec(w);
    }
    for (i = 0; i < START_TRIES; i++) {
        w->wire = redisConnectUnix(w->redis_socket);
        if (w->wire != NULL && w->wire->err == 0 && redis_run_id(w)) {
            return true;
        }
        redisFree(w->wire);
        w->wire = NULL;
        sim_pause_real();
    }

    return sim_fail(w, "sim: redis-server does not start");
}


static void
redis_kill(struct sim_world *w)
{
    redisFree(w->wire);
    w->wire = NULL;
    if (w->redis_pid > 0) {
        (void) kill(w->redis_pid, SIGKILL);
        (void) waitpid(w->redis_pid, NULL, 0);
    }
    w->redis_pid = 0;
}


static bool
file_copy(const struct sim_world *w, const char *from, const char *to)
{
    char a[SIM_PATH], b[SIM_PATH], bytes[65536];
    ssize_t n = -1;
    int in, out;

    snprintf(a, sizeof(a), "%s/%s", w->options->dir, from);
    snprintf(b, sizeof(b), "%s/%s", w->options->dir, to);
    in = open(a, O_RDONLY | O_CLOEXEC);
    out = open(b, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof(bytes))) > 0
           && write(out, bytes, (size_t) n) == n)
    {
        /* the next piece */
    }
    close(in);
    close(out);

    return n == 0;
}


bool
sim_redis_dump(struct sim_world *w, const char *name)
{
    return sim_redis_i64(w, "SAVE") >= 0
           && (file_copy(w, "dump.rdb", name)
               || sim_fail(w, "sim: the dump cannot be copied"));
}


bool
sim_redis_restart(struct sim_world *w, const char *dump)
{
    char path[SIM_PATH];

    redis_kill(w);
    snprintf(path, sizeof(path), "%s/dump.rdb", w->options->dir);
    (void) unlink(path);
    if (dump != NULL && !file_copy(w, dump, "dump.rdb")) {
        return sim_fail(w, "sim: the dump cannot be copied");
    }

    return redis_start(w);
}


/* Nobody is at port 1: what it would copy is read from the dump. */
bool
sim_redis_follow(struct sim_world *w, const char *dump)
{
    return (file_copy(w, dump, "dump.rdb")
            || sim_fail(w, "sim: the dump cannot be copied"))
           && sim_redis_i64(w, "REPLICAOF 127.0.0.1 1") >= 0
           && sim_redis_i64(w, "DEBUG RELOAD NOSAVE") >= 0
           && sim_redis_i64(w, "REPLICAOF NO ONE") >= 0;
}


redisReply *
sim_redis(struct sim_world *w, size_t argc, const char **argv,
    const size_t *lens)
{
    redisReply *reply = redisCommandArgv(w->wire, (int) argc, argv, lens);

    if (reply == NULL) {
        sim_fail(w, "sim: Redis does not answer %s: %s", argv[0],
                 w->wire->errstr);
    }

    return reply;
}


redisReply *
sim_redisf(struct sim_world *w, const char *fmt, ...)
{
    redisReply *reply;
    va_list args;

    va_start(args, fmt);
    reply = redisvCommand(w->wire, fmt, args);
    va_end(args);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        sim_fail(w, "sim: Redis: %s: %s", fmt,
                 reply != NULL ? reply->str : w->wire->errstr);
    }

    return reply;
}


int64_t
sim_redis_i64(struct sim_world *w, const char *fmt, ...)
{
    redisReply *reply;
    int64_t n = -1;
    va_list args;

    va_start(args, fmt);
    reply = redisvCommand(w->wire, fmt, args);
    va_end(args);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        sim_fail(w, "sim: Redis: %s: %s", fmt,
                 reply != NULL ? reply->str : w->wire->errstr);
    } else {
        n = reply->type == REDIS_REPLY_INTEGER ? reply->integer
            : reply->type == REDIS_REPLY_ARRAY ? (int64_t) reply->elements
            : (int64_t) reply->len;
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return n;
}


/* --- PostgreSQL --- */

bool
sim_sql(struct sim_world *w, struct ctl_rows *rows, const char *fmt, ...)
{
    struct ctl_error e = {0};
    char sql[SQL_BYTES];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(sql, sizeof(sql), fmt, args);
    va_end(args);
    if (n < 0 || n >= (int) sizeof(sql)) {
        return sim_fail(w, "sim: a statement is too long");
    }

    return ctl_pg_query(w->admin, &w->arena, rows, &e, sql, 0, NULL)
           || sim_fail(w, "sim: %.200s: %s %s", sql, e.text, e.detail);
}


/* Partitions without a budget here are led by us, so that nobody spends time
 * on them; for an audit of all they count as open. */
static bool
partitions_park(struct sim_world *w)
{
    return sim_sql(w, NULL, "UPDATE partitions SET leader = '" PARKED "',"
                   " leader_until = 'infinity', step = 'open', run_id = 'x'"
                   " WHERE partition NOT IN (SELECT partition FROM projects)");
}


static bool
database_open(struct sim_world *w)
{
    snprintf(w->conninfo, sizeof(w->conninfo), "%s dbname=asgard",
             w->options->super);
    w->admin = ctl_pg_open(w->conninfo, PARKED);
    snprintf(w->conninfo, sizeof(w->conninfo), "%s dbname=asgard",
             w->options->runtime);

    return w->admin != NULL;
}


bool
sim_database_save(struct sim_world *w)
{
    return sim_sql(w, NULL, "SELECT sim.save('older')");
}


bool
sim_database_restore(struct sim_world *w, bool fresh)
{
    return sim_sql(w, NULL, "SELECT sim.restore('%s')",
                   fresh ? "fresh" : "older");
}


/* --- a run --- */

bool
sim_world_init(struct sim_world *w, const struct sim_options *options)
{
    memset(w, 0, sizeof(*w));
    w->options = options;
    snprintf(w->redis_socket, sizeof(w->redis_socket), "%s/redis.sock",
             options->dir);
    snprintf(w->redis_address, sizeof(w->redis_address), "unix:%s",
             w->redis_socket);
    w->redis_clock = clock_open(w, "clock.redis");
    w->pg_clock = clock_open(w, "clock.pg");
    ctl_arena_init(&w->arena, ARENA_BYTES);

    return w->redis_clock != NULL && w->pg_clock != NULL && database_open(w);
}


void
sim_world_finish(struct sim_world *w)
{
    redis_kill(w);
    ctl_pg_close(w->admin);
    w->admin = NULL;
    sim_pool_empty();
    ctl_arena_reset(&w->arena);
}


bool
sim_world_begin(struct sim_world *w)
{
    w->failed = false;
    w->why[0] = w->said[0] = '\0';
    w->redis_least_us = 0;
    w->redis_clock->fixed_us = (int64_t) SIM_START_S * MILLION;
    w->pg_clock->fixed_us = (int64_t) SIM_START_S * MILLION;

    return sim_database_restore(w, true) && sim_redis_restart(w, NULL);
}


bool
sim_world_park(struct sim_world *w)
{
    return partitions_park(w);
}


void
sim_world_end(struct sim_world *w)
{
    redis_kill(w);
    ctl_arena_reset(&w->arena);
}
