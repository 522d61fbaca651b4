/* policy/decide.h and flow/resource_state.h: the tables, whatever the facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/resource_state.h"
#include "policy/decide.h"

#define GOOD (CTL_FACT_LIVE | CTL_FACT_IN_SERVICE | CTL_FACT_TARGET \
              | CTL_FACT_FLOOR | CTL_FACT_ROOF | CTL_FACT_AUTO \
              | CTL_FACT_VARIANT | CTL_FACT_CEILING | CTL_FACT_CAP)

static void decides(enum ctl_action action, unsigned facts,
    enum ctl_effect effect, enum ctl_tier tier, const char *rule)
{
    struct ctl_decision d = ctl_decide(action, facts);

    assert_string_equal(d.rule, rule);
    assert_int_equal(d.effect, effect);
    assert_int_equal(d.tier, tier);
    assert_true(d.why[0] != '\0');
}

static void a_deployment_is_refused_by_the_first_rule_that_fits(void **state)
{
    static const struct {
        unsigned without;
        const char *rule;
    } denied[] = {
        {CTL_FACT_LIVE, "project.live"},
        {CTL_FACT_IN_SERVICE, "service.status"},
        {CTL_FACT_TARGET, "deploy.target"},
        {CTL_FACT_FLOOR, "deploy.classification-min"},
        {CTL_FACT_ROOF, "deploy.classification-max"}
    };
    unsigned gone = 0;

    (void) state;
    for (size_t i = sizeof(denied) / sizeof(denied[0]); i-- > 0; ) {
        gone |= denied[i].without;
        decides(CTL_ACTION_DEPLOY, GOOD & ~denied[i].without, CTL_EFFECT_DENY,
                CTL_TIER_NONE, denied[i].rule);
        decides(CTL_ACTION_DEPLOY, (GOOD & ~gone) | CTL_FACT_RESTRICTED,
                CTL_EFFECT_DENY, CTL_TIER_NONE, denied[i].rule);
    }
    decides(CTL_ACTION_DEPLOY, GOOD | CTL_FACT_KILLED, CTL_EFFECT_DENY,
            CTL_TIER_NONE, "project.killed");
}

static void a_deployment_asks_as_many_as_it_must(void **state)
{
    (void) state;
    decides(CTL_ACTION_DEPLOY, GOOD, CTL_EFFECT_ALLOW, CTL_TIER_NONE,
            "deploy.auto");
    decides(CTL_ACTION_DEPLOY, GOOD & ~(unsigned) CTL_FACT_AUTO,
            CTL_EFFECT_ASK, CTL_TIER_PLATFORM, "deploy.review-tier");
    decides(CTL_ACTION_DEPLOY, GOOD & ~(unsigned) CTL_FACT_VARIANT,
            CTL_EFFECT_ASK, CTL_TIER_PLATFORM, "deploy.variant");
    decides(CTL_ACTION_DEPLOY, GOOD & ~(unsigned) CTL_FACT_CEILING,
            CTL_EFFECT_ASK, CTL_TIER_PLATFORM, "deploy.ceiling");
    decides(CTL_ACTION_DEPLOY, GOOD & ~(unsigned) CTL_FACT_CAP,
            CTL_EFFECT_ASK, CTL_TIER_PLATFORM, "deploy.resource-cap");
    decides(CTL_ACTION_DEPLOY,
            (GOOD & ~(unsigned) CTL_FACT_AUTO) | CTL_FACT_RESTRICTED,
            CTL_EFFECT_ASK, CTL_TIER_SECURITY, "deploy.restricted-data");
}

static void by_rule(enum ctl_action action, unsigned facts,
    const char *platform, const char *security)
{
    struct ctl_decision d = ctl_decide(action, facts);
    const char *wanted[CTL_APPROVERS_COUNT] = {platform, security};

    for (int i = 0; i < CTL_APPROVERS_COUNT; i++) {
        if (wanted[i] == NULL) {
            assert_null(d.group_rules[i]);
        } else {
            assert_string_equal(d.group_rules[i], wanted[i]);
        }
    }
}

static void each_rule_that_fits_names_its_group(void **state)
{
    (void) state;
    by_rule(CTL_ACTION_DEPLOY, GOOD, NULL, NULL);
    by_rule(CTL_ACTION_DEPLOY, GOOD & ~(unsigned) CTL_FACT_AUTO,
            "deploy.review-tier", NULL);
    by_rule(CTL_ACTION_DEPLOY, GOOD | CTL_FACT_RESTRICTED, NULL,
            "deploy.restricted-data");
    by_rule(CTL_ACTION_DEPLOY,
            (GOOD & ~(unsigned) (CTL_FACT_AUTO | CTL_FACT_CEILING))
            | CTL_FACT_RESTRICTED, "deploy.review-tier",
            "deploy.restricted-data");
    by_rule(CTL_ACTION_DEPLOY, CTL_FACT_RESTRICTED, NULL, NULL);
    by_rule(CTL_ACTION_EXTEND, CTL_FACT_LIVE, "extend.platform", NULL);
    by_rule(CTL_ACTION_SET_BUDGET, CTL_FACT_LIVE, "set-budget.platform",
            NULL);
    by_rule(CTL_ACTION_APPROVE, CTL_FACT_LIVE, NULL, NULL);
}

/* With every set of facts: nothing is made for a project that is not live, or
 * is killed; self-service needs every fact that speaks for it. */
