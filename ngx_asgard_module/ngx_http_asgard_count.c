
/*
 * Monotonic counters: each worker adds to its own, a reader sums all.
 */

#include "core/guard_set.h"
#include "core/route.h"
#include "ngx_http_asgard_shm.h"


static const struct {
    const char  *name;
    const char  *help;
} ngx_http_asgard_count_names[] = {
    { "asgard_calls_total", "Requests that passed every step." },
    { "asgard_unpaid_calls_total",
      "Of them, those that cost nothing: tokens were counted." },
    { "asgard_refused_total", "Calls refused." },
    { "asgard_settled_total", "Calls settled by measured usage." },
    { "asgard_estimated_total", "Calls settled by an estimate." },
    { "asgard_voided_total", "Holds given back, nothing spent." },
    { "asgard_unknown_total", "Calls sent whose outcome is not known." },
    { "asgard_overshoot_total", "Calls that cost more than their hold." },
    { "asgard_bad_usage_total",
      "Calls whose reported usage cannot be true; estimated." },
    { "asgard_retries_total",
      "Attempts of a candidate that did no work before." },
    { "asgard_fallback_total", "Attempts after the first candidate." },
    { "asgard_further_holds_total",
      "Holds of a further attempt, after one that may have begun work." },
    { "asgard_prompt_tokens_total", "Prompt tokens measured." },
    { "asgard_completion_tokens_total", "Completion tokens measured." },
    { "asgard_cost_nusd_total", "Cost of calls, nano-USD." },
    { "asgard_held_nusd_total", "Holds asked for, nano-USD." },
    { "asgard_measured_cost_nusd_total",
      "Cost of the calls settled by measured usage, nano-USD." },
    { "asgard_measured_held_nusd_total",
      "What those calls had held, nano-USD." },
    { "asgard_redis_errors_total", "Redis commands without a good answer." },
    { "asgard_redis_timeouts_total", "Redis commands past their deadline." },
    { "asgard_key_hits_total", "Keys found in shared memory." },
    { "asgard_key_misses_total", "Keys asked of Redis." },
    { "asgard_upstream_auth_failures_total",
      "Answers 401 or 403 of a provider: its key is wrong." },
    { "asgard_resolve_failures_total",
      "Names of endpoints without a good answer: the last addresses stay." },
    { "asgard_addresses_refused_total",
      "Addresses that an endpoint may not have, as they are not public." },
    { "asgard_key_leaks_total",
      "Answers that had a piece of the provider's own key in them." },
    { "asgard_catalog_bad_total", "Catalog snapshots that were refused." },
    { "asgard_dead_worker_calls_total",
      "Calls of a killed worker, ended by another." },
    { "asgard_journal_full_total", "Calls refused for want of a slot." },
    { "asgard_adopted_total",
      "Open holds announced again after Redis lost its data." },
    { "asgard_told_for_sibling_total",
      "Calls of a worker that does not run, told to Redis by another." },
    { "asgard_spool_errors_total",
      "Lines of the witness file that could not be written whole." },
    { "asgard_refused_unaudited_total",
      "Refusals of known callers that the audit log was not told of." },
    { "asgard_guardrail_hook_total",
      "Calls whose texts the guardrail service was to judge." },
    { "asgard_guardrail_hook_failed_total",
      "Of them, those without a good answer in time." },
    { "asgard_fail_mode_calls_total",
      "Holds of calls that the fail mode let in without Redis." },
    { "asgard_fail_mode_held_nusd_total", "What these held, nano-USD." },
    { "asgard_fail_mode_refused_total",
      "Calls that the fail mode refused: no allowance, or not known well." }
};

typedef char ngx_http_asgard_count_names_fit
    [sizeof(ngx_http_asgard_count_names)
     / sizeof(ngx_http_asgard_count_names[0]) == NGX_HTTP_ASGARD_COUNT_N
     ? 1 : -1];


/* Upper ends of the shares, in millionths of a hold. */
static const struct {
    uint64_t     millionths;
    const char  *text;
} ngx_http_asgard_count_used_ends[NGX_HTTP_ASGARD_USED_N] = {
    { 10000, "0.01" }, { 20000, "0.02" }, { 50000, "0.05" },
    { 100000, "0.1" }, { 200000, "0.2" }, { 500000, "0.5" },
    { 1000000, "1" }, { (uint64_t) -1, "+Inf" }
};


static ngx_http_asgard_worker_t *
ngx_http_asgard_count_first(void)
{
    return ngx_http_asgard_zone()->workers;
}


/* Of all workers the counter that is `first` of the first. */

static uint64_t
ngx_http_asgard_count_sum(const ngx_atomic_t *first)
{
    uint64_t       sum;
    ngx_uint_t     i;
    const u_char  *p;

    sum = 0;
    p = (const u_char *) first;

    for (i = 0; i < NGX_HTTP_ASGARD_WORKERS_MAX; i++) {
        sum += *(const ngx_atomic_t *) (const void *) p;
        p += sizeof(ngx_http_asgard_worker_t);
    }

    return sum;
}


