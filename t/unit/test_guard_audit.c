/*
 * meter/guard_audit.h: the verdicts of a usage event as they stand in the audit
 * log; what nobody can read does not keep the rest from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter/guard_audit.h"

static struct ctl_arena arena;

static void reads_as(const char *text, const char *should)
{
    assert_string_equal(ctl_guard_verdicts(&arena, text), should);
}

static void verdicts_are_told_one_by_one(void **state)
{
    (void) state;
    reads_as("q:pii-email:pii:redact:2,a:x:y:flag:1",
             "[{\"rule_id\":\"pii-email\",\"category\":\"pii\",\"action\":"
             "\"redact\",\"matches\":2,\"in\":\"request\"},{\"rule_id\":\"x\","
             "\"category\":\"y\",\"action\":\"flag\",\"matches\":1,\"in\":"
             "\"answer\"}]");
}

static void what_is_no_verdict_is_left_out(void **state)
{
    static const char *const bad[] = {
        "", ",", ",,,", ":", "q", "q:a:b:c", "q:a:b:c:", "q:a:b:c:-1",
        "q:a:b:c:x", "q:a:b:c:1:2", "q:a:b:c:99999999999999999999999"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        reads_as(bad[i], "[]");
    }
    reads_as("q:a,q:\"\x01:b:c:1,",
             "[{\"rule_id\":\"\\\"\\u0001\",\"category\":\"b\",\"action\":"
             "\"c\",\"matches\":1,\"in\":\"request\"}]");
}

static void a_long_text_has_room(void **state)
{
    char text[2049];

    (void) state;
    memset(text, '\x01', sizeof(text) - 1);
    memcpy(text, "q:", 2);
    memcpy(text + sizeof(text) - 8, ":b:c:1,", 8);
    assert_non_null(strstr(ctl_guard_verdicts(&arena, text), "\\u0001\\u0001"));
    for (size_t i = 0; i + 10 < sizeof(text); i += 10) {
        memcpy(text + i, "q:a:b:c:1,", 10);
    }
    text[2040] = '\0';
    assert_non_null(ctl_guard_verdicts(&arena, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_told_one_by_one),
        cmocka_unit_test(what_is_no_verdict_is_left_out),
        cmocka_unit_test(a_long_text_has_room)
    };

    ctl_arena_init(&arena, 1 << 20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