static void no_set_of_facts_opens_what_is_shut(void **state)
{
    (void) state;
    for (unsigned facts = 0; facts < 2 * CTL_FACT_LOSES_NOTHING; facts++) {
        struct ctl_decision d = ctl_decide(CTL_ACTION_DEPLOY, facts);

        if ((facts & CTL_FACT_LIVE) == 0 || (facts & CTL_FACT_KILLED) != 0) {
            assert_int_equal(d.effect, CTL_EFFECT_DENY);
        }
        assert_int_equal(d.effect == CTL_EFFECT_ALLOW,
                         (facts & GOOD) == GOOD
                         && (facts & CTL_FACT_KILLED) == 0
                         && (facts & CTL_FACT_RESTRICTED) == 0);
        assert_int_equal(d.effect == CTL_EFFECT_ASK, d.tier != CTL_TIER_NONE);
        assert_int_not_equal(ctl_decide(CTL_ACTION_DESTROY, facts).effect,
                             CTL_EFFECT_DENY);
    }
}

static void the_other_actions_have_their_rules(void **state)
{
    (void) state;
    decides(CTL_ACTION_DESTROY, CTL_FACT_KILLED, CTL_EFFECT_ALLOW,
            CTL_TIER_NONE, "destroy.auto");
    decides(CTL_ACTION_DESTROY, CTL_FACT_LIVE | CTL_FACT_CRITICAL,
            CTL_EFFECT_ASK, CTL_TIER_PLATFORM, "destroy.critical");
    decides(CTL_ACTION_DESTROY, CTL_FACT_LIVE | CTL_FACT_RESTRICTED,
            CTL_EFFECT_ASK, CTL_TIER_PLATFORM, "destroy.restricted-data");
    decides(CTL_ACTION_DESTROY, CTL_FACT_LIVE | CTL_FACT_CRITICAL
            | CTL_FACT_RESTRICTED | CTL_FACT_LOSES_NOTHING, CTL_EFFECT_ALLOW,
            CTL_TIER_NONE, "destroy.nothing-lost");
    decides(CTL_ACTION_LINK, CTL_FACT_LIVE | CTL_FACT_CRITICAL
            | CTL_FACT_RESTRICTED, CTL_EFFECT_ALLOW, CTL_TIER_NONE,
            "link.auto");
    decides(CTL_ACTION_LINK, 0, CTL_EFFECT_DENY, CTL_TIER_NONE,
            "project.live");
    decides(CTL_ACTION_LINK, CTL_FACT_LIVE | CTL_FACT_KILLED,
            CTL_EFFECT_DENY, CTL_TIER_NONE, "project.killed");
    decides(CTL_ACTION_EXTEND, CTL_FACT_LIVE, CTL_EFFECT_ASK,
            CTL_TIER_PLATFORM, "extend.platform");
    decides(CTL_ACTION_SET_BUDGET, CTL_FACT_LIVE, CTL_EFFECT_ASK,
            CTL_TIER_PLATFORM, "set-budget.platform");
    decides(CTL_ACTION_SET_BUDGET, CTL_FACT_LIVE | CTL_FACT_KILLED,
            CTL_EFFECT_DENY, CTL_TIER_NONE, "project.killed");
    decides(CTL_ACTION_APPROVE, CTL_FACT_LIVE, CTL_EFFECT_ALLOW,
            CTL_TIER_NONE, "approve.designated");
    decides(CTL_ACTION_APPROVE, CTL_FACT_LIVE | CTL_FACT_KILLED,
            CTL_EFFECT_DENY, CTL_TIER_NONE, "project.killed");
    decides(CTL_ACTION_DECOMMISSION, CTL_FACT_LIVE | CTL_FACT_OWNER,
            CTL_EFFECT_ALLOW, CTL_TIER_NONE, "decommission.owner");
    decides(CTL_ACTION_DECOMMISSION, CTL_FACT_LIVE, CTL_EFFECT_DENY,
            CTL_TIER_NONE, "default.deny");
}

