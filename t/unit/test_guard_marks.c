/*
 * core/guard_marks.h: what is to be taken out is marked, the marks become
 * words, and nothing that a provider sent is taken for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/guard_marks.h"
#include "guarded.h"

static void marks_begin(asg_action_t action)
{
    all_are(ASG_ACTION_FLAG);
    actions[ASG_RULE_PII_EMAIL] = action;
    begin(ASG_API_CHAT, true);
}

static const char *emitted(const char *bytes, size_t len)
{
    out_len = 0;
    out[0] = '\0';
    assert_int_equal(asg_guard_marks_emit(&g, bytes, len, emit, NULL), 0);
    return out;
}

static void a_mark_becomes_the_word_of_its_rule(void **state)
{
    char text[] = "to ?\x01\x01, \x01?";

    (void) state;
    marks_begin(ASG_ACTION_REDACT);
    assert_true(g.mark_of[ASG_RULE_PII_EMAIL] != 0);
    text[3] = text[9] = (char) g.mark_of[ASG_RULE_PII_EMAIL];
    assert_true(asg_guard_marks_any(text, sizeof(text) - 1));
    assert_string_equal(emitted(text, sizeof(text) - 1),
                        "to [REDACTED:pii-email], [REDACTED:pii-email]");
    assert_false(asg_guard_marks_any("a\tb\r\n", 5));
    assert_string_equal(emitted("a\tb\r\n", 5), "a\tb\r\n");
}

static void each_rule_that_redacts_has_a_mark_of_its_own(void **state)
{
    (void) state;
    all_are(ASG_ACTION_REDACT);
    begin(ASG_API_CHAT, true);
    for (unsigned i = 0; i < ASG_RULE_COUNT; i++) {
        uint8_t mark = g.mark_of[i];

        assert_true(mark > ASG_MARK_CUT && mark < 0x20 && mark != '\t'
                    && mark != '\n' && mark != '\r');
        assert_int_equal(g.rule_of[mark], i);
    }
}

static void nothing_of_a_providers_is_a_mark(void **state)
{
    char event[] = "data: {\"choices\":[]}\n: \x01\x02 \x1f\n\n";

    (void) state;
    marks_begin(ASG_ACTION_REDACT);
    asg_guard_marks_event(&g, event, sizeof(event) - 1, 0);
    assert_false(asg_guard_marks_any(event, sizeof(event) - 1));
    assert_string_equal(emitted(event, sizeof(event) - 1),
                        "data: {\"choices\":[]}\n:     \n\n");
}

static void an_event_without_a_blank_line_is_whole_if_its_json_is(void **state)
{
    static const struct {
        const char *event;
        bool is_whole;
    } rows[] = {
        {"data: {\"choices\":[]}\n", true}, {"data: {\"choices\":[]}", true},
        {"data: {\"choices\":[", false}, {"data: {\"a\":\ndata: 1}", true},
        {": a comment\n", true}
    };

    (void) state;
    marks_begin(ASG_ACTION_REDACT);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(asg_guard_marks_is_whole(&g, rows[i].event,
                                                  strlen(rows[i].event)),
                         rows[i].is_whole);
    }
}

static void a_body_is_as_long_as_it_was_said(void **state)
{
    char body[] = "{\"choices\":[{\"index\":0,\"message\":{\"content\":"
        "\"jane@example.com and joe@example.com\"}}]}";
    static const char should[] = "{\"choices\":[{\"index\":0,\"message\":{"
        "\"content\":\"[REDACTED:pii-email] and [REDACTED:pii-email]\"}}]}";
    char *written;
    size_t size;

    (void) state;
    all_are(ASG_ACTION_REDACT);
    begin(ASG_API_CHAT, false);
    asg_guard_answer_json(&g, body, sizeof(body) - 1);
    size = asg_guard_answer_size(&g, body, sizeof(body) - 1);
    assert_int_equal(size, sizeof(should) - 1);
    written = malloc(size);
    asg_guard_answer_write(&g, body, sizeof(body) - 1, written);
    assert_memory_equal(written, should, size);
    free(written);
    give_back();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_becomes_the_word_of_its_rule),
        cmocka_unit_test(each_rule_that_redacts_has_a_mark_of_its_own),
        cmocka_unit_test(nothing_of_a_providers_is_a_mark),
        cmocka_unit_test(an_event_without_a_blank_line_is_whole_if_its_json_is),
        cmocka_unit_test(a_body_is_as_long_as_it_was_said)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
