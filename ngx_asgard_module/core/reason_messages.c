/*
 * A refusal in the words of Anthropic's Messages API.
 *
 * Its libraries choose their exception by the status, so the statuses are the
 * same as elsewhere but for the one that they have a number of their own for.
 * The type follows from the status; what it is exactly, the code says.
 */
#include "core/reason.h"

#define STATUS_OVERLOADED 529

static const struct {
    unsigned status;
    const char *type;
} types[] = {
    {401, "authentication_error"}, {403, "permission_error"},
    {404, "not_found_error"}, {413, "request_too_large"},
    {429, "rate_limit_error"}, {504, "timeout_error"},
    {STATUS_OVERLOADED, "overloaded_error"}
};

unsigned asg_reason_messages_status(asg_reason_t reason)
{
    return reason == ASG_REASON_UPSTREAM_OVERLOADED
        ? STATUS_OVERLOADED : asg_reason_info(reason)->status;
}

static const char *type_of(unsigned status)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (types[i].status == status) {
            return types[i].type;
        }
    }
    return status < 500 ? "invalid_request_error" : "api_error";
}

void asg_reason_messages_body(asg_buf_t *out, asg_reason_t reason,
    asg_str_t message, asg_str_t param, asg_str_t extra, asg_str_t trace)
{
    asg_buf_z(out, "{\"type\":\"error\",\"error\":{");
    asg_reason_members(out, asg_reason_info(reason),
                       type_of(asg_reason_messages_status(reason)), message,
                       param);
    asg_buf_str(out, extra);
    asg_buf_z(out, "},\"request_id\":");
    asg_buf_json(out, trace);
    asg_buf_z(out, "}");
}
