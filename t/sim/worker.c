/*
 * What workers do by themselves: learn the epoch, announce, tell, extend, ask
 * what is durable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot.h"

#define TOLD_KEEP_S    600
#define SETTLE_ROUNDS  64
#define EXTEND_S       (SIM_TTL_S * 2 / 3)


static bool
is_open_call(const struct sim_slot *s)
{
    return s->state == SIM_HELD || s->state == SIM_SENT
           || s->state == SIM_LEFT;
}


/* Sent once more under the epoch of now; false: nothing is to be done. */
static bool
slot_catch_up(struct sim_gateways *g, struct sim_slot *s)
{
    uint64_t epoch = g->all[s->gateway].epoch[s->hold->part];

    if (s->asked != 0) {
        return false;
    }
    if (s->state == SIM_ENDED && s->evidence != NULL) {
        sim_slot_send(g, s, s->evidence->rank == SIM_MEASURED ? 's'
                            : s->evidence->rank == SIM_VOID ? 'v' : 'e');
        return true;
    }
    if (s->epoch >= epoch) {
        return false;
    }
    if (is_open_call(s)) {
        sim_slot_send(g, s, 'A');
        return true;
    }
    if (s->state == SIM_DONE) {
        s->state = s->evidence != NULL ? SIM_ENDED : SIM_LEFT;
        return slot_catch_up(g, s);
    }

    return false;
}


static bool
slot_tend(struct sim_gateways *g, struct sim_slot *s)
{
    int64_t left = s->expires - sim_redis_now(g->world);

    if (slot_catch_up(g, s)) {
        return true;
    }
    if (s->asked != 0) {
        return false;
    }
    if ((s->state == SIM_HELD || s->state == SIM_SENT) && !s->gone
        && left < EXTEND_S)
    {
        sim_slot_send(g, s, 'E');
        return true;
    }
    if (s->state == SIM_LEFT && left < 0) {
        sim_slot_send(g, s, 'x');
        return true;
    }

    return false;
}


/* Everything of this worker was announced and told under the epoch. */
static bool
worker_is_ready(const struct sim_gateways *g, unsigned gateway,
    unsigned worker, unsigned part)
{
    uint64_t epoch = g->all[gateway].epoch[part];
    const struct sim_slot *s;
    unsigned i;

    for (i = 0; i < SIM_SLOTS; i++) {
        s = &g->slots[i];
        if (s->state != SIM_FREE && s->gateway == gateway
            && s->worker == worker && s->hold->part == part
            && (s->epoch < epoch || s->state == SIM_ENDED))
        {
            return false;
        }
    }

    return true;
}


static bool
worker_tell(struct sim_gateways *g, unsigned gateway, unsigned worker,
    unsigned part)
{
    struct sim_worker *w = &g->all[gateway].workers[worker];
    uint64_t epoch = g->all[gateway].epoch[part];
    char key[ASG_RKEY_MAX];

    if (epoch == 0 || w->told[part] == epoch || g->world->no_memory
        || !worker_is_ready(g, gateway, worker, part))
    {
        return false;
    }
    (void) asg_rkey_told(key, part, epoch);
    sim_say(g->world, " %s has told partition %u, epoch %llu", w->id + 21,
            part, (unsigned long long) epoch);
    (void) sim_redis_i64(g->world, "SADD %s %s", key, w->id);
    (void) sim_redis_i64(g->world, "EXPIRE %s %d", key, TOLD_KEEP_S);
    w->told[part] = epoch;

    return true;
}


static void
durable_free(struct sim_gateways *g, unsigned gateway, unsigned part,
    uint64_t epoch, const char *id)
{
    unsigned long long ms = 0, seq = 0;
    struct sim_slot *s;
    unsigned i;

    sscanf(id, "%llu-%llu", &ms, &seq);
    for (i = 0; i < SIM_SLOTS; i++) {
        s = &g->slots[i];
        if (s->state == SIM_DONE && s->gateway == gateway
            && s->hold->part == part && s->epoch == epoch
            && (s->ms < ms || (s->ms == ms && s->seq <= seq)))
        {
            sim_slot_free(g, s, true);
        }
    }
}


/* A lower epoch than was seen: the database was set back, and must take one
 * that is believed. */
static void
epoch_object(struct sim_gateways *g, unsigned gateway, unsigned part,
    asg_str_t fence)
{
    uint64_t known = g->all[gateway].epoch[part];
    char key[ASG_RKEY_MAX];

    if (strstr(fence.data, g->world->run_id) == NULL || g->world->no_memory
        || strtoull(fence.data, NULL, 10) >= known)
    {
        return;
    }
    (void) asg_rkey_meta(key, part);
    (void) sim_redis_i64(g->world, "HSET %s e %llu", key,
                         (unsigned long long) known);
}


