/*
 * In which order the candidates of one group of a public name are tried.
 *
 * Those that are cooled come last.  Among the others the strategy decides, and
 * where it sees no difference the weights do: the share of turns that a
 * candidate gets is its share of the weight, without runs.  Nothing is
 * remembered here: a turn is a number that rises by one with each call of the
 * name, over all workers, whatever other names are called in between.
 */
#ifndef ASG_ROUTE_H
#define ASG_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

#define ASG_ROUTE_MAX         16        /* candidates of a group */
#define ASG_ROUTE_WEIGHT_MAX  1000
#define ASG_ROUTE_TURNS       1024      /* counters of turns */

typedef enum {
    ASG_STRATEGY_ORDERED,       /* as they were written */
    ASG_STRATEGY_WEIGHTED,
    ASG_STRATEGY_LEAST_BUSY,    /* fewest calls under way, for its weight */
    ASG_STRATEGY_LOWEST_LATENCY,        /* to the first byte */
    ASG_STRATEGY_CHEAPEST,      /* for this very call */
    ASG_STRATEGY_STICKY,        /* the same for the same session */
    ASG_STRATEGY_COUNT
} asg_strategy_t;

typedef struct {
    unsigned weight;            /* 1 to ASG_ROUTE_WEIGHT_MAX */
    uint64_t busy;              /* calls under way */
    uint64_t latency_us;        /* 0: not known, tried first */
    uint64_t cost_nusd;         /* at most, of this call */
    uint64_t id;                /* the same for the same endpoint, anywhere */
    bool cooled;
} asg_route_candidate_t;

/* The indexes of n (1 to ASG_ROUTE_MAX) candidates into order[]; how many of
 * them, the first ones, are not cooled.  `session` 0: none was named, and
 * sticky is weighted. */
unsigned asg_route_order(asg_strategy_t strategy,
    const asg_route_candidate_t *candidates, unsigned n, uint64_t turn,
    uint64_t session, uint8_t *order);

/* Which of ASG_ROUTE_TURNS counters a public name's turns are counted by; two
 * names may have the same one. */
unsigned asg_route_counter(asg_str_t name);

/* By its name in routing.yaml; false when there is none. */
bool asg_strategy_parse(asg_str_t name, asg_strategy_t *out);
const char *asg_strategy_name(asg_strategy_t strategy);

/* 64 bits of a text, never 0; not for secrets: who knows it can collide. */
uint64_t asg_route_hash(asg_str_t text);

#endif
