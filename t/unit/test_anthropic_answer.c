/*
 * A message of Anthropic's as a chat.completion: golden files; what the meter
 * reads in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/anthropic_answer.h"
#include "core/answer.h"
#include "golden.h"

static asg_json_t json;
static char storage[GOLDEN_BYTES];
static char line[ASG_ANSWER_LINE];
static asg_buf_t written;
static uint64_t length;
static const asg_anthropic_show_t show = {
    .model = ASG_STR("asked/\"for\""), .created = 1700000000
};

static int append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return 0;
}

static asg_err_t translate(asg_str_t body, const asg_anthropic_show_t *how)
{
    uint64_t counted = 0;
    asg_err_t first, second;

    asg_buf_init(&written, storage, sizeof(storage));
    length = 0;
    first = asg_anthropic_answer(&json, 1, body, how, NULL, NULL, &counted);
    second = asg_anthropic_answer(&json, 1, body, how, append, &written,
                                  &length);
    assert_int_equal(first, second);
    assert_int_equal(counted, length);
    assert_true(second != ASG_OK || length == written.len);
    return second;
}

static void check_answer(const golden_t *g)
{
    asg_anthropic_show_t how = show;

    if (golden_has(g, "id")) {
        how.id = ASG_STR("chatcmpl-ours");
    }
    if (translate(g->in, &how) != ASG_OK) {
        asg_buf_z(&written, "refused");
    } else {
        asg_answer_splice_t splice;
        asg_answer_t meter;

        asg_answer_init(&meter, how.model, false, 0, line);
        assert_int_equal(asg_answer_json(&meter, asg_buf_view(&written),
                                         &splice), ASG_OK);
    }
    asg_buf_z(&written, "\n");
    golden_same(g, asg_buf_view(&written));
}

static void a_message_becomes_what_its_golden_file_says(void **state)
{
    (void) state;
    golden_each("anthropic/answer", 20, check_answer);
}

static const struct {
    const char *usage;
    asg_usage_verdict_t verdict;
    asg_tokens_t tokens;
} usages[] = {
    {"{\"input_tokens\":10,\"output_tokens\":5}", ASG_USAGE_GOOD,
     {.prompt = 10, .completion = 5}},
    {"{\"input_tokens\":10,\"cache_read_input_tokens\":100,"
     "\"cache_creation_input_tokens\":30,\"output_tokens\":5,"
     "\"cache_creation\":{\"ephemeral_5m_input_tokens\":20,"
     "\"ephemeral_1h_input_tokens\":10}}", ASG_USAGE_GOOD,
     {.prompt = 140, .completion = 5, .cached = 100, .cache_write = 30,
      .cache_write_1h = 10}},
    /* the tiers alone */
    {"{\"input_tokens\":1,\"output_tokens\":5,"
     "\"cache_creation\":{\"ephemeral_5m_input_tokens\":20,"
     "\"ephemeral_1h_input_tokens\":10}}", ASG_USAGE_GOOD,
     {.prompt = 31, .completion = 5, .cache_write = 30, .cache_write_1h = 10}},
    /* which tier is not said: the dearer one */
    {"{\"input_tokens\":1,\"cache_creation_input_tokens\":30,"
     "\"output_tokens\":5}", ASG_USAGE_GOOD,
     {.prompt = 31, .completion = 5, .cache_write = 30, .cache_write_1h = 30}},
    {"{\"input_tokens\":1,\"cache_read_input_tokens\":null,"
     "\"cache_creation\":null,\"output_tokens\":5}", ASG_USAGE_GOOD,
     {.prompt = 1, .completion = 5}},
    {"null", ASG_USAGE_NONE, {0}},
    {"{\"input_tokens\":-1,\"output_tokens\":5}", ASG_USAGE_BAD, {0}},
    {"{\"input_tokens\":1.5,\"output_tokens\":5}", ASG_USAGE_BAD, {0}},
    {"{\"input_tokens\":\"1\",\"output_tokens\":5}", ASG_USAGE_BAD, {0}},
    {"{\"input_tokens\":1}", ASG_USAGE_BAD, {0}},
    {"{\"output_tokens\":1}", ASG_USAGE_BAD, {0}},
    {"{\"input_tokens\":2000000000,\"output_tokens\":5}", ASG_USAGE_BAD, {0}},
    {"{\"input_tokens\":9223372036854775807,\"output_tokens\":5,"
     "\"cache_read_input_tokens\":9223372036854775807}", ASG_USAGE_BAD, {0}},
    {"{\"input_tokens\":1000000000,\"cache_read_input_tokens\":1000000000,"
     "\"output_tokens\":5}", ASG_USAGE_BAD, {0}},
};

static void the_meter_reads_all_of_the_usage(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(usages) / sizeof(*usages); i++) {
        char body[512];
        asg_answer_splice_t splice;
        asg_answer_t meter;

        snprintf(body, sizeof(body), "{\"id\":\"msg_1\",\"type\":\"message\","
                 "\"content\":[{\"type\":\"text\",\"text\":\"hi\"}],"
                 "\"stop_reason\":\"end_turn\",\"usage\":%s}",
                 usages[i].usage);
        assert_int_equal(translate(asg_str_z(body), &show), ASG_OK);
        asg_answer_init(&meter, show.model, false, 0, line);
        assert_int_equal(asg_answer_json(&meter, asg_buf_view(&written),
                                         &splice), ASG_OK);
        if (meter.usage.verdict != usages[i].verdict
            || (usages[i].verdict == ASG_USAGE_GOOD
                && memcmp(&meter.usage.tokens, &usages[i].tokens,
                          sizeof(asg_tokens_t)) != 0))
        {
            fail_msg("verdict %d: %s", meter.usage.verdict, usages[i].usage);
        }
        assert_string_equal(meter.usage.id, "msg_1");
    }
}

static void a_name_above_the_bound_spoils_the_answer(void **state)
{
    static char name[ASG_SINK_NAME + 1];
    asg_anthropic_show_t how = {.model = {name, sizeof(name)}};
    asg_str_t body = ASG_STR("{\"type\":\"message\",\"content\":[]}");

    (void) state;
    memset(name, 'x', sizeof(name));
    assert_int_equal(translate(body, &how), ASG_ERR_SPACE);
    how.model.len--;
    assert_int_equal(translate(body, &how), ASG_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_becomes_what_its_golden_file_says),
        cmocka_unit_test(the_meter_reads_all_of_the_usage),
        cmocka_unit_test(a_name_above_the_bound_spoils_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
