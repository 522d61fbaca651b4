/* core/event.h: event details and witness lines, as in docs/formats.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/event.h"

#define RESERVED                                                            \
    "\"call\":\"h01\",\"trace\":\"tr_1\",\"project\":\"proj-1\",\"pv\":3,"    \
    "\"key\":\"k-1\",\"prefix\":\"asg_0123abcd\",\"group\":\"g\","             \
    "\"user\":\"eu_0\","                                                   \
    "\"model\":\"model:default/gpt-5.1\",\"rm\":\"gpt-4o\","                 \
    "\"card\":\"model:default/gpt-5.1\",\"cv\":2"
#define SETTLED                                                             \
    ",\"provider\":\"openai\",\"ep\":\"openai\","                         \
    "\"gr\":\"q:pii-email:pii:redact:2\",\"rid\":\"req \\\"1\","             \
    "\"pt\":10,\"ct\":20,\"cat\":0,\"rt\":0,\"st\":200,\"lat\":812,"         \
    "\"flags\":[\"estimated\",\"dead_worker\"]"
#define DETAIL  "{\"f\":1," RESERVED SETTLED "}"
#define LINE                                                                \
    "{\"f\":1,\"ts\":\"2026-11-21T10:00:00.123Z\",\"hold\":\"h01.2\","       \
    "\"epoch\":3,\"part\":7,\"pins\":\"p.proj-1:total:0\","                  \
    "\"amount\":210000,\"verb\":\"s\",\"held\":500000," RESERVED SETTLED     \
    ",\"verdict\":\"ok\"}\n"

static asg_json_t json;
static asg_event_t event;
static asg_spool_line_t spool;
static char scratch_text[256];
static char out_text[8192];
static asg_buf_t scratch, out;

static asg_err_t read_event(const char *text)
{
    asg_buf_init(&scratch, scratch_text, sizeof(scratch_text));
    return asg_event_read(&json, asg_str_z(text), &scratch, &event);
}

static asg_err_t read_line(const char *text)
{
    asg_buf_init(&scratch, scratch_text, sizeof(scratch_text));
    return asg_spool_read(&json, asg_str_z(text), &scratch, &spool);
}

static const char *with(const char *text, const char *from, const char *to)
{
    static char changed[4096];
    const char *at = strstr(text, from);

    assert_non_null(at);
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int) (at - text), text,
             to, at + strlen(from));
    return changed;
}

static void gave(const char *text)
{
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.data, text, out.len);
}

static int begin(void **state)
{
    (void) state;
    asg_buf_init(&out, out_text, sizeof(out_text));
    return 0;
}

static void a_settled_event_is_read_and_written_the_same(void **state)
{
    (void) state;
    assert_int_equal(read_event(DETAIL), ASG_OK);
    assert_true(event.settled);
    assert_true(asg_str_eq_z(event.upstream_id, "req \"1"));
    assert_true(asg_str_eq_z(event.requested, "gpt-4o"));
    assert_int_equal(event.completion, 20);
    assert_int_equal(event.cached, 0);
    assert_int_equal(event.cache_write, -1);    /* absent: not measured */
    assert_int_equal(event.ttft_ms, -1);
    assert_int_equal(event.flags, ASG_FLAG_ESTIMATED | ASG_FLAG_DEAD_WORKER);
    assert_int_equal(asg_event_write(&out, &event), ASG_OK);
    gave(DETAIL);
}

static void a_reserved_event_has_no_result(void **state)
{
    (void) state;
    assert_int_equal(read_event("{\"f\":1," RESERVED "}"), ASG_OK);
    assert_false(event.settled);
    assert_int_equal(event.prompt, -1);
    assert_int_equal(event.status, -1);
    assert_int_equal(asg_event_write(&out, &event), ASG_OK);
    gave("{\"f\":1," RESERVED "}");
}

static void a_bad_event_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
        asg_err_t rc;
    } cases[] = {
        {"\"f\":1", "\"f\":2", ASG_ERR_VERSION},
        {"\"f\":1", "\"f\":2,\"call\":1,\"x\":2", ASG_ERR_SYNTAX},
        {"\"cv\":2", "\"cx\":2", ASG_ERR_MISSING},
        {"\"h01\"", "7", ASG_ERR_SYNTAX},
        {"\"pt\":10", "\"pt\":-1", ASG_ERR_RANGE},
        {"\"pt\":10", "\"pt\":1e1", ASG_ERR_RANGE},
        {"\"pv\":3", "\"pv\":18446744073709551615", ASG_ERR_RANGE},
        {"[\"est", "[1,\"est", ASG_ERR_SYNTAX},
        {"]}", "}", ASG_ERR_SYNTAX},
        {"]}", "]", ASG_ERR_SYNTAX}
    };
    asg_event_t before;

    (void) state;
    memset(&event, 0x5a, sizeof(event));
    before = event;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *text = with(DETAIL, cases[i].from, cases[i].to);

        if (read_event(text) != cases[i].rc) {
            fail_msg("%s", text);
        }
        assert_memory_equal(&event, &before, sizeof(event));
    }
    assert_int_equal(read_event(with(DETAIL, "dead_worker", "newer")), ASG_OK);
    assert_int_equal(event.flags, ASG_FLAG_ESTIMATED);
    asg_buf_init(&scratch, scratch_text, 3);
    assert_int_equal(asg_event_read(&json, ASG_STR(DETAIL), &scratch, &event),
                     ASG_ERR_SPACE);
}

