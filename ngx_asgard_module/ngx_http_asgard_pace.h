
/*
 * How many slots are told to Redis at once, when many are.
 *
 * After a loss of Redis a full journal is told again, tens of thousands of
 * slots: all at once they would pass the deadline of a command, and the
 * breaker would open. So only a window of them is under way. It grows with
 * each answer and is halved by each command that got none; never fewer than 8,
 * never more than 256. What a call itself says at its end is not held back.
 */

#ifndef _NGX_HTTP_ASGARD_PACE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_PACE_H_INCLUDED_


#include "ngx_http_asgard.h"


typedef void (*ngx_http_asgard_pace_pt)(void);


/* `more` is called, from the event loop, when half of the window is free again
 * after ngx_http_asgard_pace_may() said no. */
void ngx_http_asgard_pace_init(ngx_cycle_t *cycle,
    ngx_http_asgard_pace_pt more);
ngx_uint_t ngx_http_asgard_pace_may(void);
/* One command went out; its callback says whether it was answered. */
void ngx_http_asgard_pace_sent(void);
void ngx_http_asgard_pace_answered(ngx_uint_t is_answered);


#endif /* _NGX_HTTP_ASGARD_PACE_H_INCLUDED_ */
