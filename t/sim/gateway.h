/*
 * Two gateways of two workers each, as a small model of the module's journal.
 *
 * A slot goes ASKED → HELD → SENT → ENDED → DONE and is free when the ledger
 * has its event; LEFT is a call whose outcome nobody knows.  What a worker
 * does with the replies of Redis, with a dead sibling's slots and with a new
 * epoch is what the module does: announce open calls, tell outcomes again,
 * then say so.
 */
#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include "flight.h"
#include "route.h"

#define SIM_SLOTS      384
#define SIM_GATEWAYS   2
#define SIM_WORKERS    2                /* of one gateway */

enum sim_slot_state {
    SIM_FREE, SIM_ASKED, SIM_HELD, SIM_SENT, SIM_ENDED, SIM_DONE, SIM_LEFT
};

struct sim_slot {
    enum sim_slot_state state;
    struct sim_hold *hold;
    unsigned gateway, worker;
    uint64_t asked;                     /* a command is under way; 0: none */
    uint64_t epoch;                     /* that Redis has last heard it in */
    int64_t expires;
    bool orphan;                        /* its worker is dead */
    bool gone;                          /* Redis has charged it already */
    bool pinned;                        /* the reply with the pins came */
    struct sim_evidence *evidence;      /* the outcome */
    uint64_t ms, seq;                   /* of its event */
    struct sim_route route;
    int64_t in, out;                    /* the most tokens that there can be */
    bool answered;                      /* bytes of an answer came */
    struct sim_asked limited;           /* by what it was let in */
    char marks[SIM_SCOPES_CALL][ASG_LIMIT_MARK + 1];
    bool passed;                        /* its call has a place already */
};

struct sim_worker {
    bool beaten;                        /* Redis has its beat */
    bool noted;                         /* ... and the meter has seen it */
    redisContext *ear;                  /* listens for changes */
    unsigned ear_life;                  /* ... of that server process */
    char id[28];
    uint64_t told[ASG_PARTITIONS];      /* epoch that it has told */
};

struct sim_gateway {
    bool paused;
    uint64_t epoch[ASG_PARTITIONS];     /* the highest that was seen */
    struct sim_catalog prices;          /* that it has */
    struct sim_record records[SIM_SCOPES];      /* that it has read */
    struct sim_worker workers[SIM_WORKERS];
};

struct sim_gateways {
    struct sim_world *world;
    struct sim_model *model;
    struct sim_flight *flight;
    struct sim_gateway all[SIM_GATEWAYS];
    struct sim_slot slots[SIM_SLOTS];
    uint64_t serial;
    unsigned names;                     /* workers so far */
    bool calm;                          /* nothing is lost or late now */
};

void sim_gateways_begin(struct sim_gateways *g, struct sim_world *w,
    struct sim_model *m, struct sim_flight *f);

void sim_gateways_end(struct sim_gateways *g);

/* Steps of a call. */
void sim_call_new(struct sim_gateways *g);
void sim_call_advance(struct sim_gateways *g);      /* some call goes on */
void sim_call_replay(struct sim_gateways *g);       /* an old outcome again */
void sim_call_found(struct sim_gateways *g);        /* ... of an unknown one */
/* An open call whose hold will expire; NULL: none was found. */
struct sim_slot *sim_call_due(struct sim_gateways *g);
/* Lost calls whose outcome stands in a log. */
void sim_gateways_recover(struct sim_gateways *g);
/* One command that was under way arrives. */
void sim_gateways_deliver(struct sim_gateways *g);

/* What a worker does by itself: one thing. */
void sim_worker_turn(struct sim_gateways *g);
/* Until nobody has anything left to do, as far as time allows. */
void sim_gateways_settle(struct sim_gateways *g);
/* Every live worker beats; later the meter has noted the beats. */
void sim_gateways_beat(struct sim_gateways *g);
void sim_gateways_noted(struct sim_gateways *g);
/* ... in a database that is no more. */
void sim_gateways_unnoted(struct sim_gateways *g);
/* Ends every call that is open. */
void sim_gateways_end_calls(struct sim_gateways *g);
/* Have all who can told the partition under this epoch? */
bool sim_gateways_told(struct sim_gateways *g, unsigned part, uint64_t epoch);
/* The partition opens: who has not told was not waited for. */
void sim_gateways_unheard(struct sim_gateways *g, unsigned part,
    uint64_t epoch, bool given_up);
/* The server process is another one: what was under way is lost. */
void sim_gateways_cut(struct sim_gateways *g);

void sim_worker_kill(struct sim_gateways *g);
void sim_gateway_kill(struct sim_gateways *g);
void sim_gateway_pause(struct sim_gateways *g);
void sim_gateways_resume(struct sim_gateways *g);
void sim_gateway_price(struct sim_gateways *g);     /* takes the newest */
/* A gateway has read that the project of the scope is killed: its calls are
 * cut. */
void sim_calls_cut(struct sim_gateways *g, unsigned gateway, unsigned scope);

#endif
