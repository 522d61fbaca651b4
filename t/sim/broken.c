/*
 * Broken rules, and traps in asgard-ctl.
 */
#include "broken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "catalog/price.h"
#include "core/catalog.h"
#include "core/price.h"
#include "flow/evidence.h"
#include "ledger/opening.h"
#include "ledger/zone.h"
#include "meter/apply.h"
#include "meter/drain.h"
#include "meter/limit_start.h"
#include "meter/partition_lead.h"
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
WRAPPED(asg_catalog_project_card);
WRAPPED(ctl_prices_overlay);
WRAPPED(ctl_limit_start_note);
WRAPPED(ctl_lead_clock_back);

static const char no_run_id[] = "0000000000000000000000000000000000000000";

static struct {
    enum sim_rule_kind rule;
    bool calm;
    asg_script_t script;
    char *text;
    const char *from, *to;              /* of SQL; NULL: nothing */
    char *sql;
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
    return i < sim_nrules ? sim_rules[i].name : NULL;
}


/* `text` with `to` instead of `from`, to be freed; NULL: it has none. */
static char *
passage_replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t size = strlen(text) + strlen(to) + 1;
    char *out = at != NULL ? malloc(size) : NULL;

    if (out != NULL) {
        snprintf(out, size, "%.*s%s%s", (int) (at - text), text, to,
                 at + strlen(from));
    }

    return out;
}


static bool
script_break(const struct sim_rule *rule)
{
    asg_str_t text = __real_asg_script_text(rule->script);
    char *next, *now = strndup(text.data, text.len);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned i, len = 0;

    for (i = 0; i < SIM_PASSAGES && now != NULL
                && rule->passages[i].from != NULL; i++)
    {
        next = passage_replace(now, rule->passages[i].from,
                               rule->passages[i].to);
        free(now);
        now = next;
    }
    if (now == NULL
        || EVP_Digest(now, strlen(now), digest, &len, EVP_sha1(), NULL) != 1)
    {
        return false;
    }
    broken.text = now;
    broken.script = rule->script;
    for (i = 0; i < SHA1_BYTES; i++) {
        snprintf(broken.sha + 2 * i, 3, "%02x", digest[i]);
    }

    return true;
}


bool
sim_broken_is_calm(uint64_t seed)
{
    return broken.rule == SIM_RULE_NONE ? seed % 3 != 0 : broken.calm;
}


bool
sim_broken_is(enum sim_rule_kind kind)
{
    return broken.rule == kind;
}


bool
sim_broken_set(const char *name)
{
    unsigned i;

    if (name == NULL || name[0] == '\0') {
        return true;
    }
    for (i = 0; i < sim_nrules; i++) {
        if (strcmp(sim_rules[i].name, name) == 0) {
            broken.rule = sim_rules[i].kind;
            broken.calm = sim_rules[i].runs == CALM;
            if (broken.rule == SIM_RULE_SQL) {
                broken.from = sim_rules[i].passages[0].from;
                broken.to = sim_rules[i].passages[0].to;
            }
            return sim_rules[i].script == ASG_SCRIPT_COUNT
                   || script_break(&sim_rules[i]);
        }
    }

    return false;
}


const char *
sim_broken_sql(const char *sql)
{
    if (broken.from == NULL || strstr(sql, broken.from) == NULL) {
        return sql;
    }
    free(broken.sql);
    broken.sql = passage_replace(sql, broken.from, broken.to);

    return broken.sql != NULL ? broken.sql : sql;
}


void
sim_broken_run_id(char *run_id)
{
    if (broken.rule == SIM_RULE_RUN_ID) {
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

    return broken.rule == SIM_RULE_RUN_ID && run_id[0] != '\0' ? no_run_id
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
    if (broken.rule == SIM_RULE_CATCH_UP) {
        *done = true;
        return true;
    }

    return __real_ctl_drain_current(l, p, until_ms, done, e);
}


bool
__wrap_ctl_apply_owed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    if (broken.rule == SIM_RULE_CATCH_UP && !p->open) {
        return true;
    }

    return __real_ctl_apply_owed(l, p, e);
}


void
__wrap_ctl_evidence_join(struct ctl_evidence_hold *hold,
    const struct ctl_evidence *event, int64_t held_nusd,
    struct ctl_evidence_change *change)
{
    struct ctl_evidence less = *event;

