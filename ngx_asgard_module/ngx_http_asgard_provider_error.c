
/*
 * The body of a provider's error, and the error that is a stream's first event:
 * as nothing was sent to the client yet, it is an answer of its status.
 *
 * Three ask for it: a candidate for long prompts that may come next, the kind
 * anthropic, whose errors say more than their status, and whoever would be told
 * more than that the provider failed: not if it sends our key back.
 */

#include "ngx_http_asgard_provider_error.h"

#include "core/too_long.h"
#include "ngx_http_asgard_advance.h"
#include "ngx_http_asgard_anthropic.h"
#include "ngx_http_asgard_outcome.h"


/* ms between two bytes: who refuses and then says nothing holds nobody up */
#define NGX_HTTP_ASGARD_REFUSED_IDLE  2000
#define NGX_HTTP_ASGARD_REFUSED_FIRST  4096   /* bytes; a longer event of a
                                               * stream is no error */


static ngx_uint_t
ngx_http_asgard_refused_tells(ngx_http_asgard_attempt_t *a)
{
    return a->endpoint->kind == ASG_KIND_ANTHROPIC
           && a->response.type == NGX_HTTP_ASGARD_TYPE_JSON;
}


static ngx_uint_t
ngx_http_asgard_refused_may_leak(ngx_http_asgard_attempt_t *a)
{
    const asg_leak_t  *leak;

    leak = ngx_http_asgard_candidate_leak(a);

    return leak && asg_leak_is_set(leak)
           && ngx_http_asgard_outcome_words(a) != ASG_REASON_UPSTREAM_ERROR;
}


ngx_uint_t
ngx_http_asgard_refused(ngx_http_asgard_attempt_t *a)
{
    if (ngx_http_asgard_refused_tells(a)
        || ngx_http_asgard_refused_may_leak(a))
    {
        a->conf.read_timeout = ngx_min(a->conf.read_timeout,
                                       NGX_HTTP_ASGARD_REFUSED_IDLE);
        a->refused = 1;

    } else if (ngx_http_asgard_advance_asks_why(a)) {
        a->refused = 1;
    }

    return a->refused;
}


static void
ngx_http_asgard_refused_look(ngx_http_asgard_attempt_t *a, asg_str_t body)
{
    const asg_leak_t  *leak;

    leak = ngx_http_asgard_candidate_leak(a);

    if (leak && asg_leak_finds(leak, body)) {
        a->leaked = 1;
        ngx_http_asgard_outcome_leaked(a);
    }
}


ngx_int_t
ngx_http_asgard_refused_read(ngx_http_asgard_attempt_t *a)
{
    ngx_int_t  rc;
    asg_str_t  body;

    rc = ngx_http_asgard_answer_hold(a);

    if (rc == NGX_AGAIN && a->answer.len < ASG_TOO_LONG_BYTES) {
        return NGX_AGAIN;
    }

    body.data = (const char *) a->answer.body;
    body.len = a->response.coded ? 0 : a->answer.len;

    if (body.len && ngx_http_asgard_advance_asks_why(a)) {
        a->too_long = asg_too_long_says(body);
    }

    if (body.len && ngx_http_asgard_refused_tells(a)) {
        ngx_http_asgard_anthropic_refusal(a, body);
    }

    ngx_http_asgard_refused_look(a, body);

    ngx_http_asgard_answer_reset(&a->answer);

    return NGX_OK;
}


/* The beginning of a stream, with the framing taken off. */
typedef struct {
    u_char  data[NGX_HTTP_ASGARD_REFUSED_FIRST];
    size_t  len;
} ngx_http_asgard_refused_first_t;


static ngx_int_t
ngx_http_asgard_refused_gather(void *data, u_char *bytes, size_t len)
{
    ngx_http_asgard_refused_first_t *first = data;

    if (len > sizeof(first->data) - first->len) {
        return NGX_ABORT;
    }

    ngx_memcpy(first->data + first->len, bytes, len);
    first->len += len;

    return NGX_OK;
}


/* What stands in the buffer stays there: it is only looked at. */

static asg_first_t
ngx_http_asgard_refused_begins(ngx_http_asgard_attempt_t *a,
    ngx_http_asgard_refused_first_t *first, asg_str_t *said)
{
    unsigned                    status;
    ngx_buf_t                   b;
    ngx_int_t                   rc;
    asg_str_t                   bytes;
    asg_first_t                 begins;
    ngx_http_request_t         *r;
    ngx_http_asgard_response_t  resp;

    r = a->ctx->request;
    b = r->upstream->buffer;
    resp = a->response;
    first->len = 0;
    status = 0;

    rc = ngx_http_asgard_response_body(r, &b, &resp,
                                       ngx_http_asgard_refused_gather, first);

    bytes.data = (const char *) first->data;
    bytes.len = first->len;

    begins = ASG_FIRST_MORE;            /* of a chunk there may be its size */

    if (bytes.len) {
        begins = asg_answer_first(a->endpoint->kind == ASG_KIND_ANTHROPIC
                                  ? ASG_WORDS_MESSAGES : ASG_WORDS_OPENAI,
                                  bytes, &status, said);
    }

    if (begins == ASG_FIRST_ERROR) {
        a->status = status;

    } else if (begins == ASG_FIRST_MORE
               && (rc != NGX_OK || b.last == b.end
                   || (!resp.chunked && resp.length == -1)))
    {
        /* no more of it is to come, or to be held; where the connection's end
         * is the stream's, the core would take it for a break */
        return ASG_FIRST_ANSWER;
    }

    return begins;
}


ngx_int_t
ngx_http_asgard_refused_stream(ngx_http_asgard_attempt_t *a)
{
    asg_str_t                        said;
    ngx_http_asgard_refused_first_t  first;

    switch (ngx_http_asgard_refused_begins(a, &first, &said)) {

    case ASG_FIRST_MORE:
        return NGX_AGAIN;

    case ASG_FIRST_ANSWER:
        return NGX_OK;

    default:
        break;
    }

    a->accepted = 0;

    if (ngx_http_asgard_advance_asks_why(a)) {
        a->too_long = asg_too_long_says(said);
    }

    if (a->endpoint->kind == ASG_KIND_ANTHROPIC) {
        ngx_http_asgard_anthropic_refusal(a, said);
    }

    ngx_http_asgard_refused_look(a, said);

    return NGX_DECLINED;
}
