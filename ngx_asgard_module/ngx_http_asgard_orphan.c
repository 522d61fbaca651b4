
/*
 * The call of a worker that is gone.
 */

#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_orphan.h"
#include "ngx_http_asgard_settle.h"
#include "ngx_http_asgard_spool.h"


asg_nusd_t
ngx_http_asgard_orphan_estimate(ngx_http_asgard_slot_t *slot)
{
    int64_t       completion;
    asg_nusd_t    cost, floor;
    asg_tokens_t  tokens;

    floor = 0;
    ngx_memzero(&tokens, sizeof(asg_tokens_t));
    tokens.prompt = (int32_t) slot->prompt_estimate;

    if (slot->said) {
        tokens = slot->tokens[slot->said - 1];

        if (asg_price_cost(&slot->rates, &tokens, &floor) != ASG_OK) {
            return slot->held_nusd;
        }
    }

    completion = asg_usage_estimate(slot->content_bytes, slot->output_bound);
    completion = ngx_max(tokens.completion, completion);
    tokens.completion = (int32_t) ngx_min(completion, ASG_TOKENS_MAX);
    slot->tokens_used = (int64_t) tokens.prompt + tokens.completion;

    if (asg_price_cost(&slot->rates, &tokens, &cost) != ASG_OK) {
        return ngx_max(floor, slot->held_nusd);
    }

    return ngx_max(floor, ngx_min(cost, slot->held_nusd));
}


/* The detail of the reserve is an object that we wrote: the flags come before
 * its last bracket. */
static void
ngx_http_asgard_orphan_flag(ngx_http_asgard_slot_t *slot, const char *tail)
{
    size_t  len;

    len = ngx_strlen(tail);

    if (slot->detail_len < 2
        || slot->detail_len + len - 1 > sizeof(slot->detail))
    {
        return;
    }

    ngx_memcpy(&slot->detail[slot->detail_len - 1], tail, len);
    slot->detail_len += (u_short) (len - 1);
}


/* How far the answer had come is not known: usage that was seen is a floor. */
static void
ngx_http_asgard_orphan_settle(ngx_http_asgard_slot_t *slot)
{
    asg_nusd_t  cost;

    cost = ngx_http_asgard_orphan_estimate(slot);
    ngx_http_asgard_orphan_flag(slot, cost > slot->held_nusd
        ? ",\"flags\":[\"estimated\",\"overshoot\",\"dead_worker\"]}"
        : ",\"flags\":[\"estimated\",\"dead_worker\"]}");
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_ESTIMATED, 1);
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_COST_NUSD, cost);
    ngx_http_asgard_spool_slot(slot, 'e', cost,
                               ASG_STR("dead_worker"));
    ngx_http_asgard_settle_end(slot, 'e', cost);
}


void
ngx_http_asgard_orphan_end(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    switch (state) {

    case NGX_HTTP_ASGARD_SLOT_FILLING:
        ngx_http_asgard_alone_told(slot);
        ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_FREE);
        return;

    case NGX_HTTP_ASGARD_SLOT_ASKED:
    case NGX_HTTP_ASGARD_SLOT_HELD:
        ngx_http_asgard_orphan_flag(slot, ",\"flags\":[\"dead_worker\"]}");
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_VOIDED, 1);
        ngx_http_asgard_spool_slot(slot, 'v', 0,
                                   ASG_STR("dead_worker"));
        ngx_http_asgard_settle_end(slot, 'v', 0);
        break;

    case NGX_HTTP_ASGARD_SLOT_SENT:
        if (slot->answered) {
            ngx_http_asgard_orphan_settle(slot);
            break;
        }

        ngx_http_asgard_orphan_flag(slot, ",\"flags\":[\"dead_worker\"]}");
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_UNKNOWN, 1);
        ngx_http_asgard_spool_slot(slot, 'x', slot->held_nusd,
                                   ASG_STR("dead_worker"));
        ngx_http_asgard_settle_leave(slot);
        break;

    default:
        return;                     /* ended before: only to be told */
    }

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_DEAD_WORKER, 1);
}