    if (broken.rule == SIM_RULE_PROVIDER
        && event->rank == CTL_EVIDENCE_PROVIDER)
    {
        less.rank = CTL_EVIDENCE_MEASURED;
    }
    if (broken.rule == SIM_RULE_FIRST_WINS && hold->known) {
        memset(change, 0, sizeof(*change));
        return;
    }
    if (broken.rule == SIM_RULE_TWICE && hold->entered
        && event->rank == hold->best.rank
        && event->amount_nusd == hold->best.amount_nusd)
    {
        hold->best.amount_nusd += event->amount_nusd;
        *change = (struct ctl_evidence_change) {CTL_ENTRY_ADJUST,
                                                event->amount_nusd, true};
        return;
    }
    if (broken.rule == SIM_RULE_ADDED && hold->entered
        && hold->best.rank == CTL_EVIDENCE_EXPIRY
        && event->rank > CTL_EVIDENCE_EXPIRY)
    {
        hold->best.rank = event->rank;
        hold->best.amount_nusd += event->amount_nusd;
        *change = (struct ctl_evidence_change) {CTL_ENTRY_ADJUST,
                                                event->amount_nusd, true};
        return;
    }
    __real_ctl_evidence_join(hold, &less, held_nusd, change);
}


asg_err_t
__wrap_asg_price_cost(const asg_rates_t *rates, const asg_tokens_t *tokens,
    asg_nusd_t *cost_nusd)
{
    const asg_tokens_t in = {.prompt = tokens->prompt};
    const asg_tokens_t out = {.completion = tokens->completion};
    asg_nusd_t more = 0;
    asg_err_t err;

    if (broken.rule != SIM_RULE_ROUND) {
        return __real_asg_price_cost(rates, tokens, cost_nusd);
    }
    err = __real_asg_price_cost(rates, &in, cost_nusd);
    if (err == ASG_OK) {
        err = __real_asg_price_cost(rates, &out, &more);
        *cost_nusd += more;
    }

    return err;
}


const asg_project_card_t *
__wrap_asg_catalog_project_card(const asg_catalog_t *c,
    const asg_model_t *model, asg_str_t project)
{
    return broken.rule == SIM_RULE_NO_OWN_CARD
           ? NULL : __real_asg_catalog_project_card(c, model, project);
}


unsigned
__wrap_ctl_prices_overlay(struct ctl_prices *p, const struct ctl_prices *with)
{
    unsigned kind;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (broken.rule == SIM_RULE_OVERLAY && with->said != 0
            && ctl_prices_say(p, kind))
        {
            ctl_prices_set(p, kind, 0);
        }
    }

    return __real_ctl_prices_overlay(p, with);
}


bool
__wrap_ctl_opening_sum(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_window_row *w, int64_t now, struct ctl_opening *out,
    struct ctl_error *e)
{
    bool ok = __real_ctl_opening_sum(pg, arena, w, now, out, e);

    if (ok && broken.rule == SIM_RULE_OPENING) {
        out->spent_nusd -= out->outside_nusd;
        out->outside_nusd = 0;
    }

    return ok;
}


bool
__wrap_ctl_limit_start_note(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *budget_id, const char *key,
    struct ctl_error *e)
{
    return broken.rule == SIM_RULE_START
           || __real_ctl_limit_start_note(pg, redis, arena, budget_id, key, e);
}


int64_t
__wrap_ctl_lead_clock_back(struct ctl_leader *l, int64_t now)
{
    return broken.rule == SIM_RULE_CLOCK_BACK
           ? 0 : __real_ctl_lead_clock_back(l, now);
}


bool
__wrap_ctl_restored_take(struct ctl_leader *l, struct ctl_error *e)
{
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS && broken.rule == SIM_RULE_RESTORED; i++) {
        l->parts[i].open = l->parts[i].ahead = false;
    }

    return broken.rule == SIM_RULE_RESTORED || __real_ctl_restored_take(l, e);
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

    if (ok && broken.rule == SIM_RULE_SUMMER && out->kind == ASG_WINDOW_ZONED) {
        out->boundaries = winter_list(out);
    }

    return ok;
}
