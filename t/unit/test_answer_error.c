/*
 * The event that stands instead of a provider's error, in the words of either
 * API: what a client, and a gateway of ours before us, takes for an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
        asg_str_t event = asg_answer_error_event(words,
                                                 ASG_REASON_UPSTREAM_ERROR);

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
        out_is(asg_answer_error_event(words, ASG_REASON_UPSTREAM_ERROR).data);
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

static void fed(asg_words_t words, const char *text, asg_reason_t reason)
{
    begin(words);
    assert_int_equal(asg_answer_feed(&answer, text, strlen(text), collect,
                                     NULL), 0);
    out[out_len] = '\0';
    out_is(asg_answer_error_event(words, reason).data);
}

static void it_keeps_the_code_of_what_the_provider_said(void **state)
{
    (void) state;
    fed(ASG_WORDS_MESSAGES, "event: error\ndata: {\"type\":\"error\","
        "\"error\":{\"type\":\"overloaded_error\",\"message\":\"secret\"}}\n\n",
        ASG_REASON_UPSTREAM_OVERLOADED);
    fed(ASG_WORDS_MESSAGES, "data: {\"error\":{\"message\":\"a}\\\"b\","
        "\"type\":\"overloaded_error\"},\"type\":\"error\"}\r\n\r\n",
        ASG_REASON_UPSTREAM_OVERLOADED);
    fed(ASG_WORDS_MESSAGES, "data: {\"type\":\"error\",\"message\":"
        "{\"type\":\"overloaded_error\"}}\n\n", ASG_REASON_UPSTREAM_ERROR);
    fed(ASG_WORDS_OPENAI, "data: {\"error\":{\"type\":\"upstream_error\","
        "\"code\":\"upstream_overloaded\"}}\n\n",
        ASG_REASON_UPSTREAM_OVERLOADED);
    fed(ASG_WORDS_OPENAI, "data: {\"error\":{\"code\":\"secret\"}}\n\n",
        ASG_REASON_UPSTREAM_ERROR);
    fed(ASG_WORDS_OPENAI, "data: {\"error\":\"upstream_overloaded\"}\n\n",
        ASG_REASON_UPSTREAM_ERROR);
}

/* The statuses and types of a whole answer and of a stream do not differ. */
static void its_type_and_code_are_those_of_the_reason(void **state)
{
    char storage[1024], should[128];
    asg_buf_t body;
    const char *event, *type;

    (void) state;
    for (asg_reason_t r = ASG_REASON_UPSTREAM_REJECTED; r < ASG_REASON_COUNT;
         r++)
    {
        event = asg_answer_error_event(ASG_WORDS_OPENAI, r).data;
        snprintf(should, sizeof(should), "\"type\":\"%s\",\"param\":null,"
                 "\"code\":\"%s\"}", asg_reason_info(r)->type,
                 asg_reason_info(r)->code);
        assert_non_null(strstr(event, should));
        event = asg_answer_error_event(ASG_WORDS_MESSAGES, r).data;
        snprintf(should, sizeof(should), "\"code\":\"%s\"}",
                 asg_reason_info(r)->code);
        assert_non_null(strstr(event, should));
        asg_buf_init(&body, storage, sizeof(storage) - 1);
        asg_reason_messages_body(&body, r, ASG_STR_NULL, ASG_STR_NULL,
                                 ASG_STR_NULL, ASG_STR("t"));
        storage[body.len] = '\0';
        type = strstr(strstr(event, "\"error\":{"), "\"type\":");
        snprintf(should, sizeof(should), "%.*s", (int) strcspn(type, ","),
                 type);
        assert_non_null(strstr(storage, should));
    }
}

