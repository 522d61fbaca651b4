/*
 * Calls: how they begin, go on, end; outcomes that are told once more.
 */
#include <string.h>

#include "made.h"
#include "prices.h"
#include "slot.h"

#define IN_MOST        200              /* tokens */
#define OUT_MOST       100
#define FOUND_TRIES    100


static struct sim_slot *
slot_take(struct sim_gateways *g)
{
    unsigned i;

    for (i = 0; i < SIM_SLOTS; i++) {
        if (g->slots[i].state == SIM_FREE) {
            memset(&g->slots[i], 0, sizeof(g->slots[i]));
            return &g->slots[i];
        }
    }

    return NULL;
}


/* Its worst case, by the candidates that are left; *card: of the dearest. */
static int64_t
worst_draw(struct sim_gateways *g, struct sim_slot *s, unsigned *card)
{
    bool nothing = sim_draw(g->world, 100) == 0;

    s->in = nothing ? 0 : (int64_t) sim_draw(g->world, IN_MOST);
    s->out = nothing ? 0 : (int64_t) sim_draw(g->world, OUT_MOST);

    return sim_route_hold(g->model, &s->route, s->in, s->out, card);
}


/* The limits of its project and its key, as its gateway knows them. */
static void
limits_fill(struct sim_gateways *g, struct sim_slot *s)
{
    const struct sim_set *set = &g->model->sets[s->hold->set];
    struct sim_asked *limited = &s->limited;
    unsigned i, scope;

    *limited = (struct sim_asked) {.tokens = s->in / 4 + s->out, .used = -1};
    for (i = 0; i < set->nscopes; i++) {
        scope = set->scopes[i];
        if (g->all[s->gateway].records[scope].limits.set != 0) {
            limited->scopes[limited->n] = scope;
            limited->limits[limited->n++] =
                g->all[s->gateway].records[scope].limits;
        }
    }
}


static void
slot_ask(struct sim_gateways *g, struct sim_slot *s, unsigned card)
{
    limits_fill(g, s);
    s->hold->version = s->route.version;
    s->hold->card = card;
    s->hold->serves = sim_route_card(&s->route);
    s->state = SIM_ASKED;
    sim_say(g->world, " of %lld for set %u", (long long) s->hold->amount,
            s->hold->set);
    sim_slot_send(g, s, 'R');
}


void
sim_call_new(struct sim_gateways *g)
{
    unsigned gateway = (unsigned) sim_draw(g->world, SIM_GATEWAYS);
    struct sim_slot *s = g->all[gateway].paused ? NULL : slot_take(g);
    unsigned card = 0, set = sim_set_pick(g->model);
    int64_t amount;

    if (s == NULL) {
        sim_say(g->world, " nobody can");
        return;
    }
    if (g->all[gateway].records[g->model->sets[set].scopes[0]].shut) {
        sim_say(g->world, " gateway %u knows: set %u is killed", gateway, set);
        return;
    }
    s->gateway = gateway;
    s->worker = (unsigned) sim_draw(g->world, SIM_WORKERS);
    sim_route_draw(g->world, &s->route, &g->all[gateway].prices,
                   g->model->sets[set].project);
    amount = worst_draw(g, s, &card);
    s->hold = sim_hold_new(g->model, set, amount);
    if (s->hold != NULL) {
        slot_ask(g, s, card);
    }
}


/* Below the bound as a rule; sometimes the provider counts more. */
static void
call_measure(struct sim_gateways *g, struct sim_slot *s)
{
    bool more = sim_chance(g->world, 4);
    int64_t in = (int64_t) sim_draw(g->world, (uint64_t) s->in + 1);
    int64_t out = more ? s->out + (int64_t) sim_draw(g->world, OUT_MOST)
                  : (int64_t) sim_draw(g->world, (uint64_t) s->out + 1);
    int64_t cost = sim_route_bill(g->model, &s->route, in, out);

    if (!more && cost > s->hold->amount) {
        sim_fail(g->world, "%s holds %lld and costs %lld, within its bounds",
                 s->hold->id, (long long) s->hold->amount, (long long) cost);
    }
    sim_slot_end(g, s, 's', cost);
    s->limited.used = in + out;
    if (s->evidence != NULL) {
        s->evidence->in = in;
        s->evidence->out = out;
    }
}


static void
call_leave(struct sim_gateways *g, struct sim_slot *s)
{
    sim_say(g->world, " %s: unknown", s->hold->id + 21);
    s->state = SIM_LEFT;
    s->hold->live = false;
    sim_slot_release(g, s);
    if (sim_chance(g->world, 20)) {
        sim_slot_send(g, s, 'x');       /* too early */
    }
}


