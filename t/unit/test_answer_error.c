/*
 * The event that stands instead of a provider's error, in the words of either
 * API: what a client, and a gateway of ours before us, takes for an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collected.h"
#include "core/answer_parts.h"

static asg_answer_t answer;
static char line[ASG_ANSWER_LINE];

static void begin(asg_words_t words)
{
    asg_answer_init(&answer, ASG_STR("shown"), false, 0, line);
    asg_answer_speaks(&answer, words);
    out_len = 0;
}

static void it_is_an_event_that_we_read_as_an_error(void **state)
{
    (void) state;
    for (asg_words_t words = ASG_WORDS_OPENAI; words <= ASG_WORDS_MESSAGES;
         words++)
    {
        asg_str_t event = asg_answer_error_event(words);

        begin(words);
        assert_int_equal(asg_answer_feed(&answer, event.data, event.len,
                                         collect, NULL), 0);
        assert_true(answer.usage.error_event);
        assert_false(answer.usage.malformed);
        assert_int_equal(answer.usage.events, 1);
        assert_int_equal(out_len, event.len);
        assert_memory_equal(out, event.data, event.len);
    }
}

static void it_stands_for_an_error_in_the_same_words(void **state)
{
    static const char theirs[] = "event: error\ndata: {\"type\":\"error\","
        "\"error\":{\"message\":\"secret\"}}\n\n";

    (void) state;
    for (asg_words_t words = ASG_WORDS_OPENAI; words <= ASG_WORDS_MESSAGES;
         words++)
    {
        begin(words);
        assert_int_equal(asg_answer_feed(&answer, theirs, sizeof(theirs) - 1,
                                         collect, NULL), 0);
        out[out_len] = '\0';
        out_is(asg_answer_error_event(words).data);
    }
}

static void whose_words_it_is_can_be_said_before_the_first_byte(void **state)
{
    (void) state;
    begin(ASG_WORDS_MESSAGES);
    assert_int_equal(answer.scan.words, ASG_WORDS_MESSAGES);
    begin(ASG_WORDS_OPENAI);
    assert_int_equal(answer.scan.words, ASG_WORDS_OPENAI);
    assert_true(asg_answer_scan_is_empty(&answer.scan));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_an_event_that_we_read_as_an_error),
        cmocka_unit_test(it_stands_for_an_error_in_the_same_words),
        cmocka_unit_test(whose_words_it_is_can_be_said_before_the_first_byte)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
