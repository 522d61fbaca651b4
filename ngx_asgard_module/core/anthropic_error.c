/*
 * Anthropic's errors as reasons of ours.
 *
 * What is wrong with our key, our account or our path is nobody's business but
 * the operator's: the client is told that the provider failed.  The provider's
 * own words are not passed on.
 */
#include <string.h>

#include "core/anthropic_answer.h"
#include "core/view.h"

#define BODY_TEXT_MAX 256       /* of the request id, as JSON */
#define UNKNOWN       500       /* a status, where none is said */

static const struct {
    const char *type;
    unsigned status;
    asg_reason_t reason;
} errors[] = {
    {"invalid_request_error", 400, ASG_REASON_UPSTREAM_REJECTED},
    {"authentication_error", 401, ASG_REASON_UPSTREAM_ERROR},
    {"billing_error", 402, ASG_REASON_UPSTREAM_ERROR},
    {"permission_error", 403, ASG_REASON_UPSTREAM_ERROR},
    {"not_found_error", 404, ASG_REASON_UPSTREAM_ERROR},
    {"conflict_error", 409, ASG_REASON_UPSTREAM_ERROR},
    {"request_too_large", 413, ASG_REASON_UPSTREAM_REJECTED},
    /* not Anthropic's own, but of others that speak its API */
    {"", 415, ASG_REASON_UPSTREAM_REJECTED},
    {"", 422, ASG_REASON_UPSTREAM_REJECTED},
    {"rate_limit_error", 429, ASG_REASON_UPSTREAM_RATE_LIMITED},
    {"api_error", 500, ASG_REASON_UPSTREAM_ERROR},
    {"timeout_error", 504, ASG_REASON_UPSTREAM_TIMEOUT},
    {"overloaded_error", 529, ASG_REASON_UPSTREAM_OVERLOADED}
};

#define ERRORS  (sizeof(errors) / sizeof(*errors))

/* Errors that share a type with the client's own mistakes. */
static const char too_long[] = "prompt is too long";
static const char no_credit[] = "Your credit balance is too low";

asg_reason_t asg_anthropic_error_reason(unsigned status, asg_str_t type)
{
    for (size_t i = 0; type.len > 0 && i < ERRORS; i++) {
        if (asg_view_spells(type, errors[i].type)) {
            return errors[i].reason;
        }
    }
    for (size_t i = 0; i < ERRORS; i++) {
        if (errors[i].status == status) {
            return errors[i].reason;
        }
    }
    return ASG_REASON_UPSTREAM_ERROR;
}

unsigned asg_anthropic_error_status(asg_str_t type)
{
    for (size_t i = 0; type.len > 0 && i < ERRORS; i++) {
        if (asg_view_spells(type, errors[i].type)) {
            return errors[i].status;
        }
    }
    return UNKNOWN;
}

static bool begins(asg_str_t text, const char *z)
{
    size_t n = strlen(z);

    return text.len >= n && memcmp(text.data, z, n) == 0;
}

static bool is_plain(asg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == '\\') {
            return false;
        }
    }
    return true;
}

static void keep_id(asg_anthropic_error_t *out, asg_str_t id)
{
    if (id.len > 0 && id.len < sizeof(out->request_id) && is_plain(id)) {
        memcpy(out->request_id, id.data, id.len);
        out->request_id[id.len] = '\0';
    }
}

void asg_anthropic_error(asg_json_t *json, uint64_t seed, unsigned status,
    asg_str_t body, asg_anthropic_error_t *out)
{
    asg_str_t error, type, message;

    *out = (asg_anthropic_error_t) {
        .reason = asg_anthropic_error_reason(status, ASG_STR_NULL)
    };
    body = asg_anthropic_object(json, seed, body);
    error = asg_view_find(body, "error");
    type = asg_view_find_text(error, "type");
    message = asg_view_find_text(error, "message");
    out->reason = asg_anthropic_error_reason(status, type);
    if (out->reason == ASG_REASON_UPSTREAM_REJECTED) {
        out->is_too_long = begins(message, too_long);
        if (begins(message, no_credit)) {
            out->reason = ASG_REASON_UPSTREAM_ERROR;
        }
    }
    keep_id(out, asg_view_find_text(body, "request_id"));
}

void asg_anthropic_error_body(asg_buf_t *out,
    const asg_anthropic_error_t *error)
{
    char storage[BODY_TEXT_MAX];
    asg_buf_t extra;

    asg_buf_init(&extra, storage, sizeof(storage));
    if (error->request_id[0] != '\0') {
        asg_buf_z(&extra, ",\"request_id\":");
        asg_buf_json(&extra, asg_str_z(error->request_id));
    }
    asg_reason_body(out, error->reason, ASG_STR_NULL, ASG_STR_NULL,
                    asg_buf_view(&extra));
}
