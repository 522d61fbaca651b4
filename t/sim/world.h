/*
 * What a run of the simulator stands on: a real Redis that it starts, kills
 * and fills with older data, a real PostgreSQL whose database it sets back to
 * the beginning or to an older point (backup.sql), their clocks, and dice.
 *
 * Everything random comes from the dice, and the clocks of both servers stand
 * still until a step moves them: the same list of steps does the same again.
 * The first thing that is wrong is kept in `why`; nothing runs after it.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <hiredis/hiredis.h>

#include "base/arena.h"
#include "core/rkey.h"
#include "core/script.h"
#include "store/pg.h"

#define SIM_TEXT        512
#define SIM_PATH        128
#define SIM_RUN_ID      40
#define SIM_START_S     1790000000      /* when every run begins */

struct sim_options {
    const char *dir;                    /* of Redis, the clocks, the log */
    const char *super;                  /* conninfo without dbname */
    const char *runtime;
    const char *shim;                   /* t/lib/clock_shim.so */
    uint64_t seed;
    uint64_t steps;
    uint64_t shrink_s;
    const char *broken;                 /* which rule is broken on purpose */
    const char *keep;                   /* of the steps drawn; NULL: all */
    bool trace;                         /* print each step */
};

/* As t/lib/clock_shim.c reads it. */
struct sim_clock {
    volatile int64_t wall_us, monotonic_us;
    volatile int64_t fixed_us;
};

struct sim_world {
    const struct sim_options *options;
    uint64_t dice;
    struct sim_clock *redis_clock, *pg_clock;
    int64_t redis_least_us;             /* its clock goes back no further */

    pid_t redis_pid;
    char redis_socket[SIM_PATH];
    char redis_address[SIM_PATH + 8];
    char run_id[SIM_RUN_ID + 1];        /* of the process that runs */
    unsigned life;                      /* its number */
    bool no_memory;                     /* ... and may take no more */
    redisContext *wire;                 /* what the gateways speak through */

    char conninfo[SIM_TEXT];            /* of the runtime role */
    struct ctl_pg *admin;               /* of the administrator */
    struct ctl_arena arena;             /* of one step */

    bool failed;
    char why[SIM_TEXT];
    char said[SIM_TEXT];                /* what the step did, in words */
};

/* Once: the clocks, the database. */
bool sim_world_init(struct sim_world *w, const struct sim_options *options);
void sim_world_finish(struct sim_world *w);

/* A fresh Redis and a fresh database, the clocks at their start. */
bool sim_world_begin(struct sim_world *w);
/* Partitions without a project are left out of the run. */
bool sim_world_park(struct sim_world *w);
void sim_world_end(struct sim_world *w);

/* The first call of a run is kept; returns false. */
bool sim_fail(struct sim_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds to what the step says of itself. */
void sim_say(struct sim_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void sim_dice_set(struct sim_world *w, uint64_t seed);
uint64_t sim_draw(struct sim_world *w, uint64_t sides);      /* 0 … sides-1 */
bool sim_chance(struct sim_world *w, unsigned percent);

int64_t sim_redis_now(const struct sim_world *w);            /* seconds */
int64_t sim_pg_now(const struct sim_world *w);
void sim_clock_move(struct sim_clock *clock, int64_t ms);

/* One command; NULL after a failure, which is the run's.  Freed by the
 * caller. */
redisReply *sim_redis(struct sim_world *w, size_t argc, const char **argv,
    const size_t *lens);
redisReply *sim_redisf(struct sim_world *w, const char *fmt, ...);
/* An integer or the length of what came; -1 after a failure. */
int64_t sim_redis_i64(struct sim_world *w, const char *fmt, ...);

/* Kills the process.  `dump` NULL: the next one starts with nothing. */
bool sim_redis_restart(struct sim_world *w, const char *dump);
/* The same process is a replica for a moment, of one with the data of the dump,
 * and then a master again. */
bool sim_redis_follow(struct sim_world *w, const char *dump);
bool sim_redis_dump(struct sim_world *w, const char *name);

/* The database as it is now, and back to that or to its beginning. */
bool sim_database_save(struct sim_world *w);
bool sim_database_restore(struct sim_world *w, bool fresh);

/* As the administrator; rows may be NULL.  False is the run's failure. */
bool sim_sql(struct sim_world *w, struct ctl_rows *rows, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
