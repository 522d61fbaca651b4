
/*
 * The second that Redis has now, as this worker knows it from the last hold
 * that was granted and its own steady clock.
 *
 * For a bound on how late a reserve may be executed: one that stands in a
 * buffer for longer than the marker of its void is kept (finish.lua) would be a
 * hold of nobody.  What this says never admits anything.
 *
 * And the time that Redis said last to any worker, asked for twice a second:
 * beside our own clock, which may be stepped while Redis is away.  What ends by
 * a date ends by the later of both, what begins by one by the sooner.
 */

#ifndef _NGX_HTTP_ASGARD_REDIS_TIME_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REDIS_TIME_H_INCLUDED_


#include "ngx_http_asgard.h"


/* 0: not known. */
time_t ngx_http_asgard_redis_time(void);
void ngx_http_asgard_redis_time_learn(time_t now);
/* Redis' clock was stepped. */
void ngx_http_asgard_redis_time_forget(void);

/* From the tick. */
void ngx_http_asgard_redis_time_read(void);
time_t ngx_http_asgard_redis_time_later(void);
time_t ngx_http_asgard_redis_time_sooner(void);


#endif /* _NGX_HTTP_ASGARD_REDIS_TIME_H_INCLUDED_ */
