/*
 * What a chat request is written as for Anthropic: has() and refuses() of tests
 * that look at one part of it.
 */
#ifndef ANTHROPIC_WRITTEN_H
#define ANTHROPIC_WRITTEN_H

#include <stdio.h>
#include <string.h>

#include "core/anthropic_request.h"

#define ASK(rest) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"," \
    "\"content\":\"hi\"}]" rest "}"
#define SAY(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"

static asg_anthropic_rewrite_t rewrite = {
    .model = ASG_STR("served"), .max_tokens = 4096, .structured = true};
static char written[65536];
static asg_refusal_t why;

static int append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return 0;
}

/* Into `written`. */
static asg_err_t write_request(const char *body)
{
    static asg_request_reader_t reader = {.seed = 1};
    static asg_request_t request;
    uint64_t length = 0;
    asg_buf_t b;
    asg_err_t rc;

    if (asg_request_scan(&reader, ASG_API_CHAT, asg_str_z(body), &request,
                         &why) != ASG_OK)
    {
        fail_msg("%s: the scan refused %s", body, why.param);
    }
    asg_buf_init(&b, written, sizeof(written) - 1);
    rc = asg_anthropic_request(&request, &rewrite, append, &b, &length, &why);
    written[b.len] = '\0';
    return rc;
}

/* Is this a part of what the request becomes? */
static inline bool has(const char *body, const char *part)
{
    if (write_request(body) != ASG_OK) {
        fail_msg("%s: refused %s", body, why.param);
    }
    return strstr(written, part) != NULL;
}

static inline void refuses(const char *body, asg_reason_t reason,
    const char *param)
{
    assert_int_equal(write_request(body), ASG_ERR_SYNTAX);
    assert_string_equal(why.param, param);
    assert_int_equal(why.reason, reason);
}

#endif
