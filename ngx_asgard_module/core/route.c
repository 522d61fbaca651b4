/*
 * In which order the candidates of one group of a public name are tried.
 */
#include "core/route.h"

/* 2^64 divided by the golden ratio: its multiples lie evenly (Weyl), also
 * those of every second or third turn. */
#define GOLDEN    0x9e3779b97f4a7c15u
#define REPLICAS  64u           /* tickets of the heaviest in a draw */

static const char *const names[ASG_STRATEGY_COUNT] = {
    [ASG_STRATEGY_ORDERED] = "ordered",
    [ASG_STRATEGY_WEIGHTED] = "weighted",
    [ASG_STRATEGY_LEAST_BUSY] = "least-busy",
    [ASG_STRATEGY_LOWEST_LATENCY] = "lowest-latency",
    [ASG_STRATEGY_CHEAPEST] = "cheapest",
    [ASG_STRATEGY_STICKY] = "sticky"
};

typedef struct {
    asg_strategy_t strategy;
    const asg_route_candidate_t *candidates;
    unsigned n, heaviest;
    uint64_t session;
} group_t;

/* A step of splitmix64. */
static uint64_t mix(uint64_t x)
{
    x += GOLDEN;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t asg_route_hash(asg_str_t text)
{
    uint64_t h = 0xcbf29ce484222325u;   /* FNV-1a */

    for (size_t i = 0; i < text.len; i++) {
        h = (h ^ (uint8_t) text.data[i]) * 0x100000001b3u;
    }
    h = mix(h);
    return h != 0 ? h : 1;
}

/* The best of its tickets (rendezvous hashing): when a candidate goes or
 * comes, no session moves between two others. */
static uint64_t draw(const group_t *g, const asg_route_candidate_t *c)
{
    unsigned tickets = c->weight * REPLICAS / g->heaviest;
    uint64_t seed = mix(g->session ^ mix(c->id));
    uint64_t best = UINT64_MAX;

    for (unsigned i = 0; i == 0 || i < tickets; i++) {
        uint64_t ticket = mix(seed + i);

        best = ticket < best ? ticket : best;
    }
    return best;
}

/* The lower the better. */
static uint64_t score(const group_t *g, unsigned i)
{
    const asg_route_candidate_t *c = &g->candidates[i];
    uint64_t busy = c->busy < UINT32_MAX ? c->busy : UINT32_MAX;

    switch (g->strategy) {
    case ASG_STRATEGY_ORDERED:
        return i;
    case ASG_STRATEGY_LEAST_BUSY:
        return busy * ASG_ROUTE_WEIGHT_MAX / c->weight;
    case ASG_STRATEGY_LOWEST_LATENCY:
        return c->latency_us;
    case ASG_STRATEGY_CHEAPEST:
        return c->cost_nusd;
    case ASG_STRATEGY_STICKY:
        return g->session != 0 ? draw(g, c) : 0;
    default:
        return 0;
    }
}

/* Of the candidates in `set` the one on whom the point of this turn falls. */
static unsigned by_weight(const group_t *g, unsigned set, uint64_t turn)
{
    uint64_t total = 0, point;
    unsigned i, last = 0;

    for (i = 0; i < g->n; i++) {
        total += set >> i & 1 ? g->candidates[i].weight : 0;
    }
    point = ((turn * GOLDEN) >> 32) * total >> 32;
    for (i = 0; i < g->n; i++) {
        if ((set >> i & 1) == 0) {
            continue;
        }
        last = i;
        if (point < g->candidates[i].weight) {
            break;
        }
        point -= g->candidates[i].weight;
    }
    return last;
}

/* Those in `set` that nobody in it is better than. */
static unsigned best_of(const uint64_t *scores, unsigned n, unsigned set)
{
    uint64_t best = UINT64_MAX;
    unsigned i, found = 0;

    for (i = 0; i < n; i++) {
        if (set >> i & 1 && scores[i] < best) {
            best = scores[i];
        }
    }
    for (i = 0; i < n; i++) {
        found |= (set >> i & 1) && scores[i] == best ? 1u << i : 0;
    }
    return found;
}

unsigned asg_route_order(asg_strategy_t strategy,
    const asg_route_candidate_t *candidates, unsigned n, uint64_t turn,
    uint64_t session, uint8_t *order)
{
    group_t g = {strategy, candidates, n, 1, session};
    uint64_t scores[ASG_ROUTE_MAX];
    unsigned live = 0, cooled = 0, nlive = 0, set, i, chosen;

    for (i = 0; i < n; i++) {
        if (candidates[i].weight > g.heaviest) {
            g.heaviest = candidates[i].weight;
        }
    }
    for (i = 0; i < n; i++) {
        scores[i] = score(&g, i);
        live |= candidates[i].cooled ? 0 : 1u << i;
        cooled |= candidates[i].cooled ? 1u << i : 0;
        nlive += !candidates[i].cooled;
    }
    for (i = 0; i < n; i++) {
        set = best_of(scores, n, live != 0 ? live : cooled);
        /* who is second is drawn anew, not always the neighbour */
        chosen = by_weight(&g, set, i == 0 ? turn : mix(turn + i));
        live &= ~(1u << chosen);
        cooled &= ~(1u << chosen);
        order[i] = (uint8_t) chosen;
    }
    return nlive;
}

unsigned asg_route_counter(asg_str_t name)
{
    return (unsigned) (asg_route_hash(name) % ASG_ROUTE_TURNS);
}

bool asg_strategy_parse(asg_str_t name, asg_strategy_t *out)
{
    for (unsigned i = 0; i < ASG_STRATEGY_COUNT; i++) {
        if (asg_str_eq_z(name, names[i])) {
            *out = (asg_strategy_t) i;
            return true;
        }
    }
    return false;
}

const char *asg_strategy_name(asg_strategy_t strategy)
{
    return names[strategy];
}
