
/*
 * The Messages API without a translation.
 */

#include "ngx_http_asgard_messages.h"

#include "core/anthropic_headers.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_route.h"


#define NGX_HTTP_ASGARD_MESSAGES_HEADS  64    /* names and ends of the lines */


int64_t
ngx_http_asgard_messages_output(ngx_http_asgard_attempt_t *a)
{
    int64_t               tokens;
    const asg_request_t  *req;

    req = a->ctx->parsed;
    tokens = ngx_http_asgard_policy_output(a->ctx, a->model);

    /* one that was lowered to fit is not the one in the body */

    return (req->api == ASG_API_MESSAGES && a->ctx->call.fitted == 0
            && tokens == req->max_tokens)
           ? 0 : tokens;
}


static asg_str_t
ngx_http_asgard_messages_client(ngx_http_asgard_attempt_t *a, const char *name)
{
    ngx_str_t  *value;

    value = ngx_http_asgard_route_is_messages(a->ctx)
            ? ngx_http_asgard_header(a->ctx->request, name) : NULL;

    return value ? ngx_http_asgard_str(value) : ASG_STR_NULL;
}


static asg_str_t
ngx_http_asgard_messages_version(ngx_http_asgard_attempt_t *a)
{
    asg_str_t  version;

    version = ngx_http_asgard_messages_client(a, "anthropic-version");

    return asg_anthropic_version_is_valid(version)
           ? version : a->endpoint->anthropic_version;
}


/* The client's lines of anthropic-beta are one list. */

static void
ngx_http_asgard_messages_betas(ngx_http_asgard_attempt_t *a, asg_buf_t *out)
{
    unsigned          sent;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static const ngx_str_t  name = ngx_string("anthropic-beta");

    if (!ngx_http_asgard_route_is_messages(a->ctx)) {
        return;
    }

    sent = 0;
    part = &a->ctx->request->headers_in.headers.part;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == name.len
                && ngx_strncasecmp(h[i].key.data, name.data, name.len) == 0)
            {
                asg_anthropic_betas(out, ngx_http_asgard_str(&h[i].value),
                                    a->endpoint->betas, a->endpoint->nbetas,
                                    &sent);
            }
        }
    }
}


size_t
ngx_http_asgard_messages_headers(ngx_http_asgard_attempt_t *a, asg_buf_t *out)
{
    char       text[ASG_ANTHROPIC_BETA_TEXT];
    asg_buf_t  betas;

    if (a->endpoint->anthropic_version.len == 0) {
        return 0;
    }

    asg_buf_init(&betas, text, sizeof(text));
    ngx_http_asgard_messages_betas(a, &betas);

    if (out == NULL) {
        return ngx_http_asgard_messages_version(a).len + betas.len
               + NGX_HTTP_ASGARD_MESSAGES_HEADS;
    }

    asg_buf_z(out, "anthropic-version: ");
    asg_buf_str(out, ngx_http_asgard_messages_version(a));
    asg_buf_z(out, "\r\n");

    if (betas.len) {
        asg_buf_z(out, "anthropic-beta: ");
        asg_buf_str(out, asg_buf_view(&betas));
        asg_buf_z(out, "\r\n");
    }

    return out->len;
}


void
ngx_http_asgard_messages_meter(ngx_http_asgard_attempt_t *a)
{
    if (ngx_http_asgard_route_is_messages(a->ctx)) {
        asg_answer_speaks(&a->answer.core, ASG_WORDS_MESSAGES);
    }
}
