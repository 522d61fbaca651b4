/*
 * What is lost: all of Redis, what came after a dump, one key; the database
 * back to an older point.  The model learns who still remembers what.
 */
#include "losses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare.h"
#include "windows.h"


static void
redis_was_lost(struct sim *s, bool back_to_dump)
{
    unsigned i, k;

    for (i = 0; i < SIM_GATEWAYS; i++) {
        for (k = 0; k < SIM_WORKERS; k++) {
            s->gateways.all[i].workers[k].beaten = false;
        }
    }
    (void) sim_redis_lost(&s->model, back_to_dump);
}


void
sim_lose_flush(struct sim *s)
{
    (void) sim_redis_i64(&s->world, "FLUSHALL");
    redis_was_lost(s, false);
    s->model.counts[SIM_N_FLUSHES]++;
}


void
sim_lose_restart(struct sim *s)
{
    (void) sim_redis_restart(&s->world, NULL);
    redis_was_lost(s, false);
    sim_gateways_cut(&s->gateways);
    s->model.counts[SIM_N_RESTARTS]++;
}


void
sim_lose_dump(struct sim *s)
{
    (void) sim_redis_dump(&s->world, "older.rdb");
    sim_redis_dumped(&s->model);
}


/* To the last dump, which may be of this moment. */
void
sim_lose_failover(struct sim *s)
{
    if (!s->model.dumped || sim_chance(&s->world, 25)) {
        sim_lose_dump(s);
        sim_say(&s->world, " to the data of now");
    }
    (void) sim_redis_restart(&s->world, "older.rdb");
    redis_was_lost(s, true);
    if (s->model.counts[SIM_N_RESTORES] > 0) {
        (void) sim_redis_looked(&s->model);
    }
    sim_gateways_cut(&s->gateways);
    s->model.counts[SIM_N_FAILOVERS]++;
}


void
sim_lose_by_copy(struct sim *s)
{
    struct sim_meter *m = sim_meters_leading(&s->meters);

    sim_say(&s->world, " by a copy into the same process");
    if (m == NULL) {
        sim_say(&s->world, ": nobody leads");
        return;
    }
    if (!s->model.dumped) {
        sim_lose_dump(s);
    }
    (void) sim_redis_follow(&s->world, "older.rdb");
    redis_was_lost(s, true);
    if (s->model.counts[SIM_N_RESTORES] > 0) {
        (void) sim_redis_looked(&s->model);
    }
    s->model.counts[SIM_N_FAILOVERS]++;
    s->model.counts[SIM_N_COPIES]++;
    sim_meters_notice(&s->meters, m);
}


static int
field_order(const void *a, const void *b)
{
    const redisReply *const *one = a, *const *other = b;

    return strcmp((*one)->str, (*other)->str);
}


/* A budget without its `w` or a `c:` takes its windows for new ones, and a
 * change of limits opens them with what the period had spent: more than is
 * owed, never less.  The model has no openings. */
static bool
field_is_spared(const char *field)
{
    return strcmp(field, "w") == 0 || strncmp(field, "c:", 2) == 0;
}