static void
call_end(struct sim_gateways *g, struct sim_slot *s)
{
    uint64_t n = sim_draw(g->world, 100);
    char verb = s->state == SIM_HELD ? 'v' : n < 72 ? 's' : n < 84 ? 'e'
                : n < 92 ? 'v' : 'x';

    if (verb == 'x') {
        call_leave(g, s);
        return;
    }
    if (verb == 's') {
        call_measure(g, s);
    } else {
        sim_slot_end(g, s, verb, (int64_t) sim_draw(g->world,
                                       (uint64_t) s->hold->amount + 1));
    }
    sim_slot_send(g, s, verb);
}


/* After an attempt that may have started: the hold ends by what was seen, and
 * the next attempt asks for one of its own. */
static void
call_further(struct sim_gateways *g, struct sim_slot *s)
{
    struct sim_slot *next = slot_take(g);
    unsigned card = 0;

    if (next != NULL) {
        next->gateway = s->gateway;
        next->worker = s->worker;
        next->route = s->route;
        sim_route_next(g->model, &next->route);
        next->hold = sim_hold_further(g->model, s->hold,
                                      worst_draw(g, next, &card));
    }
    if (next != NULL && next->hold != NULL) {
        next->passed = true;            /* the place of the call is its own */
        s->limited.n = 0;
    }
    if (sim_chance(g->world, 60)) {
        call_leave(g, s);
    } else {
        sim_slot_end(g, s, 'e', (int64_t) sim_draw(g->world,
                                    (uint64_t) s->hold->amount + 1));
        sim_slot_send(g, s, 'e');
    }
    if (next != NULL && next->hold != NULL) {
        sim_say(g->world, " and %s", next->hold->id + 21);
        slot_ask(g, next, card);
    }
}


static bool
can_advance(const struct sim_gateways *g, const struct sim_slot *s)
{
    return (s->state == SIM_HELD || s->state == SIM_SENT) && s->asked == 0
           && !s->orphan && !g->all[s->gateway].paused;
}


/* As its worker ends it when it has read that the project is killed. */
void
sim_calls_cut(struct sim_gateways *g, unsigned gateway, unsigned scope)
{
    struct sim_slot *s;
    unsigned i;

    for (i = 0; i < SIM_SLOTS && !g->world->failed; i++) {
        s = &g->slots[i];
        if (can_advance(g, s) && s->gateway == gateway
            && g->model->sets[s->hold->set].scopes[0] == scope)
        {
            g->model->counts[SIM_N_CUT]++;
            call_end(g, s);
        }
    }
}


/* One that cannot have started passes its hold on. */
static void
attempt_fail(struct sim_gateways *g, struct sim_slot *s)
{
    if (sim_chance(g->world, 50)) {
        sim_say(g->world, " %s: passed on", s->hold->id + 21);
        s->state = SIM_HELD;
        sim_route_next(g->model, &s->route);
        s->hold->serves = sim_route_card(&s->route);
        g->model->counts[SIM_N_PASSED]++;
        return;
    }
    call_further(g, s);
}


/* One of those that are open; NULL: none is. */
static struct sim_slot *
call_pick(struct sim_gateways *g)
{
    unsigned i, at = (unsigned) sim_draw(g->world, SIM_SLOTS);
    struct sim_slot *s;

    for (i = 0; i < SIM_SLOTS; i++) {
        s = &g->slots[(at + i) % SIM_SLOTS];
        if (can_advance(g, s)) {
            return s;
        }
    }

    return NULL;
}


struct sim_slot *
sim_call_due(struct sim_gateways *g)
{
    struct sim_slot *s = call_pick(g);

    return s != NULL && s->expires > sim_redis_now(g->world) ? s : NULL;
}


void
sim_call_advance(struct sim_gateways *g)
{
    struct sim_slot *s = call_pick(g);

    if (s == NULL) {
        return;
    }
    if (s->state == SIM_HELD && !sim_chance(g->world, 15)) {
        sim_say(g->world, " %s: sent upstream", s->hold->id + 21);
        s->state = SIM_SENT;
    } else if (s->state == SIM_SENT && !s->answered
               && sim_chance(g->world, 40))
    {
        sim_say(g->world, " %s: bytes of an answer", s->hold->id + 21);
        s->answered = true;
    } else if (s->state == SIM_SENT && !s->answered
               && sim_chance(g->world, 35))
    {
        attempt_fail(g, s);
    } else {
        call_end(g, s);
    }
}


