/*
 * Slots: what they send, the way there and back, what the replies do to them.
 */
#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opened.h"
#include "prices.h"
#include "slot.h"

#define DETAIL_BYTES   512
#define DEADLINE_S     8                /* of a reserve that has one */


static struct sim_gateway *
gateway_of(struct sim_gateways *g, const struct sim_slot *s)
{
    return &g->all[s->gateway];
}


void
sim_slot_free(struct sim_gateways *g, struct sim_slot *s, bool in_ledger)
{
    sim_slot_gone(g->model, s->hold, in_ledger);
    memset(s, 0, sizeof(*s));
}


void
sim_slot_end(struct sim_gateways *g, struct sim_slot *s, char verb,
    int64_t amount)
{
    s->evidence = sim_decide(g->model, s->hold, verb, amount);
    if (s->evidence != NULL) {
        s->evidence->pinned = s->pinned;
    }
    s->state = SIM_ENDED;
    s->asked = 0;
}


/* --- what is sent --- */

static void
detail_write(const struct sim_gateways *g, const struct sim_slot *s,
    char kind, char out[DETAIL_BYTES])
{
    const struct sim_set *set = &g->model->sets[s->hold->set];
    bool over = s->evidence != NULL && s->evidence->amount > s->hold->amount;
    unsigned card = kind == 'R' || kind == 'A' ? s->hold->card
                    : s->evidence != NULL ? s->evidence->card
                    : s->hold->serves;
    char id[SIM_CARD_ID];
    size_t n;

    n = (size_t) snprintf(out, DETAIL_BYTES, "{\"f\":1,\"call\":\"%s\","
                          "\"project\":\"%s\",\"pv\":1,\"card\":\"%s\","
                          "\"cv\":%u", g->model->holds[s->hold->call].id,
                          set->project,
                          sim_card_id(g->model, set->project, card,
                                      s->hold->version, id),
                          s->hold->version);
    if (set->key[0] != '\0') {
        n += (size_t) snprintf(out + n, DETAIL_BYTES - n, ",\"key\":\"%s\"",
                               set->key);
    }
    if (kind == 's') {
        n += (size_t) snprintf(out + n, DETAIL_BYTES - n, ",\"pt\":%lld,"
                               "\"ct\":%lld", (long long) s->evidence->in,
                               (long long) s->evidence->out);
    }
    if (kind == 'e' || over) {
        n += (size_t) snprintf(out + n, DETAIL_BYTES - n, ",\"flags\":[%s]",
                               over ? "\"overshoot\"" : "\"estimated\"");
    }
    snprintf(out + n, DETAIL_BYTES - n, "}");
}


/* What counts the requests and tokens of each scope with limits, and its calls
 * under way. */
static void
scope_keys_add(const struct sim_gateways *g, const struct sim_slot *s,
    struct sim_command *c)
{
    char key[ASG_RKEY_MAX];
    unsigned i;

    c->limited = s->limited;
    for (i = 0; i < s->limited.n; i++) {
        const struct sim_scope *scope =
            &g->model->scopes[s->limited.scopes[i]];

        (void) asg_rkey_rates(key, c->part, asg_str_z(scope->id));
        sim_command_arg(c, asg_str_z(key));
        (void) asg_rkey_open(key, c->part, asg_str_z(scope->id));
        sim_command_arg(c, asg_str_z(key));
    }
}


static void
keys_add(struct sim_gateways *g, const struct sim_slot *s, bool counters,
    struct sim_command *c)
{
    const struct sim_set *set = &g->model->sets[s->hold->set];
    char key[ASG_RKEY_MAX];
    unsigned i;

    (void) asg_rkey_meta(key, c->part);
    sim_command_arg(c, asg_str_z(key));
    (void) asg_rkey_hold(key, c->part, asg_str_z(s->hold->id));
    sim_command_arg(c, asg_str_z(key));
    (void) asg_rkey_expiry(key, c->part);
    sim_command_arg(c, asg_str_z(key));
    if (counters) {
        (void) asg_rkey_stream(key, c->part, c->epoch);
        sim_command_arg(c, asg_str_z(key));
        for (i = 0; i < set->n; i++) {
            (void) asg_rkey_budget(key, c->part,
                asg_str_z(g->model->budgets[set->budgets[i]].id));
            sim_command_arg(c, asg_str_z(key));
        }
        scope_keys_add(g, s, c);
    }
    c->nkeys = c->argc;
}


