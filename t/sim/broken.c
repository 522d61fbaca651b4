/*
 * Broken rules, and traps in asgard-ctl.
 */
#include "broken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/price.h"
#include "flow/evidence.h"
#include "ledger/opening.h"
#include "ledger/zone.h"
#include "meter/apply.h"
#include "meter/drain.h"
#include "meter/restored.h"

#define SHA1_BYTES   20
#define WINTER_LISTS 64                 /* of one look at a partition */

/* Of the type of the real one: a change of it does not go unseen. */
#define WRAPPED(function) \
    __typeof__(function) __real_##function, __wrap_##function

WRAPPED(asg_script_text);
WRAPPED(asg_script_sha);
WRAPPED(ctl_redis_script);
WRAPPED(ctl_redis_run_id);
WRAPPED(ctl_pg_commit);
WRAPPED(ctl_drain_current);
WRAPPED(ctl_apply_owed);
WRAPPED(ctl_evidence_join);
WRAPPED(ctl_opening_sum);
WRAPPED(ctl_zone_window);
WRAPPED(ctl_restored_take);
WRAPPED(asg_price_cost);

enum rule {
    RULE_NONE, RULE_RUN_ID, RULE_CATCH_UP, RULE_FIRST_WINS, RULE_TWICE,
    RULE_RESTORED, RULE_ADDED, RULE_OPENING, RULE_SUMMER, RULE_SCRIPT,
    RULE_ROUND, RULE_FIRST, RULE_BILL, RULE_NEW_PRICE
};

static const char no_run_id[] = "0000000000000000000000000000000000000000";

/* One passage of one script, replaced.  A rule is found soon while much is
 * lost, or while little is. */
