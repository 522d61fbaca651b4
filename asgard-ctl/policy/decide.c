/*
 * The rules, as data.
 */
#include "policy/decide.h"

#include <stddef.h>

#define DEPLOY      CTL_ACTION_DEPLOY
#define DESTROY     CTL_ACTION_DESTROY
#define LINK        CTL_ACTION_LINK
#define WHEN(facts) (facts)
#define UNLESS(facts) (facts)

/* A rule fits when all of `when` are facts and not all of `unless` (0: no such
 * condition). */
struct rule {
    const char *id;
    unsigned actions;
    unsigned when, unless;
    enum ctl_effect effect;
    enum ctl_tier tier;
    unsigned groups;                    /* of enum ctl_voice */
    const char *why;
};

/* The order is that in which a refusal is told. */
static const struct rule rules[] = {
    {"project.live", CTL_ACTION_ANY & ~DESTROY, 0, UNLESS(CTL_FACT_LIVE),
        CTL_EFFECT_DENY, CTL_TIER_NONE, 0,
        "the project is neither active nor provisional"},
    /* what costs may always be ended */
    {"project.killed", DEPLOY | LINK | CTL_ACTION_EXTEND
        | CTL_ACTION_SET_BUDGET | CTL_ACTION_APPROVE, WHEN(CTL_FACT_KILLED), 0,
        CTL_EFFECT_DENY, CTL_TIER_NONE, 0, "the project is killed"},
    {"service.status", DEPLOY, 0, UNLESS(CTL_FACT_IN_SERVICE),
        CTL_EFFECT_DENY, CTL_TIER_NONE, 0,
        "the service is not offered now"},
    {"deploy.target", DEPLOY, 0, UNLESS(CTL_FACT_TARGET), CTL_EFFECT_DENY,
        CTL_TIER_NONE, 0, "this cloud and account are not allowed"},
    {"deploy.classification-min", DEPLOY, 0, UNLESS(CTL_FACT_FLOOR),
        CTL_EFFECT_DENY, CTL_TIER_NONE, 0,
        "the project's classification is below what this needs"},
    {"deploy.classification-max", DEPLOY, 0, UNLESS(CTL_FACT_ROOF),
        CTL_EFFECT_DENY, CTL_TIER_NONE, 0,
        "the project's classification is above what this is for"},

    {"deploy.restricted-data", DEPLOY, WHEN(CTL_FACT_RESTRICTED), 0,
        CTL_EFFECT_ASK, CTL_TIER_SECURITY, CTL_VOICE_SECURITY,
        "the project's data is restricted"},
    {"deploy.review-tier", DEPLOY, 0, UNLESS(CTL_FACT_AUTO), CTL_EFFECT_ASK,
        CTL_TIER_PLATFORM, CTL_VOICE_PLATFORM,
        "a human approves this service"},
    {"deploy.variant", DEPLOY, 0, UNLESS(CTL_FACT_VARIANT), CTL_EFFECT_ASK,
        CTL_TIER_PLATFORM, CTL_VOICE_PLATFORM,
        "a human approves this variant, or it is not a known one"},
    {"deploy.ceiling", DEPLOY, 0, UNLESS(CTL_FACT_CEILING), CTL_EFFECT_ASK,
        CTL_TIER_PLATFORM, CTL_VOICE_PLATFORM,
        "with it the project is above the ceiling of its classification"},
    {"deploy.resource-cap", DEPLOY, 0, UNLESS(CTL_FACT_CAP), CTL_EFFECT_ASK,
        CTL_TIER_PLATFORM, CTL_VOICE_PLATFORM,
        "it is dearer than one resource may be without approval"},
    {"deploy.auto", DEPLOY, 0, 0, CTL_EFFECT_ALLOW, CTL_TIER_NONE, 0,
        "self-service"},

    {"link.auto", LINK, 0, 0, CTL_EFFECT_ALLOW, CTL_TIER_NONE, 0,
        "nothing is made"},

    {"destroy.critical", DESTROY, WHEN(CTL_FACT_LIVE | CTL_FACT_CRITICAL),
        UNLESS(CTL_FACT_LOSES_NOTHING), CTL_EFFECT_ASK, CTL_TIER_PLATFORM,
        CTL_VOICE_PLATFORM,
        "a human approves what ends in a critical-path project"},
    {"destroy.restricted-data", DESTROY,
        WHEN(CTL_FACT_LIVE | CTL_FACT_RESTRICTED),
        UNLESS(CTL_FACT_LOSES_NOTHING), CTL_EFFECT_ASK, CTL_TIER_PLATFORM,
        CTL_VOICE_PLATFORM, "the project's data is restricted"},
    {"destroy.nothing-lost", DESTROY, WHEN(CTL_FACT_LOSES_NOTHING), 0,
        CTL_EFFECT_ALLOW, CTL_TIER_NONE, 0,
        "a key that is given back, or what was only linked"},
    {"destroy.auto", DESTROY, 0, 0, CTL_EFFECT_ALLOW, CTL_TIER_NONE, 0,
        "self-service"},

    {"extend.platform", CTL_ACTION_EXTEND, 0, 0, CTL_EFFECT_ASK,
        CTL_TIER_PLATFORM, CTL_VOICE_PLATFORM, "a human grants more time"},
    {"set-budget.platform", CTL_ACTION_SET_BUDGET, 0, 0, CTL_EFFECT_ASK,
        CTL_TIER_PLATFORM, CTL_VOICE_PLATFORM,
        "a human grants a budget above the ceiling"},
    {"decommission.owner", CTL_ACTION_DECOMMISSION, WHEN(CTL_FACT_OWNER), 0,
        CTL_EFFECT_ALLOW, CTL_TIER_NONE, 0, "its owner ends a project"},
    {"approve.designated", CTL_ACTION_APPROVE, 0, 0, CTL_EFFECT_ALLOW,
        CTL_TIER_NONE, 0, "who may decide approves"}
};