/* In the words of each kind of command; nothing where the call has none. */
static void
limits_add(const struct sim_slot *s, struct sim_command *c)
{
    char text[ASG_LIMITS_TEXT];
    unsigned i;

    for (i = 0; i < c->limited.n; i++) {
        if (c->kind == 'R') {
            (void) asg_limits_text(&c->limited.limits[i], text);
            sim_command_arg(c, asg_str_z(text));
        } else if (c->kind == 'A') {
            sim_command_arg(c, asg_limits_has(&c->limited.limits[i],
                                              ASG_LIMIT_PARALLEL)
                            ? ASG_STR("- - 0") : ASG_STR("- - -"));
        } else {
            c->limited.marked[i] = s->marks[i][0] != '\0';
            sim_command_arg(c, asg_str_z(s->marks[i]));
        }
    }
}


static void
reserve_args(struct sim_gateways *g, const struct sim_slot *s,
    struct sim_command *c)
{
    char detail[DETAIL_BYTES];

    c->script = ASG_SCRIPT_RESERVE;
    if (c->kind == 'R' && sim_chance(g->world, 20)) {
        c->not_after = sim_redis_now(g->world)
                       + (int64_t) sim_draw(g->world, DEADLINE_S);
    }
    detail_write(g, s, c->kind, detail);
    sim_command_number(c, s->hold->amount);
    sim_command_number(c, SIM_TTL_S);
    sim_command_arg(c, c->kind == 'A' ? ASG_STR("A") : ASG_STR("R"));
    sim_command_number(c, c->not_after);
    sim_command_arg(c, asg_str_z(detail));
    if (c->kind == 'A' || c->limited.n > 0) {
        sim_command_arg(c, asg_str_z(c->kind == 'A' ? s->hold->text : ""));
    }
    if (c->limited.n > 0) {
        sim_command_number(c, c->kind == 'A' ? 0 : c->limited.tokens);
    }
    limits_add(s, c);
}


static void
finish_args(struct sim_gateways *g, const struct sim_slot *s,
    struct sim_command *c)
{
    char detail[DETAIL_BYTES];

    c->script = ASG_SCRIPT_FINISH;
    c->evidence = c->kind != 'x' ? s->evidence : NULL;
    detail_write(g, s, c->kind, detail);
    sim_command_arg(c, (asg_str_t) {&c->kind, 1});
    sim_command_number(c, c->evidence != NULL ? c->evidence->amount
                                              : s->hold->amount);
    sim_command_arg(c, asg_str_z(s->pinned ? s->hold->text : ""));
    sim_command_arg(c, asg_str_z(detail));
    if (s->pinned) {
        sim_command_number(c, s->hold->amount);
    } else if (c->limited.n > 0) {
        sim_command_arg(c, ASG_STR(""));
    }
    if (c->limited.n > 0) {
        c->limited.used = c->kind == 'v' ? 0 : c->limited.used;
        sim_command_arg(c, ASG_STR(""));
        if (c->limited.used < 0) {
            sim_command_arg(c, ASG_STR(""));
        } else {
            sim_command_number(c, c->limited.used);
        }
    }
    limits_add(s, c);
}


void
sim_slot_command(struct sim_gateways *g, const struct sim_slot *s, char kind,
    struct sim_command *c)
{
    char fence[CTL_FENCE_TEXT];

    memset(c, 0, sizeof(*c));
    c->kind = kind;
    c->hold = s->hold;
    c->part = s->hold->part;
    /* what expires must be announced first */
    c->epoch = kind == 'x' ? s->epoch : gateway_of(g, s)->epoch[c->part];
    c->life = g->world->life;
    keys_add(g, s, kind != 'E', c);
    snprintf(fence, sizeof(fence), "%llu:%s", (unsigned long long) c->epoch,
             g->world->run_id);
    sim_command_arg(c, asg_str_z(fence));
    sim_command_arg(c, asg_str_z(s->hold->id));
    if (kind == 'R' || kind == 'A') {
        reserve_args(g, s, c);
    } else if (kind == 'E') {
        c->script = ASG_SCRIPT_EXTEND;
        sim_command_number(c, SIM_TTL_S);
        sim_command_number(c, SIM_LIFE_S);
    } else {
        finish_args(g, s, c);
    }
}


/* --- what comes back --- */

/* The fence that Redis holds is taken when it is of this process. */
bool
sim_gateway_learn(struct sim_gateways *g, unsigned gateway, unsigned part,
    asg_str_t fence)
{
    const char *colon = memchr(fence.data, ':', fence.len);
    uint64_t epoch = strtoull(fence.data, NULL, 10);

    if (colon == NULL || strcmp(colon + 1, g->world->run_id) != 0
        || epoch <= g->all[gateway].epoch[part])
    {
        return false;
    }
    g->all[gateway].epoch[part] = epoch;

    return true;
}


