/* flow/ask_state.h and policy/approval.h: every state, event, caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flow/ask_state.h"
#include "policy/approval.h"

/* "state event next" of every edge that there is; no other. */
static const char *const edges[] = {
    "requested approve approved", "requested reject rejected",
    "requested escalate reviewing", "requested cancel cancelled",
    "requested flag flagged", "reviewing approve approved",
    "reviewing reject rejected", "reviewing cancel cancelled",
    "reviewing flag flagged", "reviewing return requested",
    "flagged approve approved", "flagged escalate requested",
    "flagged cancel cancelled", "approved cancel cancelled",
    "approved return reviewing", "approved fulfil fulfilled"
};

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static void each_edge_is_in_the_table_and_no_other(void **state)
{
    unsigned found = 0;

    (void) state;
    for (int from = 0; from < CTL_ASK_STATES; from++) {
        for (int event = 0; event < CTL_ASK_EVENTS; event++) {
            enum ctl_ask_state next = CTL_ASK_STATES;
            char text[64];
            unsigned i;

            if (!ctl_ask_step((enum ctl_ask_state) from,
                              (enum ctl_ask_event) event, &next))
            {
                assert_int_equal(next, CTL_ASK_STATES);
                continue;
            }
            snprintf(text, sizeof(text), "%s %s %s",
                     ctl_ask_state_name((enum ctl_ask_state) from),
                     ctl_ask_event_name((enum ctl_ask_event) event),
                     ctl_ask_state_name(next));
            for (i = 0; i < EDGES && strcmp(edges[i], text) != 0; i++) { }
            if (i == EDGES) {
                fail_msg("%s", text);
            }
            found++;
        }
    }
    assert_int_equal(found, EDGES);
}

static void ends_are_ends_and_names_are_names(void **state)
{
    (void) state;
    for (int from = 0; from < CTL_ASK_STATES; from++) {
        enum ctl_ask_state next, again;
        bool any = false;

        for (int event = 0; event < CTL_ASK_EVENTS; event++) {
            any = ctl_ask_step((enum ctl_ask_state) from,
                               (enum ctl_ask_event) event, &next) || any;
        }
        assert_int_equal(any, from != CTL_ASK_REJECTED
                              && from != CTL_ASK_CANCELLED
                              && from != CTL_ASK_FULFILLED);
        assert_true(ctl_ask_state_parse(
            ctl_ask_state_name((enum ctl_ask_state) from), &again));
        assert_int_equal(again, from);
    }
    assert_false(ctl_ask_state_parse("done", &(enum ctl_ask_state) {0}));
}

/* Whoever may decide is no agent, did not ask, has the scope to decide, and is
 * an administrator, or, where they are not the owner, the manager or a member
 * of a group that must agree.  Each counts as what they are. */
static void only_others_with_the_right_decide(void **state)
{
    struct ctl_principal who = {.id = "x"};

    (void) state;
    for (unsigned n = 0; n < 4u * 3 * 8 * 4 * 2 * 2 * 16; n++) {
        struct ctl_approval_facts f = {
            .relation = n / 96 % 4, .own = n / 384 % 2 == 1,
            .handed_up = n / 768 % 2 == 1,
            .groups = n / 1536 % 4 * CTL_VOICE_PLATFORM
        };
        unsigned want = 0;

        who.kind = (enum ctl_principal_kind) (n % 4);
        who.role = (enum ctl_user_role) (n / 4 % 3);
        who.scopes = n / 12 % 8;
        who.groups = n / 6144 * CTL_VOICE_PLATFORM;
        if (who.role == CTL_USER_ADMIN) {
            want |= CTL_VOICE_DECIDER | CTL_VOICE_ADMIN;
        }
        if (f.relation == CTL_RELATION_MANAGER && !f.handed_up) {
            want |= CTL_VOICE_DECIDER;
        }
        if ((f.relation & CTL_RELATION_OWNER) == 0) {
            want |= who.groups & f.groups;
        }
        if (who.kind == CTL_PRINCIPAL_NONE || who.kind == CTL_PRINCIPAL_AGENT
            || f.own || (who.scopes & CTL_SCOPE_ADMIN) == 0)
        {
            want = 0;
        }
        assert_int_equal(ctl_approval_voices(&who, &f), want);
        assert_int_equal(ctl_approval_decide(&who, &f) == CTL_APPROVAL_MAY,
                         want != 0);
    }
}

static void groups_are_names(void **state)
{
    enum ctl_approvers group;

    (void) state;
    for (int i = 0; i < CTL_APPROVERS_COUNT; i++) {
        assert_true(ctl_approvers_parse(
            ctl_approvers_name((enum ctl_approvers) i), &group));
        assert_int_equal(group, i);
    }
    assert_int_equal(CTL_VOICE_OF(CTL_APPROVERS_SECURITY), CTL_VOICE_SECURITY);
    assert_false(ctl_approvers_parse("none", &group));
}

static void tiers_say_how_many(void **state)
{
    enum ctl_tier tier;

    (void) state;
    assert_true(ctl_tier_parse("none", &tier));
    assert_int_equal(ctl_tier_approvals(tier), 0);
    assert_true(ctl_tier_parse("platform", &tier));
    assert_int_equal(ctl_tier_approvals(tier), 1);
    assert_true(ctl_tier_parse("security", &tier));
    assert_int_equal(ctl_tier_approvals(tier), 2);
    assert_string_equal(ctl_tier_name(tier), "security");
    assert_false(ctl_tier_parse("", &tier));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_edge_is_in_the_table_and_no_other),
        cmocka_unit_test(ends_are_ends_and_names_are_names),
        cmocka_unit_test(only_others_with_the_right_decide),
        cmocka_unit_test(groups_are_names),
        cmocka_unit_test(tiers_say_how_many)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
