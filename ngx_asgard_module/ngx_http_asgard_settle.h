
/*
 * Ended slots on their way to Redis, and what keeps the others alive.
 *
 * One timer per worker looks at its slots: an ended one whose finish got no
 * answer is told again, with growing pauses and without end, because every
 * answer (OK, LATE) is the same to the ledger; a held one is extended every
 * third of its life; one that the ledger has is freed; the slots of a process
 * that is gone are taken over. While something waits to be told the timer
 * keeps a leaving worker, for 5 s at most; then its siblings take over.
 */

#ifndef _NGX_HTTP_ASGARD_SETTLE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SETTLE_H_INCLUDED_


#include "ngx_http_asgard_script_args.h"


/* Verb and amount stand in the slot: it is ENDED from here, and Redis told. */
void ngx_http_asgard_settle_end(ngx_http_asgard_slot_t *slot, u_char verb,
    asg_nusd_t amount_nusd);

/* The outcome is unknown: the hold expires, and the slot stays until the ledger
 * has that it did. */
void ngx_http_asgard_settle_leave(ngx_http_asgard_slot_t *slot);

/* The arguments that tell its outcome under `epoch`. They point into it. */
void ngx_http_asgard_settle_args(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot, uint64_t epoch);

/* Milliseconds from a reserve or extend to the next extend. */
ngx_msec_t ngx_http_asgard_settle_pause(void);


#endif /* _NGX_HTTP_ASGARD_SETTLE_H_INCLUDED_ */
