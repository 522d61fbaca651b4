
/*
 * After a loss of Redis: what this worker holds is announced under the new
 * epoch, and when all of a partition is, the worker says so.
 *
 * ctl seeds the counters from the ledger, which knows nothing of calls that
 * are under way, and waits with opening for every worker that lived; hence the
 * beat, once a second.  Open holds are announced by reserve in mode A, which
 * checks no limit; undurable outcomes are told again (settle).  The tick
 * of settle calls begin(), look() for each slot, end().
 */

#ifndef _NGX_HTTP_ASGARD_ADOPT_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ADOPT_H_INCLUDED_


#include "ngx_http_asgard_journal.h"


void ngx_http_asgard_adopt_begin(void);
/* True: the partition has begun to listen anew, what waits may go at once. */
ngx_uint_t ngx_http_asgard_adopt_look(ngx_http_asgard_slot_t *slot,
    ngx_uint_t state);
void ngx_http_asgard_adopt_end(void);


#endif /* _NGX_HTTP_ASGARD_ADOPT_H_INCLUDED_ */
