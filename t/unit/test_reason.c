/*
 * The table of refusals, and the error body.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/reason.h"

typedef struct {
    asg_reason_t reason;
    unsigned status;
    const char *code;
    const char *type;
    asg_retry_t retry;
} row_t;

#define INVALID  "invalid_request_error"
#define AUTHENT  "authentication_error"
#define PERMISS  "permission_error"
#define RATE     "rate_limit_error"
#define SERVER   "server_error"
#define UPSTREAM "upstream_error"
#define NEVER    ASG_RETRY_NEVER
#define LATER    ASG_RETRY_LATER
#define UNSAID   ASG_RETRY_UNSAID

static const row_t rows[] = {
    {ASG_REASON_BAD_REQUEST, 400, "bad_request", INVALID, NEVER},
    {ASG_REASON_NOT_FOUND, 404, "not_found", INVALID, NEVER},
    {ASG_REASON_METHOD_NOT_ALLOWED, 405, "method_not_allowed", INVALID, NEVER},
    {ASG_REASON_REQUEST_TIMEOUT, 408, "request_timeout", INVALID, UNSAID},
    {ASG_REASON_URI_TOO_LONG, 414, "uri_too_long", INVALID, NEVER},
    {ASG_REASON_HEADERS_TOO_LARGE, 400, "headers_too_large", INVALID, NEVER},
    {ASG_REASON_MISDIRECTED, 421, "misdirected_request", INVALID, NEVER},
    {ASG_REASON_NOT_IMPLEMENTED, 501, "not_implemented", INVALID, NEVER},
    {ASG_REASON_UNEXPECTED_QUERY, 400, "unexpected_query", INVALID, NEVER},
    {ASG_REASON_UNSUPPORTED_ENCODING, 415, "unsupported_encoding", INVALID,
     NEVER},
    {ASG_REASON_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type", INVALID,
     NEVER},
    {ASG_REASON_EMPTY_BODY, 400, "empty_body", INVALID, NEVER},
    {ASG_REASON_BODY_TOO_LARGE, 413, "body_too_large", INVALID, NEVER},
    {ASG_REASON_SUBREQUEST, 403, "subrequest_refused", PERMISS, NEVER},
    {ASG_REASON_FORBIDDEN, 403, "forbidden", PERMISS, NEVER},
    {ASG_REASON_MISSING_API_KEY, 401, "missing_api_key", AUTHENT, NEVER},
    {ASG_REASON_INVALID_API_KEY, 401, "invalid_api_key", AUTHENT, NEVER},
    {ASG_REASON_KEY_EXPIRED, 401, "key_expired", AUTHENT, NEVER},
    {ASG_REASON_KEY_NOT_YET, 401, "key_not_yet", AUTHENT, NEVER},
    {ASG_REASON_PROJECT_KILLED, 403, "project_killed", PERMISS, NEVER},
    {ASG_REASON_PROJECT_INACTIVE, 403, "project_inactive", PERMISS, NEVER},
    {ASG_REASON_INVALID_JSON, 400, "invalid_json", INVALID, NEVER},
    {ASG_REASON_DUPLICATE_KEY, 400, "duplicate_key", INVALID, NEVER},
    {ASG_REASON_JSON_LIMIT, 400, "json_limit", INVALID, NEVER},
    {ASG_REASON_INVALID_VALUE, 400, "invalid_value", INVALID, NEVER},
    {ASG_REASON_MISSING_FIELD, 400, "missing_field", INVALID, NEVER},
    {ASG_REASON_CONFLICTING_FIELDS, 400, "conflicting_fields", INVALID, NEVER},
    {ASG_REASON_UNKNOWN_FIELD, 400, "unknown_field", INVALID, NEVER},
    {ASG_REASON_URL_NOT_ALLOWED, 400, "url_not_allowed", INVALID, NEVER},
    {ASG_REASON_UNBOUND_CONTENT, 400, "unbound_content", INVALID, NEVER},
    {ASG_REASON_UNSUPPORTED_FIELD, 400, "unsupported_field", INVALID, NEVER},
    {ASG_REASON_MODEL_NOT_FOUND, 404, "model_not_found", INVALID, NEVER},
    {ASG_REASON_API_NOT_SUPPORTED, 404, "api_not_supported", INVALID, NEVER},
    {ASG_REASON_POLICY_DENIED, 403, "policy_denied", PERMISS, NEVER},
    {ASG_REASON_GUARDRAIL_BLOCKED, 400, "guardrail_blocked", INVALID, NEVER},
    {ASG_REASON_GUARDRAIL_UNAVAILABLE, 503, "guardrail_unavailable", SERVER,
     LATER},
    {ASG_REASON_BUDGET_EXCEEDED, 429, "budget_exceeded", "budget_exceeded",
     NEVER},
    {ASG_REASON_BUDGET_UNAVAILABLE, 503, "budget_unavailable", SERVER, LATER},
    {ASG_REASON_PRICE_UNAVAILABLE, 503, "price_unavailable", SERVER, NEVER},
    {ASG_REASON_RATE_LIMIT_EXCEEDED, 429, "rate_limit_exceeded", RATE, LATER},
    {ASG_REASON_OVERLOADED, 503, "overloaded", SERVER, LATER},
    {ASG_REASON_CATALOG_UNAVAILABLE, 503, "catalog_unavailable", SERVER,
     LATER},
    {ASG_REASON_CONTROL_UNAVAILABLE, 503, "control_unavailable", SERVER,
     LATER},
    {ASG_REASON_INTERNAL, 500, "internal_error", SERVER, UNSAID},
    {ASG_REASON_UPSTREAM_REJECTED, 400, "upstream_rejected", INVALID, NEVER},
    {ASG_REASON_UPSTREAM_RATE_LIMITED, 429, "upstream_rate_limited", RATE,
     LATER},
    {ASG_REASON_UPSTREAM_OVERLOADED, 503, "upstream_overloaded", UPSTREAM,
     LATER},
    {ASG_REASON_UPSTREAM_ERROR, 502, "upstream_error", UPSTREAM, NEVER},
    {ASG_REASON_UPSTREAM_TIMEOUT, 504, "upstream_timeout", UPSTREAM, NEVER},
};

static void each_reason_has_its_status_code_type_and_retry_rule(void **state)
{
    (void) state;
    assert_int_equal(sizeof(rows) / sizeof(*rows), ASG_REASON_COUNT - 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const asg_reason_info_t *info = asg_reason_info(rows[i].reason);

        assert_int_equal(rows[i].reason, i + 1);
        assert_int_equal(info->status, rows[i].status);
        assert_string_equal(info->code, rows[i].code);
        assert_string_equal(info->type, rows[i].type);
        assert_int_equal(info->retry, rows[i].retry);
    }
}

static void codes_are_unique_and_texts_are_one_sentence(void **state)
{
    (void) state;
    for (int i = 1; i < ASG_REASON_COUNT; i++) {
        const asg_reason_info_t *a = asg_reason_info((asg_reason_t) i);
        size_t len = strlen(a->text);

        assert_true(len > 20 && len < 200);
        assert_true(isupper((unsigned char) a->text[0]));
        assert_int_equal(a->text[len - 1], '.');
        assert_null(strstr(a->text, "  "));
        for (int k = 1; k < i; k++) {
            const asg_reason_info_t *b = asg_reason_info((asg_reason_t) k);

            assert_string_not_equal(a->code, b->code);
            assert_string_not_equal(a->text, b->text);
        }
    }
}

static void a_number_out_of_range_is_an_internal_error(void **state)
{
    (void) state;
    assert_string_equal(asg_reason_info(ASG_REASON_COUNT)->code,
                        "internal_error");
    assert_string_equal(asg_reason_info((asg_reason_t) -1)->code,
                        "internal_error");
}

static char storage[1024];

static const char *body(asg_reason_t reason, asg_str_t message,
    asg_str_t param, asg_str_t extra)
{
    asg_buf_t b;

    asg_buf_init(&b, storage, sizeof(storage) - 1);
    asg_reason_body(&b, reason, message, param, extra);
    assert_true(asg_buf_ok(&b));
    storage[b.len] = '\0';
    return storage;
}

static void the_body_has_the_shape_of_openai(void **state)
{
    (void) state;
    assert_string_equal(
        body(ASG_REASON_UNKNOWN_FIELD, ASG_STR("no \"x\"\n"),
             ASG_STR("a[0].b"), ASG_STR_NULL),
        "{\"error\":{\"message\":\"no \\\"x\\\"\\n\","
        "\"type\":\"invalid_request_error\",\"param\":\"a[0].b\","
        "\"code\":\"unknown_field\"}}");
}

static void a_null_message_is_the_text_of_the_table(void **state)
{
    (void) state;
    assert_string_equal(
        body(ASG_REASON_EMPTY_BODY, ASG_STR_NULL, ASG_STR_NULL, ASG_STR_NULL),
        "{\"error\":{\"message\":\"The body is empty; send one JSON "
        "object.\",\"type\":\"invalid_request_error\",\"param\":null,"
        "\"code\":\"empty_body\"}}");
}

static void extra_members_follow_the_code(void **state)
{
    (void) state;
    assert_non_null(strstr(
        body(ASG_REASON_BUDGET_EXCEEDED, ASG_STR_NULL, ASG_STR_NULL,
             ASG_STR(",\"scope\":\"project\",\"limit_usd\":1.5")),
        "\"code\":\"budget_exceeded\",\"scope\":\"project\","
        "\"limit_usd\":1.5}}"));
}

static void every_body_is_one_json_document(void **state)
{
    static asg_json_t json;

    (void) state;
    for (int i = 1; i < ASG_REASON_COUNT; i++) {
        asg_json_event_t event;

        asg_json_begin(&json,
                       asg_str_z(body((asg_reason_t) i, ASG_STR_NULL,
                                      ASG_STR("\x01\xff"), ASG_STR_NULL)), 1);
        do {
            event = asg_json_next(&json);
        } while (event != ASG_JSON_ERROR && event != ASG_JSON_END);
        assert_int_equal(event, ASG_JSON_END);
    }
}

static void the_words_of_the_messages_api_follow_from_the_status(void **state)
{
    static const struct {
        asg_reason_t reason;
        unsigned status;
        const char *type;
    } wanted[] = {
        {ASG_REASON_INVALID_VALUE, 400, "invalid_request_error"},
        {ASG_REASON_INVALID_API_KEY, 401, "authentication_error"},
        {ASG_REASON_PROJECT_KILLED, 403, "permission_error"},
        {ASG_REASON_MODEL_NOT_FOUND, 404, "not_found_error"},
        {ASG_REASON_METHOD_NOT_ALLOWED, 405, "invalid_request_error"},
        {ASG_REASON_BODY_TOO_LARGE, 413, "request_too_large"},
        {ASG_REASON_BUDGET_EXCEEDED, 429, "rate_limit_error"},
        {ASG_REASON_INTERNAL, 500, "api_error"},
        {ASG_REASON_UPSTREAM_ERROR, 502, "api_error"},
        {ASG_REASON_BUDGET_UNAVAILABLE, 503, "api_error"},
        {ASG_REASON_UPSTREAM_TIMEOUT, 504, "timeout_error"},
        {ASG_REASON_UPSTREAM_OVERLOADED, 529, "overloaded_error"},
    };

    (void) state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        char text[1024], type[64];
        asg_buf_t out;

        asg_buf_init(&out, text, sizeof(text) - 1);
        asg_reason_messages_body(&out, wanted[i].reason, ASG_STR_NULL,
                                 ASG_STR("x"), ASG_STR_NULL, ASG_STR("tr_1"));
        text[out.len] = '\0';
        snprintf(type, sizeof(type), "\"type\":\"%s\",\"param\":\"x\"",
                 wanted[i].type);
        assert_int_equal(asg_reason_messages_status(wanted[i].reason),
                         wanted[i].status);
        assert_memory_equal(text, "{\"type\":\"error\",\"error\":{", 25);
        assert_non_null(strstr(text, type));
        assert_non_null(strstr(text, "},\"request_id\":\"tr_1\"}"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_its_status_code_type_and_retry_rule),
        cmocka_unit_test(codes_are_unique_and_texts_are_one_sentence),
        cmocka_unit_test(a_number_out_of_range_is_an_internal_error),
        cmocka_unit_test(the_body_has_the_shape_of_openai),
        cmocka_unit_test(a_null_message_is_the_text_of_the_table),
        cmocka_unit_test(extra_members_follow_the_code),
        cmocka_unit_test(every_body_is_one_json_document),
        cmocka_unit_test(the_words_of_the_messages_api_follow_from_the_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
