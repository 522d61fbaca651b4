
/*
 * Redis' second, counted on.
 */

#include "ngx_http_asgard_redis_time.h"

#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_shm.h"


#define NGX_HTTP_ASGARD_TIME_PAUSE  500         /* ms between two readings */


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


static void
ngx_http_asgard_redis_time_handler(void *data, redisReply *reply,
    ngx_uint_t sent)
{
    uint64_t     seconds;
    redisReply  *word;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    word = reply->element[0];

    if (asg_str_u64((asg_str_t) { word->str, (size_t) word->len }, &seconds)
        && seconds <= INT64_MAX / 1000)
    {
        ngx_http_asgard_zone()->time_ahead = seconds * 1000 - ngx_current_msec;
    }
}


void
ngx_http_asgard_redis_time_read(void)
{
    size_t              len;
    const char         *word;
    ngx_atomic_t       *asked;
    ngx_atomic_uint_t   last;

    asked = &ngx_http_asgard_zone()->time_asked;
    last = *asked;

    if (last && (ngx_msec_int_t) (ngx_current_msec - last)
                < NGX_HTTP_ASGARD_TIME_PAUSE)
    {
        return;
    }

    if (ngx_http_asgard_redis_may_ask()
        && ngx_atomic_cmp_set(asked, last, ngx_current_msec))
    {
        word = "TIME";
        len = 4;
        (void) ngx_http_asgard_redis_command(ngx_http_asgard_redis_time_handler,
                                             NULL, 1, &word, &len);
    }
}


/* By the clock of Redis, counted on; ours, where it was never heard. */
static time_t
ngx_http_asgard_redis_time_last(void)
{
    ngx_atomic_uint_t  ahead;

    ahead = ngx_http_asgard_zone()->time_ahead;

    return ahead ? (time_t) ((ahead + ngx_current_msec) / 1000) : ngx_time();
}


time_t
ngx_http_asgard_redis_time_later(void)
{
    time_t  last;

    last = ngx_http_asgard_redis_time_last();

    return ngx_max(last, ngx_time());
}


time_t
ngx_http_asgard_redis_time_sooner(void)
{
    time_t  last;

    last = ngx_http_asgard_redis_time_last();

    return ngx_min(last, ngx_time());
}
