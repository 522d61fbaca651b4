
/*
 * Extend: asking, and what Redis answers.
 */

#include "ngx_http_asgard_script_args.h"
#include "ngx_http_asgard_doubt.h"
#include "ngx_http_asgard_extend.h"
#include "ngx_http_asgard_settle.h"


#define NGX_HTTP_ASGARD_EXTEND_LIFE  86400      /* s a hold may be extended */


/* Its time was over: charged in full, and settled later.  Or it was not, and
 * the hold is lost: the call goes on, and announces it to the counters that are
 * made anew. */
static void
ngx_http_asgard_extend_vanished(ngx_http_asgard_slot_t *slot)
{
    if (ngx_time() < slot->expires) {
        ngx_http_asgard_doubt(slot->part);

    } else {
        slot->gone = 1;
    }
}


static void
ngx_http_asgard_extend_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    int64_t                  expires;
    asg_str_t                words[ASG_SCRIPT_REPLY_MAX] = { ASG_STR_NULL };
    ngx_uint_t               n, state;
    ngx_http_asgard_slot_t  *slot = data;

    state = ngx_http_asgard_journal_state(slot);

    if (state != NGX_HTTP_ASGARD_SLOT_HELD
        && state != NGX_HTTP_ASGARD_SLOT_SENT)
    {
        return;
    }

    n = reply ? ngx_http_asgard_args_reply(reply, words) : 0;

    switch (asg_reply_verdict(words, n)) {

    case ASG_VERDICT_OK:
        if (asg_reply_expires(words, n, &expires) == ASG_OK) {
            slot->expires = expires;
        }
        return;

    case ASG_VERDICT_GONE:
        ngx_http_asgard_extend_vanished(slot);
        return;

    case ASG_VERDICT_FENCE:
        (void) ngx_http_asgard_args_learn(slot->part, 0, words, n);
        break;

    default:
        break;
    }

    slot->due = ngx_current_msec + ngx_min(ngx_http_asgard_settle_pause(),
                                           1000);
}


void
ngx_http_asgard_extend(ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_args_t        args;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);
    slot->due = ngx_current_msec + ngx_http_asgard_settle_pause();

    ngx_http_asgard_args_begin(&args, slot,
                               ngx_http_asgard_zone_epoch(slot->part),
                               NGX_HTTP_ASGARD_ARGS_NONE);
    ngx_http_asgard_args_number(&args, amcf->hold_ttl);
    ngx_http_asgard_args_number(&args, NGX_HTTP_ASGARD_EXTEND_LIFE);

    if (ngx_http_asgard_args_call(&args, ASG_SCRIPT_EXTEND,
                                  ngx_http_asgard_extend_handler, slot)
        != NGX_OK)
    {
        slot->due = ngx_current_msec
                    + ngx_min(ngx_http_asgard_settle_pause(), 1000);
    }
}
