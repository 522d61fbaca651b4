/*
 * Whatever the scan of a chat request lets through is translated into JSON of
 * the length that was promised, or refused with a reason and a place.
 *
 * Input: one byte of choices, the body.
 */
#include <stdlib.h>
#include <string.h>

#include "core/answer_scan.h"
#include "core/anthropic_request.h"

#define OUT_MAX (1 << 20)

static asg_request_reader_t reader = {.seed = 7};
static asg_request_t request;
static asg_refusal_t why;
static char out[OUT_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static int append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return 0;
}

/* Arguments may be as deep as the walk goes, and stand deeper now. */
static void check_grammar(asg_str_t text)
{
    asg_answer_scan_t scan;

    asg_answer_scan_begin(&scan, ASG_WORDS_OPENAI);
    asg_answer_scan_feed(&scan, text.data, text.len, 0);
    must(asg_answer_scan_is_whole(&scan) || scan.depth == ASG_SCAN_DEPTH_MAX);
}

static void check_refusal(void)
{
    must(why.reason == ASG_REASON_INVALID_VALUE
         || why.reason == ASG_REASON_MISSING_FIELD
         || why.reason == ASG_REASON_UNSUPPORTED_FIELD);
    must(memchr(why.param, '\0', sizeof(why.param)) != NULL);
    must(why.param[0] != '\0');
}

static void translate(uint8_t choices)
{
    asg_anthropic_rewrite_t rewrite = {
        .model = ASG_STR("served/\"name"),
        .user = choices & 0x02 ? ASG_STR("proj-2026-0001") : ASG_STR_NULL,
        .max_tokens = choices & 0x04 ? 8192 : 1,
        .refuse_unsupported = choices & 0x08,
        .structured = choices & 0x10
    };
    uint64_t counted = 0, length = 0;
    asg_err_t first, second;
    asg_buf_t b;

    asg_buf_init(&b, out, sizeof(out));
    first = asg_anthropic_request(&request, &rewrite, NULL, NULL, &counted,
                                  &why);
    second = asg_anthropic_request(&request, &rewrite, append, &b, &length,
                                   &why);
    must(first == second);
    if (first != ASG_OK) {
        must(first == ASG_ERR_SYNTAX);
        check_refusal();
        return;
    }
    must(asg_buf_ok(&b) && counted == length && length == b.len);
    check_grammar(asg_buf_view(&b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_api_t api = size > 0 && (data[0] & 1) ? ASG_API_GATEWAY : ASG_API_CHAT;
    char *copy;

    if (size == 0 || size > OUT_MAX / 64) {
        return 0;
    }
    /* of its own: a read past its end is found */
    copy = malloc(size);
    must(copy != NULL);
    memcpy(copy, data, size);
    if (asg_request_scan(&reader, api, (asg_str_t) {copy + 1, size - 1},
                         &request, &why) == ASG_OK)
    {
        translate(data[0]);
    }
    free(copy);
    return 0;
}
