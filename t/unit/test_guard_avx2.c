/*
 * core/guard_avx2.c: a step goes on until it has an anchor, says where, and
 * never reads behind the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/guard_vector.h"

#ifdef __x86_64__

#define LEN  300

static char *text;

/* In memory of its own size. */
static int begin(void **state)
{
    (void) state;
    text = malloc(LEN);
    memset(text, 'x', LEN);
    return 0;
}

static int end(void **state)
{
    (void) state;
    free(text);
    return 0;
}

static void an_anchor_is_told_by_its_bit(void **state)
{
    (void) state;
    for (size_t at = 0; at < LEN; at++) {
        const char *p = text;
        uint32_t bits;

        text[at] = '@';
        bits = asg_guard_avx2_seek(&p, text + LEN);
        assert_int_equal((p - text) % ASG_GUARD_STEP, 0);
        if (bits != 0) {
            assert_int_equal(bits & (bits - 1), 0);
            assert_int_equal((size_t) (p - text)
                             + (size_t) __builtin_ctz(bits), at);
        } else {
            assert_true(text + LEN - p < ASG_GUARD_BLOCK);
            assert_true(text + at >= p);
        }
        text[at] = 'x';
    }
}

static void nothing_is_told_where_nothing_is(void **state)
{
    const char *p = text;

    (void) state;
    assert_int_equal(asg_guard_avx2_seek(&p, text + LEN), 0);
    assert_true(text + LEN - p < ASG_GUARD_BLOCK);
    p = text;
    assert_int_equal(asg_guard_avx2_seek(&p, text + ASG_GUARD_BLOCK - 1), 0);
    assert_ptr_equal(p, text);
}

static void all_anchors_of_a_step_are_told(void **state)
{
    const char *p = text;

    (void) state;
    text[ASG_GUARD_STEP] = text[ASG_GUARD_STEP + 31] = '@';
    assert_int_equal(asg_guard_avx2_seek(&p, text + LEN), 0x80000001u);
    assert_ptr_equal(p, text + ASG_GUARD_STEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_anchor_is_told_by_its_bit, begin,
                                        end),
        cmocka_unit_test_setup_teardown(nothing_is_told_where_nothing_is, begin,
                                        end),
        cmocka_unit_test_setup_teardown(all_anchors_of_a_step_are_told, begin,
                                        end)
    };

    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi")) {
        return 0;                       /* it is never called there */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0;
}

#endif
