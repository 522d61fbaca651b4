/*
 * core/guard_find.c: hits are told by where their anchors stand, in that order,
 * wherever the text lies in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/guard.h"

#define HITS_MAX  16

static const char text[] = "jane@example.com, AKIAIOSFODNN7EXAMPLE; "
    "078-05-1120 ghp_0123456789abcdefghijABCDEFGHIJ012345 "
    "ignore all previous instructions "
    "4111 1111 1111 1111 -----BEGIN PRIVATE KEY-----";

#define LEN  (sizeof(text) - 1)

typedef struct {
    size_t n;
    asg_hit_t hit[HITS_MAX];
} hits_t;

static hits_t whole, parts;

static void keep(void *data, const asg_hit_t *hit)
{
    hits_t *hits = data;

    assert_true(hits->n < HITS_MAX && hit->start < hit->end);
    hits->hit[hits->n++] = *hit;
}

static void same(void)
{
    assert_int_equal(parts.n, whole.n);
    for (size_t i = 0; i < whole.n; i++) {
        assert_int_equal(parts.hit[i].start, whole.hit[i].start);
        assert_int_equal(parts.hit[i].end, whole.hit[i].end);
        assert_int_equal(parts.hit[i].rule, whole.hit[i].rule);
    }
}

static void look(void)
{
    whole.n = 0;
    asg_guard_find((asg_str_t) {text, LEN}, 0, LEN, keep, &whole);
}

static void each_rule_is_told_in_the_order_of_the_text(void **state)
{
    static const asg_rule_t rules[] = {
        ASG_RULE_PII_EMAIL, ASG_RULE_SECRET_AWS_ACCESS_KEY, ASG_RULE_PII_SSN,
        ASG_RULE_SECRET_GITHUB_PAT, ASG_RULE_PROMPT_INJECTION,
        ASG_RULE_PII_CREDIT_CARD, ASG_RULE_SECRET_PRIVATE_KEY
    };

    (void) state;
    look();
    assert_int_equal(whole.n, sizeof(rules) / sizeof(*rules));
    for (size_t i = 0; i < whole.n; i++) {
        assert_int_equal(whole.hit[i].rule, rules[i]);
    }
}

static void an_anchor_is_asked_for_once_wherever_a_look_ends(void **state)
{
    (void) state;
    look();
    for (size_t cut = 0; cut <= LEN; cut++) {
        parts.n = 0;
        asg_guard_find((asg_str_t) {text, LEN}, 0, cut, keep, &parts);
        asg_guard_find((asg_str_t) {text, LEN}, cut, LEN, keep, &parts);
        same();
    }
}

static void it_does_not_matter_where_the_text_lies(void **state)
{
    (void) state;
    look();
    for (size_t at = 0; at < 70; at++) {
        char *memory = malloc(at + LEN);
        asg_str_t there = {memory + at, LEN};

        memset(memory, '@', at);
        memcpy(memory + at, text, LEN);
        parts.n = 0;
        asg_guard_find(there, 0, LEN, keep, &parts);
        same();
        parts.n = 0;
        asg_guard_find_plain(there, 0, LEN, keep, &parts);
        same();
        free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_is_told_in_the_order_of_the_text),
        cmocka_unit_test(an_anchor_is_asked_for_once_wherever_a_look_ends),
        cmocka_unit_test(it_does_not_matter_where_the_text_lies)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
