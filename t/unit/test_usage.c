/* core/answer.h: answers read and rewritten, whole or cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer.h"

#define OUT_MAX  (4 * ASG_ANSWER_LINE)

#define ERROR_EVENT                                                         \
    "data: {\"error\":{\"message\":\"The provider ended the stream with an " \
    "error.\",\"type\":\"upstream_error\",\"param\":null,"                  \
    "\"code\":\"upstream_error\"}}\n\n"

typedef struct {
    char text[OUT_MAX];
    size_t len;
    unsigned calls;
    unsigned stop_at;           /* refuses this call; 0: none */
} sink_t;

typedef struct {
    asg_answer_t answer;
    sink_t out;
} run_t;

static run_t run, other;
static uint64_t dice = 1;

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned) (dice >> 33) % sides;
}

static int collect(void *data, const char *bytes, size_t len)
{
    sink_t *sink = data;

    if (++sink->calls == sink->stop_at) {
        return 7;
    }
    assert_true(len > 0 && sink->len + len <= OUT_MAX);
    memcpy(sink->text + sink->len, bytes, len);
    sink->len += len;
    return 0;
}

/* Feeds the stream in parts of at most `most` bytes (0: at once), each a copy
 * of exactly that size, so that ASan sees every byte too far. */
static void feed(run_t *r, asg_str_t stream, unsigned most)
{
    size_t at = 0;

    while (at < stream.len) {
        size_t n = most == 0 ? stream.len : 1 + roll(most);
        char *copy;

        n = n < stream.len - at ? n : stream.len - at;
        copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, stream.data + at, n);
        assert_int_equal(asg_answer_feed(&r->answer, copy, n, collect,
                                         &r->out), 0);
        free(copy);
        at += n;
    }
    assert_int_equal(asg_answer_end(&r->answer, collect, &r->out), 0);
}

/* Of the size that was asked for, so that a sanitizer sees what is beyond. */
static char *grow(void *data, char *old, size_t used, size_t size)
{
    return (void) data, (void) used, realloc(old, size);
}

static void begin(run_t *r, bool hide_usage)
{
    free(r->answer.line);
    memset(&r->out, 0, sizeof(r->out));
    asg_answer_init(&r->answer, ASG_STR("mine"), hide_usage, 1000, NULL);
    r->answer.grow = grow;
    r->answer.total_tokens = 1500;
}

static const asg_usage_t *stream(const char *text, bool hide_usage)
{
    begin(&run, hide_usage);
    feed(&run, asg_str_z(text), 0);
    return &run.answer.usage;
}

static void gave(const char *text)
{
    assert_int_equal(run.out.len, strlen(text));
    assert_memory_equal(run.out.text, text, run.out.len);
}

/* Lines of data among what came out. */
static unsigned events_given(void)
{
    unsigned n = 0;

    for (size_t i = 0; i + 5 <= run.out.len; i++) {
        n += (i == 0 || strchr("\r\n", run.out.text[i - 1]) != NULL)
            && memcmp(run.out.text + i, "data:", 5) == 0;
    }
    return n;
}

static void same_usage(const asg_usage_t *a, const asg_usage_t *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_memory_equal(&a->tokens, &b->tokens, sizeof(a->tokens));
    assert_int_equal(a->content_bytes, b->content_bytes);
    assert_int_equal(a->content_after_usage, b->content_after_usage);
    assert_int_equal(a->events, b->events);
    assert_int_equal(a->has_content, b->has_content);
    assert_int_equal(a->done, b->done);
    assert_int_equal(a->malformed, b->malformed);
    assert_int_equal(a->error_event, b->error_event);
    assert_string_equal(a->id, b->id);
}

/* --- streams as providers send them --- */

