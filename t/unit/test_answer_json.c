/* core/answer.h: answers that are one JSON object, and the estimate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer.h"

#define GOOD_USAGE "{\"prompt_tokens\":10,\"completion_tokens\":5}"

static char line[ASG_ANSWER_LINE];
static char out_text[4096];
static asg_buf_t out;
static asg_answer_t answer;

static asg_err_t json_answer(const char *body)
{
    static asg_answer_splice_t splice;
    asg_err_t rc;

    asg_answer_init(&answer, ASG_STR("mine"), /* hide_usage */ false, 1000,
                    line);
    asg_buf_init(&out, out_text, sizeof(out_text));
    rc = asg_answer_json(&answer, asg_str_z(body), &splice);
    for (unsigned i = 0; rc == ASG_OK && i < splice.npieces; i++) {
        asg_buf_str(&out, splice.piece[i]);
    }
    assert_true(asg_buf_ok(&out));
    assert_true(rc != ASG_OK || out.len == splice.length);
    return rc;
}

static void gave(const char *text)
{
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out_text, text, out.len);
}

static void a_json_answer_is_metered_and_renamed(void **state)
{
    (void) state;
    assert_int_equal(json_answer(
        "{\"id\":\"c\",\"model\":\"b\",\"choices\":[{\"message\":{\"content\":"
        "\"hi\"}}],\"usage\":" GOOD_USAGE "}\n"), ASG_OK);
    gave("{\"id\":\"c\",\"model\":\"mine\",\"choices\":[{\"message\":"
         "{\"content\":\"hi\"}}],\"usage\":" GOOD_USAGE "}\n");
    assert_int_equal(answer.usage.verdict, ASG_USAGE_GOOD);
    assert_int_equal(answer.usage.content_bytes, 2);
    assert_true(answer.usage.done);
    assert_string_equal(answer.usage.id, "c");
}

static void embeddings_have_no_completion(void **state)
{
    (void) state;
    assert_int_equal(json_answer(
        "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
        "\"embedding\":[0.1,-2e-3]}],\"model\":\"b\",\"usage\":"
        "{\"prompt_tokens\":8,\"total_tokens\":8}}"), ASG_OK);
    assert_int_equal(answer.usage.verdict, ASG_USAGE_GOOD);
    assert_int_equal(answer.usage.tokens.prompt, 8);
    assert_int_equal(answer.usage.tokens.completion, 0);
}

static void an_error_with_status_200_is_seen(void **state)
{
    (void) state;
    assert_int_equal(json_answer("{\"error\":{\"message\":\"x\"}}"), ASG_OK);
    assert_true(answer.usage.error_event);
    assert_int_equal(json_answer("{\"error\":null}"), ASG_OK);
    assert_false(answer.usage.error_event);
}

static void what_is_no_object_is_malformed(void **state)
{
    static const char *const bad[] = {
        "", " ", "[]", "[DONE]", "null", "\"x\"", "{", "{}}", "{} {}",
        "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":[1,]}",
        "{\"a\":[,1]}", "{\"a\":[1}}", "{\"a\":{]}", "{\"a\":01}",
        "{\"a\":-}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":1e+}",
        "{\"a\":+1}", "{\"a\":1.2.3}", "{\"a\":nul}", "{\"a\":nulls}",
        "{\"a\":True}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\n\"}", "{\"a\":'b'}", "{a:1}", "{\"a\":1 \"b\":2}",
        "{\"model\":null,\"model\":null}", "<html>"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (json_answer(bad[i]) != ASG_ERR_SYNTAX
            || !answer.usage.malformed || answer.usage.done)
        {
            fail_msg("taken: %s", bad[i]);
        }
    }
    assert_int_equal(json_answer(" {\"a\" : [ -0.5E+3 , true,false ,{}, [ ] ]"
                                 " , \"b\":\"\\u00e9\\/\"} \r\n\t"), ASG_OK);
}

static void depth_is_bounded(void **state)
{
    char text[256] = "{\"a\":";

    (void) state;
    memset(text + 5, '[', 63);
    memset(text + 68, ']', 63);
    text[131] = '}';
    assert_int_equal(json_answer(text), ASG_OK);
    memset(text + 5, '[', 64);
    assert_int_equal(json_answer(text), ASG_ERR_SYNTAX);
}

static void content_is(const char *body, const char *content)
{
    asg_str_t got = asg_answer_content(asg_str_z(body));

    if (!asg_str_eq_z(got, content)) {
        fail_msg("%s gives %.*s", body, (int) got.len, got.data);
    }
}

static void content_of_the_first_choice_is_found(void **state)
{
    (void) state;
    content_is("{\"choices\":[{\"index\":0,\"message\":{\"role\":\"a\","
               "\"content\":\"x\\\"y\"}}]}", "\"x\\\"y\"");
    content_is("{\"choices\":[{\"message\":{\"content\":null}},"
               "{\"message\":{\"content\":\"no\"}}]}", "");
    content_is("{\"choices\":[{\"message\":{\"tool\":{\"content\":\"no\"},"
               "\"content\":\"\"}}]}", "\"\"");
    content_is("{\"choices\":[{\"delta\":{\"content\":\"no\"}}],"
               "\"content\":\"no\"}", "");
    content_is("{\"choices\":[{\"message\":{\"content\":[\"no\"]}}]}", "");
    content_is("{\"choices\":[{\"message\":{\"content\":\"no\"}}]", "");
}

static void an_id_is_kept_when_it_is_plain(void **state)
{
    char body[400] = "{\"id\":\"";

    (void) state;
    assert_int_equal(json_answer("{\"id\":\"a b\"}"), ASG_OK);
    assert_string_equal(answer.usage.id, "");
    assert_int_equal(json_answer("{\"id\":\"a\\nb\"}"), ASG_OK);
    assert_string_equal(answer.usage.id, "");
    assert_int_equal(json_answer("{\"id\":\"\303\251\"}"), ASG_OK);
    assert_string_equal(answer.usage.id, "");
    memset(body + 7, 'i', 200);
    memcpy(body + 207, "\"}", 3);
    assert_int_equal(json_answer(body), ASG_OK);
    assert_string_equal(answer.usage.id, "");   /* a part of it is no id */
}

static void the_estimate_is_bounded(void **state)
{
    (void) state;
    assert_int_equal(asg_usage_estimate(0, 100), 0);
    assert_int_equal(asg_usage_estimate(1, 100), 1);
    assert_int_equal(asg_usage_estimate(4, 100), 1);
    assert_int_equal(asg_usage_estimate(5, 100), 2);
    assert_int_equal(asg_usage_estimate(4000, 100), 100);
    assert_int_equal(asg_usage_estimate(UINT64_MAX, 100), 100);
    assert_int_equal(asg_usage_estimate(4000, 0), 0);
    assert_int_equal(asg_usage_estimate(4000, -5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_answer_is_metered_and_renamed),
        cmocka_unit_test(embeddings_have_no_completion),
        cmocka_unit_test(an_error_with_status_200_is_seen),
        cmocka_unit_test(what_is_no_object_is_malformed),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(content_of_the_first_choice_is_found),
        cmocka_unit_test(an_id_is_kept_when_it_is_plain),
        cmocka_unit_test(the_estimate_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
