
/*
 * What is tried after an attempt that failed, when, and under which hold.
 *
 * The rule: an attempt that cannot have started work (no byte was sent, or it
 * answered 429 or 5xx) passes its hold on.  After one that may have (sent, and
 * no answer or a broken one) the hold ends by what was seen, and the next
 * attempt is a hold of its own, `<call>.<n>`, for the worst of the candidates
 * that are left; nothing is sent before Redis granted it.  A provider that may
 * be at work for this call is not called again for it, unless its manifest says
 * retry_after_send.  Never after the first byte reached the client, for a
 * client that left, for a call that is cut, or later than
 * asgard_retry_timeout or the client's own patience.
 *
 * A candidate that did no work is tried again as often as its group says,
 * after a time that doubles from a quarter of a second, with jitter, or that
 * Retry-After names; all waits of one call together are bounded.  Then comes
 * the next one.  A prompt that a provider finds too long goes on to the groups
 * that are for such, and to no others.
 */

#ifndef _NGX_HTTP_ASGARD_ADVANCE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ADVANCE_H_INCLUDED_


#include "ngx_http_asgard.h"


#define NGX_HTTP_ASGARD_FURTHER_MAX  9        /* holds after the first */


/* Moves `a`, whose fault is known, to what is tried next; 0: nothing. */
ngx_uint_t ngx_http_asgard_advance(ngx_http_asgard_attempt_t *a);

/* Is there a candidate that only a prompt that is too long comes to, and may
 * the answer that begins say that it is? */
ngx_uint_t ngx_http_asgard_advance_asks_why(ngx_http_asgard_attempt_t *a);

/* NGX_OK: now; NGX_AGAIN: it is too early, the attempt will be woken. */
ngx_int_t ngx_http_asgard_advance_wait(ngx_http_asgard_attempt_t *a);

/* The times of the attempt that begins, or goes on, into a->conf: by one bound
 * until its first byte, from when it was waited for no longer (dated), however
 * many addresses it tries. */
void ngx_http_asgard_advance_times(ngx_http_asgard_attempt_t *a);
/* How long an answer that began may be silent. */
ngx_msec_t ngx_http_asgard_advance_idle(ngx_http_asgard_attempt_t *a);
/* `time`, but no more than the client's patience leaves, and never 0. */
ngx_msec_t ngx_http_asgard_advance_within(ngx_http_asgard_ctx_t *ctx,
    ngx_msec_t time);
/* Was it the client's patience that ended the wait, and no time of ours?  An
 * answer that streams is not bounded by it. */
ngx_uint_t ngx_http_asgard_advance_is_clients(ngx_http_asgard_attempt_t *a);

/* Before anything is sent.  NGX_OK: there is a hold to send under; NGX_AGAIN:
 * Redis is asked, the attempt will be woken; NGX_ERROR: ctx->reason says why
 * there is none. */
ngx_int_t ngx_http_asgard_advance_hold(ngx_http_asgard_attempt_t *a);

/* Has the endpoint an address after the one that could not be reached? */
ngx_uint_t ngx_http_asgard_advance_has_address(ngx_http_asgard_attempt_t *a);

/* May the provider of candidate `i` have begun to work on this call? */
ngx_uint_t ngx_http_asgard_advance_has_begun(ngx_http_asgard_attempt_t *a,
    ngx_uint_t i);


#endif /* _NGX_HTTP_ASGARD_ADVANCE_H_INCLUDED_ */