static const struct {
    asg_words_t words;
    const char *text;
    asg_first_t first;
    unsigned status;            /* 0: no error */
} beginnings[] = {
#define CHAT(error, status) \
    {ASG_WORDS_OPENAI, "data: {\"error\":" error "}\n\n", ASG_FIRST_ERROR, \
     status}
    CHAT("{\"code\":429}", 429), CHAT("{\"code\":\"503\"}", 503),
    CHAT("{\"code\":\"rate_limit_exceeded\",\"type\":\"x\"}", 429),
    CHAT("{\"code\":null,\"type\":\"invalid_request_error\"}", 400),
    CHAT("{\"code\":\"upstream_overloaded\"}", 529),
    CHAT("{\"code\":200,\"type\":\"RateLimitError\"}", 429),
    CHAT("{\"code\":1234,\"message\":\"no\"}", 500), CHAT("\"no\"", 500),
    {ASG_WORDS_OPENAI, "event: error\r\ndata: {\"type\":\"BadRequestError\","
     "\"code\":400}\r\n\r\n", ASG_FIRST_ERROR, 400},
    {ASG_WORDS_OPENAI, "data:{\"object\":\"error\",\"code\":404}\n\n",
     ASG_FIRST_ERROR, 404},
    {ASG_WORDS_OPENAI, ": hm\n\n\ndata: {\"error\":{}}\r\r", ASG_FIRST_ERROR,
     500},
    {ASG_WORDS_MESSAGES, "event: error\ndata: {\"type\":\"error\",\"error\":"
     "{\"type\":\"overloaded_error\"}}\n\n", ASG_FIRST_ERROR, 529},
    {ASG_WORDS_MESSAGES, "data: {\"type\":\"error\",\"error\":"
     "{\"type\":\"none_such\"}}\n\n", ASG_FIRST_ERROR, 500},
    /* work was done, or may have been, or it is no error */
    {ASG_WORDS_OPENAI, "data: {\"error\":{},\"usage\":{\"prompt_tokens\":1}}"
     "\n\n", ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_OPENAI, "data: {\"error\":{},\"choices\":[{\"text\":\"a\"}]}"
     "\n\n", ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_OPENAI, "data: {\"choices\":[]}\n\ndata: {\"error\":{}}\n\n",
     ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_OPENAI, "data: {\"error\":null}\n\n", ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_OPENAI, "data: [DONE]\n\n", ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_OPENAI, "event: error\ndata: no\n\n", ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_OPENAI, "data: {\"error\":\ndata: {}}\n\n", ASG_FIRST_ANSWER,
     0},
    {ASG_WORDS_OPENAI, ": ping\n\n", ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_OPENAI, "\n\n", ASG_FIRST_ANSWER, 0},
    {ASG_WORDS_MESSAGES, "event: ping\ndata: {\"type\":\"ping\"}\n\n",
     ASG_FIRST_ANSWER, 0}
};

static void an_error_in_the_place_of_the_first_event_has_its_status(
    void **state)
{
    asg_str_t said;
    unsigned status;

    (void) state;
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
        status = 0;
        if (asg_answer_first(beginnings[i].words,
                             asg_str_z(beginnings[i].text), &status, &said)
            != beginnings[i].first || status != beginnings[i].status)
        {
            fail_msg("%s: %u", beginnings[i].text, status);
        }
    }
}

/* Until it is whole nothing is said of it; its last line end may be the first
 * half of one. */
static void cut_anywhere_it_is_not_known_yet(void **state)
{
    static const char error[] =
        "event: error\ndata: {\"error\":{\"code\":429}}\n\n";
    asg_str_t said;
    unsigned status;

    (void) state;
    for (size_t n = 1; n < sizeof(error) - 1; n++) {
        assert_int_equal(asg_answer_first(ASG_WORDS_OPENAI,
                             (asg_str_t) {error, n}, &status, &said),
                         ASG_FIRST_MORE);
    }
    assert_int_equal(asg_answer_first(ASG_WORDS_OPENAI, asg_str_z(error),
                                      &status, &said), ASG_FIRST_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_an_event_that_we_read_as_an_error),
        cmocka_unit_test(it_stands_for_an_error_in_the_same_words),
        cmocka_unit_test(whose_words_it_is_can_be_said_before_the_first_byte),
        cmocka_unit_test(it_keeps_the_code_of_what_the_provider_said),
        cmocka_unit_test(its_type_and_code_are_those_of_the_reason),
        cmocka_unit_test(
            an_error_in_the_place_of_the_first_event_has_its_status),
        cmocka_unit_test(cut_anywhere_it_is_not_known_yet)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
