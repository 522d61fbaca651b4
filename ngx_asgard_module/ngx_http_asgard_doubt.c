
/*
 * Telling the meter of doubts.
 */

#include "ngx_http_asgard_doubt.h"


#define NGX_HTTP_ASGARD_DOUBT_PAUSE  1000       /* ms */


static void
ngx_http_asgard_doubt_ignore(void *data, redisReply *reply, ngx_uint_t sent)
{
    /* said again with the next refusal */
}


void
ngx_http_asgard_doubt(ngx_uint_t part)
{
    static ngx_msec_t  said[ASG_PARTITIONS];    /* 0: never */

    u_char       number[NGX_INT_T_LEN];
    size_t       lens[3];
    ngx_msec_t   now;
    const char  *argv[3];

    part %= ASG_PARTITIONS;
    now = ngx_max(ngx_current_msec, 1);

    if (said[part] && now - said[part] < NGX_HTTP_ASGARD_DOUBT_PAUSE) {
        return;
    }

    said[part] = now;

    argv[0] = "SADD";
    lens[0] = 4;
    argv[1] = ASG_RKEY_DOUBT;
    lens[1] = sizeof(ASG_RKEY_DOUBT) - 1;
    argv[2] = (const char *) number;
    lens[2] = ngx_sprintf(number, "%ui", part) - number;

    (void) ngx_http_asgard_redis_command(ngx_http_asgard_doubt_ignore, NULL, 3,
                                         argv, lens);
}
