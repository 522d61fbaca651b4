/*
 * core/answer.h in the words of Anthropic's Messages API: whole answers,
 * streams that are cut anywhere, usage in parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collected.h"
#include "core/answer.h"

#define EVENT(type, rest) \
    "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define BEGIN(usage) EVENT("message_start", ",\"message\":{\"id\":\"msg_1\"," \
    "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"served\"," \
    "\"content\":[],\"stop_reason\":null,\"usage\":{" usage "}}")
#define TEXT(text) EVENT("content_block_delta", ",\"index\":0,\"delta\":{" \
    "\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define END(usage) EVENT("message_delta", ",\"delta\":{\"stop_reason\":" \
    "\"end_turn\",\"stop_sequence\":null},\"usage\":{" usage "}") \
    EVENT("message_stop", "")
#define FIRST  "\"input_tokens\":10,\"output_tokens\":1"

static asg_answer_t answer;
static asg_answer_splice_t splice;
static char line[ASG_ANSWER_LINE];

static void begin(void)
{
    asg_answer_init(&answer, ASG_STR("shown"), /* hide_usage */ false, 0,
                    line);
    asg_answer_speaks(&answer, ASG_WORDS_MESSAGES);
    out_len = 0;
}

static void feed(const char *text, size_t step)
{
    size_t len = strlen(text);

    begin();
    for (size_t at = 0; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;

        assert_int_equal(asg_answer_feed(&answer, text + at, n, collect, NULL),
                         0);
    }
    assert_int_equal(asg_answer_end(&answer, collect, NULL), 0);
}

static void stream(const char *text)
{
    feed(text, strlen(text));
}

static void tokens_are(int32_t prompt, int32_t completion, int32_t cached,
    int32_t written, int32_t hour)
{
    const asg_tokens_t *t = &answer.usage.tokens;

    assert_int_equal(answer.usage.verdict, ASG_USAGE_GOOD);
    assert_int_equal(t->prompt, prompt);
    assert_int_equal(t->completion, completion);
    assert_int_equal(t->cached, cached);
    assert_int_equal(t->cache_write, written);
    assert_int_equal(t->cache_write_1h, hour);
}

static void json(const char *body)
{
    begin();
    if (asg_answer_json(&answer, asg_str_z(body), &splice) != ASG_OK) {
        fail_msg("no answer: %s", body);
    }
    for (unsigned i = 0; i < splice.npieces; i++) {
        collect(NULL, splice.piece[i].data, splice.piece[i].len);
    }
}

static void a_whole_message_is_metered_and_renamed(void **state)
{
    (void) state;
    json("{\"id\":\"msg_1\",\"type\":\"message\",\"model\":\"served\","
         "\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}],"
         "\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":9,"
         "\"cache_read_input_tokens\":100,\"cache_creation\":{"
         "\"ephemeral_5m_input_tokens\":7,\"ephemeral_1h_input_tokens\":2},"
         "\"output_tokens\":20,\"service_tier\":\"standard\"}}");
    tokens_are(119, 20, 100, 9, 2);
    assert_true(answer.usage.done);
    assert_false(answer.usage.partial);
    assert_int_equal(answer.usage.content_bytes, 5);
    assert_string_equal(answer.usage.id, "msg_1");
    assert_non_null(strstr(out, "\"model\":\"shown\""));
}

static void a_message_that_cannot_have_cost_that_is_not_believed(void **state)
{
    static const char *const usages[] = {
        "{\"input_tokens\":-1,\"output_tokens\":1}",
        "{\"input_tokens\":1.5,\"output_tokens\":1}",
        "{\"input_tokens\":\"10\",\"output_tokens\":1}",
        "{\"output_tokens\":1}",
        "{\"input_tokens\":0,\"output_tokens\":1}",
        "{\"input_tokens\":10,\"output_tokens\":0}",
        "{\"input_tokens\":4294967297,\"output_tokens\":1}",
        "{\"input_tokens\":900000000,\"cache_read_input_tokens\":900000000,"
        "\"output_tokens\":1}",
        "{\"input_tokens\":1,\"input_tokens\":1,\"output_tokens\":1}",
        "[]",
    };
    char body[512];

    (void) state;
    for (size_t i = 0; i < sizeof(usages) / sizeof(*usages); i++) {
        snprintf(body, sizeof(body), "{\"type\":\"message\",\"content\":[{"
                 "\"type\":\"text\",\"text\":\"x\"}],\"usage\":%s}",
                 usages[i]);
        json(body);
        if (answer.usage.verdict != ASG_USAGE_BAD) {
            fail_msg("verdict %d for %s", answer.usage.verdict, usages[i]);
        }
    }
}

static void text_in_an_answer_is_no_usage(void **state)
{
    (void) state;
    json("{\"type\":\"message\",\"content\":[{\"type\":\"tool_use\",\"id\":"
         "\"t\",\"name\":\"f\",\"input\":{\"usage\":{\"input_tokens\":1,"
         "\"output_tokens\":1},\"citations\":{\"text\":\"abc\"}}}]}");
    assert_int_equal(answer.usage.verdict, ASG_USAGE_NONE);
    /* the name; names and text of the input */
    assert_int_equal(answer.usage.content_bytes,
                     strlen("f" "usage" "input_tokens" "output_tokens"
                            "citations" "text" "abc"));
    json("{\"type\":\"error\",\"error\":{\"type\":\"api_error\","
         "\"message\":\"no\"}}");
    assert_true(answer.usage.error_event);
}

