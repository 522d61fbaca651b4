/*
 * An answer gives the same whether it comes at once or in parts, whether each
 * of its events is walked or only what is new in it, and the walk agrees with
 * the JSON reader on what is JSON.  No piece of the key comes out, and no more
 * usage is believed than was held and delivered.
 *
 * Input: one byte of choices (whose words it is in is one), one byte that seeds
 * the cuts, the answer.  Or (a choice) an event, a NUL, and what is put after
 * its first "content":" again and again, with NULs between.
 */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/answer.h"

#define OUT_MAX  (1 << 20)

typedef struct {
    asg_answer_t answer;
    char line[ASG_ANSWER_LINE];
    char out[OUT_MAX];
    size_t len;
} run_t;

static run_t at_once, in_parts, walked;
static asg_json_t json;
static asg_words_t words;
static asg_leak_t leak;
static const char key[] = "sk-fuzz-0aKb1Lc2Md3Ne4Of5Pg6Qh7R";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static int collect(void *data, const char *bytes, size_t len)
{
    run_t *r = data;

    must(len > 0 && len <= OUT_MAX - r->len);
    memcpy(r->out + r->len, bytes, len);
    r->len += len;
    return 0;
}

static void know(asg_answer_t *a)
{
    if (!asg_leak_is_set(&leak)) {
        asg_leak_init(&leak, asg_str_z(key));
    }
    a->leak = &leak;
    a->bound = (asg_bound_t) {.prompt = 500, .output = 50, .hold_nusd = 1};
}

/* Looked for at every byte. */
static bool has_piece(asg_str_t text)
{
    for (size_t at = 0; at + leak.piece < sizeof(key); at++) {
        if (text.len > 0
            && memmem(text.data, text.len, key + at, leak.piece) != NULL)
        {
            return true;
        }
    }
    return false;
}

static void is_within_bounds(const asg_answer_t *a)
{
    const asg_usage_t *u = &a->usage;

    must(!u->above || u->verdict == ASG_USAGE_BAD);
    if (u->verdict == ASG_USAGE_GOOD) {
        must(u->tokens.prompt > 0 && u->tokens.prompt <= 500);
        must(u->tokens.completion >= 0
             && (uint64_t) u->tokens.completion <= 50 + a->text_bytes);
    }
}

static void begin(run_t *r, bool hide_usage)
{
    r->len = 0;
    asg_answer_init(&r->answer, ASG_STR("mine"), hide_usage, 1000, r->line);
    asg_answer_speaks(&r->answer, words);
    know(&r->answer);
}

static void feed(run_t *r, asg_str_t text, uint32_t cuts)
{
    while (text.len > 0) {
        size_t n = text.len;
        char *copy;

        if (cuts != 0) {
            cuts = cuts * 1664525 + 1013904223;
            n = 1 + (cuts >> 24) % (1 + (cuts >> 16) % 200);
            n = n < text.len ? n : text.len;
        }
        copy = malloc(n);
        must(copy != NULL);
        memcpy(copy, text.data, n);
        must(asg_answer_feed(&r->answer, copy, n, collect, r) == 0);
        free(copy);
        text.data += n;
        text.len -= n;
    }
    must(asg_answer_end(&r->answer, collect, r) == 0);
}

static void same(const run_t *one, const run_t *other)
{
    const asg_usage_t *a = &one->answer.usage;
    const asg_usage_t *b = &other->answer.usage;

    must(one->len == other->len);
    must(memcmp(one->out, other->out, one->len) == 0);
    must(a->verdict == b->verdict && a->events == b->events);
    must(memcmp(&a->tokens, &b->tokens, sizeof(a->tokens)) == 0);
    must(a->content_bytes == b->content_bytes);
    must(a->content_after_usage == b->content_after_usage);
    must(a->done == b->done && a->malformed == b->malformed);
    must(a->error_event == b->error_event && a->partial == b->partial);
    must(a->above == b->above && a->leaked == b->leaked);
    must(!has_piece((asg_str_t) {one->out, one->len}));
    is_within_bounds(&one->answer);
    must(strcmp(a->id, b->id) == 0);
}

