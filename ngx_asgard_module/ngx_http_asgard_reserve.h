
/*
 * The holds of a call: reserve before any upstream, extend while it lives.
 * Their end is ngx_http_asgard_finalise.h.
 */

#ifndef _NGX_HTTP_ASGARD_RESERVE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_RESERVE_H_INCLUDED_


#include "ngx_http_asgard.h"


/* What a budget said when it refused (for the error body). */
typedef struct ngx_http_asgard_over_s {
    const char *scope;                  /* "project", "key", … */
    u_char      scope_id[ASG_ID_MAX + 1 + ASG_ALIAS_NAME_MAX + 1];
    u_char      window[16];
    u_char      zone[ASG_WINDOW_ZONE_MAX];
    ngx_uint_t  unlimited;
    asg_nusd_t  limit_nusd;
    asg_nusd_t  spent_nusd;
    asg_nusd_t  held_nusd;
    time_t      resets_at;              /* 0: never */
} ngx_http_asgard_over_t;


/*
 * Reserves ctx->call.hold_nusd (set by the caller, with prompt_bound and
 * output_bound) over the budgets of ctx->key and ctx->project.  NGX_OK with
 * call.slot set, NGX_AGAIN (resume follows), NGX_ERROR with ctx->reason set
 * (budget_exceeded and call.over; budget_unavailable).  A client that leaves
 * while a reply is pending: the reply's owner voids the hold.
 *
 * With call.further it is the hold of a further attempt, and ctx->attempt is
 * woken instead.
 */
ngx_int_t ngx_http_asgard_reserve(ngx_http_asgard_ctx_t *ctx);

/* Nobody waits for the reply of the reserve any more: it gives the hold back.
 * To be called with ctx->call.asked. */
void ngx_http_asgard_reserve_leave(ngx_http_asgard_ctx_t *ctx);

/* Worker start and exit: extends, retries of finish, siblings of the dead. */
ngx_int_t ngx_http_asgard_reserve_init(ngx_cycle_t *cycle);
void ngx_http_asgard_reserve_exit(void);


#endif /* _NGX_HTTP_ASGARD_RESERVE_H_INCLUDED_ */
