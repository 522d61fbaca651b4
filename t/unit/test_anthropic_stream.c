/*
 * A stream of Anthropic's as chat.completion.chunk events: golden files, each
 * fed whole, cut at every place, byte by byte, and cut at random, with every
 * line end that there is; what the meter reads; bounds.
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

#define CUTS_EACH 40

static asg_json_t json;
static char event[ASG_ANTHROPIC_EVENT];
static char line[ASG_ANSWER_LINE];
static char whole_storage[GOLDEN_BYTES];
static char parts_storage[GOLDEN_BYTES];
static char again_storage[2 * GOLDEN_BYTES];
static asg_anthropic_stream_t stream;

static int append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return 0;
}

static asg_anthropic_show_t show_of(const golden_t *g)
{
    return (asg_anthropic_show_t) {
        .model = ASG_STR("asked"),
        .id = golden_has(g, "id") ? ASG_STR("chatcmpl-ours") : ASG_STR_NULL,
        .created = 1700000000,
        .include_usage = !golden_has(g, "unasked")
    };
}

static void begin(const golden_t *g)
{
    asg_anthropic_show_t show = show_of(g);

    asg_anthropic_stream_init(&stream, &json, 1, &show, event);
}

/* A copy of its own for each part: a read past its end is found. */
static void feed(const char *bytes, size_t len, asg_buf_t *out)
{
    char *copy = malloc(len + (len == 0));

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    assert_int_equal(asg_anthropic_stream_feed(&stream, copy, len, append,
                                               out), 0);
    free(copy);
}

static asg_str_t run_whole(const golden_t *g, asg_str_t in)
{
    asg_buf_t out;

    asg_buf_init(&out, whole_storage, sizeof(whole_storage));
    begin(g);
    feed(in.data, in.len, &out);
    assert_true(asg_buf_ok(&out));
    return asg_buf_view(&out);
}

static void same(const golden_t *g, asg_str_t whole, asg_str_t parts,
    const char *how, size_t at)
{
    if (!asg_str_eq(whole, parts)) {
        fail_msg("%s, %s %zu:\n%.*s\n", g->name, how, at, (int) parts.len,
                 parts.data);
    }
}

static void check_cuts(const golden_t *g, asg_str_t whole)
{
    asg_buf_t out;

    for (size_t cut = 0; cut <= g->in.len; cut++) {
        asg_buf_init(&out, parts_storage, sizeof(parts_storage));
        begin(g);
        feed(g->in.data, cut, &out);
        feed(g->in.data + cut, g->in.len - cut, &out);
        same(g, whole, asg_buf_view(&out), "cut at", cut);
    }
}

static void check_parts(const golden_t *g, asg_str_t whole, unsigned most,
    unsigned seed)
{
    asg_buf_t out;
    size_t at = 0;

    asg_buf_init(&out, parts_storage, sizeof(parts_storage));
    begin(g);
    while (at < g->in.len) {
        size_t n;

        seed = seed * 1664525 + 1013904223;
        n = 1 + (seed >> 16) % most;
        n = n < g->in.len - at ? n : g->in.len - at;
        feed(g->in.data + at, n, &out);
        at += n;
    }
    same(g, whole, asg_buf_view(&out), "in parts from seed", seed);
}

/* The same lines with another end. */
static asg_str_t with_ends(asg_str_t in, const char *end)
{
    asg_buf_t out;

    asg_buf_init(&out, again_storage, sizeof(again_storage));
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] == '\n') {
            asg_buf_z(&out, end);
        } else {
            asg_buf_put(&out, in.data + i, 1);
        }
    }
    return asg_buf_view(&out);
}

static void check(const golden_t *g)
{
    static char kept[GOLDEN_BYTES];
    asg_str_t whole = run_whole(g, g->in);

    golden_same(g, whole);
    memcpy(kept, whole.data, whole.len);
    whole.data = kept;
    check_cuts(g, whole);
    check_parts(g, whole, /* most */ 1, 0);
    for (unsigned i = 0; i < CUTS_EACH; i++) {
        check_parts(g, whole, 2 + i * 5, i);
    }
    same(g, whole, run_whole(g, with_ends(g->in, "\r\n")), "line end", 2);
    same(g, whole, run_whole(g, with_ends(g->in, "\r")), "line end", 1);
}

static void a_stream_becomes_what_its_golden_file_says_however_it_is_cut(
    void **state)
{
    (void) state;
    golden_each("anthropic/stream", 25, check);
}

/* --- the meter behind it --- */

typedef struct {
    asg_answer_t answer;
    asg_buf_t out;
} meter_t;

static int feed_meter(void *data, const char *bytes, size_t len)
{
    meter_t *m = data;

    return asg_answer_feed(&m->answer, bytes, len, append, &m->out);
}

