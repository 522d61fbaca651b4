/*
 * A stream gives the same whether it comes at once or in parts; what comes out
 * of it, and of a whole message, is what the meter takes for a good answer.
 *
 * Input: one byte of choices, one byte that seeds the cuts, the answer.
 */
#include <stdlib.h>
#include <string.h>

#include "core/anthropic_answer.h"
#include "core/answer.h"

#define OUT_MAX (1 << 20)

typedef struct {
    asg_anthropic_stream_t stream;
    char event[ASG_ANTHROPIC_EVENT];
    char out[OUT_MAX];
    asg_buf_t written;
} run_t;

static run_t at_once, in_parts;
static asg_json_t json;
static asg_answer_t meter;
static char line[ASG_ANSWER_LINE];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static int append(void *data, const char *bytes, size_t len)
{
    must(len > 0);
    asg_buf_put(data, bytes, len);
    return 0;
}

static int ignore(void *data, const char *bytes, size_t len)
{
    (void) data;
    (void) bytes;
    (void) len;
    return 0;
}

static asg_anthropic_show_t show_of(uint8_t choices)
{
    return (asg_anthropic_show_t) {
        .model = ASG_STR("mine"), .created = 5,
        .id = choices & 4 ? ASG_STR("ours") : ASG_STR_NULL,
        .include_usage = (choices & 8) != 0
    };
}

static void feed(run_t *r, uint8_t choices, asg_str_t text, uint32_t cuts)
{
    asg_anthropic_show_t show = show_of(choices);

    asg_buf_init(&r->written, r->out, sizeof(r->out));
    asg_anthropic_stream_init(&r->stream, &json, 1, &show, r->event);
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
        must(asg_anthropic_stream_feed(&r->stream, copy, n, append,
                                       &r->written) == 0);
        free(copy);
        text.data += n;
        text.len -= n;
    }
    must(asg_buf_ok(&r->written));
}

static void check_meter(void)
{
    bool failed = at_once.stream.state == ASG_ANTHROPIC_FAILED;

    asg_answer_init(&meter, ASG_STR("mine"), true, 0, line);
    must(asg_answer_feed(&meter, at_once.out, at_once.written.len, ignore,
                         NULL) == 0);
    must(asg_answer_end(&meter, ignore, NULL) == 0);
    must(!meter.usage.malformed);
    must(meter.usage.error_event == failed);
    must(meter.usage.done
         == (at_once.stream.state == ASG_ANTHROPIC_ENDED));
}

static void check_stream(uint8_t choices, asg_str_t text, uint32_t cuts)
{
    feed(&at_once, choices, text, 0);
    feed(&in_parts, choices, text, cuts);
    must(at_once.stream.state == in_parts.stream.state);
    must(asg_str_eq(asg_buf_view(&at_once.written),
                    asg_buf_view(&in_parts.written)));
    check_meter();
}

static void check_json(uint8_t choices, asg_str_t text)
{
    static asg_answer_splice_t splice;
    asg_anthropic_show_t show = show_of(choices);
    uint64_t counted = 0, length = 0;
    asg_err_t first, second;
    asg_buf_t out;

    asg_buf_init(&out, at_once.out, sizeof(at_once.out));
    first = asg_anthropic_answer(&json, 1, text, &show, NULL, NULL, &counted);
    second = asg_anthropic_answer(&json, 1, text, &show, append, &out,
                                  &length);
    must(first == second);
    if (first == ASG_OK) {
        must(asg_buf_ok(&out) && counted == length && length == out.len);
        asg_answer_init(&meter, ASG_STR("mine"), false, 0, line);
        must(asg_answer_json(&meter, asg_buf_view(&out), &splice) == ASG_OK);
        must(!meter.usage.error_event);
    }
}

static void check_error(uint8_t choices, asg_str_t text)
{
    asg_anthropic_error_t error;
    asg_buf_t out;

    asg_anthropic_error(&json, 1, 400u + choices, text, &error);
    must(error.reason > ASG_REASON_NONE && error.reason < ASG_REASON_COUNT);
    must(memchr(error.request_id, '\0', sizeof(error.request_id)) != NULL);
    asg_buf_init(&out, at_once.out, 4096);
    asg_anthropic_error_body(&out, &error);
    must(asg_buf_ok(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text;

    if (size < 2 || size > OUT_MAX / 512) {
        return 0;
    }
    text = (asg_str_t) {(const char *) data + 2, size - 2};
    if ((data[0] & 3) == 1) {
        check_json(data[0], text);
    } else if ((data[0] & 3) == 2) {
        check_error(data[1], text);
    } else {
        check_stream(data[0], text, data[1] + 1u);
    }
    return 0;
}