static const char openai[] =
    "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\","
    "\"created\":1,\"model\":\"gpt-5.1-2025-11-13\",\"service_tier\":null,"
    "\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
    "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,"
    "\"obfuscation\":\"x\"}\n\n"
    "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\","
    "\"created\":1,\"model\":\"gpt-5.1-2025-11-13\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"content\":\"H\303\251\\\"llo \\ud83d\\ude00 "
    "\\\"usage\\\":{\\\"prompt_tokens\\\":1} data: [DONE]\"},\"logprobs\":"
    "{\"content\":[{\"token\":\"H\",\"logprob\":-0.5e-3,\"bytes\":[72],"
    "\"top_logprobs\":[]}]},\"finish_reason\":null}],\"usage\":null}\n\n"
    "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\","
    "\"created\":1,\"model\":\"gpt-5.1-2025-11-13\",\"choices\":[{\"index\":0,"
    "\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n"
    "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\","
    "\"created\":1,\"model\":\"gpt-5.1-2025-11-13\",\"choices\":[],\"usage\":"
    "{\"prompt_tokens\":13,\"completion_tokens\":9,\"total_tokens\":22,"
    "\"prompt_tokens_details\":{\"cached_tokens\":4,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":3,"
    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0}}}\n\n"
    "data: [DONE]\n\n";

static const char vllm[] =
    "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":2,"
    "\"model\":\"/models/llama\",\"choices\":[{\"index\":0,\"text\":\"ab\","
    "\"logprobs\":null,\"finish_reason\":null,\"stop_reason\":null}],"
    "\"usage\":{\"prompt_tokens\":5,\"total_tokens\":6,"
    "\"completion_tokens\":1}}\n\n"
    "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":2,"
    "\"model\":\"/models/llama\",\"choices\":[{\"index\":0,\"text\":\"cd\","
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,"
    "\"total_tokens\":7,\"completion_tokens\":2}}\n\n"
    "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":2,"
    "\"model\":\"/models/llama\",\"choices\":[],\"usage\":{\"prompt_tokens\":"
    "5,\"total_tokens\":7,\"completion_tokens\":2,"
    "\"prompt_tokens_details\":null}}\n\n"
    "data: [DONE]\n\n";

static const char litellm[] =
    ": keep-alive\n\n"
    "data: {\"id\":\"chatcmpl-a\",\"created\":3,\"model\":\"claude\","
    "\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"reasoning_content\":\"hm\",\"thinking_blocks\":[{\"text\":"
    "\"hm\"}],\"provider_specific_fields\":{\"reasoning_content\":\"hm\"},"
    "\"content\":\"\",\"role\":\"assistant\"}}]}\n\n"
    "data: {\"id\":\"chatcmpl-a\",\"created\":3,\"model\":\"claude\","
    "\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"tool_calls\":[{\"id\":\"t\",\"function\":{\"arguments\":"
    "\"{\\\"a\\\":1}\",\"name\":\"f\"},\"type\":\"function\",\"index\":0}]}}]"
    "}\n\n"
    "data: {\"id\":\"chatcmpl-a\",\"created\":3,\"model\":\"claude\","
    "\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
    "\"delta\":{}}],\"usage\":{\"completion_tokens\":8,\"prompt_tokens\":20,"
    "\"total_tokens\":28,\"completion_tokens_details\":null,"
    "\"prompt_tokens_details\":{\"audio_tokens\":null,\"cached_tokens\":6,"
    "\"cache_creation_tokens\":5},\"cache_creation_input_tokens\":5,"
    "\"cache_read_input_tokens\":6}}\n\n"
    "data: [DONE]\n\n";

static const char databricks[] =
    "data: {\"model\":\"llama\",\"choices\":[{\"delta\":{\"role\":"
    "\"assistant\",\"content\":[{\"type\":\"reasoning\",\"summary\":[{"
    "\"type\":\"summary_text\",\"text\":\"why\"}]}]},\"index\":0,"
    "\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":11,"
    "\"completion_tokens\":null,\"total_tokens\":11},"
    "\"object\":\"chat.completion.chunk\",\"id\":\"d1\",\"created\":4}\r\n\r\n"
    "data: {\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":2,"
    "\"total_tokens\":13},\"model\":\"llama\",\"choices\":[{\"delta\":{"
    "\"content\":\"ok\"},\"index\":0}],\"id\":\"d1\"}\r\n\r\n"
    "data: [DONE]\r\n\r\n";

static const char odd_lines[] =
    "\xef\xbb\xbf" "event: message\rid: 7\rdata:{\"id\":\"o\",\r"
    "data:\"model\":\"b\",\rdata: \"choices\":[{\"text\":\"x\"}]\rdata: }\r\r"
    "data: {\"id\":\"o\",\"usage\":null}\r\r\n: note\r\n"
    "data: {\"model\":\"b\",\"usage\":{\"prompt_tokens\":1,"
    "\"completion_tokens\":1}}\r\n\r\ndata\n\ndata:\n\nretry: 5\n\n"
    "data: [DONE] \n\n: after";