/* What finish needs to say of each scope. */
static void
marks_take(struct sim_slot *s, const struct sim_answer *a)
{
    asg_str_t marks[SIM_SCOPES_CALL];
    asg_limits_room_t room;
    unsigned i;

    if (s->limited.n == 0
        || asg_reply_limits(a->words, a->n, s->limited.n, &room, marks)
           != ASG_OK)
    {
        return;
    }
    for (i = 0; i < s->limited.n; i++) {
        snprintf(s->marks[i], sizeof(s->marks[i]), "%.*s",
                 (int) marks[i].len, marks[i].data);
    }
}


/* A call that was refused a further attempt is over. */
static void
refused_free(struct sim_gateways *g, struct sim_slot *s)
{
    if (s->passed) {
        sim_slot_release(g, s);
    }
    sim_slot_free(g, s, false);
}


static void
reserve_took(struct sim_gateways *g, struct sim_slot *s,
    const struct sim_command *c, const struct sim_answer *a)
{
    asg_verdict_t verdict = a != NULL ? a->verdict : ASG_VERDICT_UNKNOWN;

    if (a != NULL && a->no_memory) {
        refused_free(g, s);             /* the script did not begin */
        return;
    }
    switch (verdict) {
    case ASG_VERDICT_UNKNOWN:
        sim_slot_end(g, s, 'v', 0);     /* whether it is held is not known */
        break;
    case ASG_VERDICT_OK:
    case ASG_VERDICT_DUP:
        s->state = SIM_HELD;
        s->pinned = true;
        s->epoch = c->epoch;
        s->expires = strtoll(a->words[2].data, NULL, 10);
        s->hold->live = true;
        s->passed = false;
        marks_take(s, a);
        break;
    case ASG_VERDICT_FENCE:
        if (sim_gateway_learn(g, s->gateway, c->part, a->words[1])) {
            sim_slot_send(g, s, 'R');
            break;
        }
        refused_free(g, s);
        break;
    default:
        refused_free(g, s);
        break;
    }
}


static void
end_took(struct sim_gateways *g, struct sim_slot *s,
    const struct sim_command *c, const struct sim_answer *a)
{
    switch (a->verdict) {
    case ASG_VERDICT_OK:
    case ASG_VERDICT_LATE:
    case ASG_VERDICT_GONE:              /* what ended it stands before that */
        s->state = SIM_DONE;
        s->epoch = c->epoch;
        sscanf(a->words[1].data, "%llu-%llu", (unsigned long long *) &s->ms,
               (unsigned long long *) &s->seq);
        break;
    case ASG_VERDICT_LIVE:
        s->expires = strtoll(a->words[1].data, NULL, 10);
        break;
    case ASG_VERDICT_KEYS:
        sim_fail(g->world, "%s has other budgets than it asked for: %s",
                 s->hold->id, a->words[1].data);
        break;
    default:
        break;                          /* told again later */
    }
}


static void
open_took(struct sim_slot *s, const struct sim_command *c,
    const struct sim_answer *a)
{
    bool adopt = c->kind == 'A';

    switch (a->verdict) {
    case ASG_VERDICT_OK:
    case ASG_VERDICT_DUP:
        s->epoch = adopt ? c->epoch : s->epoch;
        s->expires = strtoll(a->words[adopt ? 2 : 1].data, NULL, 10);
        break;
    case ASG_VERDICT_GONE:
        s->epoch = adopt ? c->epoch : s->epoch;
        s->gone = true;
        break;
    default:
        break;
    }
}


/* `a` NULL: no reply came. */
void
sim_slot_took(struct sim_gateways *g, struct sim_slot *s,
    const struct sim_command *c, const struct sim_answer *a)
{
    s->asked = 0;
    if (c->kind == 'R') {
        reserve_took(g, s, c, a);
        return;
    }
    if (a == NULL) {
        return;
    }
    if (a->verdict == ASG_VERDICT_FENCE) {
        (void) sim_gateway_learn(g, s->gateway, c->part, a->words[1]);
    } else if (c->kind == 'A' || c->kind == 'E') {
        open_took(s, c, a);
    } else {
        end_took(g, s, c, a);
    }
}


/* --- the way there and back --- */

enum fate { FATE_WELL, FATE_LOST, FATE_STRAY, FATE_NEVER, FATE_SLOW,
            FATE_TWICE };

static enum fate
fate_draw(struct sim_gateways *g)
{
    uint64_t n = sim_draw(g->world, 100);

    if (g->calm || g->flight->n == SIM_COMMANDS) {
        return FATE_WELL;
    }

    return n < 86 ? FATE_WELL : n < 89 ? FATE_LOST : n < 92 ? FATE_STRAY
           : n < 93 ? FATE_NEVER : n < 97 ? FATE_SLOW : FATE_TWICE;
}


