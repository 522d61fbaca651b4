
/*
 * Shared memory of all workers: cached records, the change clock, counters,
 * epochs, the journal's slots.
 *
 * Layout: a header with magic and layout version (another build starts fresh),
 * fixed arrays (journal, counters), and a slab for keys and projects. Cached
 * records are fresh while the change channel is heard (60 s, else 1 s). A
 * change leaves the lowest version that may be cached, so that a slow read of
 * an old record cannot overwrite it. The negative cache is a separate fixed
 * ring that cannot evict good keys. Every function is safe to call from any
 * worker.
 */

#ifndef _NGX_HTTP_ASGARD_ZONE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ZONE_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Monotonic counters, per worker, merged on read. Names for /metrics stand in
 * ngx_http_asgard_count.c in the same order. */
typedef enum {
    NGX_HTTP_ASGARD_COUNT_CALLS = 0,
    NGX_HTTP_ASGARD_COUNT_UNPAID,
    NGX_HTTP_ASGARD_COUNT_REFUSED,
    NGX_HTTP_ASGARD_COUNT_SETTLED,
    NGX_HTTP_ASGARD_COUNT_ESTIMATED,
    NGX_HTTP_ASGARD_COUNT_VOIDED,
    NGX_HTTP_ASGARD_COUNT_UNKNOWN,
    NGX_HTTP_ASGARD_COUNT_OVERSHOOT,        /* alarm */
    NGX_HTTP_ASGARD_COUNT_BAD_USAGE,        /* alarm */
    NGX_HTTP_ASGARD_COUNT_RETRY,
    NGX_HTTP_ASGARD_COUNT_FALLBACK,
    NGX_HTTP_ASGARD_COUNT_FURTHER,
    NGX_HTTP_ASGARD_COUNT_PROMPT_TOKENS,
    NGX_HTTP_ASGARD_COUNT_COMPLETION_TOKENS,
    NGX_HTTP_ASGARD_COUNT_COST_NUSD,
    NGX_HTTP_ASGARD_COUNT_HELD_NUSD,        /* sum of holds asked */
    NGX_HTTP_ASGARD_COUNT_MEASURED_COST_NUSD,
    NGX_HTTP_ASGARD_COUNT_MEASURED_HELD_NUSD,
    NGX_HTTP_ASGARD_COUNT_REDIS_ERROR,
    NGX_HTTP_ASGARD_COUNT_REDIS_TIMEOUT,
    NGX_HTTP_ASGARD_COUNT_KEY_HIT,
    NGX_HTTP_ASGARD_COUNT_KEY_MISS,
    NGX_HTTP_ASGARD_COUNT_UPSTREAM_AUTH,    /* provider said 401, 403: alarm */
    NGX_HTTP_ASGARD_COUNT_RESOLVE_FAILED,
    NGX_HTTP_ASGARD_COUNT_ADDRESS_REFUSED,  /* alarm */
    NGX_HTTP_ASGARD_COUNT_KEY_LEAKS,        /* its key came back: alarm */
    NGX_HTTP_ASGARD_COUNT_CATALOG_BAD,      /* alarm */
    NGX_HTTP_ASGARD_COUNT_DEAD_WORKER,
    NGX_HTTP_ASGARD_COUNT_JOURNAL_FULL,
    NGX_HTTP_ASGARD_COUNT_ADOPTED,
    NGX_HTTP_ASGARD_COUNT_SIBLING,
    NGX_HTTP_ASGARD_COUNT_SPOOL_ERRORS,     /* alarm */
    NGX_HTTP_ASGARD_COUNT_REFUSED_UNAUDITED,
    NGX_HTTP_ASGARD_COUNT_HOOK,
    NGX_HTTP_ASGARD_COUNT_HOOK_FAILED,      /* alarm */
    NGX_HTTP_ASGARD_COUNT_ALONE,            /* alarm */
    NGX_HTTP_ASGARD_COUNT_ALONE_NUSD,
    NGX_HTTP_ASGARD_COUNT_ALONE_REFUSED,
    NGX_HTTP_ASGARD_COUNT_N
} ngx_http_asgard_count_e;


