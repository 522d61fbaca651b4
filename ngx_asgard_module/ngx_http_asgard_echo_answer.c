
/*
 * What the echo backend answers, as the bytes of an HTTP connection.
 */

#include "ngx_http_asgard_echo_answer.h"

#include "ngx_http_asgard_echo_messages.h"


#define NGX_HTTP_ASGARD_ECHO_CHUNKS   4       /* of a stream, when not said */
#define NGX_HTTP_ASGARD_ECHO_BESIDE   1024    /* bytes around a text */
#define NGX_HTTP_ASGARD_ECHO_VECTOR   8       /* numbers of an embedding */
#define NGX_HTTP_ASGARD_ECHO_INPUT    96      /* bytes of one, at most */


static ngx_int_t ngx_http_asgard_echo_json(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);
static void ngx_http_asgard_echo_failure(asg_buf_t *out);
static void ngx_http_asgard_echo_completion(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);
static void ngx_http_asgard_echo_embeddings(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);
static void ngx_http_asgard_echo_usage(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);
static ngx_int_t ngx_http_asgard_echo_stream(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);
static void ngx_http_asgard_echo_event(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out, asg_str_t text, ngx_uint_t last);
static void ngx_http_asgard_echo_delta(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out, asg_str_t text, ngx_uint_t last);
static void ngx_http_asgard_echo_open(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out, const char *object);
static asg_str_t ngx_http_asgard_echo_slice(ngx_http_asgard_echo_answer_t *a);


