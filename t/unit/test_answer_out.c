/*
 * core/answer_out.c through core/answer.h: what is replaced in an event, in
 * whatever order it stands, and a key over the texts of events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collected.h"
#include "core/answer.h"

#define KEY  "sk-test-0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u"

static asg_answer_t answer;
static asg_leak_t leak;
static char line[ASG_ANSWER_LINE];

static void begin(bool hide_usage)
{
    asg_answer_init(&answer, ASG_STR("shown"), hide_usage, 0, line);
    asg_leak_init(&leak, ASG_STR(KEY));
    answer.leak = &leak;
    out_len = 0;
}

static void feed(const char *text)
{
    assert_int_equal(asg_answer_feed(&answer, text, strlen(text), collect,
                                     NULL), 0);
}

/* One event through a reader of its own. */
static void becomes(const char *event, const char *should)
{
    begin(/* hide_usage */ true);
    feed(event);
    out_is(should);
}

static void model_and_usage_are_replaced_in_either_order(void **state)
{
    (void) state;
    becomes("data: {\"model\":\"served\",\"choices\":[{}],\"usage\":{}}\n\n",
            "data: {\"model\":\"shown\",\"choices\":[{}]}\n\n");
    becomes("data: {\"usage\":{},\"choices\":[{}],\"model\":\"served\"}\n\n",
            "data: {\"choices\":[{}],\"model\":\"shown\"}\n\n");
    becomes("data: {\"model\":\"served\",\"choices\":[{}]}\n\n",
            "data: {\"model\":\"shown\",\"choices\":[{}]}\n\n");
    becomes("data: {\"choices\":[{}]}\n\n", "data: {\"choices\":[{}]}\n\n");
    becomes("data: {\"model\":\"shown\",\"choices\":[{}]}\n\n",
            "data: {\"model\":\"shown\",\"choices\":[{}]}\n\n");
}

static void a_name_of_an_event_passes_up_to_its_bound(void **state)
{
    (void) state;
    becomes("event: abcdefghijklmnopqrstuvwxyz._abcd\ndata: {}\n\n",
            "event: abcdefghijklmnopqrstuvwxyz._abcd\ndata: {}\n\n");
    becomes("event: abcdefghijklmnopqrstuvwxyz._abcde\ndata: {}\n\n",
            "data: {}\n\n");
}

/* An event whose first text is this, another text behind it. */
static void feed_text(const char *text, size_t len)
{
    char event[256];

    snprintf(event, sizeof(event), "data: {\"choices\":[{\"delta\":{"
             "\"content\":\"%.*s\",\"refusal\":\"no\"}}]}\n\n", (int) len,
             text);
    feed(event);
}

static void a_key_over_the_texts_of_events_ends_the_stream(void **state)
{
    (void) state;
    for (size_t step = 1; step < 24; step++) {
        size_t at = 0, n;

        begin(false);
        for (; at < sizeof(KEY) - 1 && !answer.usage.leaked; at += n) {
            n = sizeof(KEY) - 1 - at < step ? sizeof(KEY) - 1 - at : step;
            feed_text(KEY + at, n);
            assert_int_equal(answer.usage.leaked, at + n >= 24);
        }
        assert_true(answer.usage.leaked);
        out[out_len] = '\0';
        assert_non_null(strstr(out, "\"code\":\"upstream_error\""));
        n = out_len;
        feed_text("after that", 10);
        assert_int_equal(out_len, n);
    }
}

static void quotes_and_escapes_do_not_end_a_text(void **state)
{
    (void) state;
    begin(false);
    feed_text("x\\\"\\\\" KEY, 5 + 12);
    assert_false(answer.usage.leaked);
    feed_text(KEY + 12, 12);
    assert_true(answer.usage.leaked);
}

static void texts_apart_are_no_key(void **state)
{
    (void) state;
    begin(false);
    feed_text(KEY, 20);
    feed_text("and", 3);
    feed_text(KEY + 20, 20);
    assert_false(answer.usage.leaked);
}

#define OURS  "\"chatcmpl-ours\""

static const char *const telling[] = {
    "system_fingerprint", "provider", "x_groq", "prompt_filter_results",
    "provider_specific_fields", "kv_transfer_params", "timings", "nvext"
};

static void begin_hidden(void)
{
    begin(/* hide_usage */ true);
    answer.name = ASG_STR(OURS);
}

static void becomes_hidden(const char *event, const char *should)
{
    begin_hidden();
    feed(event);
    out_is(should);
    for (size_t cut = 1; cut < strlen(event); cut++) {
        begin_hidden();
        assert_int_equal(asg_answer_feed(&answer, event, cut, collect, NULL),
                         0);
        feed(event + cut);
        out_is(should);
    }
}