static void an_event_is_bounded(void **state)
{
    static char name[ASG_EVENT_DETAIL];

    (void) state;
    memset(name, 'n', sizeof(name));
    assert_int_equal(read_event(DETAIL), ASG_OK);
    event.requested = (asg_str_t) {
        name, ASG_EVENT_DETAIL - strlen(DETAIL) + strlen("gpt-4o")
    };
    assert_int_equal(asg_event_write(&out, &event), ASG_OK);
    assert_int_equal(out.len, ASG_EVENT_DETAIL);
    assert_int_equal(asg_event_read(&json, asg_buf_view(&out), &scratch,
                                    &event), ASG_OK);
    event.requested.len++;
    assert_int_equal(asg_event_write(&out, &event), ASG_ERR_SPACE);
    assert_int_equal(out.len, ASG_EVENT_DETAIL);        /* taken back */
    memset(out_text, ' ', sizeof(out_text));
    assert_int_equal(asg_event_read(&json,
        (asg_str_t) {out_text, ASG_EVENT_DETAIL + 1}, &scratch, &event),
        ASG_ERR_LIMIT);
}

static void a_witness_line_is_read_and_written_the_same(void **state)
{
    (void) state;
    assert_int_equal(read_line(LINE), ASG_OK);
    assert_int_equal(spool.at_ms, INT64_C(1795255200123));
    assert_int_equal(spool.epoch, 3);
    assert_int_equal(spool.partition, 7);
    assert_int_equal(spool.amount_nusd, 210000);
    assert_int_equal(spool.held_nusd, 500000);
    assert_true(asg_str_eq_z(spool.hold, "h01.2"));
    assert_true(asg_str_eq_z(spool.verdict, "ok"));
    assert_true(asg_str_eq_z(spool.event.call, "h01"));
    assert_int_equal(spool.event.status, 200);
    assert_int_equal(asg_spool_write(&out, &spool), ASG_OK);
    gave(LINE);
}

static void a_bad_witness_line_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
        asg_err_t rc;
    } cases[] = {
        {"\"f\":1", "\"f\":3", ASG_ERR_VERSION},
        {"10:00:00.123Z", "10:00:00Z", ASG_ERR_SYNTAX},
        {"10:00:00.123Z", "10:00:00.1x3Z", ASG_ERR_SYNTAX},
        {"10:00:00.123Z", "10:61:00.123Z", ASG_ERR_SYNTAX},
        {"\"part\":7", "\"part\":16", ASG_ERR_RANGE},
        {"\"amount\":210000", "\"amount\":-1", ASG_ERR_RANGE},
        {"\"amount\":210000", "\"amount\":0.5", ASG_ERR_RANGE},
        {",\"verdict\":\"ok\"", "", ASG_ERR_MISSING},
        {"\"call\"", "\"caller\"", ASG_ERR_MISSING}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *text = with(LINE, cases[i].from, cases[i].to);

        if (read_line(text) != cases[i].rc) {
            fail_msg("%s", text);
        }
    }
    assert_int_equal(read_line(LINE), ASG_OK);
    spool.amount_nusd = -1;
    assert_int_equal(asg_spool_write(&out, &spool), ASG_ERR_RANGE);
}

static void what_a_client_named_stays_on_one_line(void **state)
{
    (void) state;
    assert_int_equal(read_line(LINE), ASG_OK);
    spool.event.requested = ASG_STR("a\n{\"f\":1}\x7f\xff");
    assert_int_equal(asg_spool_write(&out, &spool), ASG_OK);
    assert_ptr_equal(memchr(out.data, '\n', out.len), out.data + out.len - 1);
    out_text[out.len] = '\0';
    assert_int_equal(read_line(out_text), ASG_OK);
    assert_true(asg_str_eq_z(spool.event.requested,
                             "a\n{\"f\":1}\x7f\xef\xbf\xbd"));
}

static void every_flag_has_a_name(void **state)
{
    (void) state;
    assert_string_equal(asg_flag_name(0), "estimated");
    assert_string_equal(asg_flag_name(ASG_FLAG_COUNT - 1), "dead_worker");
    assert_string_equal(asg_flag_name(ASG_FLAG_COUNT), "unknown");
}

static void a_call_of_a_fail_mode_says_so(void **state)
{
    const char *text = with("{\"f\":1," RESERVED "}", ",\"cv\":2",
                            ",\"cv\":2,\"fm\":\"local\"");

    (void) state;
    assert_int_equal(read_event(text), ASG_OK);
    assert_true(asg_str_eq_z(event.fail_mode, "local"));
    asg_buf_init(&out, out_text, sizeof(out_text));
    assert_int_equal(asg_event_write(&out, &event), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out), text));
    assert_true(asg_event_is_alone(asg_buf_view(&out)));
    assert_false(asg_event_is_alone(ASG_STR(DETAIL)));
    assert_false(asg_event_is_alone(ASG_STR("{\"rm\":\",\\\"fm\\\":\\\"\"}")));
    assert_false(asg_event_is_alone(ASG_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_settled_event_is_read_and_written_the_same,
                               begin),
        cmocka_unit_test_setup(a_reserved_event_has_no_result, begin),
        cmocka_unit_test_setup(a_bad_event_is_refused, begin),
        cmocka_unit_test_setup(an_event_is_bounded, begin),
        cmocka_unit_test_setup(a_witness_line_is_read_and_written_the_same,
                               begin),
        cmocka_unit_test_setup(a_bad_witness_line_is_refused, begin),
        cmocka_unit_test_setup(what_a_client_named_stays_on_one_line, begin),
        cmocka_unit_test(every_flag_has_a_name),
        cmocka_unit_test(a_call_of_a_fail_mode_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
