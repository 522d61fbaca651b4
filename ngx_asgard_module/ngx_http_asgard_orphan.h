
/*
 * The call of a worker that is gone, from what its slot says.
 */

#ifndef _NGX_HTTP_ASGARD_ORPHAN_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ORPHAN_H_INCLUDED_


#include "ngx_http_asgard_journal.h"


/*
 * `slot` is ours now, in `state`.  Not sent: void.  Sent and something came
 * back: settled, by the tokens when they were read, else by an estimate that
 * is never above the hold.  Sent and nothing came back: unknown, it expires.
 */
void ngx_http_asgard_orphan_end(ngx_http_asgard_slot_t *slot,
    ngx_uint_t state);

/* What an answer without good usage costs: `content_bytes` of output, never
 * above the hold. */
asg_nusd_t ngx_http_asgard_orphan_estimate(ngx_http_asgard_slot_t *slot);


#endif /* _NGX_HTTP_ASGARD_ORPHAN_H_INCLUDED_ */
