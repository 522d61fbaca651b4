
/*
 * Redis' second, counted on.
 */

#include "ngx_http_asgard_redis_time.h"


static struct {
    time_t      second;             /* 0: not known */
    ngx_msec_t  learned;            /* when, by the steady clock */
} ngx_http_asgard_redis_clock;


time_t
ngx_http_asgard_redis_time(void)
{
    ngx_msec_t  since;

    if (ngx_http_asgard_redis_clock.second == 0) {
        return 0;
    }

    since = ngx_current_msec - ngx_http_asgard_redis_clock.learned;
    return ngx_http_asgard_redis_clock.second + (time_t) (since / 1000);
}


void
ngx_http_asgard_redis_time_learn(time_t now)
{
    ngx_http_asgard_redis_clock.second = now;
    ngx_http_asgard_redis_clock.learned = ngx_current_msec;
}


void
ngx_http_asgard_redis_time_forget(void)
{
    ngx_http_asgard_redis_clock.second = 0;
}
