/*
 * The one table reason -> status, type, code, text, and the error body.
 *
 * A text says what to do.  It names no backend, no path and no value: those
 * are added by the caller, as `param` or as a message of its own.
 */
#include "core/reason.h"

#define INVALID  "invalid_request_error"
#define AUTHENT  "authentication_error"
#define PERMISS  "permission_error"
#define RATE     "rate_limit_error"
#define SERVER   "server_error"
#define UPSTREAM "upstream_error"

static const asg_reason_info_t reasons[ASG_REASON_COUNT] = {
    [ASG_REASON_NONE] = {200, ASG_RETRY_UNSAID, "ok", "ok", "No error."},

    [ASG_REASON_BAD_REQUEST] = {400, ASG_RETRY_NEVER, INVALID, "bad_request",
        "The request is not well-formed HTTP; send it with a current HTTP "
        "client."},
    [ASG_REASON_NOT_FOUND] = {404, ASG_RETRY_NEVER, INVALID, "not_found",
        "There is nothing at this path; check the base URL and write the path "
        "exactly as documented."},
    [ASG_REASON_METHOD_NOT_ALLOWED] = {405, ASG_RETRY_NEVER, INVALID,
        "method_not_allowed",
        "This path does not take this method; use one that the Allow header "
        "names."},
    [ASG_REASON_REQUEST_TIMEOUT] = {408, ASG_RETRY_UNSAID, INVALID,
        "request_timeout",
        "The request did not arrive in time; send it again without pauses."},
    [ASG_REASON_URI_TOO_LONG] = {414, ASG_RETRY_NEVER, INVALID, "uri_too_long",
        "The URL is too long; put the data into the body."},
    [ASG_REASON_HEADERS_TOO_LARGE] = {400, ASG_RETRY_NEVER, INVALID,
        "headers_too_large",
        "The request headers are too large; send fewer or shorter headers."},
    [ASG_REASON_MISDIRECTED] = {421, ASG_RETRY_NEVER, INVALID,
        "misdirected_request",
        "This server does not answer for this host name; check the base URL."},
    [ASG_REASON_NOT_IMPLEMENTED] = {501, ASG_RETRY_NEVER, INVALID,
        "not_implemented",
        "This transfer encoding is not supported; send Content-Length or "
        "plain chunked."},
    [ASG_REASON_UNEXPECTED_QUERY] = {400, ASG_RETRY_NEVER, INVALID,
        "unexpected_query",
        "This path takes no query string; put parameters into the body and "
        "the key into the Authorization header."},
    [ASG_REASON_UNSUPPORTED_ENCODING] = {415, ASG_RETRY_NEVER, INVALID,
        "unsupported_encoding",
        "Send the body without Content-Encoding."},
    [ASG_REASON_UNSUPPORTED_MEDIA_TYPE] = {415, ASG_RETRY_NEVER, INVALID,
        "unsupported_media_type",
        "Send the body as Content-Type: application/json."},
    [ASG_REASON_EMPTY_BODY] = {400, ASG_RETRY_NEVER, INVALID, "empty_body",
        "The body is empty; send one JSON object."},
    [ASG_REASON_BODY_TOO_LARGE] = {413, ASG_RETRY_NEVER, INVALID,
        "body_too_large",
        "The body is larger than this gateway takes; send a shorter prompt or "
        "fewer files."},
    [ASG_REASON_SUBREQUEST] = {403, ASG_RETRY_NEVER, PERMISS,
        "subrequest_refused",
        "A subrequest or internal redirect cannot make a paid call; call this "
        "location directly."},
    [ASG_REASON_FORBIDDEN] = {403, ASG_RETRY_NEVER, PERMISS, "forbidden",
        "The server does not let you in here; ask its operator for access."},

    [ASG_REASON_MISSING_API_KEY] = {401, ASG_RETRY_NEVER, AUTHENT,
        "missing_api_key",
        "No API key; send your project key as Authorization: Bearer <key>."},
    [ASG_REASON_INVALID_API_KEY] = {401, ASG_RETRY_NEVER, AUTHENT,
        "invalid_api_key",
        "This API key is not valid; check it, or ask the project's owner for "
        "a new one."},
    [ASG_REASON_KEY_EXPIRED] = {401, ASG_RETRY_NEVER, AUTHENT, "key_expired",
        "This API key has expired; ask the project's owner for a new one."},
    [ASG_REASON_KEY_NOT_YET] = {401, ASG_RETRY_NEVER, AUTHENT, "key_not_yet",
        "This API key is not valid yet; use it later, or ask the project's "
        "owner for another one."},
    [ASG_REASON_PROJECT_KILLED] = {403, ASG_RETRY_NEVER, PERMISS,
        "project_killed",
        "This project was stopped; ask its owner or an administrator to "
        "resume it."},
    [ASG_REASON_PROJECT_INACTIVE] = {403, ASG_RETRY_NEVER, PERMISS,
        "project_inactive",
        "This project is not live; ask its owner to register or renew it."},

    [ASG_REASON_INVALID_JSON] = {400, ASG_RETRY_NEVER, INVALID, "invalid_json",
        "The body is not valid JSON; send exactly one JSON object in UTF-8."},
    [ASG_REASON_DUPLICATE_KEY] = {400, ASG_RETRY_NEVER, INVALID,
        "duplicate_key",
        "A key stands twice in one object; send each key once."},
    [ASG_REASON_JSON_LIMIT] = {400, ASG_RETRY_NEVER, INVALID, "json_limit",
        "The JSON is nested too deeply, or has too many or too long keys; "
        "send a simpler document."},
    [ASG_REASON_INVALID_VALUE] = {400, ASG_RETRY_NEVER, INVALID,
        "invalid_value",
        "The value of this field is not accepted; correct its type or range."},
    [ASG_REASON_MISSING_FIELD] = {400, ASG_RETRY_NEVER, INVALID,
        "missing_field",
        "A required field is missing; add it."},
    [ASG_REASON_CONFLICTING_FIELDS] = {400, ASG_RETRY_NEVER, INVALID,
        "conflicting_fields",
        "Two fields say the same thing; send max_tokens or "
        "max_completion_tokens, not both."},
    [ASG_REASON_UNKNOWN_FIELD] = {400, ASG_RETRY_NEVER, INVALID,
        "unknown_field",
        "This field is not allowed here; remove it, or ask an administrator "
        "to allow it for the model."},
    [ASG_REASON_URL_NOT_ALLOWED] = {400, ASG_RETRY_NEVER, INVALID,
        "url_not_allowed",
        "This URL is not allowed; use a public http or https address, or a "
        "data: URL of an image of moderate size."},
    [ASG_REASON_UNBOUND_CONTENT] = {400, ASG_RETRY_NEVER, INVALID,
        "unbound_content",
        "Nobody has said what this part can cost at most with this model, so "
        "no budget can hold it; leave it out, or ask an administrator to set "
        "its bound."},
    [ASG_REASON_UNSUPPORTED_FIELD] = {400, ASG_RETRY_NEVER, INVALID,
        "unsupported_field",
        "This model cannot do what this field asks for; leave it out, or "
        "choose another model."},

    [ASG_REASON_MODEL_NOT_FOUND] = {404, ASG_RETRY_NEVER, INVALID,
        "model_not_found",
        "This model does not exist or this key may not use it; GET /v1/models "
        "lists the models that it may use."},
    [ASG_REASON_API_NOT_SUPPORTED] = {404, ASG_RETRY_NEVER, INVALID,
        "api_not_supported",
        "This model does not serve this API; choose another model or path."},
    [ASG_REASON_POLICY_DENIED] = {403, ASG_RETRY_NEVER, PERMISS,
        "policy_denied",
        "Policy does not let this project send data of this class to this "
        "model; choose a model that is cleared for it."},
    [ASG_REASON_GUARDRAIL_BLOCKED] = {400, ASG_RETRY_NEVER, INVALID,
        "guardrail_blocked",
        "This field has text that must not leave, such as a secret; take it "
        "out, then send the call again."},
    [ASG_REASON_GUARDRAIL_UNAVAILABLE] = {503, ASG_RETRY_LATER, SERVER,
        "guardrail_unavailable",
        "The service that judges texts here gave no judgement, so nothing was "
        "sent or charged; try again shortly."},

    [ASG_REASON_BUDGET_EXCEEDED] = {429, ASG_RETRY_NEVER, "budget_exceeded",
        "budget_exceeded",
        "The budget has no room for this call; ask for a larger budget, wait "
        "for the reset, or lower max_tokens."},
    [ASG_REASON_BUDGET_UNAVAILABLE] = {503, ASG_RETRY_LATER, SERVER,
        "budget_unavailable",
        "The budget cannot be checked right now, so nothing was sent or "
        "charged; try again shortly."},
    [ASG_REASON_PRICE_UNAVAILABLE] = {503, ASG_RETRY_NEVER, SERVER,
        "price_unavailable",
        "There is no price for this model or kind of content; choose another "
        "model, or ask an administrator to set the price."},
    [ASG_REASON_RATE_LIMIT_EXCEEDED] = {429, ASG_RETRY_LATER, RATE,
        "rate_limit_exceeded",
        "Too many requests; slow down and try again after the time in "
        "Retry-After."},

    [ASG_REASON_OVERLOADED] = {503, ASG_RETRY_LATER, SERVER, "overloaded",
        "The gateway is at its capacity; try again shortly."},
    [ASG_REASON_CATALOG_UNAVAILABLE] = {503, ASG_RETRY_LATER, SERVER,
        "catalog_unavailable",
        "The gateway has no current list of models; try again shortly, and "
        "tell an administrator if it stays."},
    [ASG_REASON_CONTROL_UNAVAILABLE] = {503, ASG_RETRY_LATER, SERVER,
        "control_unavailable",
        "The control plane does not answer; calls to models go on without "
        "it, try again shortly."},
    [ASG_REASON_INTERNAL] = {500, ASG_RETRY_UNSAID, SERVER, "internal_error",
        "The gateway failed; try again, and give the trace id to an "
        "administrator if it stays."},

    [ASG_REASON_UPSTREAM_REJECTED] = {400, ASG_RETRY_NEVER, INVALID,
        "upstream_rejected",
        "The model's provider refused this request as invalid; check its "
        "fields against what the model supports."},
    [ASG_REASON_UPSTREAM_RATE_LIMITED] = {429, ASG_RETRY_LATER, RATE,
        "upstream_rate_limited",
        "The model's provider limits its rate right now; try again after the "
        "time in Retry-After."},
    [ASG_REASON_UPSTREAM_OVERLOADED] = {503, ASG_RETRY_LATER, UPSTREAM,
        "upstream_overloaded",
        "The model's provider is overloaded right now; try again shortly, or "
        "another model."},
    [ASG_REASON_UPSTREAM_ERROR] = {502, ASG_RETRY_NEVER, UPSTREAM,
        "upstream_error",
        "The model's provider failed to answer; try another model, or again "
        "later."},
    [ASG_REASON_UPSTREAM_TIMEOUT] = {504, ASG_RETRY_NEVER, UPSTREAM,
        "upstream_timeout",
        "The model's provider did not answer in time; the call may be "
        "charged, so lower max_tokens or stream before you repeat it."},
};

