/* policy/access.h: who may enter, whatever the combination. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/access.h"

/* Every kind, role and set of scopes. */
static void each(void (*check)(const struct ctl_principal *who))
{
    struct ctl_principal who = {.id = "x"};

    for (int kind = CTL_PRINCIPAL_NONE; kind <= CTL_PRINCIPAL_AGENT; kind++) {
        for (int role = CTL_USER_MEMBER; role <= CTL_USER_ADMIN; role++) {
            for (unsigned scopes = 0; scopes <= CTL_SCOPES_ALL; scopes++) {
                who.kind = (enum ctl_principal_kind) kind;
                who.role = (enum ctl_user_role) role;
                who.scopes = scopes;
                check(&who);
            }
        }
    }
}

static void nobody_enters(const struct ctl_principal *who)
{
    for (int rule = CTL_RULE_OPEN; rule < CTL_RULE_COUNT; rule++) {
        enum ctl_verdict verdict = ctl_access_enter((enum ctl_rule) rule,
                                                    who);

        if (rule == CTL_RULE_OPEN) {
            assert_int_equal(verdict, CTL_VERDICT_ALLOW);
        } else if (who->kind == CTL_PRINCIPAL_NONE) {
            assert_int_equal(verdict, CTL_VERDICT_FORBIDDEN);
        } else if (who->scopes == 0 && rule != CTL_RULE_SIGNED_IN
                   && rule != CTL_RULE_SESSION)
        {
            assert_int_not_equal(verdict, CTL_VERDICT_ALLOW);
        }
    }
}

static void without_an_identity_or_a_scope_nobody_enters(void **state)
{
    (void) state;
    each(nobody_enters);
}

static void agent_is_no_role(const struct ctl_principal *who)
{
    if (who->kind != CTL_PRINCIPAL_AGENT) {
        return;
    }
    assert_false(ctl_access_is_admin(who));
    assert_false(ctl_access_sees_all(who));
    assert_int_not_equal(ctl_access_enter(CTL_RULE_ADMIN, who),
                         CTL_VERDICT_ALLOW);
    assert_int_not_equal(ctl_access_enter(CTL_RULE_OWN_TOKENS, who),
                         CTL_VERDICT_ALLOW);
    assert_int_equal(ctl_access_project(who, true, CTL_RELATION_NONE, false),
                     CTL_VERDICT_ABSENT);
}

static void an_agent_never_has_a_role(void **state)
{
    (void) state;
    each(agent_is_no_role);
}

static void administers(const struct ctl_principal *who)
{
    if (ctl_access_enter(CTL_RULE_ADMIN, who) != CTL_VERDICT_ALLOW) {
        assert_false(ctl_access_is_admin(who));
        return;
    }
    assert_int_equal(who->role, CTL_USER_ADMIN);
    assert_true((who->scopes & CTL_SCOPE_ADMIN) != 0);
    assert_true(who->kind == CTL_PRINCIPAL_OPERATOR
                || who->kind == CTL_PRINCIPAL_PERSON);
}

static void to_administer_takes_the_role_and_the_scope(void **state)
{
    (void) state;
    each(administers);
}

static void project_is_seen(const struct ctl_principal *who)
{
    assert_int_equal(ctl_access_project(who, false, CTL_RELATION_OWNER, false),
                     CTL_VERDICT_ABSENT);
    for (unsigned relation = 0; relation <= 3; relation++) {
        enum ctl_verdict see = ctl_access_project(who, true, relation, false);
        enum ctl_verdict steer = ctl_access_project(who, true, relation,
                                                    true);

        assert_true(see == CTL_VERDICT_ALLOW || steer == CTL_VERDICT_ABSENT);
        assert_true(steer != CTL_VERDICT_ALLOW
                    || relation != CTL_RELATION_NONE
                    || ctl_access_is_admin(who));
    }
}

static void who_steers_a_project_sees_it_and_has_a_right_to_it(void **state)
{
    (void) state;
    each(project_is_seen);
}

static void names_are_read_back(void **state)
{
    enum ctl_user_role role;

    (void) state;
    for (int i = CTL_USER_MEMBER; i <= CTL_USER_ADMIN; i++) {
        assert_true(ctl_user_role_parse(
            ctl_user_role_name((enum ctl_user_role) i), &role));
        assert_int_equal(role, i);
    }
    assert_false(ctl_user_role_parse("owner", &role));
    for (unsigned scope = 1; scope <= CTL_SCOPE_ADMIN; scope <<= 1) {
        assert_int_equal(ctl_scope_parse(
            ctl_scope_name((enum ctl_scope) scope)), scope);
    }
    assert_int_equal(ctl_scope_parse(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_identity_or_a_scope_nobody_enters),
        cmocka_unit_test(an_agent_never_has_a_role),
        cmocka_unit_test(to_administer_takes_the_role_and_the_scope),
        cmocka_unit_test(who_steers_a_project_sees_it_and_has_a_right_to_it),
        cmocka_unit_test(names_are_read_back)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