static const char troubled[] =
    "data: {\"id\":\"e\",\"model\":\"b\",\"choices\":[{\"text\":\"x\"}]}\n\n"
    "data: not json, sk-secret\n\n"
    "event: error\ndata: {\"message\":\"sk-secret\"}\n\n"
    "data: {\"object\":\"error\",\"message\":\"sk-secret\"}\n\n"
    "data: {\"error\":null,\"model\":\"b\"}\n\n"
    "data: {\"id\":\"e\",\"error\":{\"message\":\"sk-secret\"}}\n\n"
    "data: {\"model\":\"b\",\"model\":\"c\"}\n\n"
    "data: {\"model\":\"b\",\"choices\":[{\"text\":\"cut he";

static void openai_stream_is_metered_and_renamed(void **state)
{
    const asg_usage_t *u = stream(openai, /* hide_usage */ false);

    (void) state;
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    assert_int_equal(u->tokens.prompt, 13);
    assert_int_equal(u->tokens.completion, 9);
    assert_int_equal(u->tokens.cached, 4);
    assert_int_equal(u->tokens.reasoning, 3);
    assert_int_equal(u->events, 5);
    assert_string_equal(u->id, "chatcmpl-9");
    assert_true(u->done && u->has_content);
    assert_false(u->malformed || u->error_event);
    /* H é " llo space 😀 space, then the quoted text of 38 characters */
    assert_int_equal(u->content_bytes, 1 + 2 + 1 + 4 + 4 + 1
                     + strlen("\"usage\":{\"prompt_tokens\":1} data: [DONE]"));
    assert_null(memmem(run.out.text, run.out.len, "gpt-5.1", 7));
    assert_int_equal(events_given(), 5);
}

static void usage_is_hidden_from_one_who_did_not_ask(void **state)
{
    (void) state;
    stream(openai, /* hide_usage */ true);
    assert_int_equal(run.answer.usage.tokens.prompt, 13);
    assert_int_equal(events_given(), 4);        /* the extra event is gone */
    assert_null(memmem(run.out.text, run.out.len, ",\"usage\":", 9));
    assert_non_null(memmem(run.out.text, run.out.len,
                           "\"finish_reason\":null}],\"obfuscation\"", 36));

    stream(vllm, true);
    assert_int_equal(run.answer.usage.tokens.completion, 2);
    assert_null(memmem(run.out.text, run.out.len, "usage", 5));
    assert_int_equal(events_given(), 3);
}

static void usage_member_is_cut_out_wherever_it_stands(void **state)
{
    (void) state;
    stream("data: {\"usage\":null}\n\n"
           "data: {\"usage\" : {\"prompt_tokens\":1} , \"a\":1}\n\n"
           "data: {\"a\":1,\"usage\":null}\n\n"
           "data: {\"a\":1 , \"usage\":null , \"model\":\"b\"}\n\n"
           "data: {\"model\":\"b\",\ndata: \"usage\":\ndata: null,"
           "\"c\":[]}\n\n",
           /* hide_usage */ true);
    gave("data: {}\n\n"
         "data: { \"a\":1}\n\n"
         "data: {\"a\":1}\n\n"
         "data: {\"a\":1  , \"model\":\"mine\"}\n\n"
         "data: {\"model\":\"mine\",\"c\":[]}\n\n");
}

static void providers_shapes_are_understood(void **state)
{
    const asg_usage_t *u = stream(litellm, false);

    (void) state;
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    assert_int_equal(u->tokens.cached, 6);
    assert_int_equal(u->tokens.cache_write, 5);
    assert_int_equal(u->content_bytes, 2 + strlen("{\"a\":1}f"));

    u = stream(databricks, false);
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    assert_int_equal(u->tokens.completion, 2);
    assert_int_equal(u->content_bytes, 5);
    assert_string_equal(u->id, "d1");
    assert_true(u->done);
}

static void line_ends_pass_through_and_other_lines_do_not(void **state)
{
    const asg_usage_t *u = stream(odd_lines, /* hide_usage */ true);

    (void) state;
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    assert_int_equal(u->events, 4);
    assert_int_equal(u->content_bytes, 1);
    assert_true(u->done);
    gave("event: message\rdata:{\"id\":\"o\",\r"
         "data:\"model\":\"mine\",\rdata: \"choices\":[{\"text\":\"x\"}]\r"
         "data: }\r\r"
         "data: {\"id\":\"o\"}\r\r\n"
         "data: {\"model\":\"mine\"}\r\n\r\n:\n\ndata:\n\n:\n\n"
         "data: [DONE] \n\n:\n\n");
}