const asg_reason_info_t *asg_reason_info(asg_reason_t reason)
{
    unsigned i = (unsigned) reason;

    return &reasons[i < ASG_REASON_COUNT ? i : ASG_REASON_INTERNAL];
}

void asg_reason_members(asg_buf_t *out, const asg_reason_info_t *info,
    const char *type, asg_str_t message, asg_str_t param)
{
    asg_buf_z(out, "\"message\":");
    asg_buf_json(out, message.data != NULL ? message : asg_str_z(info->text));
    asg_buf_z(out, ",\"type\":");
    asg_buf_json(out, asg_str_z(type));
    asg_buf_z(out, ",\"param\":");
    if (param.data != NULL) {
        asg_buf_json(out, param);
    } else {
        asg_buf_z(out, "null");
    }
    asg_buf_z(out, ",\"code\":");
    asg_buf_json(out, asg_str_z(info->code));
}

void asg_reason_body(asg_buf_t *out, asg_reason_t reason, asg_str_t message,
    asg_str_t param, asg_str_t extra)
{
    const asg_reason_info_t *info = asg_reason_info(reason);

    asg_buf_z(out, "{\"error\":{");
    asg_reason_members(out, info, info->type, message, param);
    asg_buf_str(out, extra);
    asg_buf_z(out, "}}");
}
