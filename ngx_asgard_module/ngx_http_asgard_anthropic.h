
/*
 * Models that are called by Anthropic's Messages API: the request translated
 * before it leaves, the answer before it is metered.
 *
 * The translation itself is core/anthropic_*.c; here is the memory for it.
 * That of a whole body counts against the same cap as the bodies themselves,
 * a request's also in the share of its project.
 * The meter sees OpenAI's shape, as from any other provider.
 */

#ifndef _NGX_HTTP_ASGARD_ANTHROPIC_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ANTHROPIC_H_INCLUDED_


#include "ngx_http_asgard.h"
#include "ngx_http_asgard_candidate.h"


/* Does the request go to this model in other words than it came in? */
ngx_uint_t ngx_http_asgard_anthropic_speaks(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model);

/* Is the attempt's request of another API than its provider's? */
ngx_uint_t ngx_http_asgard_translates(ngx_http_asgard_attempt_t *a);

/* Can the request be translated for this model?  Always, if the model has
 * another kind.  0: why, in `why` if it is not NULL. */
ngx_uint_t ngx_http_asgard_anthropic_takes(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, asg_refusal_t *why);

/* The body of this attempt as the one piece of the splice. */
ngx_int_t ngx_http_asgard_anthropic_body(ngx_http_asgard_attempt_t *a,
    asg_splice_t *splice);

/* Nobody needs that body any more; another attempt would write it anew. */
void ngx_http_asgard_anthropic_drop(ngx_http_asgard_attempt_t *a);

/* The answer that is held becomes a chat.completion with the name that is to be
 * shown.  NGX_DECLINED: it is no message; it stays as it is. */
ngx_int_t ngx_http_asgard_anthropic_answer(ngx_http_asgard_attempt_t *a,
    asg_str_t shown);

/* What the body of an error says: a->said, and a request id that no header
 * had. */
void ngx_http_asgard_anthropic_refusal(ngx_http_asgard_attempt_t *a,
    asg_str_t body);

/* Before the first byte of a stream; then each, for the meter's eyes. */
ngx_int_t ngx_http_asgard_anthropic_stream_start(ngx_http_asgard_attempt_t *a,
    asg_str_t shown);
int ngx_http_asgard_anthropic_stream_feed(ngx_http_asgard_attempt_t *a,
    const char *bytes, size_t len, asg_emit_pt meter);


#endif /* _NGX_HTTP_ASGARD_ANTHROPIC_H_INCLUDED_ */