void
sim_gateways_end_calls(struct sim_gateways *g)
{
    unsigned i;

    for (i = 0; i < SIM_SLOTS; i++) {
        if (can_advance(g, &g->slots[i])) {
            call_end(g, &g->slots[i]);
        }
    }
}


/* By somebody who is no journal; NULL: there is too much already. */
static struct sim_evidence *
outcome_decide(struct sim_gateways *g, struct sim_hold *h, char verb)
{
    int64_t in = (int64_t) sim_draw(g->world, IN_MOST / 4);
    int64_t out = (int64_t) sim_draw(g->world, OUT_MOST / 4);
    int64_t amount = verb == 's'
                     ? sim_cost(g->model, g->model->sets[h->set].project,
                                h->serves, h->version, in, out)
                     : (int64_t) sim_draw(g->world, (uint64_t) h->amount + 1);
    struct sim_evidence *ev = sim_decide(g->model, h, verb, amount);

    if (ev != NULL) {
        ev->by.slot = false;
        ev->pinned = true;
        ev->in = in;
        ev->out = out;
    }

    return ev;
}


/* Where the call was estimated, the provider's figures may come later. */
static struct sim_evidence *
outcome_pick(struct sim_gateways *g, struct sim_hold *h)
{
    struct sim_evidence *ev = &h->evidence[sim_draw(g->world, h->nevidence)];

    return ev->rank == SIM_ESTIMATE && sim_chance(g->world, 30)
           ? outcome_decide(g, h, 's') : ev;
}


/* From outside of any journal, under the present fence. */
static void
outcome_tell(struct sim_gateways *g, struct sim_hold *h,
    struct sim_evidence *ev, bool later)
{
    struct sim_slot s = {.pinned = true, .hold = h, .evidence = ev};
    struct sim_command c;
    struct sim_answer a;
    char verb = ev->rank == SIM_MEASURED ? 's' : ev->rank == SIM_VOID ? 'v'
                : 'e';

    s.gateway = (unsigned) sim_draw(g->world, SIM_GATEWAYS);
    sim_slot_command(g, &s, verb, &c);
    c.asked = 0;
    g->model->counts[SIM_N_REPLAYS]++;
    sim_say(g->world, " [%c %s", verb, h->id + 21);
    if (later) {
        sim_flight_keep(g->flight, &c, false);
        sim_say(g->world, " later]");
    } else {
        sim_command_run(g->flight, &c, &a);
        sim_answer_free(&a);
        sim_say(g->world, "]");
    }
    sim_command_free(&c);
}


void
sim_call_replay(struct sim_gateways *g)
{
    struct sim_hold *h = &g->model->holds[sim_draw(g->world,
                                                   g->model->nholds)];
    struct sim_evidence *ev;

    if (g->model->nholds == 0 || h->nevidence == 0 || h->npins == 0) {
        return;
    }
    ev = outcome_pick(g, h);
    if (ev != NULL && ev->rank != SIM_PROVIDER) {
        outcome_tell(g, h, ev, sim_chance(g->world, 60));
    }
}


/* Of a call whose outcome nobody knew, it is found out after all, often after
 * the hold has expired: mostly what it had used. */
void
sim_call_found(struct sim_gateways *g)
{
    unsigned i, n = g->model->nholds;
    unsigned at = n > 0 ? (unsigned) sim_draw(g->world, n) : 0;
    struct sim_evidence *ev = NULL;
    struct sim_hold *h;
    char verb = "sssev"[sim_draw(g->world, 5)];

    for (i = 0; i < n && i < FOUND_TRIES && ev == NULL; i++) {
        h = &g->model->holds[(at + i) % n];
        if (h->npins > 0 && h->nevidence == 0 && !h->live) {
            ev = outcome_decide(g, h, verb);
            outcome_tell(g, h, ev, sim_chance(g->world, 30));
            g->model->counts[SIM_N_FOUND]++;
        }
    }
}


/* What a gateway wrote down before it was lost is told from its log. */
void
sim_gateways_recover(struct sim_gateways *g)
{
    struct sim_hold *h;
    unsigned i, last;

    for (i = 0; i < g->model->nholds; i++) {
        h = &g->model->holds[i];
        for (last = h->nevidence; last > 0
             && h->evidence[last - 1].rank == SIM_PROVIDER; last--)
        {
            /* that stands in no log of a gateway */
        }
        if (h->lost && last > 0 && h->npins > 0 && !g->world->failed) {
            outcome_tell(g, h, &h->evidence[last - 1], false);
            g->model->counts[SIM_N_RECOVERED]++;
        }
    }
}
