
/*
 * Which budgets a call is held against: its project's, its key's, its group's,
 * those that its key has for a model that may serve it, and its end user's.
 */

#ifndef _NGX_HTTP_ASGARD_BUDGETS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_BUDGETS_H_INCLUDED_


#include "ngx_http_asgard_journal.h"
#include "ngx_http_asgard_reserve.h"


/* Their names into the slot.  NGX_ERROR: they are more than it has room for. */
ngx_int_t ngx_http_asgard_budgets_fill(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_ctx_t *ctx);
/* Reserve held the slot in those of its pins: the end user's is not in them
 * where nothing limits it, and then no budget of the slot. */
void ngx_http_asgard_budgets_taken(ngx_http_asgard_slot_t *slot);
/* Scope and id of one that refused. */
ngx_int_t ngx_http_asgard_budgets_whose(ngx_http_asgard_ctx_t *ctx,
    asg_str_t budget, ngx_http_asgard_over_t *over);


#endif /* _NGX_HTTP_ASGARD_BUDGETS_H_INCLUDED_ */
