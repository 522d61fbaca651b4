/* policy/promotion.h, policy/dossier.h: who climbs, whatever is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/promotion.h"

static struct ctl_dossier full(enum ctl_class class)
{
    struct ctl_dossier dossier = {.given = 0};

    dossier.given = ctl_dossier_missing(&dossier, class);
    return dossier;
}

static struct ctl_promotion decide(enum ctl_class from, enum ctl_class to,
                                   const char *data_class,
                                   const struct ctl_dossier *dossier)
{
    const struct ctl_promotion_facts facts = {from, to, data_class, dossier};

    return ctl_promotion_decide(&facts);
}

static void each_class_demands_more_than_the_one_below(void **state)
{
    struct ctl_dossier below, all;

    (void) state;
    assert_int_equal(full(CTL_CLASS_POC).given, 0);
    for (int c = CTL_CLASS_LIGHT; c < CTL_CLASSES; c++) {
        below = full((enum ctl_class) (c - 1));
        all = full((enum ctl_class) c);
        assert_int_equal(below.given & ~all.given, 0);
        assert_int_not_equal(all.given, below.given);
        assert_int_not_equal(ctl_dossier_missing(&below, (enum ctl_class) c),
                             0);
    }
}

static void only_one_step_up_is_a_promotion(void **state)
{
    struct ctl_dossier all = full(CTL_CLASS_CRITICAL);

    (void) state;
    for (int from = 0; from < CTL_CLASSES; from++) {
        for (int to = 0; to < CTL_CLASSES; to++) {
            enum ctl_promotion_verdict verdict = decide(
                (enum ctl_class) from, (enum ctl_class) to, "public",
                &all).verdict;

            assert_int_equal(verdict == CTL_PROMOTION_NOT_A_STEP,
                             to != from + 1);
        }
    }
}

/* With any one field left out, at any step. */
static void nothing_is_allowed_while_a_field_is_missing(void **state)
{
    (void) state;
    for (int to = CTL_CLASS_LIGHT; to < CTL_CLASSES; to++) {
        struct ctl_dossier all = full((enum ctl_class) to);

        for (unsigned i = 0; i < 64; i++) {
            struct ctl_dossier less = all;
            struct ctl_promotion p;

            less.given &= ~((ctl_dossier_set_t) 1 << i);
            p = decide((enum ctl_class) (to - 1), (enum ctl_class) to,
                       "public", &less);
            if (less.given == all.given) {
                continue;
            }
            assert_true(p.verdict == CTL_PROMOTION_FLAGGED
                        || p.verdict == CTL_PROMOTION_FORBIDDEN);
            assert_true((p.exceptions & CTL_EXCEPTION_EVIDENCE) != 0);
        }
    }
}

static void only_a_light_step_without_exception_needs_nobody(void **state)
{
    struct ctl_dossier light = full(CTL_CLASS_LIGHT), odd = light;
    struct ctl_dossier all = full(CTL_CLASS_CRITICAL), reviewed = light;

    (void) state;
    odd.stack_exception = true;
    reviewed.security_cleared = true;
    assert_int_equal(decide(CTL_CLASS_POC, CTL_CLASS_LIGHT, "internal",
                            &light).verdict, CTL_PROMOTION_ALLOWED);
    assert_int_equal(decide(CTL_CLASS_POC, CTL_CLASS_LIGHT, "restricted",
                            &light).verdict, CTL_PROMOTION_PLATFORM);
    assert_int_equal(decide(CTL_CLASS_POC, CTL_CLASS_LIGHT, "confidential",
                            &light).verdict, CTL_PROMOTION_PLATFORM);
    assert_int_equal(decide(CTL_CLASS_POC, CTL_CLASS_LIGHT, "restricted",
                            &reviewed).verdict, CTL_PROMOTION_ALLOWED);
    assert_int_equal(decide(CTL_CLASS_POC, CTL_CLASS_LIGHT, "public",
                            &odd).verdict, CTL_PROMOTION_PLATFORM);
    assert_int_equal(decide(CTL_CLASS_LIGHT, CTL_CLASS_WIDE, "public",
                            &all).verdict, CTL_PROMOTION_PLATFORM);
    assert_int_equal(decide(CTL_CLASS_WIDE, CTL_CLASS_CRITICAL, "public",
                            &all).verdict, CTL_PROMOTION_SECURITY);
    assert_int_equal(ctl_promotion_granted(CTL_CLASS_CRITICAL, "public",
                                           &all), CTL_CLASS_LIGHT);
    assert_int_equal(ctl_promotion_granted(CTL_CLASS_POC, "public", &all),
                     CTL_CLASS_POC);
}

static void evidence_is_read_whole_or_refused(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{", "{\"x\":1}", "{\"rpo_rto\":1}", "{\"rpo_rto\":[]}",
        "{\"runbook_url\":\"https://\"}", "{\"runbook_url\":\"javascript:x\"}",
        "{\"rpo_rto\":\"a\\u0000b\"}", "{\"rpo_rto\":\"a\\nb\"}",
        "{\"rpo_rto\":\"a\",\"rpo_rt\\u006f\":\"b\"}",
        "{\"maintainers\":[\"a\",1]}", "{\"maintainers\":[\"a\"",
        "{\"recurring_review_date\":\"2027-02-29\"}",
        "{\"recurring_review_date\":\"2027-2-1\"}"
    };
    struct ctl_arena arena;
    struct ctl_dossier dossier;
    struct ctl_error e;

    (void) state;
    ctl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ctl_error_clear(&e);
        assert_false(ctl_dossier_read(asg_str_z(bad[i]), &arena, &dossier,
                                      &e));
        assert_int_equal(e.status, 400);
    }
    assert_true(ctl_dossier_read(ASG_STR("{\"security_review_status\":"
        "\"waived\",\"stack_exception\":\"\",\"recurring_review_date\":"
        "\"2028-02-29\",\"rpo_rto\":null}"), &arena, &dossier, &e));
    assert_true(dossier.security_cleared);
    assert_false(dossier.stack_exception);
    assert_string_equal(dossier.review_date, "2028-02-29");
    assert_true(ctl_dossier_has(dossier.given, "recurring_review_date"));
    assert_false(ctl_dossier_has(dossier.given, "rpo_rto"));
    ctl_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_demands_more_than_the_one_below),
        cmocka_unit_test(only_one_step_up_is_a_promotion),
        cmocka_unit_test(nothing_is_allowed_while_a_field_is_missing),
        cmocka_unit_test(only_a_light_step_without_exception_needs_nobody),
        cmocka_unit_test(evidence_is_read_whole_or_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
