
/*
 * What an attempt's end means: for the money (void, measured, estimated,
 * unknown) and for the client (which reason).
 */

#ifndef _NGX_HTTP_ASGARD_OUTCOME_H_INCLUDED_
#define _NGX_HTTP_ASGARD_OUTCOME_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Ends the call's money by what ctx->attempt saw.  Idempotent. */
void ngx_http_asgard_outcome_settle(ngx_http_asgard_attempt_t *a);

/* The call goes on elsewhere: ends the hold of this attempt, which may have
 * cost something; ctx->call has none until the next is granted. */
void ngx_http_asgard_outcome_pass(ngx_http_asgard_attempt_t *a);

/* Notes the refusal that the client gets, unless there is one already. */
void ngx_http_asgard_outcome_refuse(ngx_http_asgard_attempt_t *a);

/* What the client would be told of a provider's error. */
asg_reason_t ngx_http_asgard_outcome_words(ngx_http_asgard_attempt_t *a);

/* Tells an operator that an answer had a piece of our key in it. */
void ngx_http_asgard_outcome_leaked(ngx_http_asgard_attempt_t *a);

/* Notes for the witness why a stream that had begun was not whole. */
void ngx_http_asgard_outcome_broken(ngx_http_asgard_attempt_t *a);


#endif /* _NGX_HTTP_ASGARD_OUTCOME_H_INCLUDED_ */
