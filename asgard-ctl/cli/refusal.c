/*
 * What an answer means: for people on stderr, for programs as exit status.
 *
 * The control API says {"error", "code", "param", "trace_id"}, the data plane
 * {"error": {"message", "code", "param"}}.
 */
#include <string.h>

#include "cli/call.h"
#include "cli/flat.h"

#define TEXT_BYTES 1024

struct refusal {
    char message[TEXT_BYTES];
    char code[128];
    char param[256];
    char trace[128];
};


static void
text_take(asg_str_t body, const char *name, char *to, size_t size)
{
    asg_json_event_t kind;
    asg_str_t raw;
    asg_buf_t out;

    asg_buf_init(&out, to, size - 1);
    if (to[0] == '\0' && cli_flat_find(body, 0, name, &kind, &raw)
        && kind == ASG_JSON_STRING)
    {
        cli_flat_text(kind, raw, &out);
        to[out.len] = '\0';
    }
}


static void
refusal_read(asg_str_t body, struct refusal *r)
{
    memset(r, 0, sizeof(*r));
    text_take(body, "error", r->message, sizeof(r->message));
    text_take(body, "error.message", r->message, sizeof(r->message));
    text_take(body, "code", r->code, sizeof(r->code));
    text_take(body, "error.code", r->code, sizeof(r->code));
    text_take(body, "param", r->param, sizeof(r->param));
    text_take(body, "error.param", r->param, sizeof(r->param));
    text_take(body, "trace_id", r->trace, sizeof(r->trace));
}


enum cli_exit
cli_reply_judge(const struct cli_reply *reply)
{
    struct refusal r;

    if (reply->status >= 200 && reply->status < 300) {
        return CLI_OK;
    }
    refusal_read((asg_str_t) {reply->body, reply->len}, &r);
    cli_say("%ld %s%s%s%s%s%s%s%s", reply->status,
            r.code[0] != '\0' ? r.code : "refused",
            r.message[0] != '\0' ? ": " : "", r.message,
            r.param[0] != '\0' ? " (field " : "", r.param,
            r.param[0] != '\0' ? ")" : "",
            r.trace[0] != '\0' ? ", trace " : "", r.trace);

    return reply->status == 401 ? CLI_AUTH : CLI_REFUSED;
}
