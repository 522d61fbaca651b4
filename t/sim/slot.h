/*
 * What the two halves of the gateways' model share: calls (gateway.c) and
 * housekeeping (worker.c).
 */
#ifndef SIM_SLOT_H
#define SIM_SLOT_H

#include "gateway.h"
#include "meter/partition.h"

/* What `kind` says of the slot, under the epoch that its gateway knows. */
void sim_slot_command(struct sim_gateways *g, const struct sim_slot *s,
    char kind, struct sim_command *c);
/* Sends what `kind` says (R A E s e v x), by the dice's way there and back. */
void sim_slot_send(struct sim_gateways *g, struct sim_slot *s, char kind);
/* `a` NULL: no reply came. */
void sim_slot_took(struct sim_gateways *g, struct sim_slot *s,
    const struct sim_command *c, const struct sim_answer *a);
/* The call is over whose hold stays: its places are free. */
void sim_slot_release(struct sim_gateways *g, struct sim_slot *s);
void sim_slot_end(struct sim_gateways *g, struct sim_slot *s, char verb,
    int64_t amount);
void sim_slot_free(struct sim_gateways *g, struct sim_slot *s,
    bool in_ledger);
/* A connection on which a worker listens for changes: the meter counts them. */
void sim_ear_open(struct sim_gateways *g, struct sim_worker *w);
/* Takes what dead siblings left, and ends it; how many slots. */
unsigned sim_worker_inherit(struct sim_gateways *g, unsigned gateway,
    unsigned worker);
/* True when the gateway did not know this epoch. */
bool sim_gateway_learn(struct sim_gateways *g, unsigned gateway,
    unsigned part, asg_str_t fence);

#endif
