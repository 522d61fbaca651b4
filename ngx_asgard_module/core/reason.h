/*
 * Why a call was refused or failed: the one table reason -> HTTP status, type,
 * code and text.  Every status, type and code that the gateway can tell a
 * client stands in reason.c (in the words of Anthropic's API: in
 * reason_messages.c), and every text but three, which say more than their code
 * does: ngx_http_asgard_reserve_unavailable(), ngx_http_asgard_step_bad_key(),
 * and asg_answer_error_event(), the end of a stream by a provider's error.
 * What the control API says, stands where it is found out:
 * asgard-ctl/base/error.h.  docs/errors.md is checked against both by a test.
 */
#ifndef ASG_REASON_H
#define ASG_REASON_H

#include "core/str.h"

typedef enum {
    ASG_REASON_NONE = 0,
    /* the wire */
    ASG_REASON_BAD_REQUEST, ASG_REASON_NOT_FOUND, ASG_REASON_METHOD_NOT_ALLOWED,
    ASG_REASON_REQUEST_TIMEOUT, ASG_REASON_URI_TOO_LONG,
    ASG_REASON_HEADERS_TOO_LARGE, ASG_REASON_MISDIRECTED,
    ASG_REASON_NOT_IMPLEMENTED, ASG_REASON_UNEXPECTED_QUERY,
    ASG_REASON_UNSUPPORTED_ENCODING, ASG_REASON_UNSUPPORTED_MEDIA_TYPE,
    ASG_REASON_EMPTY_BODY, ASG_REASON_BODY_TOO_LARGE,
    ASG_REASON_SUBREQUEST, ASG_REASON_FORBIDDEN,
    /* who */
    ASG_REASON_MISSING_API_KEY, ASG_REASON_INVALID_API_KEY,
    ASG_REASON_KEY_EXPIRED, ASG_REASON_KEY_NOT_YET,
    ASG_REASON_PROJECT_KILLED,
    ASG_REASON_PROJECT_INACTIVE,
    /* the body */
    ASG_REASON_INVALID_JSON, ASG_REASON_DUPLICATE_KEY, ASG_REASON_JSON_LIMIT,
    ASG_REASON_INVALID_VALUE, ASG_REASON_MISSING_FIELD,
    ASG_REASON_CONFLICTING_FIELDS, ASG_REASON_UNKNOWN_FIELD,
    ASG_REASON_URL_NOT_ALLOWED, ASG_REASON_UNBOUND_CONTENT,
    ASG_REASON_UNSUPPORTED_FIELD,
    /* what */
    ASG_REASON_MODEL_NOT_FOUND, ASG_REASON_API_NOT_SUPPORTED,
    ASG_REASON_POLICY_DENIED, ASG_REASON_GUARDRAIL_BLOCKED,
    ASG_REASON_GUARDRAIL_UNAVAILABLE,
    /* money */
    ASG_REASON_BUDGET_EXCEEDED, ASG_REASON_BUDGET_UNAVAILABLE,
    ASG_REASON_PRICE_UNAVAILABLE, ASG_REASON_RATE_LIMIT_EXCEEDED,
    /* us */
    ASG_REASON_OVERLOADED, ASG_REASON_CATALOG_UNAVAILABLE,
    ASG_REASON_CONTROL_UNAVAILABLE,
    ASG_REASON_INTERNAL,
    /* the provider */
    ASG_REASON_UPSTREAM_REJECTED, ASG_REASON_UPSTREAM_RATE_LIMITED,
    ASG_REASON_UPSTREAM_OVERLOADED,
    ASG_REASON_UPSTREAM_ERROR, ASG_REASON_UPSTREAM_TIMEOUT,
    ASG_REASON_COUNT
} asg_reason_t;

typedef enum {
    ASG_RETRY_UNSAID,           /* the SDK's own rule for the status */
    ASG_RETRY_NEVER,            /* x-should-retry: false */
    ASG_RETRY_LATER             /* Retry-After, where the time is known */
} asg_retry_t;

typedef struct {
    unsigned status;
    asg_retry_t retry;
    const char *type;
    const char *code;           /* stable */
    const char *text;           /* one sentence that tells what to do */
} asg_reason_info_t;

/* Never NULL; out of range gives ASG_REASON_INTERNAL. */
const asg_reason_info_t *asg_reason_info(asg_reason_t reason);

/* `{"error":{"message":…,"type":…,"param":…|null,"code":…<extra>}}`.
 * `message` NULL data: the table's text.  `param` may be null.  `extra` is
 * empty or `,"scope":…` text that the caller wrote as JSON. */
void asg_reason_body(asg_buf_t *out, asg_reason_t reason, asg_str_t message,
    asg_str_t param, asg_str_t extra);

/* The members of such an object, without the braces; `type` as given. */
void asg_reason_members(asg_buf_t *out, const asg_reason_info_t *info,
    const char *type, asg_str_t message, asg_str_t param);

/* --- the same as Anthropic's Messages API says it --- */

/* The status that its libraries know; mostly that of the table. */
unsigned asg_reason_messages_status(asg_reason_t reason);
/* `{"type":"error","error":{"message":…,"type":…,"param":…|null,"code":…
 * <extra>},"request_id":<trace>}`: `type` is one of Anthropic's. */
void asg_reason_messages_body(asg_buf_t *out, asg_reason_t reason,
    asg_str_t message, asg_str_t param, asg_str_t extra, asg_str_t trace);

#endif
