
/*
 * Refusals of callers that are known, told to the meter, which writes them into
 * the audit log.
 *
 * The first one of a key and code is told at once, what follows it in the same
 * second together, with the traces of as many as core/refused.h says.  Nothing
 * waits for it, and no call depends on it: what has
 * no place or finds no Redis is counted in asgard_refused_unaudited_total.
 */

#ifndef _NGX_HTTP_ASGARD_REFUSED_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REFUSED_H_INCLUDED_


#include "ngx_http_asgard.h"


void ngx_http_asgard_refused_init(ngx_cycle_t *cycle);

/* Once for each refusal that is sent; nothing of a caller that is not known,
 * or of a call that was given to a provider: that has its own record. */
void ngx_http_asgard_refused_note(ngx_http_asgard_ctx_t *ctx,
    asg_reason_t reason);


#endif /* _NGX_HTTP_ASGARD_REFUSED_H_INCLUDED_ */
