/*
 * core/guard_pattern.h: a look is at the tries that begin in its part of a
 * text, each of no more steps than it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard_sets.h"

static asg_guard_set_t set;
static asg_pattern_look_t look;

static void look_at(const char *pattern, const char *text)
{
    if (set.nrules > 0) {
        sets_end(&set);
    }
    sets_begin(&set);
    (void) sets_pattern(&set, "pattern", pattern);
    look = (asg_pattern_look_t) {.text = asg_str_z(text), .is_over = true,
                                 .to = strlen(text),
                                 .limit = ASG_PATTERN_LIMIT};
}

static asg_pattern_result_t find(void)
{
    return asg_pattern_find(&set.patterns, &set.rules[0].pattern, &look);
}

static asg_pattern_result_t settled(void)
{
    return asg_pattern_settled(&set.patterns, &set.rules[0].pattern, &look);
}

static void a_match_begins_within_the_look(void **state)
{
    (void) state;
    look_at("\\d+", "ab 12 cd 34");
    look.to = 3;
    assert_int_equal(find(), ASG_PATTERN_NONE);
    look.to = 4;
    assert_int_equal(find(), ASG_PATTERN_FOUND);
    assert_int_equal(look.start, 3);
    assert_int_equal(look.end, 5);
    look.from = 5;
    look.to = 11;
    assert_int_equal(find(), ASG_PATTERN_FOUND);
    assert_int_equal(look.start, 9);
    look.from = look.to;
    assert_int_equal(find(), ASG_PATTERN_NONE);
}

static void no_try_begins_within_a_sign(void **state)
{
    (void) state;
    look_at(".", "\xe6\x9c\xba" "a");
    look.from = 1;
    assert_int_equal(find(), ASG_PATTERN_FOUND);
    assert_int_equal(look.start, 3);
    look.from = 1;
    look.to = 3;
    assert_int_equal(find(), ASG_PATTERN_NONE);
}

static void a_look_sees_what_stands_before_it(void **state)
{
    (void) state;
    look_at("(?<=ab)c|^c", "abc");
    look.from = 2;
    assert_int_equal(find(), ASG_PATTERN_FOUND);
    look_at("(?<=ab)c|^c", "xbc");
    look.from = 2;
    assert_int_equal(find(), ASG_PATTERN_NONE);
}

static void a_try_has_no_more_steps_than_the_look_says(void **state)
{
    (void) state;
    look_at("a[ab]{0,20}[ab]{0,20}[^a]", "aaaaaaaaaaaaaaaaaaaaaaaaaa");
    look.limit = 10;
    assert_int_equal(find(), ASG_PATTERN_GAVE_UP);
    look.limit = ASG_PATTERN_LIMIT;
    assert_int_equal(find(), ASG_PATTERN_NONE);
    assert_int_equal(look.steps, 0);
    look.to = 1;
    assert_int_equal(find(), ASG_PATTERN_NONE);
    assert_int_equal(look.steps, ASG_PATTERN_LIMIT);
}

static void what_is_too_long_is_passed(void **state)
{
    static char text[1000];

    (void) state;
    memset(text, 'a', sizeof(text) - 1);
    look_at("a+", text);
    assert_int_equal(find(), ASG_PATTERN_PASSED);
    assert_int_equal(look.from, 1);
    assert_in_range(look.steps, 1, 2 * ASG_PATTERN_LIMIT);
    look.from = sizeof(text) - ASG_GUARD_REACH;
    assert_int_equal(find(), ASG_PATTERN_FOUND);
    assert_int_equal(look.end - look.start, ASG_GUARD_REACH - 1);
}

static void what_may_go_on_is_not_settled(void **state)
{
    (void) state;
    look_at("ab+c", "x ab abbc ab");
    assert_int_equal(settled(), ASG_PATTERN_FOUND);
    assert_int_equal(look.start, 5);
    look.from = 9;
    assert_int_equal(settled(), ASG_PATTERN_PARTIAL);
    assert_int_equal(look.start, 10);
    look.from = 11;
    assert_int_equal(settled(), ASG_PATTERN_NONE);
    sets_end(&set);
    set.nrules = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_begins_within_the_look),
        cmocka_unit_test(no_try_begins_within_a_sign),
        cmocka_unit_test(a_look_sees_what_stands_before_it),
        cmocka_unit_test(a_try_has_no_more_steps_than_the_look_says),
        cmocka_unit_test(what_is_too_long_is_passed),
        cmocka_unit_test(what_may_go_on_is_not_settled)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
