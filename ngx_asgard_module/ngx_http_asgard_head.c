
/*
 * Reading the heads of the partitions.
 */

#include "ngx_http_asgard_head.h"
#include "ngx_http_asgard_journal.h"
#include "ngx_http_asgard_redis.h"


#define NGX_HTTP_ASGARD_HEAD_PAUSE   500        /* ms between two readings */
#define NGX_HTTP_ASGARD_HEAD_FIELDS  3          /* f st dur */


static ngx_int_t
ngx_http_asgard_head_word(redisReply *reply, size_t i, asg_str_t *out)
{
    if (reply->element[i]->type != REDIS_REPLY_STRING) {
        return NGX_DECLINED;
    }

    *out = (asg_str_t) { reply->element[i]->str,
                         (size_t) reply->element[i]->len };
    return NGX_OK;
}


static void
ngx_http_asgard_head_ignore(void *data, redisReply *reply, ngx_uint_t sent)
{
    /* said again with the next reading */
}


/* A lower epoch than the highest that was seen: ctl's database was set back.
 * It must take one that we can believe. */
static void
ngx_http_asgard_head_object(ngx_uint_t part)
{
    char         name[ASG_RKEY_MAX];
    u_char       epoch[NGX_INT64_LEN];
    size_t       lens[4];
    const char  *argv[4];

    argv[0] = "HSET";
    lens[0] = 4;
    argv[1] = name;
    lens[1] = asg_rkey_meta(name, (unsigned) part);
    argv[2] = "e";
    lens[2] = 1;
    argv[3] = (const char *) epoch;
    lens[3] = ngx_sprintf(epoch, "%uL", ngx_http_asgard_zone_epoch(part))
              - epoch;

    (void) ngx_http_asgard_redis_command(ngx_http_asgard_head_ignore, NULL, 4,
                                         argv, lens);
}


/* The fence must be of the very process that we talk to. */
static ngx_int_t
ngx_http_asgard_head_fence(redisReply *reply, ngx_uint_t part,
    asg_fence_t *fence)
{
    asg_str_t   word;
    ngx_str_t  *run_id;

    run_id = ngx_http_asgard_redis_run_id();

    if (run_id->len == 0
        || ngx_http_asgard_head_word(reply, 0, &word) != NGX_OK
        || asg_fence_parse(word, fence) != ASG_OK
        || fence->run_id.len != run_id->len
        || ngx_memcmp(fence->run_id.data, run_id->data, run_id->len) != 0)
    {
        return NGX_DECLINED;
    }

    if (ngx_http_asgard_zone_epoch_note(part, fence->epoch) != NGX_OK) {
        ngx_http_asgard_head_object(part);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_asgard_head_sweep(ngx_event_t *ev)
{
    ngx_http_asgard_journal_sweep();
}


/* The heads are asked for together and mostly answered together: the slots are
 * looked through once for all of them. */
static void
ngx_http_asgard_head_durable(ngx_uint_t part, uint64_t epoch, uint64_t ms,
    uint64_t seq)
{
    static ngx_event_t  sweep;

    ngx_http_asgard_journal_durable(part, epoch, ms, seq);

    if (!sweep.posted) {
        sweep.handler = ngx_http_asgard_head_sweep;
        sweep.log = ngx_cycle->log;
        ngx_post_event(&sweep, &ngx_posted_events);
    }
}


static void
ngx_http_asgard_head_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    uint64_t      ms, seq;
    asg_str_t     word;
    ngx_uint_t    part;
    asg_fence_t   fence;

    part = (ngx_uint_t) (uintptr_t) data;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != NGX_HTTP_ASGARD_HEAD_FIELDS
        || ngx_http_asgard_head_fence(reply, part, &fence) != NGX_OK)
    {
        return;
    }

    if (ngx_http_asgard_head_word(reply, 1, &word) == NGX_OK
        && (asg_str_eq_z(word, "adopt") || asg_str_eq_z(word, "open")))
    {
        ngx_http_asgard_zone_rise(&ngx_http_asgard_zone()->heads[part].heard,
                                  fence.epoch);
    }

    if (ngx_http_asgard_head_word(reply, 2, &word) == NGX_OK
        && asg_stream_id_parse(word, &ms, &seq) == ASG_OK)
    {
        ngx_http_asgard_head_durable(part, fence.epoch, ms, seq);
    }
}


static ngx_uint_t
ngx_http_asgard_head_is_due(ngx_uint_t part)
{
    ngx_atomic_t       *asked;
    ngx_atomic_uint_t   last, now;

    asked = &ngx_http_asgard_zone()->heads[part].asked;
    last = *asked;
    now = ngx_current_msec;

    return (last == 0
            || (ngx_msec_int_t) (now - last) >= NGX_HTTP_ASGARD_HEAD_PAUSE)
           && ngx_atomic_cmp_set(asked, last, now);
}


void
ngx_http_asgard_head_read(void)
{
    char         name[ASG_RKEY_MAX];
    size_t       lens[2 + NGX_HTTP_ASGARD_HEAD_FIELDS];
    ngx_uint_t   part;
    const char  *argv[2 + NGX_HTTP_ASGARD_HEAD_FIELDS];

    argv[0] = "HMGET";
    lens[0] = 5;
    argv[1] = name;
    argv[2] = "f";
    lens[2] = 1;
    argv[3] = "st";
    lens[3] = 2;
    argv[4] = "dur";
    lens[4] = 3;

    for (part = 0; part < ASG_PARTITIONS; part++) {
        if (!ngx_http_asgard_redis_may_ask()
            || !ngx_http_asgard_head_is_due(part))
        {
            continue;
        }

        lens[1] = asg_rkey_meta(name, (unsigned) part);
        (void) ngx_http_asgard_redis_command(ngx_http_asgard_head_handler,
                                             (void *) (uintptr_t) part,
                                             2 + NGX_HTTP_ASGARD_HEAD_FIELDS,
                                             argv, lens);
    }
}


uint64_t
ngx_http_asgard_head_heard(ngx_uint_t part)
{
    return ngx_http_asgard_zone()->heads[part % ASG_PARTITIONS].heard;
}