static void a_providers_error_never_reaches_the_client(void **state)
{
    const asg_usage_t *u = stream(troubled, false);

    (void) state;
    assert_true(u->error_event && u->malformed);
    assert_false(u->done);
    assert_int_equal(u->verdict, ASG_USAGE_NONE);
    assert_int_equal(u->content_bytes, 1 + strlen("cut he"));
    gave("data: {\"id\":\"e\",\"model\":\"mine\",\"choices\":"
         "[{\"text\":\"x\"}]}\n\n"
         ERROR_EVENT ERROR_EVENT ERROR_EVENT
         "data: {\"error\":null,\"model\":\"mine\"}\n\n"
         ERROR_EVENT ERROR_EVENT
         "data: {\"model\":\"mine\",\"choices\":[{\"text\":\"cut he");
}

static void a_clean_end_after_an_error_is_dropped(void **state)
{
    (void) state;
    stream("data: {\"error\":{\"message\":\"sk-sec\"}}\n\n"
           "data: {\"choices\":[{\"text\":\"x\"}]}\n\n"
           "data: [DONE]\n\n", false);
    gave(ERROR_EVENT "data: {\"choices\":[{\"text\":\"x\"}]}\n\n");
    assert_true(run.answer.usage.done);
}

static void an_error_cut_off_by_the_end_is_replaced_too(void **state)
{
    (void) state;
    stream("data: {\"error\":{\"message\":\"sk-sec", false);
    gave(ERROR_EVENT);
    assert_true(run.answer.usage.error_event);
}

/* --- the verdict --- */

static void verdict_is(asg_usage_verdict_t verdict, const char *usages)
{
    char text[2048];
    size_t len = 0;

    /* each line of `usages` becomes an event */
    while (*usages != '\0') {
        size_t n = strcspn(usages, "\n");

        len += (size_t) snprintf(text + len, sizeof(text) - len,
            "data: {\"choices\":[{\"text\":\"x\"}],\"usage\":%.*s}\n\n",
            (int) n, usages);
        usages += n + (usages[n] == '\n');
    }
    assert_true(len < sizeof(text));
    if (stream(text, false)->verdict != verdict) {
        fail_msg("verdict %d for %s", run.answer.usage.verdict, text);
    }
}

#define GOOD_USAGE "{\"prompt_tokens\":10,\"completion_tokens\":5}"

static void impossible_usage_is_bad(void **state)
{
    static const char *const bad[] = {
        "{\"prompt_tokens\":-1,\"completion_tokens\":5}",
        "{\"prompt_tokens\":-0,\"completion_tokens\":5}",
        "{\"prompt_tokens\":1.0,\"completion_tokens\":5}",
        "{\"prompt_tokens\":1e1,\"completion_tokens\":5}",
        "{\"prompt_tokens\":\"10\",\"completion_tokens\":5}",
        "{\"prompt_tokens\":[10],\"completion_tokens\":5}",
        "{\"prompt_tokens\":true,\"completion_tokens\":5}",
        "{\"prompt_tokens\":null,\"completion_tokens\":5}",
        "{\"prompt_tokens\":10,\"completion_tokens\":{}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":0}",
        "{\"prompt_tokens\":10,\"completion_tokens\":null}",
        "{\"prompt_tokens\":10}",
        "{\"prompt_tokens\":1000000000000000000,\"completion_tokens\":5}",
        "{\"prompt_tokens\":1,\"completion_tokens\":18446744073709551617}",
        "{\"prompt_tokens\":1001,\"completion_tokens\":5}",
        "{\"prompt_tokens\":0,\"completion_tokens\":5}",
        "{\"prompt_tokens\":1000,\"completion_tokens\":501}",
        "{\"prompt_tokens\":10,\"completion_tokens\":1001}",
        "{\"prompt_tokens\":10,\"prompt_tokens\":10,\"completion_tokens\":5}",
        "{\"prompt_tokens\":10,\"prompt\\u005ftokens\":1,"
            "\"completion_tokens\":5}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,"
            "\"prompt_tokens_details\":{\"cached_tokens\":11}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,"
            "\"prompt_tokens_details\":{\"cached_tokens\":6,"
            "\"cache_write_tokens\":5}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,"
            "\"completion_tokens_details\":{\"reasoning_tokens\":6}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,"
            "\"completion_tokens_details\":{\"reasoning_tokens\":-1}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,"
            "\"prompt_tokens_details\":{\"audio_tokens\":11}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,"
            "\"completion_tokens_details\":{\"audio_tokens\":6}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,"
            "\"cache_creation_input_tokens\":4,\"cache_creation\":"
            "{\"ephemeral_1h_input_tokens\":5}}",
        "{\"prompt_tokens\":10,\"completion_tokens\":5,\"cache_creation\":"
            "{\"ephemeral_1h_input_tokens\":6,"
            "\"ephemeral_5m_input_tokens\":5}}",
        "{}", "[]", "5", "\"none\"", "false",
        GOOD_USAGE ",\"usage\":" GOOD_USAGE,
        GOOD_USAGE ",\"usage\":null",
        "null,\"usage\":" GOOD_USAGE, "null,\"usage\":null",
        GOOD_USAGE ",\"us\\u0061ge\":{\"prompt_tokens\":1}"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        verdict_is(ASG_USAGE_BAD, bad[i]);
    }
    verdict_is(ASG_USAGE_NONE, "null");
    verdict_is(ASG_USAGE_GOOD, GOOD_USAGE);
    verdict_is(ASG_USAGE_GOOD, "{\"prompt_tokens\":1000,"
               "\"completion_tokens\":500,\"prompt_tokens_details\":"
               "{\"cached_tokens\":null,\"cached\":-1}}");
}