static const struct {
    const char *name;
    enum rule rule;
    asg_script_t script;
    const char *from, *to;
    enum { LOSSES, CALM } runs;
} rules[] = {
    {"fence without the run id", RULE_RUN_ID, ASG_SCRIPT_COUNT, NULL,
     NULL, LOSSES},
    {"opening before catch-up", RULE_CATCH_UP, ASG_SCRIPT_FINISH,
     "m[2] ~= 'adopt' or not charges", "true", LOSSES},
    {"first evidence wins", RULE_FIRST_WINS, ASG_SCRIPT_COUNT, NULL, NULL,
     LOSSES},
    {"a replayed event counts twice", RULE_TWICE, ASG_SCRIPT_COUNT, NULL,
     NULL, LOSSES},
    {"a restored database is taken for what it was", RULE_RESTORED,
     ASG_SCRIPT_COUNT, NULL, NULL, LOSSES},
    {"nobody adopts after a flush", RULE_SCRIPT, ASG_SCRIPT_RESERVE,
     "    pins_hold(list, amount)\n"
     "else\n",
     "    do return {'OK', pins, str(now + ttl)} end\n"
     "else\n", LOSSES},
    {"a correction moves the window of now, not the hold's", RULE_SCRIPT,
     ASG_SCRIPT_APPLY,
     "        counter_rise(sets, pin, pin.s, pin.spent,\n"
     "            sign == '-' and -delta or delta)\n",
     "        call('HINCRBY', pin.key, 's:' .. pin.w .. ':'\n"
     "            .. (call('HGET', pin.key, 'c:' .. pin.w) or pin.id),\n"
     "            sign .. str(delta))\n", LOSSES},
    {"expiry frees", RULE_SCRIPT, ASG_SCRIPT_FINISH,
     "    amount = hold\n", "    amount = 0\n", LOSSES},
    {"settling an absent hold moves counters", RULE_SCRIPT, ASG_SCRIPT_FINISH,
     "    local moved, refusal = charge_late()\n",
     "    local moved, refusal = 0\n"
     "    for _, pin in ipairs(pins_parse(pins, 5) or {}) do\n"
     "        call('HINCRBY', pin.key, 's:' .. pin.w .. ':' .. pin.id,\n"
     "            str(charges and amount or 0))\n"
     "    end\n", LOSSES},
    {"a missing window begins at 0", RULE_SCRIPT, ASG_SCRIPT_RESERVE,
     "                if spent or held or start < at\n"
     "                    or last and start <= (int(last) or MAX) then\n"
     "                    return {'UNSEEDED', budget}\n"
     "                end\n", "", LOSSES},
    {"held is not counted", RULE_SCRIPT, ASG_SCRIPT_RESERVE,
     "spent + held + amount > most", "spent + amount > most", LOSSES},
    {"a correction is applied twice", RULE_SCRIPT, ASG_SCRIPT_APPLY,
     "    return {'DUP'}\n", "    seq = adj\n", LOSSES},
    {"an old limit replaces a new one", RULE_SCRIPT, ASG_SCRIPT_SEED,
     "    if version <= int(counters.v) then\n"
     "        return {'OLD'}\n"
     "    end\n", "", LOSSES},
    {"a new window opens with nothing", RULE_SCRIPT, ASG_SCRIPT_SEED,
     "str(math.min(int(amount) + named + more, HUGE))",
     "str(int(counters['s:' .. wid]) or 0)", CALM},
    {"what ends while a window is added is not in it", RULE_SCRIPT,
     ASG_SCRIPT_SEED, "            outside = outside + (int(said.d) or 0)\n",
     "", CALM},
    {"what was spent without a window is not summed", RULE_OPENING,
     ASG_SCRIPT_COUNT, NULL, NULL, CALM},
    {"a window in another zone goes on as it was", RULE_SCRIPT,
     ASG_SCRIPT_SEED, "not old or is_moved(old, set[win.w], now)",
     "not old", CALM},
    {"nobody knows of summer time", RULE_SUMMER, ASG_SCRIPT_COUNT, NULL,
     NULL, CALM},
    {"a key's budget does not refuse", RULE_SCRIPT, ASG_SCRIPT_RESERVE,
     "if most <= 0 or", "if sub(budget, 1, 1) ~= 'k' and most <= 0 or\n"
     "                sub(budget, 1, 1) ~= 'k' and", CALM},
    {"a further attempt need not fit", RULE_SCRIPT, ASG_SCRIPT_RESERVE,
     "if most <= 0 or", "if not find(id, '.', 1, true) and most <= 0 or\n"
     "                not find(id, '.', 1, true) and", CALM},
    {"an extension does not last", RULE_SCRIPT, ASG_SCRIPT_EXTEND,
     "call('SET', KEYS[2], table.concat(\n"
     "    {amount, created, expires, pins, sub(raw, at)}, ' '))\n"
     "call('ZADD', KEYS[3], expires, id)\n", "", CALM},
    {"a hold is extended for ever", RULE_SCRIPT, ASG_SCRIPT_EXTEND,
     "math.min(now + ttl, tonumber(created) + maxlife)", "now + ttl", CALM},
    {"an expiry does not wait for its time", RULE_SCRIPT, ASG_SCRIPT_FINISH,
     "tonumber(expires) > tonumber(call('TIME')[1])", "false", CALM},
    {"usage is charged on top of the expiry", RULE_ADDED, ASG_SCRIPT_COUNT,
     NULL, NULL, CALM},
    {"a bill is rounded up twice", RULE_ROUND, ASG_SCRIPT_COUNT, NULL, NULL,
     CALM},
    {"a call holds for its first candidate", RULE_FIRST, ASG_SCRIPT_COUNT,
     NULL, NULL, CALM},
    {"a call is billed as its first candidate", RULE_BILL, ASG_SCRIPT_COUNT,
     NULL, NULL, CALM},
    {"a call is billed by the prices of now", RULE_NEW_PRICE,
     ASG_SCRIPT_COUNT, NULL, NULL, CALM}
};

#define NRULES (sizeof(rules) / sizeof(rules[0]))

static struct {
    enum rule rule;
    bool calm;
    asg_script_t script;
    char *text;
    char sha[ASG_SCRIPT_SHA_CHARS + 1];
} broken = {.script = ASG_SCRIPT_COUNT};

static struct {
    enum sim_trap script, commit;
    unsigned script_in, commit_in;
    sim_later_pt later;
    void *data;
    bool met;
} trap;

static struct {
    sim_seen_pt seen;
    void *data;
} watch;


const char *
sim_broken_name(unsigned i)
{
    return i < NRULES ? rules[i].name : NULL;
}


static bool
script_break(asg_script_t script, const char *from, const char *to)
{
    asg_str_t text = __real_asg_script_text(script);
    const char *at = memmem(text.data, text.len, from, strlen(from));
    size_t size = text.len + strlen(to) + 1, head;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned i, len = 0;

    if (at == NULL) {
        return false;
    }
    head = (size_t) (at - text.data);
    broken.text = malloc(size);
    if (broken.text == NULL) {
        return false;
    }
    snprintf(broken.text, size, "%.*s%s%.*s", (int) head, text.data, to,
             (int) (text.len - head - strlen(from)), at + strlen(from));
    broken.script = script;
    if (EVP_Digest(broken.text, strlen(broken.text), digest, &len, EVP_sha1(),
                   NULL) != 1)
    {
        return false;
    }
    for (i = 0; i < SHA1_BYTES; i++) {
        snprintf(broken.sha + 2 * i, 3, "%02x", digest[i]);
    }

    return true;
}


