/* core/anthropic_messages.c: turns, and what makes none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "anthropic_written.h"

#define USER(text)  "{\"role\":\"user\",\"content\":\"" text "\"}"
#define MODEL(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define RULE(text)  "{\"role\":\"system\",\"content\":\"" text "\"}"

static unsigned count(const char *part)
{
    unsigned n = 0;

    for (const char *p = written; (p = strstr(p, part)) != NULL; p++) {
        n++;
    }
    return n;
}

static void messages_of_one_role_are_one_turn(void **state)
{
    (void) state;
    assert_true(has(SAY(USER("a") "," USER("b") "," MODEL("c") "," MODEL("d")
                        "," USER("e")), "\"messages\":["));
    assert_int_equal(count("\"role\":\"user\""), 2);
    assert_int_equal(count("\"role\":\"assistant\""), 1);
}

static void a_blank_message_is_no_turn(void **state)
{
    (void) state;
    assert_true(has(SAY(USER("a") "," MODEL(" ") "," USER("b")), "\"b\""));
    assert_int_equal(count("\"role\":\"user\""), 1);
    assert_int_equal(count("\"role\":\"assistant\""), 0);
}

static void rules_stand_apart_wherever_they_were(void **state)
{
    (void) state;
    assert_true(has(SAY(USER("a") "," RULE("one") "," USER("b") ","
                        RULE("two")), "\"system\":["));
    assert_int_equal(count("\"role\":\"user\""), 1);
    assert_true(strstr(written, "\"one\"") < strstr(written, "\"two\""));
    assert_false(has(SAY(USER("a") "," RULE(" ")), "\"system\""));
}

static void without_any_turn_it_is_refused(void **state)
{
    (void) state;
    refuses(SAY(RULE("one")), ASG_REASON_INVALID_VALUE, "messages");
    refuses(SAY(USER(" ") "," MODEL("")), ASG_REASON_INVALID_VALUE,
            "messages");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_one_role_are_one_turn),
        cmocka_unit_test(a_blank_message_is_no_turn),
        cmocka_unit_test(rules_stand_apart_wherever_they_were),
        cmocka_unit_test(without_any_turn_it_is_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
