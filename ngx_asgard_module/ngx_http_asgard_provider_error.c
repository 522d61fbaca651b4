
/*
 * The body of a provider's error.
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
