
/*
 * How long calls take, over all workers, for /metrics.
 *
 * Three histograms of calls that passed every step, in microseconds of the
 * steady clock and with one list of buckets.  Each worker adds to its own, a
 * reader sums all.  What waits for the client's body is not our overhead.
 */

#ifndef _NGX_HTTP_ASGARD_TIMES_H_INCLUDED_
#define _NGX_HTTP_ASGARD_TIMES_H_INCLUDED_


#include "ngx_http_asgard.h"


#define NGX_HTTP_ASGARD_TIMES_BUCKETS  20


typedef enum {
    NGX_HTTP_ASGARD_TIMES_CALL = 0,     /* until the request is gone */
    NGX_HTTP_ASGARD_TIMES_OVERHEAD,     /* until it is given to a provider */
    NGX_HTTP_ASGARD_TIMES_FIRST_TOKEN,  /* of a stream */
    NGX_HTTP_ASGARD_TIMES_N
} ngx_http_asgard_times_e;


/* us of the steady clock. */
uint64_t ngx_http_asgard_times_now(void);

void ngx_http_asgard_times_note(ngx_http_asgard_times_e what, uint64_t us);

/* The three histograms as text; `p` has room for TIMES_TEXT bytes. */
#define NGX_HTTP_ASGARD_TIMES_TEXT                                            \
    (NGX_HTTP_ASGARD_TIMES_N * (NGX_HTTP_ASGARD_TIMES_BUCKETS + 6) * 96)

u_char *ngx_http_asgard_times_write(u_char *p, u_char *last);


#endif /* _NGX_HTTP_ASGARD_TIMES_H_INCLUDED_ */