ngx_int_t
ngx_http_asgard_echo_answer_next(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out)
{
    if (a->started) {
        return ngx_http_asgard_echo_stream(a, out);
    }

    a->started = 1;

    if (!a->stream || a->options.status != NGX_HTTP_OK) {
        return ngx_http_asgard_echo_json(a, out);
    }

    a->chunks = a->options.chunks ? a->options.chunks
                                  : NGX_HTTP_ASGARD_ECHO_CHUNKS;
    a->chunks = ngx_min(a->chunks, a->units);

    asg_buf_z(out, "HTTP/1.1 200 OK\r\n"
                   "Content-Type: text/event-stream\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n");

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_echo_json(ngx_http_asgard_echo_answer_t *a, asg_buf_t *out)
{
    u_char     *p;
    size_t      size;
    asg_buf_t   body;

    size = a->choices * (a->text.len + NGX_HTTP_ASGARD_ECHO_CHOICE)
           + a->model.len + NGX_HTTP_ASGARD_ECHO_BESIDE
           + a->inputs * NGX_HTTP_ASGARD_ECHO_INPUT;

    p = ngx_pnalloc(a->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    asg_buf_init(&body, (char *) p, size);

    if (a->options.status != NGX_HTTP_OK) {
        ngx_http_asgard_echo_failure(&body);

    } else if (a->api == ASG_API_EMBEDDINGS) {
        ngx_http_asgard_echo_embeddings(a, &body);

    } else if (asg_api_is_messages(a->api)) {
        ngx_http_asgard_echo_message_whole(a, &body);

    } else {
        ngx_http_asgard_echo_completion(a, &body);
    }

    asg_buf_z(out, "HTTP/1.1 ");
    asg_buf_u64(out, a->options.status);
    asg_buf_z(out, " Echo\r\nContent-Type: application/json\r\n");

    if (a->options.status == NGX_HTTP_TOO_MANY_REQUESTS) {
        asg_buf_z(out, "Retry-After: 1\r\n");
    }

    asg_buf_z(out, "Content-Length: ");
    asg_buf_u64(out, body.len);
    asg_buf_z(out, "\r\n\r\n");

    if (a->options.cut >= 0 && (size_t) a->options.cut < body.len) {
        asg_buf_put(out, body.data, a->options.cut);
        return NGX_ABORT;
    }

    asg_buf_str(out, asg_buf_view(&body));

    return NGX_DONE;
}


static void
ngx_http_asgard_echo_failure(asg_buf_t *out)
{
    asg_buf_z(out, "{\"error\":{\"message\":\"echo was told to fail\","
                   "\"type\":\"echo_error\",\"param\":null,"
                   "\"code\":\"echo_status\"}}");
}


/* `{"id":…,"object":…,"created":…,"model":…`, to be gone on with. */

static void
ngx_http_asgard_echo_open(ngx_http_asgard_echo_answer_t *a, asg_buf_t *out,
    const char *object)
{
    asg_buf_z(out, "{\"id\":\"");
    asg_buf_z(out, (const char *) a->id);
    asg_buf_z(out, "\",\"object\":\"");
    asg_buf_z(out, object);
    asg_buf_z(out, "\",\"created\":");
    asg_buf_i64(out, ngx_time());
    asg_buf_z(out, ",\"model\":\"");
    asg_buf_str(out, a->model);
    asg_buf_z(out, "\"");
}


static void
ngx_http_asgard_echo_completion(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out)
{
    ngx_uint_t  i, chat;

    chat = (a->api != ASG_API_COMPLETIONS);

    ngx_http_asgard_echo_open(a, out, chat ? "chat.completion"
                                           : "text_completion");
    asg_buf_z(out, ",\"choices\":[");

    for (i = 0; i < a->choices; i++) {
        asg_buf_z(out, i ? ",{\"index\":" : "{\"index\":");
        asg_buf_u64(out, i);
        asg_buf_z(out, chat ? ",\"message\":{\"role\":\"assistant\","
                              "\"content\":\""
                            : ",\"text\":\"");
        asg_buf_str(out, a->text);
        asg_buf_z(out, chat ? "\",\"refusal\":null}" : "\"");
        asg_buf_z(out, ",\"logprobs\":null,\"finish_reason\":");
        asg_buf_z(out, a->limited ? "\"length\"}" : "\"stop\"}");
    }

    asg_buf_z(out, "]");
    ngx_http_asgard_echo_usage(a, out);
    asg_buf_z(out, "}");
}


static void
ngx_http_asgard_echo_embeddings(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out)
{
    u_char      encoded[ngx_base64_encoded_length(
                            NGX_HTTP_ASGARD_ECHO_VECTOR * 4)];
    ngx_str_t   src, dst;
    ngx_uint_t  i, n;
    u_char      vector[NGX_HTTP_ASGARD_ECHO_VECTOR * 4];

    /* 0.125 as a little-endian float of 32 bits */

    ngx_memzero(vector, sizeof(vector));

    for (i = 0; i < NGX_HTTP_ASGARD_ECHO_VECTOR; i++) {
        vector[i * 4 + 3] = 0x3e;
    }

    src.data = vector;
    src.len = sizeof(vector);
    dst.data = encoded;
    ngx_encode_base64(&dst, &src);

    asg_buf_z(out, "{\"object\":\"list\",\"data\":[");

    for (n = 0; n < a->inputs; n++) {
        asg_buf_z(out, n ? ",{\"object\":\"embedding\",\"index\":"
                         : "{\"object\":\"embedding\",\"index\":");
        asg_buf_u64(out, n);
        asg_buf_z(out, ",\"embedding\":");

        if (a->base64) {
            asg_buf_z(out, "\"");
            asg_buf_put(out, dst.data, dst.len);
            asg_buf_z(out, "\"}");
            continue;
        }

        for (i = 0; i < NGX_HTTP_ASGARD_ECHO_VECTOR; i++) {
            asg_buf_z(out, i ? ",0.125" : "[0.125");
        }

        asg_buf_z(out, "]}");
    }

    asg_buf_z(out, "],\"model\":\"");
    asg_buf_str(out, a->model);
    asg_buf_z(out, "\"");
    ngx_http_asgard_echo_usage(a, out);
    asg_buf_z(out, "}");
}


ngx_uint_t
ngx_http_asgard_echo_tokens(ngx_http_asgard_echo_answer_t *a, int64_t *prompt,
    int64_t *completion)
{
    *prompt = a->prompt_tokens;
    *completion = a->completion_tokens;

    switch (a->options.usage) {

    case NGX_HTTP_ASGARD_ECHO_USAGE_NONE:
        return 0;

    case NGX_HTTP_ASGARD_ECHO_USAGE_BAD:
        *prompt = -1;
        break;

    case NGX_HTTP_ASGARD_ECHO_USAGE_ZERO:
        *prompt = 0;
        *completion = 0;
        break;

    default:
        break;
    }

    return 1;
}


static void
ngx_http_asgard_echo_usage(ngx_http_asgard_echo_answer_t *a, asg_buf_t *out)
{
    int64_t  prompt, completion;

    if (!ngx_http_asgard_echo_tokens(a, &prompt, &completion)) {
        return;
    }

    asg_buf_z(out, ",\"usage\":{\"prompt_tokens\":");
    asg_buf_i64(out, prompt);

    if (a->api != ASG_API_EMBEDDINGS) {
        asg_buf_z(out, ",\"completion_tokens\":");
        asg_buf_i64(out, completion);

    } else {
        completion = 0;
    }

    asg_buf_z(out, ",\"total_tokens\":");
    asg_buf_i64(out, prompt + completion);
    asg_buf_z(out, "}");
}


/* One event as one chunk of the transfer coding. */

static ngx_int_t
ngx_http_asgard_echo_stream(ngx_http_asgard_echo_answer_t *a, asg_buf_t *out)
{
    asg_str_t  slice;

    if (a->options.cut >= 0 && a->chunk == (ngx_uint_t) a->options.cut) {
        return NGX_ABORT;
    }

    if (a->chunk < a->chunks) {
        slice = ngx_http_asgard_echo_slice(a);
        ngx_http_asgard_echo_event(a, out, slice, 0);
        a->chunk++;
        return NGX_OK;
    }

    ngx_http_asgard_echo_event(a, out, ASG_STR_NULL, 1);

    return NGX_DONE;
}


static asg_str_t
ngx_http_asgard_echo_slice(ngx_http_asgard_echo_answer_t *a)
{
    size_t     len, n;
    asg_str_t  slice, rest;

    /* chunk i of n gets the characters from units * i / n on */

    n = a->units * (a->chunk + 1) / a->chunks
        - a->units * a->chunk / a->chunks;

    slice.data = a->text.data + a->at;
    slice.len = 0;

    while (n--) {
        rest.data = a->text.data + a->at;
        rest.len = a->text.len - a->at;
        len = ngx_http_asgard_echo_unit(rest);
        slice.len += len;
        a->at += len;
    }

    return slice;
}


/* One choice of an event, after its index. */

static void
ngx_http_asgard_echo_delta(ngx_http_asgard_echo_answer_t *a, asg_buf_t *out,
    asg_str_t text, ngx_uint_t last)
{
    ngx_uint_t  chat;

    chat = (a->api == ASG_API_CHAT);

    if (chat) {
        asg_buf_z(out, ",\"delta\":{");
        asg_buf_z(out, a->chunk ? "" : "\"role\":\"assistant\",");
        asg_buf_z(out, last ? "" : "\"content\":\"");

    } else {
        asg_buf_z(out, ",\"text\":\"");
    }

    asg_buf_str(out, text);
    asg_buf_z(out, (chat && last) ? "" : "\"");
    asg_buf_z(out, chat ? "},\"logprobs\":null,\"finish_reason\":"
                        : ",\"logprobs\":null,\"finish_reason\":");
    asg_buf_z(out, !last ? "null}" : a->limited ? "\"length\"}"
                                                : "\"stop\"}");
}


/* One event, and what follows the last. */

static void
ngx_http_asgard_echo_chunk(ngx_http_asgard_echo_answer_t *a, asg_buf_t *out,
    asg_str_t text, ngx_uint_t last)
{
    ngx_uint_t   i;
    const char  *object;

    object = (a->api == ASG_API_CHAT) ? "chat.completion.chunk"
                                      : "text_completion";

    asg_buf_z(out, "data: ");
    ngx_http_asgard_echo_open(a, out, object);
    asg_buf_z(out, ",\"choices\":[");

    for (i = 0; i < a->choices; i++) {
        asg_buf_z(out, i ? ",{\"index\":" : "{\"index\":");
        asg_buf_u64(out, i);
        ngx_http_asgard_echo_delta(a, out, text, last);
    }

    asg_buf_z(out, "]}\n\n");

    if (last) {

        if (a->include_usage
            && a->options.usage != NGX_HTTP_ASGARD_ECHO_USAGE_NONE)
        {
            asg_buf_z(out, "data: ");
            ngx_http_asgard_echo_open(a, out, object);
            asg_buf_z(out, ",\"choices\":[]");
            ngx_http_asgard_echo_usage(a, out);
            asg_buf_z(out, "}\n\n");
        }

        asg_buf_z(out, "data: [DONE]\n\n");
    }
}


static void
ngx_http_asgard_echo_event(ngx_http_asgard_echo_answer_t *a, asg_buf_t *out,
    asg_str_t text, ngx_uint_t last)
{
    size_t  start, body;
    u_char  size[sizeof("00000000")];

    start = out->len;
    asg_buf_z(out, "00000000\r\n");
    body = out->len;

    if (asg_api_is_messages(a->api)) {
        ngx_http_asgard_echo_message_events(a, out, text, last);

    } else {
        ngx_http_asgard_echo_chunk(a, out, text, last);
    }

    if (asg_buf_ok(out)) {
        (void) ngx_snprintf(size, sizeof(size), "%08xz%Z", out->len - body);
        ngx_memcpy(out->data + start, size, sizeof(size) - 1);
    }

    asg_buf_z(out, last ? "\r\n0\r\n\r\n" : "\r\n");
}
