/*
 * Workers as processes: their names, the connection that listens, beats, who is
 * waited for, deaths and pauses, and what a dead one leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot.h"

#define BEAT_KEEP_S    "60"


/* A connection that listens for changes and under the worker's own name, as
 * every worker has one: the meter waits for those it finds. */
void
sim_ear_open(struct sim_gateways *g, struct sim_worker *w)
{
    redisReply *reply;

    if (w->ear != NULL && w->ear_life == g->world->life) {
        return;
    }
    redisFree(w->ear);
    w->ear = redisConnectUnix(g->world->redis_socket);
    w->ear_life = g->world->life;
    reply = w->ear != NULL ? redisCommand(w->ear, "SUBSCRIBE "
                                          ASG_RKEY_CHANGES " "
                                          ASG_RKEY_LISTENER "%s", w->id) : NULL;
    if (reply == NULL) {
        sim_fail(g->world, "sim: a worker cannot listen");
        return;
    }
    freeReplyObject(reply);
}


static bool
ear_is_open(const struct sim_gateways *g, const struct sim_worker *w)
{
    return w->ear != NULL && w->ear_life == g->world->life;
}


/* Redis counts a connection that is gone until it has noticed: so it is told,
 * behind what it may have published before. */
static void
ear_close(struct sim_gateways *g, struct sim_worker *w)
{
    bool listens = ear_is_open(g, w)
                   && redisAppendCommand(w->ear, "UNSUBSCRIBE") == REDIS_OK;
    redisReply *reply;

    while (listens && redisGetReply(w->ear, (void **) &reply) == REDIS_OK) {
        listens = reply->elements < 1
                  || strcmp(reply->element[0]->str, "unsubscribe") != 0;
        freeReplyObject(reply);
    }
    redisFree(w->ear);
    w->ear = NULL;
}


static void
worker_name(struct sim_gateways *g, struct sim_worker *w)
{
    ear_close(g, w);
    memset(w, 0, sizeof(*w));
    snprintf(w->id, sizeof(w->id), "w%024x", ++g->names);
}


void
sim_gateways_begin(struct sim_gateways *g, struct sim_world *w,
    struct sim_model *m, struct sim_flight *f)
{
    unsigned i, k;

    memset(g, 0, sizeof(*g));
    g->world = w;
    g->model = m;
    g->flight = f;
    for (i = 0; i < SIM_GATEWAYS; i++) {
        g->all[i].prices = m->catalog;
        for (k = 0; k < SIM_WORKERS; k++) {
            worker_name(g, &g->all[i].workers[k]);
        }
    }
}


void
sim_gateways_end(struct sim_gateways *g)
{
    unsigned i, k;

    for (i = 0; i < SIM_GATEWAYS; i++) {
        for (k = 0; k < SIM_WORKERS; k++) {
            redisFree(g->all[i].workers[k].ear);
            g->all[i].workers[k].ear = NULL;
        }
    }
}


/* --- a dead worker's slots --- */

static void
orphan_end(struct sim_gateways *g, struct sim_slot *s)
{
    s->orphan = false;
    s->asked = 0;
    switch (s->state) {
    case SIM_ASKED:
    case SIM_HELD:
        sim_slot_end(g, s, 'v', 0);
        break;
    case SIM_SENT:
        if (s->answered) {
            sim_slot_end(g, s, 'e', (int64_t) sim_draw(g->world,
                                        (uint64_t) s->hold->amount + 1));
        } else {
            s->state = SIM_LEFT;
            s->hold->live = false;
            sim_slot_release(g, s);
        }
        break;
    default:
        break;
    }
}


unsigned
sim_worker_inherit(struct sim_gateways *g, unsigned gateway, unsigned worker)
{
    unsigned i, n = 0;

    for (i = 0; i < SIM_SLOTS; i++) {
        if (g->slots[i].state != SIM_FREE && g->slots[i].gateway == gateway
            && g->slots[i].orphan)
        {
            g->slots[i].worker = worker;
            orphan_end(g, &g->slots[i]);
            n++;
        }
    }
    if (n > 0) {
        sim_say(g->world, " %u slots inherited", n);
    }

    return n;
}


/* --- beats, and who is waited for --- */

void
sim_gateways_beat(struct sim_gateways *g)
{
    struct sim_command c = {.script = ASG_SCRIPT_BEAT, .nkeys = 1};
    size_t said = strlen(g->world->said);
    struct sim_answer a;
    unsigned i, k;

    for (i = 0; i < SIM_GATEWAYS; i++) {
        for (k = 0; k < SIM_WORKERS && !g->all[i].paused; k++) {
            (void) sim_worker_inherit(g, i, k);
            sim_ear_open(g, &g->all[i].workers[k]);
            c.kind = 'o';
            c.argc = 0;
            sim_command_arg(&c, ASG_STR(ASG_RKEY_WORKERS));
            sim_command_arg(&c, asg_str_z(g->all[i].workers[k].id));
            sim_command_arg(&c, ASG_STR(BEAT_KEEP_S));
            sim_command_run(g->flight, &c, &a);
            g->all[i].workers[k].beaten = a.verdict == ASG_VERDICT_OK;
            sim_answer_free(&a);
            sim_command_free(&c);
            c.script = ASG_SCRIPT_BEAT;
            c.nkeys = 1;
        }
    }
    g->world->said[said] = '\0';
}


