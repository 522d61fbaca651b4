/*
 * An answer gives the same whether it comes at once or in parts, and the walk
 * agrees with the JSON reader on what is JSON.
 *
 * Input: one byte of choices, one byte that seeds the cuts, the answer.
 */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/usage.h"

#define OUT_MAX  (1 << 20)

typedef struct {
    asg_answer_t answer;
    char line[ASG_ANSWER_LINE];
    char out[OUT_MAX];
    size_t len;
} run_t;

static run_t at_once, in_parts;
static asg_json_t json;

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

static void feed(run_t *r, bool hide_usage, asg_str_t text, uint32_t cuts)
{
    r->len = 0;
    asg_answer_init(&r->answer, ASG_STR("mine"), hide_usage, 1000, r->line);
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

static void check_stream(bool hide_usage, asg_str_t text, uint32_t cuts)
{
    const asg_usage_t *a = &at_once.answer.usage;
    const asg_usage_t *b = &in_parts.answer.usage;

    feed(&at_once, hide_usage, text, 0);
    feed(&in_parts, hide_usage, text, cuts);
    must(at_once.len == in_parts.len);
    must(memcmp(at_once.out, in_parts.out, at_once.len) == 0);
    must(a->verdict == b->verdict && a->events == b->events);
    must(memcmp(&a->tokens, &b->tokens, sizeof(a->tokens)) == 0);
    must(a->content_bytes == b->content_bytes);
    must(a->content_after_usage == b->content_after_usage);
    must(a->done == b->done && a->malformed == b->malformed);
    must(a->error_event == b->error_event);
    must(strcmp(a->id, b->id) == 0);
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
    if ((data[0] & 2) != 0) {
        check_json(text);
    } else {
        check_stream((data[0] & 1) != 0, text, data[1] + 1u);
    }
    return 0;
}