/* The order of a hash is not the same each time; sorted it is. */
static void
field_delete(struct sim *s, const char *key, const struct sim_budget *b)
{
    redisReply *reply = sim_redisf(&s->world, "HKEYS %s", key);
    const char *field = "";
    unsigned tries;

    if (reply != NULL && reply->elements > 0) {
        qsort(reply->element, reply->elements, sizeof(reply->element[0]),
              field_order);
        for (tries = 0; tries < 4 && field[0] != 's' && field[0] != 'h';
             tries++)
        {
            field = reply->element[sim_draw(&s->world,
                                            reply->elements)]->str;
        }
    }
    if (field[0] != '\0' && !field_is_spared(field)) {
        sim_say(&s->world, " %s of %s", field, key);
        if (b != NULL) {
            sim_counter_deleted(&s->model, b, field);
        }
        (void) sim_redis_i64(&s->world, "HDEL %s %s", key, field);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}


/* The head of a partition (`b` NULL), or a budget: all of it, or one field. */
static void
hash_delete(struct sim *s, const char *key, bool whole,
    const struct sim_budget *b)
{
    if (!whole) {
        field_delete(s, key, b);
        return;
    }
    if (b != NULL) {
        sim_counters_new(&s->model, b);
    }
    sim_say(&s->world, " %s", key);
    (void) sim_redis_i64(&s->world, "DEL %s", key);
}


/* One of the open holds, by the order in which they expire. */
static void
hold_delete(struct sim *s, unsigned part)
{
    char expiry[ASG_RKEY_MAX], key[ASG_RKEY_MAX];
    struct sim_hold *h = NULL;
    redisReply *reply;

    (void) asg_rkey_expiry(expiry, part);
    reply = sim_redisf(&s->world, "ZRANGE %s 0 -1", expiry);
    if (reply != NULL && reply->elements > 0) {
        h = sim_hold_find(&s->model, reply->element[sim_draw(&s->world,
                                         reply->elements)]->str);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    if (h == NULL || !sim_hold_is_open(&s->world, part, h->id)) {
        return;
    }
    (void) asg_rkey_hold(key, part, asg_str_z(h->id));
    sim_say(&s->world, " %s", key);
    (void) sim_redis_i64(&s->world, "DEL %s", key);
    (void) sim_hold_deleted(&s->model, h);
}


/* The ids of a new stream begin at the clock: which must be past those that the
 * ledger has read, as it would be in earnest. */
static void
clock_pass(struct sim *s, const char *key)
{
    redisReply *reply = sim_redisf(&s->world, "XREVRANGE %s + - COUNT 1", key);
    uint64_t ms = 0, seq, now = (uint64_t) s->world.redis_clock->fixed_us
                                / 1000;

    if (reply != NULL && reply->elements > 0) {
        sim_stream_id(asg_str_z(reply->element[0]->element[0]->str), &ms,
                      &seq);
    }
    sim_clock_move(s->world.redis_clock, ms >= now ? (int64_t) (ms - now) + 1
                                                   : 1);
    s->world.redis_least_us = s->world.redis_clock->fixed_us;
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}


static void
stream_delete(struct sim *s, unsigned part)
{
    char meta[ASG_RKEY_MAX], key[ASG_RKEY_MAX];
    redisReply *reply;
    uint64_t epoch = 0;

    (void) asg_rkey_meta(meta, part);
    reply = sim_redisf(&s->world, "HGET %s f", meta);
    if (reply != NULL && reply->type == REDIS_REPLY_STRING) {
        epoch = strtoull(reply->str, NULL, 10);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    (void) asg_rkey_stream(key, part, epoch);
    sim_say(&s->world, " %s", key);
    clock_pass(s, key);
    if (sim_redis_i64(&s->world, "DEL %s", key) == 1) {
        (void) sim_stream_deleted(&s->model, part, epoch);
    }
}


void
sim_lose_key(struct sim *s)
{
    struct sim_budget *b = &s->model.budgets[sim_draw(&s->world,
                                                      s->model.nbudgets)];
    uint64_t what = sim_draw(&s->world, 100);
    bool whole = sim_chance(&s->world, 30);
    char key[ASG_RKEY_MAX];

    s->meters.deleted[b->part] = true;
    s->model.counts[SIM_N_DELETED]++;
    if (what < 15) {
        (void) asg_rkey_meta(key, b->part);
        hash_delete(s, key, whole, NULL);
    } else if (what < 60) {
        (void) asg_rkey_budget(key, b->part, asg_str_z(b->id));
        hash_delete(s, key, whole, b);
    } else if (what < 85) {
        hold_delete(s, b->part);
    } else {
        stream_delete(s, b->part);
    }
}


/* --- the database --- */

void
sim_lose_save(struct sim *s)
{
    if (sim_database_save(&s->world)) {
        (void) sim_ledger_saved(&s->model);
    }
}


/* Adds or takes away how many events the ledger has read of each partition. */
static bool
read_count(struct sim *s, int sign)
{
    struct ctl_rows rows;
    unsigned r;

    if (!sim_sql(&s->world, &rows, "SELECT partition, rows_read FROM cursors"))
    {
        return false;
    }
    for (r = 0; r < rows.nrows; r++) {
        s->model.unread[ctl_rows_i64(&rows, r, 0)] +=
            sign * ctl_rows_i64(&rows, r, 1);
    }

    return true;
}


/* As docs/operations.md has it: asgard-ctl is stopped meanwhile. */
void
sim_lose_restore(struct sim *s)
{
    if (!s->model.saved) {
        return;
    }
    sim_meters_restored(&s->meters);
    sim_flight_stopped(&s->flight, ASG_SCRIPT_PUBLISH);
    sim_gateways_unnoted(&s->gateways);
    if (read_count(s, 1) && sim_database_restore(&s->world, false)
        && read_count(s, -1) && sim_ledger_restored(&s->model))
    {
        (void) sim_limits_restored(&s->model);
        (void) sim_openings_take(&s->model, true);
    }
    s->model.counts[SIM_N_RESTORES]++;
}