void
sim_gateways_noted(struct sim_gateways *g)
{
    unsigned i, k;

    for (i = 0; i < SIM_GATEWAYS; i++) {
        for (k = 0; k < SIM_WORKERS && !g->all[i].paused; k++) {
            g->all[i].workers[k].noted = g->all[i].workers[k].beaten;
        }
    }
}


bool
sim_gateways_told(struct sim_gateways *g, unsigned part, uint64_t epoch)
{
    bool all = true;
    unsigned i, k;

    for (i = 0; i < SIM_GATEWAYS; i++) {
        for (k = 0; k < SIM_WORKERS && !g->all[i].paused; k++) {
            all = all && g->all[i].workers[k].told[part] == epoch;
        }
    }

    return all;
}


/* What was copied when its gateway fell silent is open again, and room of
 * nobody. */
static void
hold_unheard(struct sim_gateways *g, struct sim_hold *h)
{
    if (h->grants > 0 && !h->by.redis && !h->by.ledger && !h->unheard
        && !sim_hold_is_open(g->world, h->part, h->id))
    {
        h->unheard = h->lent = true;
        sim_low_set(g->model, h, 0);
        g->model->counts[SIM_N_UNHEARD]++;
    }
}


/* Who has not told when the meter gives up is forgotten by it until it sees
 * the next beat. */
static void
forget(struct sim_worker *w, unsigned part, uint64_t epoch)
{
    w->noted = w->noted && w->told[part] == epoch;
}


/* Whose beat the meter has never seen, or not for long, is not waited for,
 * unless it listens.  Nor is anybody waited for longer than the meter waits. */
void
sim_gateways_unheard(struct sim_gateways *g, unsigned part, uint64_t epoch,
    bool given_up)
{
    const struct sim_worker *w;
    struct sim_slot *s;
    unsigned i;

    for (i = 0; i < SIM_SLOTS; i++) {
        s = &g->slots[i];
        if (s->state == SIM_FREE || s->hold->part != part) {
            continue;
        }
        w = &g->all[s->gateway].workers[s->worker];
        if ((given_up && (w->told[part] != epoch || s->orphan))
            || (w->told[part] != epoch && !w->noted
                && !ear_is_open(g, w)))
        {
            hold_unheard(g, s->hold);
        }
    }
    for (i = 0; given_up && i < SIM_GATEWAYS * SIM_WORKERS; i++) {
        forget(&g->all[i / SIM_WORKERS].workers[i % SIM_WORKERS], part,
               epoch);
    }
}


/* --- deaths and pauses --- */

void
sim_worker_kill(struct sim_gateways *g)
{
    unsigned gateway = (unsigned) sim_draw(g->world, SIM_GATEWAYS);
    unsigned worker = (unsigned) sim_draw(g->world, SIM_WORKERS);
    struct sim_slot *s;
    unsigned i;

    sim_say(g->world, " %s", g->all[gateway].workers[worker].id + 21);
    for (i = 0; i < SIM_SLOTS; i++) {
        s = &g->slots[i];
        if (s->state != SIM_FREE && s->gateway == gateway
            && s->worker == worker)
        {
            s->orphan = true;
            s->asked = 0;
        }
    }
    worker_name(g, &g->all[gateway].workers[worker]);
    g->model->counts[SIM_N_WORKER_DEATHS]++;
}


void
sim_gateway_kill(struct sim_gateways *g)
{
    unsigned i, gateway = (unsigned) sim_draw(g->world, SIM_GATEWAYS);
    struct sim_gateway *gw = &g->all[gateway];

    sim_say(g->world, " gateway %u", gateway);
    for (i = 0; i < SIM_SLOTS; i++) {
        if (g->slots[i].state != SIM_FREE && g->slots[i].gateway == gateway) {
            sim_slot_free(g, &g->slots[i], false);
        }
    }
    memset(gw->epoch, 0, sizeof(gw->epoch));
    gw->paused = false;
    for (i = 0; i < SIM_WORKERS; i++) {
        worker_name(g, &gw->workers[i]);
    }
    g->model->counts[SIM_N_GATEWAY_DEATHS]++;
}


void
sim_gateway_pause(struct sim_gateways *g)
{
    unsigned i, gateway = (unsigned) sim_draw(g->world, SIM_GATEWAYS);

    sim_say(g->world, " gateway %u", gateway);
    g->all[gateway].paused = true;
    for (i = 0; i < SIM_WORKERS; i++) {
        g->all[gateway].workers[i].noted = false;
        g->all[gateway].workers[i].beaten = false;
    }
}


void
sim_gateways_unnoted(struct sim_gateways *g)
{
    unsigned i, k;

    for (i = 0; i < SIM_GATEWAYS; i++) {
        for (k = 0; k < SIM_WORKERS; k++) {
            g->all[i].workers[k].noted = false;
        }
    }
}


void
sim_gateways_resume(struct sim_gateways *g)
{
    unsigned i;

    for (i = 0; i < SIM_GATEWAYS; i++) {
        g->all[i].paused = false;
    }
}


void
sim_gateway_price(struct sim_gateways *g)
{
    unsigned gateway = (unsigned) sim_draw(g->world, SIM_GATEWAYS);

    g->all[gateway].prices = g->model->catalog;
    sim_say(g->world, " gateway %u: version %u", gateway, g->model->nprices);
}
