
/*
 * Calls by Anthropic's Messages API to a provider that speaks it: what goes out
 * beside the body, and how its words are metered.
 *
 * Nothing is translated: the body is spliced as on every other route, and the
 * answer is rewritten only where it names the model.
 */

#ifndef _NGX_HTTP_ASGARD_MESSAGES_H_INCLUDED_
#define _NGX_HTTP_ASGARD_MESSAGES_H_INCLUDED_


#include "ngx_http_asgard.h"
#include "ngx_http_asgard_candidate.h"


/* The tokens that are to be written into the body; 0: it says the same. */
int64_t ngx_http_asgard_messages_output(ngx_http_asgard_attempt_t *a);

/* The lines of anthropic-version and anthropic-beta: what of the client's own
 * passes, core/anthropic_headers.h says.  Of a kind that has no version: none.
 * Without `out`, a size that suffices. */
size_t ngx_http_asgard_messages_headers(ngx_http_asgard_attempt_t *a,
    asg_buf_t *out);

/* Whose words the answer is in. */
void ngx_http_asgard_messages_meter(ngx_http_asgard_attempt_t *a);


#endif /* _NGX_HTTP_ASGARD_MESSAGES_H_INCLUDED_ */