void
ngx_http_asgard_count(ngx_http_asgard_count_e what, uint64_t n)
{
    ngx_http_asgard_worker_t  *w;

    w = ngx_http_asgard_worker();
    if (w) {
        w->counts[what] += n;
    }
}


uint64_t
ngx_http_asgard_count_read(ngx_http_asgard_count_e what)
{
    return ngx_http_asgard_count_sum(
                 &ngx_http_asgard_count_first()->counts[what]);
}


void
ngx_http_asgard_count_reason(asg_reason_t reason)
{
    ngx_http_asgard_worker_t  *w;

    w = ngx_http_asgard_worker();
    if (w && (ngx_uint_t) reason < ASG_REASON_COUNT) {
        w->reasons[reason]++;
    }
}


uint64_t
ngx_http_asgard_count_reason_read(asg_reason_t reason)
{
    return ngx_http_asgard_count_sum(
                 &ngx_http_asgard_count_first()->reasons[reason]);
}


/* The entry of a rule of the operator's; NULL: others have them all. */

static ngx_http_asgard_own_rule_t *
ngx_http_asgard_count_own_rule(const char *name)
{
    uint64_t                     id;
    ngx_uint_t                   n;
    ngx_http_asgard_zone_t      *zone;
    ngx_http_asgard_own_rule_t  *own;

    zone = ngx_http_asgard_zone();
    id = asg_route_hash(asg_str_z(name));

    for (n = 0; n < NGX_HTTP_ASGARD_OWN_RULES; n++) {
        own = &zone->own_rules[(id + n) % NGX_HTTP_ASGARD_OWN_RULES];

        if (own->id == id || ngx_atomic_cmp_set(&own->id, 0, id)
            || own->id == id)
        {
            return own;
        }
    }

    return NULL;
}


void
ngx_http_asgard_count_guard(ngx_uint_t side, const struct asg_guard_set *set,
    asg_rule_t rule, asg_action_t action)
{
    ngx_http_asgard_worker_t    *w;
    ngx_http_asgard_own_rule_t  *own;

    if (rule >= ASG_RULE_COUNT) {
        own = ngx_http_asgard_count_own_rule(asg_guard_name(set, rule));

        if (own) {
            (void) ngx_atomic_fetch_add(&own->calls[side][action], 1);
        }

        return;
    }

    w = ngx_http_asgard_worker();
    if (w) {
        w->guards[side][rule][action]++;
    }
}


uint64_t
ngx_http_asgard_count_guard_read(ngx_uint_t side,
    const struct asg_guard_set *set, asg_rule_t rule, asg_action_t action)
{
    ngx_http_asgard_own_rule_t  *own;

    if (rule >= ASG_RULE_COUNT) {
        own = ngx_http_asgard_count_own_rule(asg_guard_name(set, rule));

        return own ? own->calls[side][action] : 0;
    }

    return ngx_http_asgard_count_sum(
                 &ngx_http_asgard_count_first()->guards[side][rule][action]);
}


/* Rounded up, so that what is above its hold is above 1. */
static uint64_t
ngx_http_asgard_count_share(asg_nusd_t cost_nusd, asg_nusd_t held_nusd)
{
    __extension__ unsigned __int128  share;

    if (held_nusd <= 0) {
        return cost_nusd > 0 ? 2 * 1000000 : 0;
    }

    share = ((unsigned __int128) cost_nusd * 1000000 + held_nusd - 1)
            / held_nusd;

    return (uint64_t) ngx_min(share, 1000 * 1000000);
}


void
ngx_http_asgard_count_used(asg_nusd_t cost_nusd, asg_nusd_t held_nusd)
{
    uint64_t                   share;
    ngx_uint_t                 i;
    ngx_http_asgard_worker_t  *w;

    w = ngx_http_asgard_worker();
    if (w == NULL) {
        return;
    }

    share = ngx_http_asgard_count_share(cost_nusd, held_nusd);

    for (i = 0; share > ngx_http_asgard_count_used_ends[i].millionths; i++) {
        /* void */
    }

    w->used[i]++;
    w->used_millionths += share;
    w->counts[NGX_HTTP_ASGARD_COUNT_MEASURED_COST_NUSD] += cost_nusd;
    w->counts[NGX_HTTP_ASGARD_COUNT_MEASURED_HELD_NUSD] += held_nusd;
}


uint64_t
ngx_http_asgard_count_used_read(ngx_uint_t bucket, const char **end)
{
    *end = ngx_http_asgard_count_used_ends[bucket].text;
    return ngx_http_asgard_count_sum(
                 &ngx_http_asgard_count_first()->used[bucket]);
}


uint64_t
ngx_http_asgard_count_used_millionths(void)
{
    return ngx_http_asgard_count_sum(
                 &ngx_http_asgard_count_first()->used_millionths);
}


const char *
ngx_http_asgard_count_name(ngx_http_asgard_count_e what, const char **help)
{
    *help = ngx_http_asgard_count_names[what].help;
    return ngx_http_asgard_count_names[what].name;
}
