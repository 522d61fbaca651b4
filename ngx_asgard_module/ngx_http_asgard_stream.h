
/*
 * A provider's SSE answer: metered and rewritten event by event, sent at once.
 *
 * Usage is read before any client sees the bytes, so a client that leaves or
 * stalls cannot spoil it.  Outgoing buffers are reused; a slow client slows the
 * reading, so that memory stays bounded.
 */

#ifndef _NGX_HTTP_ASGARD_STREAM_H_INCLUDED_
#define _NGX_HTTP_ASGARD_STREAM_H_INCLUDED_


#include "ngx_http_asgard.h"


/* A good head was read: prepares meter and filters. */
ngx_int_t ngx_http_asgard_stream_start(ngx_http_asgard_attempt_t *a);

/* To the client of this attempt (asg_answer_emit_pt). */
int ngx_http_asgard_stream_emit(void *data, const char *bytes, size_t len);

/* No more bytes will come, and the client is there: it gets what was held back.
 * `whole`: the answer may have ended so; else an event that did not end is left
 * out.  Idempotent. */
void ngx_http_asgard_stream_pass(ngx_http_asgard_attempt_t *a,
    ngx_uint_t whole);

/* No more bytes will come, and nobody is there to get what was held: what was
 * seen is what there is.  Idempotent. */
void ngx_http_asgard_stream_finish(ngx_http_asgard_attempt_t *a);


#endif /* _NGX_HTTP_ASGARD_STREAM_H_INCLUDED_ */