#define RULES (sizeof(rules) / sizeof(rules[0]))


static bool
fits(const struct rule *r, enum ctl_action action, unsigned facts)
{
    return (r->actions & (unsigned) action) != 0
           && (facts & r->when) == r->when
           && (r->unless == 0 || (facts & r->unless) != r->unless);
}


/* Whether `a` goes before what was found: denial, then more people. */
static bool
is_stronger(const struct rule *a, const struct rule *found)
{
    return found == NULL || a->effect < found->effect
           || (a->effect == found->effect && a->tier > found->tier);
}


/* Each group by the first rule that names it. */
static void
groups_add(struct ctl_decision *d, const struct rule *r)
{
    unsigned i;

    for (i = 0; i < CTL_APPROVERS_COUNT; i++) {
        if ((r->groups & CTL_VOICE_OF(i)) != 0 && d->group_rules[i] == NULL) {
            d->group_rules[i] = r->id;
        }
    }
}


struct ctl_decision
ctl_decide(enum ctl_action action, unsigned facts)
{
    const struct rule *found = NULL;
    struct ctl_decision d;
    size_t i;

    for (i = 0; i < RULES; i++) {
        if (fits(&rules[i], action, facts) && is_stronger(&rules[i], found)) {
            found = &rules[i];
        }
    }
    if (found == NULL) {
        return (struct ctl_decision) {CTL_EFFECT_DENY, CTL_TIER_NONE,
                                      "default.deny", "no rule allows it",
                                      {NULL}};
    }
    d = (struct ctl_decision) {found->effect, found->tier, found->id,
                               found->why, {NULL}};
    for (i = 0; i < RULES && d.effect == CTL_EFFECT_ASK; i++) {
        if (fits(&rules[i], action, facts)) {
            groups_add(&d, &rules[i]);
        }
    }

    return d;
}
