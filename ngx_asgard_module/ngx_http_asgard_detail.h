
/*
 * What the usage event says of a call, from its context.
 */

#ifndef _NGX_HTTP_ASGARD_DETAIL_H_INCLUDED_
#define _NGX_HTTP_ASGARD_DETAIL_H_INCLUDED_


#include "ngx_http_asgard_finalise.h"
#include "ngx_http_asgard_journal.h"


/* The model that stands for the call before one has answered: the one that is
 * tried, else the first that may serve. */
const asg_model_t *ngx_http_asgard_detail_model(ngx_http_asgard_ctx_t *ctx);

/* `end` NULL: at reserve.  Strings borrow from ctx, slot and end. */
void ngx_http_asgard_detail_event(ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_slot_t *slot, const ngx_http_asgard_end_t *end,
    asg_event_t *event);
/* Into slot->detail; what does not fit loses its longest optional strings. */
void ngx_http_asgard_detail_write(ngx_http_asgard_slot_t *slot,
    asg_event_t *event);


#endif /* _NGX_HTTP_ASGARD_DETAIL_H_INCLUDED_ */
