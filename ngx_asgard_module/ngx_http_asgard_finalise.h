
/*
 * The one end of a hold, and what must be known of a call until then.
 *
 * ngx_http_asgard_finalise() is idempotent and is called by whoever comes
 * first: the upstream's finalize_request, the pool cleanup, a variable's
 * getter. The outcome goes into the journal slot first, then to Redis; the
 * slot is freed when the ledger has it. The request may be gone before Redis
 * answers.
 */

#ifndef _NGX_HTTP_ASGARD_FINALISE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_FINALISE_H_INCLUDED_


#include "ngx_http_asgard.h"


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
    ngx_uint_t                 fallback;      /* after another had failed */
} ngx_http_asgard_end_t;

void ngx_http_asgard_finalise(ngx_http_asgard_ctx_t *ctx,
    const ngx_http_asgard_end_t *end);


#endif /* _NGX_HTTP_ASGARD_FINALISE_H_INCLUDED_ */
