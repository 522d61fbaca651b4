
/*
 * Guardrails over the answer of an attempt, between the meter and the client.
 *
 * What was used is metered before, so it does not depend on what is done here.
 * Where answers are only flagged, nothing waits; else core/guard_answer.h says
 * how much is held back.  An answer that is refused has been paid: 400 with its
 * cost, or our error event as the end of a stream, which is then read to its
 * end.
 */

#ifndef _NGX_HTTP_ASGARD_GUARD_ANSWER_H_INCLUDED_
#define _NGX_HTTP_ASGARD_GUARD_ANSWER_H_INCLUDED_


#include "ngx_http_asgard_candidate.h"


/* a->guard, of a stream that begins; NULL: nothing is looked for. */
ngx_int_t ngx_http_asgard_guard_answer_begin(ngx_http_asgard_attempt_t *a);

/* What the meter lets pass (asg_answer_emit_pt). */
int ngx_http_asgard_guard_answer_emit(void *data, const char *bytes,
    size_t len);
/* The stream is over; `pass`: what is held is still for the client.
 * Idempotent. */
int ngx_http_asgard_guard_answer_end(ngx_http_asgard_attempt_t *a,
    ngx_uint_t pass);

/* A whole answer, after it was metered: NGX_OK, it may have been changed;
 * NGX_DECLINED, it is refused (ctx->reason); NGX_ERROR. */
ngx_int_t ngx_http_asgard_guard_answer_json(ngx_http_asgard_attempt_t *a);


#endif /* _NGX_HTTP_ASGARD_GUARD_ANSWER_H_INCLUDED_ */