bool
sim_broken_is_calm(uint64_t seed)
{
    return broken.rule == RULE_NONE ? seed % 3 != 0 : broken.calm;
}


bool
sim_broken_is(enum sim_wrong what)
{
    static const enum rule rules_of[] = {
        [SIM_WRONG_FIRST] = RULE_FIRST, [SIM_WRONG_BILL] = RULE_BILL,
        [SIM_WRONG_NEW_PRICE] = RULE_NEW_PRICE
    };

    return broken.rule != RULE_NONE && rules_of[what] == broken.rule;
}


bool
sim_broken_set(const char *name)
{
    size_t i;

    if (name == NULL || name[0] == '\0') {
        return true;
    }
    for (i = 0; i < NRULES; i++) {
        if (strcmp(rules[i].name, name) == 0) {
            broken.rule = rules[i].rule;
            broken.calm = rules[i].runs == CALM;
            return rules[i].from == NULL
                   || script_break(rules[i].script, rules[i].from,
                                   rules[i].to);
        }
    }

    return false;
}


void
sim_broken_run_id(char *run_id)
{
    if (broken.rule == RULE_RUN_ID) {
        memcpy(run_id, no_run_id, sizeof(no_run_id));
    }
}


/* --- traps --- */

void
sim_trap_script(enum sim_trap how, unsigned nth, sim_later_pt later,
    void *data)
{
    trap.script = how;
    trap.script_in = nth;
    trap.later = later;
    trap.data = data;
}


void
sim_trap_commit(enum sim_trap how, unsigned nth)
{
    trap.commit = how;
    trap.commit_in = nth;
}


bool
sim_traps_clear(void)
{
    bool met = trap.met;

    memset(&trap, 0, sizeof(trap));

    return met;
}


void
sim_scripts_watch(sim_seen_pt seen, void *data)
{
    watch.seen = seen;
    watch.data = data;
}


static bool
trap_is_met(unsigned *in)
{
    if (*in == 0 || --*in > 0) {
        return false;
    }
    trap.met = true;

    return true;
}


/* --- what the linker puts in front --- */

asg_str_t
__wrap_asg_script_text(asg_script_t s)
{
    return s == broken.script ? asg_str_z(broken.text)
                              : __real_asg_script_text(s);
}


asg_str_t
__wrap_asg_script_sha(asg_script_t s)
{
    return s == broken.script ? asg_str_z(broken.sha)
                              : __real_asg_script_sha(s);
}


bool
__wrap_ctl_redis_script(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_reply *reply, struct ctl_error *e, asg_script_t script,
    size_t nkeys, size_t argc, const asg_str_t *argv)
{
    enum sim_trap how = trap_is_met(&trap.script_in) ? trap.script
                        : SIM_TRAP_NONE;

    if (how == SIM_TRAP_LATER && trap.later != NULL) {
        trap.later(trap.data, script, nkeys, argc, argv);
    }
    if (how == SIM_TRAP_BEFORE || how == SIM_TRAP_LATER) {
        return ctl_error_away(e, "redis_unavailable", "a trap");
    }

    if (!__real_ctl_redis_script(r, arena, reply, e, script, nkeys, argc,
                                 argv))
    {
        return false;
    }
    if (watch.seen != NULL) {
        watch.seen(watch.data, script, nkeys, argv, reply);
    }

    return how != SIM_TRAP_AFTER
           || ctl_error_away(e, "redis_unavailable", "a trap");
}


const char *
__wrap_ctl_redis_run_id(struct ctl_redis *r)
{
    const char *run_id = __real_ctl_redis_run_id(r);

    return broken.rule == RULE_RUN_ID && run_id[0] != '\0' ? no_run_id
                                                           : run_id;
}


bool
__wrap_ctl_pg_commit(struct ctl_pg *pg, struct ctl_error *e)
{
    enum sim_trap how = trap_is_met(&trap.commit_in) ? trap.commit
                        : SIM_TRAP_NONE;

    if (how == SIM_TRAP_BEFORE) {
        ctl_pg_rollback(pg);
        return ctl_error_away(e, "postgres_unavailable", "a trap");
    }

    return __real_ctl_pg_commit(pg, e)
           && (how != SIM_TRAP_AFTER
               || ctl_error_away(e, "postgres_unavailable", "a trap"));
}