static void a_stream_is_passed_on_and_its_parts_are_one_usage(void **state)
{
    static const char whole[] =
        BEGIN("\"input_tokens\":10,\"cache_read_input_tokens\":100,"
              "\"cache_creation_input_tokens\":9,\"cache_creation\":{"
              "\"ephemeral_5m_input_tokens\":7,"
              "\"ephemeral_1h_input_tokens\":2},\"output_tokens\":1")
        EVENT("content_block_start", ",\"index\":0,\"content_block\":{"
              "\"type\":\"text\",\"text\":\"\"}")
        EVENT("ping", "") TEXT("Hel\\u006co ") TEXT("w\xc3\xb6rld")
        EVENT("content_block_stop", ",\"index\":0")
        END("\"input_tokens\":null,\"output_tokens\":20");
    size_t len = sizeof(whole) - 1;
    char should[sizeof(whole)];
    char *served;

    (void) state;
    memcpy(should, whole, sizeof(whole));
    served = strstr(should, "served");
    memmove(served + 5, served + 6, strlen(served + 6) + 1);
    memcpy(served, "shown", 5);
    for (size_t step = 1; step <= len; step++) {
        feed(whole, step);
        out_is(should);
        tokens_are(119, 20, 100, 9, 2);
        assert_true(answer.usage.done);
        assert_false(answer.usage.partial);
        assert_false(answer.usage.malformed);
        assert_int_equal(answer.usage.content_bytes, 12);
        assert_int_equal(answer.usage.content_after_usage, 0);
        assert_string_equal(answer.usage.id, "msg_1");
    }
}

static void what_only_the_beginning_said_is_partial(void **state)
{
    (void) state;
    stream(BEGIN(FIRST) TEXT("Hello"));
    tokens_are(10, 1, 0, 0, 0);
    assert_true(answer.usage.partial);
    assert_false(answer.usage.done);
    assert_int_equal(answer.usage.content_after_usage, 5);
    stream(BEGIN(FIRST));
    assert_true(answer.usage.partial);
    stream(BEGIN(FIRST) TEXT("Hello") END("\"output_tokens\":0"));
    assert_int_equal(answer.usage.verdict, ASG_USAGE_BAD);
    stream(TEXT("Hello") END("\"output_tokens\":5"));
    assert_int_equal(answer.usage.verdict, ASG_USAGE_BAD);
}

static void an_error_is_told_in_our_words_and_is_no_clean_end(void **state)
{
    static const char ours[] =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
        "\"api_error\",\"message\":\"The provider ended the stream with an "
        "error.\",\"param\":null,\"code\":\"upstream_error\"}}\n\n";
    char should[1024];

    (void) state;
    snprintf(should, sizeof(should), "%s%s", TEXT("Hello"),
             "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
             "\"overloaded_error\",\"message\":\"The provider ended the stream "
             "with an error.\",\"param\":null,\"code\":\"upstream_overloaded\""
             "}}\n\n");
    stream(TEXT("Hello") EVENT("error", ",\"error\":{\"type\":"
           "\"overloaded_error\",\"message\":\"secret\"}")
           EVENT("message_stop", ""));
    out_is(should);
    assert_true(answer.usage.error_event);
    stream("data: [DONE]\n\n");
    out_is(ours);
    assert_false(answer.usage.done);
    stream("event: x\ndata: {oops\n\n");
    out_is(ours);
    assert_true(answer.usage.malformed);
}

static void an_event_that_names_two_models_is_none(void **state)
{
    (void) state;
    stream(EVENT("message_start", ",\"model\":\"served\",\"message\":{"
                 "\"model\":\"served\"}"));
    assert_true(answer.usage.malformed);
    assert_null(strstr(out, "served"));
}

/* Longer than what is kept of an event: renamed and metered all the same. */
static void a_long_event_is_metered_too(void **state)
{
    static char text[2 * ASG_ANSWER_LINE];
    int at = snprintf(text, sizeof(text), "%s", BEGIN(FIRST)
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
        "\"index\":0,\"delta\":{\"text\":\"");

    (void) state;
    memset(text + at, 't', ASG_ANSWER_LINE + 100);
    at += ASG_ANSWER_LINE + 100;
    snprintf(text + at, sizeof(text) - (size_t) at, "\"}}\n\n%s",
             END("\"output_tokens\":600"));
    feed(text, 1000);
    tokens_are(10, 600, 0, 0, 0);
    assert_int_equal(answer.usage.content_bytes, ASG_ANSWER_LINE + 100);
    assert_int_equal(out_len, strlen(text) - 1);
    assert_true(answer.usage.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_is_metered_and_renamed),
        cmocka_unit_test(a_message_that_cannot_have_cost_that_is_not_believed),
        cmocka_unit_test(text_in_an_answer_is_no_usage),
        cmocka_unit_test(a_stream_is_passed_on_and_its_parts_are_one_usage),
        cmocka_unit_test(what_only_the_beginning_said_is_partial),
        cmocka_unit_test(an_error_is_told_in_our_words_and_is_no_clean_end),
        cmocka_unit_test(an_event_that_names_two_models_is_none),
        cmocka_unit_test(a_long_event_is_metered_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
