/* core/health.h: when an endpoint is left alone, and when it is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/health.h"

#define NOW  INT64_C(1000000)

static const asg_health_policy_t policy = {.allowed_fails = 3,
                                           .cooldown_ms = 5000};

/* Cooled at NOW, by four failures. */
static asg_health_t cooled(void)
{
    asg_health_t h = {0};

    for (unsigned i = 0; i < 3; i++) {
        assert_false(asg_health_bad(&h, NOW, &policy, false));
        assert_int_equal(asg_health_standing(&h, NOW), ASG_HEALTH_LIVE);
    }
    assert_true(asg_health_bad(&h, NOW, &policy, false));
    return h;
}

static void more_failures_than_allowed_cool_it(void **state)
{
    asg_health_t h = cooled();

    (void) state;
    assert_int_equal(asg_health_standing(&h, NOW), ASG_HEALTH_COOLED);
    assert_int_equal(asg_health_standing(&h, NOW + 4999), ASG_HEALTH_COOLED);
    assert_int_equal(asg_health_standing(&h, NOW + 5000),
                     ASG_HEALTH_HALF_OPEN);
}

static void failures_of_another_minute_do_not_count(void **state)
{
    asg_health_t h = {0};

    (void) state;
    for (int64_t i = 0; i < 20; i++) {
        assert_false(asg_health_bad(&h, NOW + i * 20001, &policy, false));
    }
}

static void an_answer_between_clears_the_failures(void **state)
{
    asg_health_t h = {0};

    (void) state;
    for (unsigned i = 0; i < 20; i++) {
        assert_false(asg_health_bad(&h, NOW, &policy, false));
        if (i % 3 == 2) {
            asg_health_good(&h);
        }
    }
}

static void what_no_second_try_mends_cools_at_once(void **state)
{
    asg_health_t h = {0};

    (void) state;
    assert_true(asg_health_bad(&h, NOW, &policy, true));
    assert_int_equal(asg_health_standing(&h, NOW), ASG_HEALTH_COOLED);
}

static void with_no_cooldown_nothing_cools(void **state)
{
    const asg_health_policy_t never = {.allowed_fails = 0};
    asg_health_t h = {0};

    (void) state;
    for (unsigned i = 0; i < 20; i++) {
        assert_false(asg_health_bad(&h, NOW, &never, i % 2 == 0));
    }
    assert_int_equal(asg_health_standing(&h, NOW), ASG_HEALTH_LIVE);
}

static void one_call_tries_it_when_its_time_is_over(void **state)
{
    asg_health_t h = cooled();

    (void) state;
    assert_false(asg_health_claim(&h, NOW + 4999, 1000));
    assert_true(asg_health_claim(&h, NOW + 5000, 1000));
    assert_false(asg_health_claim(&h, NOW + 5001, 1000));
    assert_int_equal(asg_health_standing(&h, NOW + 5001), ASG_HEALTH_COOLED);
    /* the one that tried was never heard of again */
    assert_true(asg_health_claim(&h, NOW + 6000, 1000));
}

static void a_try_that_says_nothing_leaves_it_to_the_next(void **state)
{
    asg_health_t h = cooled();

    (void) state;
    assert_true(asg_health_claim(&h, NOW + 5000, 1000));
    asg_health_release(&h);
    assert_int_equal(asg_health_standing(&h, NOW + 5001),
                     ASG_HEALTH_HALF_OPEN);
    assert_true(asg_health_claim(&h, NOW + 5001, 1000));
}

static void the_try_decides(void **state)
{
    asg_health_t h = cooled();

    (void) state;
    assert_true(asg_health_claim(&h, NOW + 5000, 1000));
    assert_true(asg_health_bad(&h, NOW + 5100, &policy, false));
    assert_int_equal(asg_health_standing(&h, NOW + 10099), ASG_HEALTH_COOLED);
    assert_true(asg_health_claim(&h, NOW + 10100, 1000));
    asg_health_good(&h);
    assert_int_equal(asg_health_standing(&h, NOW + 10200), ASG_HEALTH_LIVE);
    assert_false(asg_health_bad(&h, NOW + 10200, &policy, false));
}

static void failures_while_it_is_cooled_do_not_prolong(void **state)
{
    asg_health_t h = cooled();

    (void) state;
    for (unsigned i = 0; i < 20; i++) {
        assert_false(asg_health_bad(&h, NOW + 4000, &policy, true));
    }
    assert_int_equal(asg_health_standing(&h, NOW + 5000),
                     ASG_HEALTH_HALF_OPEN);
}

static void a_latency_is_smoothed_and_forgotten(void **state)
{
    const asg_latency_t what = ASG_LATENCY_FIRST_TOKEN;
    asg_health_t h = {0};

    (void) state;
    assert_int_equal(asg_health_latency_us(&h, NOW, what), 0);
    asg_health_measured(&h, NOW, what, 0);
    assert_int_equal(asg_health_latency_us(&h, NOW, what), 1);
    h = (asg_health_t) {0};
    asg_health_measured(&h, NOW, what, 8000);
    assert_int_equal(asg_health_latency_us(&h, NOW, what), 8000);
    asg_health_measured(&h, NOW, what, 16000);
    assert_int_equal(asg_health_latency_us(&h, NOW, what), 9000);
    assert_int_equal(asg_health_latency_us(&h, NOW + 29999, what), 9000);
    assert_int_equal(asg_health_latency_us(&h, NOW + 30000, what), 4500);
    assert_int_equal(asg_health_latency_us(&h, NOW + 30000 * 64, what), 0);
    assert_int_equal(asg_health_latency_us(&h, NOW - 5, what), 9000);
}

static void answers_and_first_tokens_are_told_apart(void **state)
{
    asg_health_t h = {0};

    (void) state;
    asg_health_measured(&h, NOW, ASG_LATENCY_ANSWER, 90000);
    assert_int_equal(asg_health_latency_us(&h, NOW, ASG_LATENCY_FIRST_TOKEN),
                     0);
    asg_health_measured(&h, NOW, ASG_LATENCY_FIRST_TOKEN, 200);
    assert_int_equal(asg_health_latency_us(&h, NOW, ASG_LATENCY_ANSWER),
                     90000);
    asg_health_good(&h);
    assert_int_equal(asg_health_latency_us(&h, NOW, ASG_LATENCY_FIRST_TOKEN),
                     200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_failures_than_allowed_cool_it),
        cmocka_unit_test(failures_of_another_minute_do_not_count),
        cmocka_unit_test(an_answer_between_clears_the_failures),
        cmocka_unit_test(what_no_second_try_mends_cools_at_once),
        cmocka_unit_test(with_no_cooldown_nothing_cools),
        cmocka_unit_test(one_call_tries_it_when_its_time_is_over),
        cmocka_unit_test(a_try_that_says_nothing_leaves_it_to_the_next),
        cmocka_unit_test(the_try_decides),
        cmocka_unit_test(failures_while_it_is_cooled_do_not_prolong),
        cmocka_unit_test(a_latency_is_smoothed_and_forgotten),
        cmocka_unit_test(answers_and_first_tokens_are_told_apart)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