/* HMGET {pNN}:m f st dur: the epoch, and what may be forgotten. */
static void
meta_ask(struct sim_gateways *g, unsigned gateway, unsigned part)
{
    char key[ASG_RKEY_MAX];
    redisReply *reply;
    asg_str_t fence;

    (void) asg_rkey_meta(key, part);
    reply = sim_redisf(g->world, "HMGET %s f dur", key);
    if (reply != NULL && reply->elements == 2
        && reply->element[0]->type == REDIS_REPLY_STRING)
    {
        fence = (asg_str_t) {reply->element[0]->str,
                             (size_t) reply->element[0]->len};
        (void) sim_gateway_learn(g, gateway, part, fence);
        epoch_object(g, gateway, part, fence);
        if (reply->element[1]->type == REDIS_REPLY_STRING
            && strstr(fence.data, g->world->run_id) != NULL)
        {
            durable_free(g, gateway, part, strtoull(fence.data, NULL, 10),
                         reply->element[1]->str);
        }
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}


static bool
worker_tend(struct sim_gateways *g, unsigned gateway, unsigned worker)
{
    unsigned i, at = (unsigned) sim_draw(g->world, SIM_SLOTS);
    struct sim_slot *s;

    for (i = 0; i < SIM_SLOTS; i++) {
        s = &g->slots[(at + i) % SIM_SLOTS];
        if (s->state != SIM_FREE && s->gateway == gateway
            && s->worker == worker && !s->orphan && slot_tend(g, s))
        {
            return true;
        }
    }

    return false;
}


static unsigned
part_pick(struct sim_gateways *g)
{
    return g->model->sets[sim_draw(g->world, g->model->nsets)].part;
}


void
sim_worker_turn(struct sim_gateways *g)
{
    unsigned gateway = (unsigned) sim_draw(g->world, SIM_GATEWAYS);
    unsigned worker = (unsigned) sim_draw(g->world, SIM_WORKERS);
    unsigned part = part_pick(g);
    uint64_t things = 1 + sim_draw(g->world, 5);

    if (g->all[gateway].paused) {
        sim_say(g->world, " gateway %u is paused", gateway);
        return;
    }
    sim_say(g->world, " %s", g->all[gateway].workers[worker].id + 21);
    sim_ear_open(g, &g->all[gateway].workers[worker]);
    if (sim_worker_inherit(g, gateway, worker) > 0) {
        return;
    }
    if (sim_chance(g->world, 30)) {
        meta_ask(g, gateway, part);
    }
    while (things-- > 0 && worker_tend(g, gateway, worker)) {
        /* the next one */
    }
    if (!worker_tell(g, gateway, worker, part)) {
        meta_ask(g, gateway, part);
    }
}


/* False also when what was sent changed nothing: a door that is closed is not
 * knocked at again in the same moment. */
static bool
slot_moves(struct sim_gateways *g, struct sim_slot *s)
{
    const uint64_t *epoch = &g->all[s->gateway].epoch[s->hold->part];
    struct sim_slot was = *s;
    uint64_t before = *epoch;

    return slot_tend(g, s)
           && (s->state != was.state || s->epoch != was.epoch
               || s->expires != was.expires || s->gone != was.gone
               || *epoch != before);
}


/* All of it, as when nobody loses a word for a while. */
static bool
worker_settle(struct sim_gateways *g, unsigned gateway, unsigned worker)
{
    bool moved = sim_worker_inherit(g, gateway, worker) > 0;
    struct sim_slot *s;
    unsigned i, p;

    for (i = 0; i < SIM_SLOTS && !g->world->failed; i++) {
        s = &g->slots[i];
        if (s->state != SIM_FREE && s->gateway == gateway
            && s->worker == worker)
        {
            moved = slot_moves(g, s) || moved;
        }
    }
    for (p = 0; p < g->model->nparts; p++) {
        moved = worker_tell(g, gateway, worker, g->model->parts[p]) || moved;
    }

    return moved;
}


static bool
gateway_settle(struct sim_gateways *g, unsigned gateway)
{
    bool moved = false;
    unsigned k, p;

    for (p = 0; p < g->model->nparts; p++) {
        meta_ask(g, gateway, g->model->parts[p]);
    }
    for (k = 0; k < SIM_WORKERS; k++) {
        moved = worker_settle(g, gateway, k) || moved;
    }

    return moved;
}


void
sim_gateways_settle(struct sim_gateways *g)
{
    bool moved = true;
    unsigned i, round;

    for (round = 0; moved && round < SETTLE_ROUNDS && !g->world->failed;
         round++)
    {
        moved = false;
        for (i = 0; i < SIM_GATEWAYS; i++) {
            moved = (!g->all[i].paused && gateway_settle(g, i)) || moved;
        }
        g->world->said[0] = '\0';
    }
}
