/*
 * Ceilings of the classifications in USD.
 */
#include "ops/ceiling.h"

#include <string.h>

#include "ops/ask.h"
#include "policy/decide.h"

#define USD INT64_C(1000000000)

static const struct {
    const char *classification;
    asg_nusd_t ceiling_nusd;
} tiers[] = {
    {"poc", 500 * USD},
    {"light-operational", 2500 * USD},
    {"wide-operational", 10000 * USD},
    {"critical-path", 25000 * USD}
};


bool
ctl_ceiling_of(const char *classification, asg_nusd_t *ceiling_nusd)
{
    size_t i;

    for (i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
        if (strcmp(tiers[i].classification, classification) == 0) {
            *ceiling_nusd = tiers[i].ceiling_nusd;
            return true;
        }
    }

    return false;
}


static struct ctl_budget_window *
total_of(struct ctl_budget_list *list)
{
    unsigned i;

    for (i = 0; i < list->n; i++) {
        if (strcmp(list->windows[i].name, "total") == 0) {
            return &list->windows[i];
        }
    }

    return NULL;
}


/* USD as JSON. */
static const char *
amount(struct ctl_arena *arena, const struct ctl_budget_window *w)
{
    char usd[ASG_MONEY_TEXT];

    if (w == NULL || w->unlimited) {
        return "null";
    }
    asg_money_format(w->limit_nusd, usd);

    return ctl_arena_printf(arena, "%s", usd);
}


static bool
ask_for(struct ctl_change *c, const char *project_id,
    const char *classification, const struct ctl_budget_window *was,
    const struct ctl_budget_window *wanted, asg_nusd_t ceiling,
    struct ctl_error *e)
{
    const char *now = amount(c->arena, was);
    const char *then = amount(c->arena, wanted);
    struct ctl_ask_input in = {
        .kind = "budget", .project_id = project_id, .sole = true,
        .rule = "budget-ceiling", .tier = CTL_TIER_PLATFORM
    };
    const struct ctl_decision d = ctl_decide(CTL_ACTION_SET_BUDGET,
                                             CTL_FACT_LIVE);
    bool again;

    memcpy(in.group_rules, d.group_rules, sizeof(in.group_rules));
    c->review = ctl_arena_alloc(c->arena, sizeof(*c->review));
    if (now == NULL || then == NULL || c->review == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    in.payload = ctl_arena_printf(c->arena,
        "{\"before_usd\":%s,\"budget_usd\":%s,\"classification\":\"%s\","
        "\"ceiling_usd\":%lld}", now, then, classification,
        (long long) (ceiling / USD));

    return (in.payload != NULL || ctl_error_internal(e, "out of memory"))
           && ctl_ask_create(c, c->who, &in, c->review, &again, e);
}


bool
ctl_ceiling_hold(struct ctl_change *c, const char *project_id,
    const char *classification, const struct ctl_budget_list *before,
    struct ctl_budget_list *list, struct ctl_error *e)
{
    struct ctl_budget_list old = {.n = 0};
    struct ctl_budget_window *was, *now = total_of(list), wanted;
    asg_nusd_t ceiling, most;

    if (c->may_exceed || now == NULL) {
        return true;
    }
    if (!ctl_ceiling_of(classification, &ceiling)) {
        return ctl_error_internal(e, "a project of no classification");
    }
    if (before != NULL) {
        old = *before;
    }
    was = total_of(&old);
    most = was != NULL && was->limit_nusd > ceiling ? was->limit_nusd
                                                    : ceiling;
    if ((was != NULL && was->unlimited)
        || (!now->unlimited
            && now->limit_nusd + now->increase_nusd <= most))
    {
        return true;
    }
    if (now->increase_nusd > 0) {       /* no request could end it again */
        ctl_error_field(e, "forbidden", "increase_usd", "An increase above %lld"
                        " USD is an administrator's to give.",
                        (long long) (most / USD));
        e->status = 403;
        return false;
    }
    wanted = *now;
    now->unlimited = false;
    now->limit_nusd = was != NULL ? was->limit_nusd : ceiling;

    return ask_for(c, project_id, classification, now, &wanted, ceiling, e);
}