/* Buckets of the share of a hold that its call really used, the last without
 * an upper end. */
#define NGX_HTTP_ASGARD_USED_N  8

/* asgard_zone directive's handler part: adds the shm zone. */
ngx_shm_zone_t *ngx_http_asgard_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size);

ngx_http_asgard_zone_t *ngx_http_asgard_zone(void);

/* NGX_OK: *out is filled and fresh; NGX_DECLINED: ask Redis; NGX_ABORT: known
 * not to exist (negative cache). */
ngx_int_t ngx_http_asgard_zone_key_get(ngx_uint_t pepper, u_char *digest,
    asg_key_record_t *out);
/* NGX_OK: it was read at most `most` ms ago, and no newer one was announced. */
ngx_int_t ngx_http_asgard_zone_key_last(u_char *digest, ngx_msec_t most,
    asg_key_record_t *out);
/* NGX_DECLINED: a newer version was announced, read Redis again. */
ngx_int_t ngx_http_asgard_zone_key_put(ngx_uint_t pepper, u_char *digest,
    asg_key_record_t *record);
void ngx_http_asgard_zone_key_absent(ngx_uint_t pepper, u_char *digest);
ngx_int_t ngx_http_asgard_zone_project_get(ngx_str_t *id,
    asg_project_record_t *out);
ngx_int_t ngx_http_asgard_zone_project_last(ngx_str_t *id, ngx_msec_t most,
    asg_project_record_t *out);
ngx_int_t ngx_http_asgard_zone_project_put(asg_project_record_t *record);

/* A message of the change channel, as received. */
void ngx_http_asgard_zone_change(ngx_str_t *message);
/* This worker's channel was away: what is cached may have missed a change. */
void ngx_http_asgard_zone_channel_gap(void);
/* Has a message been heard within 3 s? */
ngx_uint_t ngx_http_asgard_zone_channel_alive(void);

/* Highest epoch seen of a partition; note() returns NGX_DECLINED for a
 * lower. */
uint64_t ngx_http_asgard_zone_epoch(ngx_uint_t part);
ngx_int_t ngx_http_asgard_zone_epoch_note(ngx_uint_t part, uint64_t epoch);

/* Catalog versions: the highest announced, and what each worker serves. */
uint64_t ngx_http_asgard_zone_catalog_wanted(void);
void ngx_http_asgard_zone_catalog_serving(uint64_t version);
/* Lowest version served by any live worker (0: none has one). */
uint64_t ngx_http_asgard_zone_catalog_lowest(void);

/* Memory of request bodies over all workers: NGX_OK or NGX_BUSY. */
ngx_int_t ngx_http_asgard_zone_body_charge(size_t bytes, size_t max);
void ngx_http_asgard_zone_body_release(size_t bytes);

void ngx_http_asgard_count(ngx_http_asgard_count_e what, uint64_t n);
uint64_t ngx_http_asgard_count_read(ngx_http_asgard_count_e what);
/* Refusals by reason. */
void ngx_http_asgard_count_reason(asg_reason_t reason);
uint64_t ngx_http_asgard_count_reason_read(asg_reason_t reason);
const char *ngx_http_asgard_count_name(ngx_http_asgard_count_e what,
    const char **help);

/* Calls in which a guardrail matched, by what was done.  Rules of the operator
 * are counted by their names, the first NGX_HTTP_ASGARD_OWN_RULES of them. */
void ngx_http_asgard_count_guard(ngx_uint_t side,
    const struct asg_guard_set *set, asg_rule_t rule, asg_action_t action);
uint64_t ngx_http_asgard_count_guard_read(ngx_uint_t side,
    const struct asg_guard_set *set, asg_rule_t rule, asg_action_t action);

/* A call whose usage was measured. */
void ngx_http_asgard_count_used(asg_nusd_t cost_nusd, asg_nusd_t held_nusd);
/* Calls in one bucket alone; its upper end as text. */
uint64_t ngx_http_asgard_count_used_read(ngx_uint_t bucket, const char **end);
uint64_t ngx_http_asgard_count_used_millionths(void);


#endif /* _NGX_HTTP_ASGARD_ZONE_H_INCLUDED_ */
