
/*
 * After a loss of Redis: what this worker holds is announced under the new
 * epoch, and when all of a partition is, the worker says so.
 *
 * ctl seeds the counters from the ledger, which knows nothing of calls that
 * are under way, and waits with opening for every worker that lived; hence the
 * beat, once a second.  Open holds are announced by reserve in mode A, which
 * checks no limit, those that were let in without Redis (alone.h) in mode L;
 * undurable outcomes are told again (settle).  The tick
 * of settle calls begin(), look() for each slot, end(); it announces what is
 * wanted as the pace allows.
 */

#ifndef _NGX_HTTP_ASGARD_ADOPT_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ADOPT_H_INCLUDED_


#include "ngx_http_asgard_script_args.h"


/* The name under which this process beats, tells and listens. */
asg_str_t ngx_http_asgard_adopt_name(void);

void ngx_http_asgard_adopt_begin(void);
/* True: the partition has begun to listen anew, what waits may go at once. */
ngx_uint_t ngx_http_asgard_adopt_look(ngx_http_asgard_slot_t *slot,
    ngx_uint_t state);
void ngx_http_asgard_adopt_end(void);

/* Says that the worker `name` has told all that it holds of the partition; what
 * comes of it is told to `handler`, with `data`. */
ngx_int_t ngx_http_asgard_adopt_say(ngx_uint_t part, uint64_t epoch,
    const u_char *name, ngx_http_asgard_redis_pt handler, void *data);

/* Is there a hold that may have to be announced?  That of a call that has ended
 * too, where Redis has never heard of it. */
ngx_uint_t ngx_http_asgard_adopt_is_open(ngx_http_asgard_slot_t *slot,
    ngx_uint_t state);
/* Of one that is open: the hold must be announced, and is not being. */
ngx_uint_t ngx_http_asgard_adopt_is_wanted(ngx_http_asgard_slot_t *slot);
/* The arguments that announce it under `epoch`; `state` is HELD, SENT, LEFT or
 * ENDED.
 * They point into the slot. */
void ngx_http_asgard_adopt_args(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot, ngx_uint_t state, uint64_t epoch);
/* Within the window of pace. NGX_ERROR: Redis cannot be asked now. */
ngx_int_t ngx_http_asgard_adopt_announce(ngx_http_asgard_slot_t *slot,
    ngx_uint_t state);


#endif /* _NGX_HTTP_ASGARD_ADOPT_H_INCLUDED_ */