static void what_tells_the_backend_is_left_out(void **state)
{
    char event[256], all[1024], body[256];
    asg_answer_splice_t splice;
    size_t n = 0;

    (void) state;
    for (size_t i = 0; i < sizeof(telling) / sizeof(*telling); i++) {
        snprintf(event, sizeof(event), "data: {\"id\":\"a\", \"%s\" : "
                 "{\"id\":\"b\",\"a\":[1,{}]} ,\"model\":\"m\"}\n\n",
                 telling[i]);
        becomes_hidden(event, "data: {\"id\":" OURS " ,\"model\":\"shown\"}"
                       "\n\n");
        snprintf(event, sizeof(event), "data: {\"choices\":[{\"%s\":1}],"
                 "\"%s\":\"x\"}\n\n", telling[i], telling[i]);
        snprintf(all, sizeof(all), "data: {\"choices\":[{\"%s\":1}]}\n\n",
                 telling[i]);
        becomes_hidden(event, all);             /* at the top only */
        begin_hidden();
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"%s\":null,"
                 "\"id\":\"a\"}", telling[i]);
        assert_int_equal(asg_answer_json(&answer, asg_str_z(body), &splice),
                         ASG_OK);
        assert_int_equal(splice.length, strlen("{\"model\":\"shown\","
                                               "\"id\":" OURS "}"));
    }
    for (size_t i = 0; i < sizeof(telling) / sizeof(*telling); i++) {
        n += (size_t) snprintf(all + n, sizeof(all) - n, "%s\"%s\":%zu",
                               i == 0 ? "data: {\"a\":1," : ",", telling[i],
                               i);
    }
    snprintf(all + n, sizeof(all) - n, "}\n\n");
    becomes_hidden(all, "data: {\"a\":1}\n\n");
}

static void where_no_comma_is_before_it_something_neutral_stands(void **state)
{
    (void) state;
    becomes_hidden("data: {\"provider\":\"x\",\"id\":\"a\"}\n\n",
        "data: {\"system_fingerprint\":null,\"id\":" OURS "}\n\n");
    becomes_hidden("data: {\"usage\":{},\"provider\":\"x\",\"x_groq\":1,"
                   "\"id\":\"a\"}\n\n",
        "data: {\"system_fingerprint\":null,\"id\":" OURS "}\n\n");
    becomes_hidden("data: {\"provider\":\"x\",\"usage\":{},\"id\":\"a\"}\n\n",
        "data: {\"system_fingerprint\":null,\"id\":" OURS "}\n\n");
    becomes_hidden("data: {\"provider\":\"x\"}\n\n",
        "data: {\"system_fingerprint\":null}\n\n");
}

static void other_members_and_ids_stay(void **state)
{
    (void) state;
    becomes_hidden("data: {\"id\":7,\"service_tier\":\"flex\",\"citations\":[]"
                   ",\"choices\":[{\"id\":\"call_1\"}]}\n\n",
        "data: {\"id\":7,\"service_tier\":\"flex\",\"citations\":[]"
                   ",\"choices\":[{\"id\":\"call_1\"}]}\n\n");
    becomes("data: {\"id\":\"a\",\"provider\":\"x\"}\n\n",
            "data: {\"id\":\"a\",\"provider\":\"x\"}\n\n");
}

static void events_like_the_one_before_lose_it_too(void **state)
{
    (void) state;
    begin_hidden();
    for (int i = 0; i < 5; i++) {
        out_len = 0;
        feed("data: {\"id\":\"a\",\"provider\":\"x\",\"choices\":[{\"delta\":"
             "{\"content\":\"w\"}}],\"x_groq\":{}}\n\n");
        out_is("data: {\"id\":" OURS ",\"choices\":[{\"delta\":"
               "{\"content\":\"w\"}}]}\n\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_and_usage_are_replaced_in_either_order),
        cmocka_unit_test(a_name_of_an_event_passes_up_to_its_bound),
        cmocka_unit_test(a_key_over_the_texts_of_events_ends_the_stream),
        cmocka_unit_test(quotes_and_escapes_do_not_end_a_text),
        cmocka_unit_test(texts_apart_are_no_key),
        cmocka_unit_test(what_tells_the_backend_is_left_out),
        cmocka_unit_test(where_no_comma_is_before_it_something_neutral_stands),
        cmocka_unit_test(other_members_and_ids_stay),
        cmocka_unit_test(events_like_the_one_before_lose_it_too)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