static void
command_go(struct sim_gateways *g, struct sim_slot *s, struct sim_command *c,
    bool heard)
{
    struct sim_answer a;

    sim_command_run(g->flight, c, &a);
    if (!heard) {
        sim_say(g->world, " (the reply is lost)");
    }
    if (!g->world->failed) {
        sim_slot_took(g, s, c, heard && sim_answer_came(&a) ? &a : NULL);
    }
    sim_answer_free(&a);
}


void
sim_slot_send(struct sim_gateways *g, struct sim_slot *s, char kind)
{
    enum fate fate = fate_draw(g);
    struct sim_command c;

    sim_slot_command(g, s, kind, &c);
    sim_say(g->world, " [%c %s", kind, s->hold->id + 21);
    c.slot = (unsigned) (s - g->slots);
    c.asked = s->asked = ++g->serial;
    if (fate == FATE_STRAY || fate == FATE_SLOW || fate == FATE_TWICE) {
        sim_flight_keep(g->flight, &c, fate == FATE_SLOW);
    }
    switch (fate) {
    case FATE_WELL:
    case FATE_LOST:
    case FATE_TWICE:
        sim_say(g->world, fate == FATE_TWICE ? " and once more later" : "");
        command_go(g, s, &c, fate != FATE_LOST);
        break;
    case FATE_STRAY:
    case FATE_NEVER:
        sim_say(g->world, fate == FATE_STRAY ? " is late, given up"
                                             : " never arrives");
        sim_slot_took(g, s, &c, NULL);
        break;
    case FATE_SLOW:
        sim_say(g->world, " is slow");
        break;
    }
    sim_say(g->world, "]");
    sim_command_free(&c);
}


/* Nobody waits for the reply: a place that is not released ends with its
 * hold. */
void
sim_slot_release(struct sim_gateways *g, struct sim_slot *s)
{
    struct sim_command c = {.kind = 'F', .script = ASG_SCRIPT_RELEASE,
                            .hold = s->hold, .part = s->hold->part,
                            .life = g->world->life};
    enum fate fate = fate_draw(g);
    char key[ASG_RKEY_MAX];
    struct sim_answer a;
    unsigned i;

    for (i = 0; i < s->limited.n; i++) {
        if (asg_limits_has(&s->limited.limits[i], ASG_LIMIT_PARALLEL)) {
            c.limited.scopes[c.limited.n++] = s->limited.scopes[i];
            (void) asg_rkey_open(key, c.part, asg_str_z(
                g->model->scopes[s->limited.scopes[i]].id));
            sim_command_arg(&c, asg_str_z(key));
        }
    }
    s->limited.n = 0;
    c.nkeys = c.argc;
    sim_command_arg(&c, asg_str_z(s->hold->id));
    if (c.limited.n > 0 && fate != FATE_NEVER) {
        sim_say(g->world, " [F %s", s->hold->id + 21);
        if (fate == FATE_STRAY || fate == FATE_SLOW || fate == FATE_TWICE) {
            sim_flight_keep(g->flight, &c, false);
        }
        if (fate != FATE_STRAY && fate != FATE_SLOW) {
            sim_command_run(g->flight, &c, &a);
            sim_answer_free(&a);
        }
        sim_say(g->world, "]");
    }
    sim_command_free(&c);
}


/* A command of an earlier process went down with its connection. */
static void
delivered(struct sim_gateways *g, struct sim_command *c)
{
    struct sim_slot *s = c->asked != 0 ? &g->slots[c->slot] : NULL;
    bool awaited = s != NULL && s->hold == c->hold && s->asked == c->asked;
    struct sim_answer a;

    if (c->life != g->world->life) {
        if (awaited) {
            sim_slot_took(g, s, c, NULL);
        }
        return;
    }
    sim_say(g->world, " [%c %s", c->kind, c->hold != NULL ? c->hold->id + 21
            : asg_script_name(c->script).data);
    sim_command_run(g->flight, c, &a);
    if (c->kind == 'o') {               /* a window is open that the sender
                                         * has given up */
        sim_opened_note(g->model);
    }
    if (awaited && !g->world->failed) {
        sim_slot_took(g, s, c, sim_answer_came(&a) ? &a : NULL);
    }
    sim_answer_free(&a);
    sim_say(g->world, awaited ? "]" : ", nobody waits]");
}


void
sim_gateways_deliver(struct sim_gateways *g)
{
    struct sim_command c;

    if (g->flight->n == 0
        || !sim_flight_take(g->flight,
                            (unsigned) sim_draw(g->world, g->flight->n), &c))
    {
        return;
    }
    delivered(g, &c);
    sim_command_free(&c);
}


void
sim_gateways_cut(struct sim_gateways *g)
{
    struct sim_command c;

    while (sim_flight_take(g->flight, 0, &c)) {
        delivered(g, &c);
        sim_command_free(&c);
    }
}
