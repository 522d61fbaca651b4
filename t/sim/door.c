/*
 * Full streams, times that have passed, memory.
 */
#include "door.h"

#include <stdlib.h>

#define CAP_MORE      12                /* events beyond those that wait */
#define CLOCK_BACK_S  5                 /* as reserve.lua bears it */


/* A number of the partition's head; 0 when it is not there. */
static int64_t
head_number(struct sim_world *w, unsigned part, const char *field)
{
    char key[ASG_RKEY_MAX];
    redisReply *reply;
    int64_t n = 0;

    (void) asg_rkey_meta(key, part);
    reply = sim_redisf(w, "HGET %s %s", key, field);
    if (reply != NULL) {
        n = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10)
                                              : 0;
        freeReplyObject(reply);
    }

    return n;
}


/* As scripts see it: it does not go back. */
static int64_t
time_seen(struct sim_world *w, unsigned part)
{
    int64_t seen = head_number(w, part, "t"), now = sim_redis_now(w);

    return seen > now ? seen : now;
}


int64_t
sim_door_time_us(struct sim_world *w, unsigned part)
{
    int64_t seen_us = time_seen(w, part) * 1000000;

    return seen_us > w->redis_clock->fixed_us ? seen_us
                                              : w->redis_clock->fixed_us;
}


static int64_t
events_now(struct sim_world *w, unsigned part)
{
    char key[ASG_RKEY_MAX];

    (void) asg_rkey_stream(key, part, (uint64_t) head_number(w, part, "f"));

    return sim_redis_i64(w, "XLEN %s", key);
}


void
sim_door_was_open(struct sim_flight *f, const struct sim_command *c)
{
    struct sim_world *w = f->world;

    if (w->no_memory) {
        sim_fail(w, "%s was admitted without memory", c->hold->id);
    } else if (c->not_after > 0 && time_seen(w, c->part) > c->not_after) {
        sim_fail(w, "%s was admitted %lld s after its time", c->hold->id,
                 (long long) (time_seen(w, c->part) - c->not_after));
    } else if (f->model->narrow[c->part]
               && events_now(w, c->part) >= head_number(w, c->part, "cap"))
    {
        sim_fail(w, "%s was admitted while the stream is full", c->hold->id);
    }
}


void
sim_door_was_shut(struct sim_flight *f, const struct sim_command *c,
    asg_verdict_t verdict)
{
    struct sim_world *w = f->world;
    int64_t now = time_seen(w, c->part);

    f->model->counts[verdict == ASG_VERDICT_CLOCK ? SIM_N_CLOCK
                                                  : SIM_N_BACKLOG]++;
    if (verdict == ASG_VERDICT_CLOCK) {
        if ((c->not_after == 0 || now <= c->not_after)
            && now - sim_redis_now(w) <= CLOCK_BACK_S)
        {
            sim_fail(w, "%s was refused before its time", c->hold->id);
        }
    } else if (events_now(w, c->part) < head_number(w, c->part, "cap")) {
        sim_fail(w, "%s was refused while the stream has room", c->hold->id);
    }
}


void
sim_door_clock(struct sim_world *w, unsigned part)
{
    int64_t back = head_number(w, part, "t") - sim_redis_now(w);

    if (back > CLOCK_BACK_S) {
        sim_fail(w, "partition %u is taken for open, and its clock is %lld s "
                 "behind what it has seen", part, (long long) back);
    }
}


void
sim_door_narrow(struct sim_flight *f, unsigned part)
{
    int64_t cap = 2 + events_now(f->world, part)
                  + (int64_t) sim_draw(f->world, CAP_MORE);
    char key[ASG_RKEY_MAX];

    (void) asg_rkey_meta(key, part);
    if (!f->world->no_memory
        && sim_redis_i64(f->world, "HEXISTS %s cap", key) == 1)
    {
        sim_say(f->world, " partition %u: %lld events", part,
                (long long) cap);
        (void) sim_redis_i64(f->world, "HSET %s cap %lld", key,
                             (long long) cap);
        f->model->narrow[part] = true;
    }
}


void
sim_door_check(struct sim_flight *f, unsigned part)
{
    int64_t cap = head_number(f->world, part, "cap");

    if (f->model->narrow[part] && events_now(f->world, part) >= cap) {
        sim_fail(f->world, "the stream of partition %u stays full: the "
                 "ledger has all of %lld events, %lld are allowed", part,
                 (long long) events_now(f->world, part), (long long) cap);
    }
}


void
sim_memory_gone(struct sim_world *w)
{
    (void) sim_redis_i64(w, "CONFIG SET maxmemory 1");
    w->no_memory = true;
}


void
sim_memory_back(struct sim_world *w)
{
    if (w->no_memory) {
        (void) sim_redis_i64(w, "CONFIG SET maxmemory 0");
    }
    w->no_memory = false;
}