static void the_last_usage_counts_while_it_grows(void **state)
{
    (void) state;
    verdict_is(ASG_USAGE_GOOD, GOOD_USAGE "\n"
               "{\"prompt_tokens\":10,\"completion_tokens\":7}");
    assert_int_equal(run.answer.usage.tokens.completion, 7);
    verdict_is(ASG_USAGE_GOOD, "{\"prompt_tokens\":10,\"completion_tokens\":0}"
               "\n" GOOD_USAGE "\nnull");
    verdict_is(ASG_USAGE_BAD, GOOD_USAGE "\n"
               "{\"prompt_tokens\":10,\"completion_tokens\":4}");
    verdict_is(ASG_USAGE_BAD, GOOD_USAGE "\n"
               "{\"prompt_tokens\":9,\"completion_tokens\":5}");
    verdict_is(ASG_USAGE_BAD, GOOD_USAGE "\n{\"prompt_tokens\":-1}\n"
               GOOD_USAGE);
}

/* Usage first, content later: what was said covers the first part only. */
static const char early[] =
    "data: {\"choices\":[{\"text\":\"abcd\"}],\"usage\":" GOOD_USAGE "}\n\n"
    "data: {\"choices\":[{\"text\":\"efg\"}],\"usage\":null}\n\n"
    "data: {\"choices\":[{\"text\":\"hi\"}]}\n\n"
    "data: [DONE]\n\n";

static void content_after_the_last_usage_is_counted(void **state)
{
    const asg_usage_t *u = stream(early, false);

    (void) state;
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    assert_int_equal(u->content_bytes, 9);
    assert_int_equal(u->content_after_usage, 5);
    assert_int_equal(u->tokens.completion, 5);
    /* an event that was cut off counts too */
    u = stream("data: {\"usage\":" GOOD_USAGE "}\n\n"
               "data: {\"choices\":[{\"text\":\"abc", false);
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    assert_int_equal(u->content_after_usage, 3);
    assert_int_equal(stream(openai, false)->content_after_usage, 0);
    assert_int_equal(stream(vllm, false)->content_after_usage, 0);
    assert_int_equal(stream(odd_lines, false)->content_after_usage, 0);
}

static void usage_counts_at_the_top_of_an_event_only(void **state)
{
    const asg_usage_t *u;

    (void) state;
    u = stream("data: {\"choices\":[{\"usage\":" GOOD_USAGE ",\"delta\":"
               "{\"usage\":" GOOD_USAGE "}}],\"x\":{\"usage\":" GOOD_USAGE
               "}}\n\n: data: {\"usage\":" GOOD_USAGE "}\n\n"
               "event: {\"usage\":" GOOD_USAGE "}\n\n", false);
    assert_int_equal(u->verdict, ASG_USAGE_NONE);
    /* a spelling with escapes is the same key */
    u = stream("data: {\"\\u0075sage\":" GOOD_USAGE "}\n\n", true);
    assert_int_equal(u->verdict, ASG_USAGE_GOOD);
    gave("data: {}\n\n");
}

