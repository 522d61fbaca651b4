/*
 * What is known of an endpoint from the calls that it was given.
 */
#include "core/health.h"

#define SMOOTHING  8            /* of a new latency, an eighth counts */

asg_standing_t asg_health_standing(const asg_health_t *h, int64_t now_ms)
{
    if (h->cooled_until_ms == 0) {
        return ASG_HEALTH_LIVE;
    }
    return now_ms < h->cooled_until_ms || now_ms < h->probe_until_ms
        ? ASG_HEALTH_COOLED : ASG_HEALTH_HALF_OPEN;
}

bool asg_health_claim(asg_health_t *h, int64_t now_ms, int64_t probe_ms)
{
    if (asg_health_standing(h, now_ms) != ASG_HEALTH_HALF_OPEN) {
        return false;
    }
    h->probe_until_ms = now_ms + probe_ms;
    return true;
}

void asg_health_release(asg_health_t *h)
{
    h->probe_until_ms = 0;
}

void asg_health_good(asg_health_t *h)
{
    h->fails = 0;
    h->cooled_until_ms = 0;
    h->probe_until_ms = 0;
}

void asg_health_measured(asg_health_t *h, int64_t now_ms, asg_latency_t what,
    uint64_t latency_us)
{
    uint64_t known = asg_health_latency_us(h, now_ms, what);
    asg_latency_record_t *record = &h->latency[what];

    if (known == 0) {
        record->us = latency_us;
    } else {
        record->us = known - known / SMOOTHING + latency_us / SMOOTHING;
    }
    if (record->us == 0) {
        record->us = 1;
    }
    record->measured_ms = now_ms;
}

static void cool(asg_health_t *h, int64_t now_ms,
    const asg_health_policy_t *policy)
{
    h->fails = 0;
    h->cooled_until_ms = now_ms + policy->cooldown_ms;
    h->probe_until_ms = 0;
}

bool asg_health_bad(asg_health_t *h, int64_t now_ms,
    const asg_health_policy_t *policy, bool at_once)
{
    if (policy->cooldown_ms == 0) {
        return false;
    }
    if (now_ms - h->minute_ms >= ASG_HEALTH_MINUTE_MS
        || now_ms < h->minute_ms)
    {
        h->minute_ms = now_ms;
        h->fails = 0;
    }
    h->fails++;
    /* a failure of a call that was under way before it was cooled says
     * nothing new; that of the one that tries it does */
    if (h->cooled_until_ms != 0 && now_ms < h->cooled_until_ms) {
        return false;
    }
    if (!at_once && h->cooled_until_ms == 0
        && h->fails <= policy->allowed_fails)
    {
        return false;
    }
    cool(h, now_ms, policy);
    return true;
}

uint64_t asg_health_latency_us(const asg_health_t *h, int64_t now_ms,
    asg_latency_t what)
{
    const asg_latency_record_t *record = &h->latency[what];
    int64_t halves;

    if (record->us == 0 || now_ms <= record->measured_ms) {
        return record->us;
    }
    halves = (now_ms - record->measured_ms) / ASG_HEALTH_LATENCY_MS;
    return halves < 64 ? record->us >> halves : 0;
}
