
/*
 * The holds of a call: reserve before any upstream, extend while it lives, end
 * it exactly once.
 *
 * ngx_http_asgard_finalise() is idempotent and is called by whoever comes
 * first: the upstream's finalize_request, the pool cleanup, a variable's
 * getter. The outcome goes into the journal slot first, then to Redis; the
 * slot is freed when the ledger has it. The request may be gone before Redis
 * answers.
 */

#ifndef _NGX_HTTP_ASGARD_RESERVE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_RESERVE_H_INCLUDED_


#include "ngx_http_asgard.h"


/* What a budget said when it refused (for the error body). */
typedef struct ngx_http_asgard_over_s {
    u_char      scope[16];              /* "project" or "key" */
    u_char      scope_id[ASG_ID_MAX + 1];
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

/* The request is about to be written to a provider: from here a dead worker
 * means unknown.  Then the first byte of an answer: means estimate. */
void ngx_http_asgard_call_sent(ngx_http_asgard_ctx_t *ctx);
void ngx_http_asgard_call_bytes(ngx_http_asgard_ctx_t *ctx,
    uint64_t content_bytes, const asg_usage_t *usage);

/*
 * Facts of the end, then the end.  `usage` may be NULL (nothing was answered).
 * Decides MEASURED/ESTIMATED and the cost from call.rates, sets call.outcome,
 * cost_nusd, tokens, flags; writes slot, witness, counters; sends finish.
 */
typedef struct {
    ngx_http_asgard_outcome_e  outcome;       /* what upstream knows; MEASURED
                                               * may turn into ESTIMATED */
    const asg_usage_t         *usage;
    unsigned                   flags;         /* asg_flag_t: cut, gone … */
    ngx_uint_t                 status;        /* provider's HTTP status, 0 */
    asg_str_t                  provider;
    asg_str_t                  endpoint;
    asg_str_t                  upstream_id;
    const asg_model_t         *model;         /* that served; NULL: first */
} ngx_http_asgard_end_t;

void ngx_http_asgard_finalise(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_end_t *end);

/* Worker start and exit: extends, retries of finish, siblings of the dead. */
ngx_int_t ngx_http_asgard_reserve_init(ngx_cycle_t *cycle);
void ngx_http_asgard_reserve_exit(void);


#endif /* _NGX_HTTP_ASGARD_RESERVE_H_INCLUDED_ */
