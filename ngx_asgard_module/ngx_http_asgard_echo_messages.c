
/*
 * What the echo says as a message.
 */

#include "ngx_http_asgard_echo_messages.h"


static void ngx_http_asgard_echo_message_open(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);
static void ngx_http_asgard_echo_message_usage(
    ngx_http_asgard_echo_answer_t *a, asg_buf_t *out, ngx_uint_t begins);


void
ngx_http_asgard_echo_message_whole(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out)
{
    if (a->api == ASG_API_COUNT_TOKENS) {
        asg_buf_z(out, "{\"input_tokens\":");
        asg_buf_i64(out, a->prompt_tokens);
        asg_buf_z(out, "}");
        return;
    }

    ngx_http_asgard_echo_message_open(a, out);
    asg_buf_z(out, ",\"content\":[{\"type\":\"text\",\"text\":\"");
    asg_buf_str(out, a->text);
    asg_buf_z(out, a->limited ? "\"}],\"stop_reason\":\"max_tokens\""
                              : "\"}],\"stop_reason\":\"end_turn\"");
    asg_buf_z(out, ",\"stop_sequence\":null");
    ngx_http_asgard_echo_message_usage(a, out, 0);
    asg_buf_z(out, "}");
}


/* `{"id":…,"type":"message",…,"model":…`, to be gone on with. */

static void
ngx_http_asgard_echo_message_open(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out)
{
    asg_buf_z(out, "{\"id\":\"");
    asg_buf_z(out, (const char *) a->id);
    asg_buf_z(out, "\",\"type\":\"message\",\"role\":\"assistant\","
                   "\"model\":\"");
    asg_buf_str(out, a->model);
    asg_buf_z(out, "\"");
}


/* A message that begins has a token of output at most. */

static void
ngx_http_asgard_echo_message_usage(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out, ngx_uint_t begins)
{
    int64_t  prompt, completion;

    if (!ngx_http_asgard_echo_tokens(a, &prompt, &completion)) {
        return;
    }

    asg_buf_z(out, ",\"usage\":{\"input_tokens\":");
    asg_buf_i64(out, prompt);
    asg_buf_z(out, ",\"output_tokens\":");
    asg_buf_i64(out, begins ? ngx_min(completion, 1) : completion);
    asg_buf_z(out, "}");
}


static void
ngx_http_asgard_echo_message_begin(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out)
{
    asg_buf_z(out, "event: message_start\n"
                   "data: {\"type\":\"message_start\",\"message\":");
    ngx_http_asgard_echo_message_open(a, out);
    asg_buf_z(out, ",\"content\":[],\"stop_reason\":null,"
                   "\"stop_sequence\":null");
    ngx_http_asgard_echo_message_usage(a, out, 1);
    asg_buf_z(out, "}}\n\nevent: content_block_start\n"
                   "data: {\"type\":\"content_block_start\",\"index\":0,"
                   "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"
                   "\n\n");
}


static void
ngx_http_asgard_echo_message_end(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out)
{
    asg_buf_z(out, "event: content_block_stop\n"
                   "data: {\"type\":\"content_block_stop\",\"index\":0}"
                   "\n\nevent: message_delta\n"
                   "data: {\"type\":\"message_delta\",\"delta\":{"
                   "\"stop_reason\":");
    asg_buf_z(out, a->limited ? "\"max_tokens\"" : "\"end_turn\"");
    asg_buf_z(out, ",\"stop_sequence\":null}");
    ngx_http_asgard_echo_message_usage(a, out, 0);
    asg_buf_z(out, "}\n\nevent: message_stop\n"
                   "data: {\"type\":\"message_stop\"}\n\n");
}


void
ngx_http_asgard_echo_message_events(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out, asg_str_t text, ngx_uint_t last)
{
    if (a->chunk == 0) {
        ngx_http_asgard_echo_message_begin(a, out);
    }

    if (last) {
        ngx_http_asgard_echo_message_end(a, out);
        return;
    }

    asg_buf_z(out, "event: content_block_delta\n"
                   "data: {\"type\":\"content_block_delta\",\"index\":0,"
                   "\"delta\":{\"type\":\"text_delta\",\"text\":\"");
    asg_buf_str(out, text);
    asg_buf_z(out, "\"}}\n\n");
}