bool
__wrap_ctl_drain_current(struct ctl_leader *l, struct ctl_partition *p,
    int64_t until_ms, bool *done, struct ctl_error *e)
{
    if (broken.rule == RULE_CATCH_UP) {
        *done = true;
        return true;
    }

    return __real_ctl_drain_current(l, p, until_ms, done, e);
}


bool
__wrap_ctl_apply_owed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    if (broken.rule == RULE_CATCH_UP && !p->open) {
        return true;
    }

    return __real_ctl_apply_owed(l, p, e);
}


void
__wrap_ctl_evidence_join(struct ctl_evidence_hold *hold,
    const struct ctl_evidence *event, int64_t held_nusd,
    struct ctl_evidence_change *change)
{
    if (broken.rule == RULE_FIRST_WINS && hold->known) {
        memset(change, 0, sizeof(*change));
        return;
    }
    if (broken.rule == RULE_TWICE && hold->entered
        && event->rank == hold->best.rank
        && event->amount_nusd == hold->best.amount_nusd)
    {
        hold->best.amount_nusd += event->amount_nusd;
        *change = (struct ctl_evidence_change) {CTL_ENTRY_ADJUST,
                                                event->amount_nusd, true};
        return;
    }
    if (broken.rule == RULE_ADDED && hold->entered
        && hold->best.rank == CTL_EVIDENCE_EXPIRY
        && event->rank > CTL_EVIDENCE_EXPIRY)
    {
        hold->best.rank = event->rank;
        hold->best.amount_nusd += event->amount_nusd;
        *change = (struct ctl_evidence_change) {CTL_ENTRY_ADJUST,
                                                event->amount_nusd, true};
        return;
    }
    __real_ctl_evidence_join(hold, event, held_nusd, change);
}


asg_err_t
__wrap_asg_price_cost(const asg_rates_t *rates, const asg_tokens_t *tokens,
    asg_nusd_t *cost_nusd)
{
    const asg_tokens_t in = {.prompt = tokens->prompt};
    const asg_tokens_t out = {.completion = tokens->completion};
    asg_nusd_t more = 0;
    asg_err_t err;

    if (broken.rule != RULE_ROUND) {
        return __real_asg_price_cost(rates, tokens, cost_nusd);
    }
    err = __real_asg_price_cost(rates, &in, cost_nusd);
    if (err == ASG_OK) {
        err = __real_asg_price_cost(rates, &out, &more);
        *cost_nusd += more;
    }

    return err;
}


bool
__wrap_ctl_opening_sum(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_opening *out,
    struct ctl_error *e)
{
    bool ok = __real_ctl_opening_sum(pg, arena, w, now, out, e);

    if (ok && broken.rule == RULE_OPENING) {
        out->spent_nusd -= out->outside_nusd;
        out->outside_nusd = 0;
    }

    return ok;
}


bool
__wrap_ctl_restored_take(struct ctl_leader *l, struct ctl_error *e)
{
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS && broken.rule == RULE_RESTORED; i++) {
        l->parts[i].open = l->parts[i].ahead = false;
    }

    return broken.rule == RULE_RESTORED || __real_ctl_restored_take(l, e);
}


/* Of the time zones only what holds in winter: the same days, always as far
 * from UTC. */
static asg_str_t
winter_list(const asg_window_t *w)
{
    static char texts[WINTER_LISTS][ASG_WINDOW_SPEC_MAX];
    static unsigned next;
    bool berlin = asg_str_eq_z(w->zone, "Europe/Berlin");
    char *text = texts[next++ % WINTER_LISTS], *end;
    const char *at = w->boundaries.data;
    size_t n = 0;
    long long day;

    do {
        day = (strtoll(at, &end, 10) + (berlin ? 7200 : 0)) / 86400;
        n += (size_t) snprintf(text + n, ASG_WINDOW_SPEC_MAX - n, "%s%lld",
                               n > 0 ? "/" : "",
                               day * 86400 + (berlin ? -3600 : 18000));
        at = end + 1;
    } while (*end == '/' && n < ASG_WINDOW_SPEC_MAX - 24);

    return asg_str_z(text);
}


bool
__wrap_ctl_zone_window(const struct ctl_rows *rows, unsigned row,
    unsigned col, asg_window_t *out, struct ctl_error *e)
{
    bool ok = __real_ctl_zone_window(rows, row, col, out, e);

    if (ok && broken.rule == RULE_SUMMER && out->kind == ASG_WINDOW_ZONED) {
        out->boundaries = winter_list(out);
    }

    return ok;
}