static void usage_of_a_broken_event_does_not_count(void **state)
{
    (void) state;
    assert_int_equal(stream("data: {\"usage\":" GOOD_USAGE ",}\n\n",
                            false)->verdict, ASG_USAGE_NONE);
    assert_true(run.answer.usage.malformed);
    assert_int_equal(stream("data: {\"usage\":" GOOD_USAGE, false)->verdict,
                     ASG_USAGE_NONE);
    /* what has its end counts, also when the blank line is missing */
    assert_int_equal(stream("data: {\"usage\":" GOOD_USAGE "}", false)
                     ->verdict, ASG_USAGE_GOOD);
}

/* --- cuts --- */

static void compare_cuts(asg_str_t text, bool hide_usage, unsigned most)
{
    begin(&run, hide_usage);
    feed(&run, text, 0);
    begin(&other, hide_usage);
    feed(&other, text, most);
    assert_int_equal(run.out.len, other.out.len);
    assert_memory_equal(run.out.text, other.out.text, run.out.len);
    same_usage(&run.answer.usage, &other.answer.usage);
}

static void cuts_change_nothing(void **state)
{
    static const char *const streams[] = {
        openai, vllm, litellm, databricks, odd_lines, troubled, early
    };

    (void) state;
    for (unsigned i = 0; i < 700; i++) {
        const char *text = streams[i % 7];
        /* every stream is cut off somewhere, too */
        size_t len = roll(2) == 0 ? strlen(text)
            : roll((unsigned) strlen(text));

        compare_cuts((asg_str_t) {text, len}, roll(2) == 0,
                     1 + roll(i % 3 == 0 ? 1 : 90));
    }
}

static void any_line_end_gives_the_same_answer(void **state)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};

    (void) state;
    for (unsigned e = 0; e < 3; e++) {
        static char text[2 * sizeof(openai)];
        size_t len = 0;

        for (const char *p = openai; *p != '\0'; p++) {
            const char *put = *p == '\n' ? ends[e] : p;
            size_t n = *p == '\n' ? strlen(ends[e]) : 1;

            memcpy(text + len, put, n);
            len += n;
        }
        for (unsigned i = 0; i < 40; i++) {
            compare_cuts((asg_str_t) {text, len}, true, 1 + roll(40));
        }
        assert_int_equal(events_given(), 4);
        assert_int_equal(run.answer.usage.tokens.completion, 9);
    }
}

/* An event comes out when its last byte came in, but for the LF that a CR LF
 * stream still owes. */
static void an_event_is_not_held_back(void **state)
{
    static const char *const streams[] = {
        "data: {\"a\":1}\n\n", "data: {\"a\":1}\r\r", "data: {\"a\":1}\r\n\r\n"
    };

    (void) state;
    for (unsigned i = 0; i < 3; i++) {
        size_t len = strlen(streams[i]);

        begin(&run, false);
        assert_int_equal(asg_answer_feed(&run.answer, streams[i], len - 1,
                                         collect, &run.out), 0);
        assert_int_equal(run.out.calls, 0);
        assert_int_equal(asg_answer_feed(&run.answer, streams[i] + len - 1, 1,
                                         collect, &run.out), 0);
        assert_int_equal(run.out.calls, 1);
        assert_int_equal(run.out.len, len);
    }
}

/* --- events that do not fit --- */

static char big[3 * ASG_ANSWER_LINE];

/* `head`, text, `tail`: together `len` bytes. */
static asg_str_t long_event(const char *head, const char *tail, size_t len)
{
    size_t from = strlen(head);
    size_t to = len - strlen(tail);

    memset(big, 'x', len);
    memcpy(big, head, from);
    memcpy(big + to, tail, len - to);
    return (asg_str_t) {big, len};
}