static void meter(meter_t *m, const char *name, bool hide_usage)
{
    static golden_t g;

    golden_load(&g, "anthropic/stream", name);
    asg_buf_init(&m->out, parts_storage, sizeof(parts_storage));
    asg_answer_init(&m->answer, ASG_STR("asked"), hide_usage, 0, line);
    begin(&g);
    assert_int_equal(asg_anthropic_stream_feed(&stream, g.in.data, g.in.len,
                                               feed_meter, m), 0);
    assert_int_equal(asg_answer_end(&m->answer, append, &m->out), 0);
    assert_true(asg_buf_ok(&m->out));
    parts_storage[m->out.len] = '\0';
}

static void the_meter_reads_the_usage_and_hides_it(void **state)
{
    static meter_t m;
    const asg_usage_t *u = &m.answer.usage;

    (void) state;
    meter(&m, "usage_with_cache_tiers", /* hide_usage */ true);
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    assert_true(u->done);
    assert_int_equal(u->content_after_usage, 0);
    assert_int_equal(u->tokens.prompt, 2095);
    assert_int_equal(u->tokens.completion, 503);
    assert_int_equal(u->tokens.cached, 1800);
    assert_int_equal(u->tokens.cache_write, 248);
    assert_int_equal(u->tokens.cache_write_1h, 100);
    assert_null(strstr(m.out.data, "prompt_tokens"));
    assert_non_null(strstr(m.out.data, "[DONE]"));
}

static void the_meter_counts_text_arguments_and_thoughts(void **state)
{
    static meter_t m;

    (void) state;
    meter(&m, "text", /* hide_usage */ false);
    assert_int_equal(m.answer.usage.content_bytes, strlen("Hello, world!"));
    meter(&m, "tool", /* hide_usage */ false);
    assert_true(m.answer.usage.content_bytes
                >= strlen("Okay, let's check.get_weather{\"location\": "
                          "\"San Francisco, CA\"}"));
    meter(&m, "thinking", /* hide_usage */ false);
    assert_true(m.answer.usage.content_bytes > strlen("27 * 453 = 12,231"));
}

static void an_error_in_a_stream_is_no_clean_end(void **state)
{
    static meter_t m;

    (void) state;
    meter(&m, "error_overloaded", /* hide_usage */ true);
    assert_int_equal(stream.state, ASG_ANTHROPIC_FAILED);
    assert_int_equal(stream.reason, ASG_REASON_UPSTREAM_OVERLOADED);
    assert_true(m.answer.usage.error_event);
    assert_false(m.answer.usage.done);
    assert_null(strstr(m.out.data, "[DONE]"));
}

static void a_stream_that_is_cut_has_no_end(void **state)
{
    static meter_t m;

    (void) state;
    meter(&m, "cut_before_the_stop", /* hide_usage */ true);
    assert_int_equal(stream.state, ASG_ANTHROPIC_RUNS);
    assert_false(m.answer.usage.done);
    assert_int_equal(m.answer.usage.verdict, ASG_USAGE_NONE);
}

/* --- bounds --- */

static const char start[] =
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n";

static asg_anthropic_state_t feed_event(size_t data_bytes)
{
    static char text[ASG_ANTHROPIC_EVENT + 1024];
    static const char head[] = "data: {\"type\":\"ping\",\"x\":\"";
    static const char tail[] = "\"}\n\n";
    size_t fill = data_bytes - (sizeof(head) - 1 - 6) - 2;
    golden_t *none = calloc(1, sizeof(*none));
    asg_buf_t out, in;

    assert_non_null(none);
    begin(none);
    free(none);
    asg_buf_init(&out, parts_storage, sizeof(parts_storage));
    asg_buf_init(&in, text, sizeof(text));
    asg_buf_z(&in, head);
    memset(text + in.len, 'x', fill);
    in.len += fill;
    asg_buf_z(&in, tail);
    feed(start, sizeof(start) - 1, &out);
    feed(in.data, in.len, &out);
    return stream.state;
}

static void an_event_has_a_bound(void **state)
{
    (void) state;
    assert_int_equal(feed_event(ASG_ANTHROPIC_EVENT), ASG_ANTHROPIC_RUNS);
    assert_int_equal(feed_event(ASG_ANTHROPIC_EVENT + 1),
                     ASG_ANTHROPIC_FAILED);
}

static int refuse(void *data, const char *bytes, size_t len)
{
    unsigned *calls = data;

    (void) bytes;
    (void) len;
    ++*calls;
    return 9;
}

static void what_the_callback_says_is_returned_at_once(void **state)
{
    golden_t *none = calloc(1, sizeof(*none));
    unsigned calls = 0;

    (void) state;
    assert_non_null(none);
    begin(none);
    free(none);
    assert_int_equal(asg_anthropic_stream_feed(&stream, start,
                                               sizeof(start) - 1, refuse,
                                               &calls), 9);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_stream_becomes_what_its_golden_file_says_however_it_is_cut),
        cmocka_unit_test(the_meter_reads_the_usage_and_hides_it),
        cmocka_unit_test(the_meter_counts_text_arguments_and_thoughts),
        cmocka_unit_test(an_error_in_a_stream_is_no_clean_end),
        cmocka_unit_test(a_stream_that_is_cut_has_no_end),
        cmocka_unit_test(an_event_has_a_bound),
        cmocka_unit_test(what_the_callback_says_is_returned_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
