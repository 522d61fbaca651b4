
/*
 * Calls and their cost by model, over all workers, for /metrics.
 *
 * A zone counts NGX_HTTP_ASGARD_TALLY_N models, those that were called first;
 * what others did is counted together.  A call is a fallback when another
 * candidate had failed before.  These are numbers to look at: the ledger is the
 * account.
 */

#ifndef _NGX_HTTP_ASGARD_TALLY_H_INCLUDED_
#define _NGX_HTTP_ASGARD_TALLY_H_INCLUDED_


#include "ngx_http_asgard.h"


#define NGX_HTTP_ASGARD_TALLY_N  512


typedef enum {
    NGX_HTTP_ASGARD_TALLY_CALLS = 0,
    NGX_HTTP_ASGARD_TALLY_COST_NUSD,
    NGX_HTTP_ASGARD_TALLY_FALLBACKS,
    NGX_HTTP_ASGARD_TALLY_FALLBACK_COST_NUSD,
    NGX_HTTP_ASGARD_TALLY_COUNTS
} ngx_http_asgard_tally_e;


/* The end of a call that `model` served. */
void ngx_http_asgard_tally(const asg_model_t *model, asg_nusd_t cost_nusd,
    ngx_uint_t fallback);

/* NULL: those that have no entry of their own. */
uint64_t ngx_http_asgard_tally_read(const asg_model_t *model,
    ngx_http_asgard_tally_e what);


#endif /* _NGX_HTTP_ASGARD_TALLY_H_INCLUDED_ */