static void a_long_event_passes_and_is_metered(void **state)
{
    static const char head[] =
        "data: {\"model\":\"b\",\"choices\":[{\"url\":\"";
    static const char tail[] = "\"}],\"usage\":" GOOD_USAGE "}\n\n";
    size_t grown = strlen("mine") - strlen("b");

    (void) state;
    for (size_t len = ASG_ANSWER_LINE - 4; len < ASG_ANSWER_LINE + 4; len++) {
        asg_str_t text = long_event(head, tail, len);

        compare_cuts(text, false, 5000);
        assert_int_equal(run.out.len, len + grown);
        assert_memory_equal(run.out.text, "data: {\"model\":\"mine\",", 22);
        assert_memory_equal(run.out.text + run.out.len - strlen(tail), tail,
                            strlen(tail));
        assert_int_equal(run.answer.usage.verdict, ASG_USAGE_GOOD);
        assert_int_equal(run.answer.usage.content_bytes,
                         len - strlen(head) - strlen(tail));
    }
    compare_cuts(long_event(head, tail, sizeof(big)), true, 9000);
    assert_int_equal(run.answer.usage.verdict, ASG_USAGE_GOOD);
    assert_int_equal(run.out.len, sizeof(big) + grown);
}

static void a_long_error_or_no_json_is_replaced(void **state)
{
    asg_str_t text;

    (void) state;
    text = long_event("data: {\"error\":{\"message\":\"", "sk-secret\"}}\n\n",
                      sizeof(big));
    compare_cuts(text, false, 9000);
    assert_true(run.answer.usage.error_event);
    gave("\n\n" ERROR_EVENT);

    text = long_event("data: {\"x\":\"", "\",\"error\":\"sk-secret\"}\n\n",
                      sizeof(big));
    compare_cuts(text, false, 9000);
    assert_true(run.answer.usage.error_event);
    assert_null(memmem(run.out.text, run.out.len, "sk-", 3));
    compare_cuts(text, false, 1);

    text = long_event("data: no JSON ", " sk-secret\n\n", sizeof(big));
    compare_cuts(text, false, 9000);
    assert_true(run.answer.usage.malformed);
    gave("\n\n" ERROR_EVENT);
}

static void emit_can_stop_the_feed(void **state)
{
    (void) state;
    begin(&run, false);
    run.out.stop_at = 2;
    assert_int_equal(asg_answer_feed(&run.answer, openai, strlen(openai),
                                     collect, &run.out), 7);
    assert_int_equal(run.out.calls, 2);
}

static void a_shown_name_is_written_as_json(void **state)
{
    static char name[4096];

    (void) state, begin(&run, false);
    asg_answer_init(&run.answer, ASG_STR("a\"b\\"), false, 0, NULL);
    feed(&run, ASG_STR("data: {\"model\":\"\\\"}\"}\n\n"), 0);
    gave("data: {\"model\":\"a\\\"b\\\\\"}\n\n");

    memset(name, 'n', sizeof(name));
    memset(&run.out, 0, sizeof(run.out));
    asg_answer_init(&run.answer, (asg_str_t) {name, sizeof(name)}, false, 0,
                    NULL);
    feed(&run, ASG_STR("data: {\"model\":\"b\"}\n\n"), 0);
    gave("data: {\"model\":\"\"}\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openai_stream_is_metered_and_renamed),
        cmocka_unit_test(usage_is_hidden_from_one_who_did_not_ask),
        cmocka_unit_test(usage_member_is_cut_out_wherever_it_stands),
        cmocka_unit_test(providers_shapes_are_understood),
        cmocka_unit_test(line_ends_pass_through_and_other_lines_do_not),
        cmocka_unit_test(a_providers_error_never_reaches_the_client),
        cmocka_unit_test(a_clean_end_after_an_error_is_dropped),
        cmocka_unit_test(an_error_cut_off_by_the_end_is_replaced_too),
        cmocka_unit_test(impossible_usage_is_bad),
        cmocka_unit_test(the_last_usage_counts_while_it_grows),
        cmocka_unit_test(content_after_the_last_usage_is_counted),
        cmocka_unit_test(usage_counts_at_the_top_of_an_event_only),
        cmocka_unit_test(usage_of_a_broken_event_does_not_count),
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(any_line_end_gives_the_same_answer),
        cmocka_unit_test(an_event_is_not_held_back),
        cmocka_unit_test(a_long_event_passes_and_is_metered),
        cmocka_unit_test(a_long_error_or_no_json_is_replaced),
        cmocka_unit_test(emit_can_stop_the_feed),
        cmocka_unit_test(a_shown_name_is_written_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
