/*
 * A line of a provider's record is read whole, or refused with the reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "witness/provider_line.h"

static asg_json_t *json;

static bool read_text(const char *text, struct ctl_provider_line *line,
    const char **why)
{
    return ctl_provider_line_read(json, asg_str_z(text), line, why);
}

static void expect_refused(const char *text, const char *because)
{
    struct ctl_provider_line line;
    const char *why = NULL;

    assert_false(read_text(text, &line, &why));
    assert_non_null(strstr(why, because));
}

static void tokens_of_a_hold_are_read(void **state)
{
    struct ctl_provider_line line;
    asg_tokens_t tokens;
    const char *why;

    (void) state;
    assert_true(read_text("{\"f\":1,\"hold\":\"h1.2\",\"pt\":10,\"ct\":20,"
        "\"cat\":3,\"rt\":4,\"source\":\"invoice 7\",\"overshoot\":true}",
        &line, &why));
    assert_true(asg_str_eq_z(line.hold, "h1.2"));
    assert_int_equal(line.rid.len, 0);
    assert_true(asg_str_eq_z(line.source, "invoice 7"));
    assert_true(line.overshoot);
    assert_int_equal(line.amount_nusd, -1);
    assert_true(ctl_provider_line_has_tokens(&line));
    ctl_provider_line_tokens(&line, &tokens);
    assert_int_equal(tokens.prompt, 10);
    assert_int_equal(tokens.completion, 20);
    assert_int_equal(tokens.cached, 3);
    assert_int_equal(tokens.reasoning, 4);
    assert_int_equal(tokens.audio_out, 0);
}

static void an_amount_by_request_id_is_read(void **state)
{
    struct ctl_provider_line line;
    const char *why;

    (void) state;
    assert_true(read_text("{\"f\":1,\"rid\":\"req-1\",\"amount\":0,"
        "\"source\":\"x\"}", &line, &why));
    assert_true(asg_str_eq_z(line.rid, "req-1"));
    assert_int_equal(line.amount_nusd, 0);
    assert_false(ctl_provider_line_has_tokens(&line));
    assert_false(line.overshoot);
}

static void it_is_written_as_members_of_a_detail(void **state)
{
    struct ctl_provider_line line;
    const char *why;
    char text[256];
    asg_buf_t out;

    (void) state;
    assert_true(read_text("{\"source\":\"x\",\"aot\":0,\"pt\":1,\"f\":1,"
        "\"hold\":\"h\"}", &line, &why));
    asg_buf_init(&out, text, sizeof(text));
    ctl_provider_line_put(&out, &line);
    assert_true(asg_str_eq_z(asg_buf_view(&out),
        ",\"pt\":1,\"aot\":0,\"source\":\"x\",\"flags\":[]"));
}

#define BY "{\"f\":1,\"hold\":\"h1\",\"source\":\"x\""

static void what_is_wrong_is_refused(void **state)
{
    char text[CTL_PROVIDER_LINE + 64];

    (void) state;
    expect_refused("", "no JSON object");
    expect_refused("[]", "no JSON object");
    expect_refused("hello", "no JSON object");
    expect_refused(BY ",\"pt\":1}}", "no JSON object");
    expect_refused(BY ",\"pt\":1", "no JSON object");
    expect_refused(BY ",\"pt\":1,\"pt\":1}", "no JSON object");
    expect_refused(BY ",\"pt\":1,\"pts\":1}", "not known");
    expect_refused(BY ",\"pt\":-1}", "no number");
    expect_refused(BY ",\"pt\":1.5}", "no number");
    expect_refused(BY ",\"pt\":\"1\"}", "no number");
    expect_refused(BY ",\"pt\":1000000001}", "no number");
    expect_refused(BY ",\"amount\":9007199254740992}", "no number");
    expect_refused(BY ",\"amount\":1e3}", "no number");
    expect_refused(BY ",\"amount\":1,\"overshoot\":1}", "true nor false");
    expect_refused(BY "}", "neither tokens");
    expect_refused(BY ",\"ct\":5}", "neither tokens");
    expect_refused(BY ",\"ct\":5,\"amount\":7}", "neither tokens");
    expect_refused(BY ",\"rid\":\"r\",\"pt\":1}", "names no call");
    expect_refused("{\"f\":1,\"source\":\"x\",\"pt\":1}", "names no call");
    expect_refused("{\"f\":1,\"source\":\"x\",\"pt\":1,\"hold\":\"a b\"}",
                   "names no call");
    expect_refused("{\"f\":1,\"source\":\"x\",\"pt\":1,\"hold\":\"\"}",
                   "no plain text");
    expect_refused("{\"f\":1,\"source\":\"\\u0041\",\"pt\":1,\"hold\":\"h\"}",
                   "no plain text");
    expect_refused("{\"f\":1,\"hold\":\"h\",\"pt\":1}", "source");
    expect_refused("{\"f\":2,\"hold\":\"h\",\"pt\":1,\"source\":\"x\"}",
                   "format 1");
    expect_refused("{\"hold\":\"h\",\"pt\":1,\"source\":\"x\"}", "format 1");
    memset(text, ' ', sizeof(text));
    memcpy(text, BY ",\"pt\":1}", sizeof(BY ",\"pt\":1}") - 1);
    text[CTL_PROVIDER_LINE + 1] = '\0';
    expect_refused(text, "too long");
}

static int setup(void **state)
{
    (void) state;
    json = calloc(1, sizeof(*json));
    return json == NULL;
}

static int teardown(void **state)
{
    (void) state;
    free(json);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_a_hold_are_read),
        cmocka_unit_test(an_amount_by_request_id_is_read),
        cmocka_unit_test(it_is_written_as_members_of_a_detail),
        cmocka_unit_test(what_is_wrong_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
