/*
 * What is known of an endpoint from the calls that it was given: whether it is
 * left alone for a while, and how soon it answers.
 *
 * More than `allowed_fails` failures within a minute cool an endpoint for
 * `cooldown_ms`; then one call tries it (half open), and what becomes of that
 * call decides.  Whoever keeps a record guards it against others; nothing here
 * is worth money, so a record that was lost starts anew.
 */
#ifndef ASG_HEALTH_H
#define ASG_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define ASG_HEALTH_MINUTE_MS    60000
#define ASG_HEALTH_LATENCY_MS   30000   /* half-life of a latency that nobody
                                         * measures any more */

/* What is waited for, which takes an endpoint a different time each. */
typedef enum {
    ASG_LATENCY_ANSWER,         /* of JSON: the whole text was made before */
    ASG_LATENCY_FIRST_TOKEN,    /* of a stream */
    ASG_LATENCY_COUNT
} asg_latency_t;

typedef struct {
    uint64_t us;                /* smoothed; 0: unknown */
    int64_t measured_ms;
} asg_latency_record_t;

typedef struct {
    uint64_t fails;             /* within the minute */
    int64_t minute_ms;          /* when it began */
    int64_t cooled_until_ms;    /* 0: it is not cooled */
    int64_t probe_until_ms;     /* a call tries it until then, at most */
    asg_latency_record_t latency[ASG_LATENCY_COUNT];
} asg_health_t;

typedef struct {
    unsigned allowed_fails;
    int64_t cooldown_ms;        /* 0: never cooled */
} asg_health_policy_t;

typedef enum {
    ASG_HEALTH_LIVE,
    ASG_HEALTH_COOLED,          /* also while another call tries it */
    ASG_HEALTH_HALF_OPEN        /* may be tried, by one */
} asg_standing_t;

asg_standing_t asg_health_standing(const asg_health_t *h, int64_t now_ms);
/* True for the one that tries a half-open endpoint, for `probe_ms` at most. */
bool asg_health_claim(asg_health_t *h, int64_t now_ms, int64_t probe_ms);
/* Whoever tried it learned nothing of it: another call may. */
void asg_health_release(asg_health_t *h);
/* It answered: no longer cooled. */
void asg_health_good(asg_health_t *h);
/* What was waited for came after `latency_us` (at least 1 is kept). */
void asg_health_measured(asg_health_t *h, int64_t now_ms, asg_latency_t what,
    uint64_t latency_us);
/* It failed; `at_once`: in a way that a second try would not mend.  True when
 * it is cooled from now on. */
bool asg_health_bad(asg_health_t *h, int64_t now_ms,
    const asg_health_policy_t *policy, bool at_once);
/* Halved for every ASG_HEALTH_LATENCY_MS without a measurement, so that one who
 * was slow once is tried again. */
uint64_t asg_health_latency_us(const asg_health_t *h, int64_t now_ms,
    asg_latency_t what);

#endif