/* Where each event leads, as the table must have it. */
static void each_edge_of_a_resource_is_in_the_table(void **state)
{
    static const struct {
        enum ctl_resource_state from;
        int to[CTL_RESOURCE_EVENTS];    /* apply done fail suspend resume
                                         * destroy lose; -1: none */
    } rows[] = {
        {CTL_RESOURCE_PROVISIONING, {0, 1, 2, -1, -1, 6, -1}},
        {CTL_RESOURCE_PROVISIONED, {0, -1, -1, 3, -1, 6, 2}},
        {CTL_RESOURCE_FAILED, {0, -1, -1, -1, -1, 6, -1}},
        {CTL_RESOURCE_SUSPENDING, {-1, 4, 1, -1, -1, 6, -1}},
        {CTL_RESOURCE_SUSPENDED, {-1, -1, -1, -1, 5, 6, 2}},
        {CTL_RESOURCE_RESUMING, {-1, 1, 4, -1, -1, 6, -1}},
        {CTL_RESOURCE_DESTROYING, {-1, 7, 8, -1, -1, 6, -1}},
        {CTL_RESOURCE_DESTROYED, {-1, -1, -1, -1, -1, -1, -1}},
        {CTL_RESOURCE_DESTROY_FAILED, {-1, -1, -1, -1, -1, 6, -1}},
        {CTL_RESOURCE_LINKED, {-1, -1, -1, -1, -1, 7, -1}}
    };
    enum ctl_resource_state parsed;

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int event = 0; event < CTL_RESOURCE_EVENTS; event++) {
            enum ctl_resource_state next = CTL_RESOURCE_STATES;
            bool ok = ctl_resource_step(rows[i].from,
                (enum ctl_resource_event) event, &next);

            assert_int_equal(ok, rows[i].to[event] >= 0);
            assert_int_equal(next, ok ? rows[i].to[event]
                                      : CTL_RESOURCE_STATES);
        }
        assert_true(ctl_resource_state_parse(
            ctl_resource_state_name(rows[i].from), &parsed));
        assert_int_equal(parsed, rows[i].from);
    }
    assert_false(ctl_resource_state_parse("made", &parsed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deployment_is_refused_by_the_first_rule_that_fits),
        cmocka_unit_test(a_deployment_asks_as_many_as_it_must),
        cmocka_unit_test(each_rule_that_fits_names_its_group),
        cmocka_unit_test(no_set_of_facts_opens_what_is_shut),
        cmocka_unit_test(the_other_actions_have_their_rules),
        cmocka_unit_test(each_edge_of_a_resource_is_in_the_table)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