static void check_stream(bool hide_usage, asg_str_t text, uint32_t cuts)
{
    begin(&at_once, hide_usage);
    feed(&at_once, text, 0);
    begin(&in_parts, hide_usage);
    feed(&in_parts, text, cuts);
    same(&at_once, &in_parts);
    begin(&walked, hide_usage);
    walked.answer.again.head_misses = ASG_AGAIN_MISSES;
    feed(&walked, text, 0);
    must(walked.answer.again.head_len == 0);
    same(&at_once, &walked);
}

/* The next piece up to a NUL, which is left out. */
static asg_str_t next_piece(asg_str_t *text)
{
    const char *nul = text->len > 0 ? memchr(text->data, 0, text->len) : NULL;
    size_t n = nul != NULL ? (size_t) (nul - text->data) : text->len;
    asg_str_t piece = {text->data, n};

    text->data += n + (nul != NULL);
    text->len -= n + (nul != NULL);
    return piece;
}

/* One event after the other that differ in a text, or in what follows it. */
static asg_str_t repeat_event(asg_str_t text)
{
    static const char mark[] = "\"content\":\"";
    static char stream[OUT_MAX / 64];
    asg_str_t event = next_piece(&text);
    const char *hole = memmem(event.data, event.len, mark, sizeof(mark) - 1);
    size_t head = hole != NULL
        ? (size_t) (hole - event.data) + sizeof(mark) - 1 : event.len;
    asg_buf_t b;

    asg_buf_init(&b, stream, sizeof(stream));
    asg_buf_str(&b, event);
    while (text.len > 0 && asg_buf_ok(&b)) {
        asg_buf_put(&b, event.data, head);
        asg_buf_str(&b, next_piece(&text));
        asg_buf_put(&b, event.data + head, event.len - head);
    }
    return asg_buf_view(&b);
}

/* Text that the two readers must see alike: the JSON reader alone looks at
 * UTF-8 and at surrogates. */
static bool is_plain(asg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t) text.data[i] >= 0x80 || text.data[i] == '\\') {
            return false;
        }
    }
    return true;
}

static void check_json(asg_str_t text)
{
    static asg_answer_splice_t splice;
    asg_json_event_t first, event;
    asg_err_t rc;

    asg_answer_init(&at_once.answer, ASG_STR("mine"), false, 0, at_once.line);
    asg_answer_speaks(&at_once.answer, words);
    know(&at_once.answer);
    rc = asg_answer_json(&at_once.answer, text, &splice);
    asg_json_begin(&json, text, 1);
    first = event = asg_json_next(&json);
    while (event > ASG_JSON_END) {
        event = asg_json_next(&json);
    }
    if (event == ASG_JSON_END && first == ASG_JSON_OBJECT) {
        must(rc == ASG_OK);
    } else if (rc == ASG_OK && is_plain(text)) {
        must(event == ASG_JSON_ERROR && json.fault != ASG_JSON_BAD);
    }
    if (rc == ASG_OK) {
        is_within_bounds(&at_once.answer);
        must(at_once.answer.usage.leaked || !has_piece(text));
    }
    if (rc == ASG_OK) {
        asg_str_t content = asg_answer_content(text);

        must(content.len == 0
             || (content.len >= 2 && content.data[0] == '"'
                 && content.data[content.len - 1] == '"'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text;

    if (size < 2 || size > OUT_MAX / 256) {
        return 0;
    }
    text = (asg_str_t) {(const char *) data + 2, size - 2};
    words = (data[0] & 8) != 0 ? ASG_WORDS_MESSAGES : ASG_WORDS_OPENAI;
    if ((data[0] & 2) != 0) {
        check_json(text);
    } else if ((data[0] & 4) != 0) {
        check_stream((data[0] & 1) != 0, repeat_event(text), data[1] + 1u);
    } else {
        check_stream((data[0] & 1) != 0, text, data[1] + 1u);
    }
    return 0;
}
