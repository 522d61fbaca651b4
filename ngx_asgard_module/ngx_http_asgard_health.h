
/*
 * What all workers know of the endpoints from the calls that were made: health
 * (core/health.h) and calls under way.
 *
 * An endpoint is known by its id and address, so that a new catalog that says
 * the same of it changes nothing.  A zone knows NGX_HTTP_ASGARD_HEALTH_N of
 * them, more than a catalog can have; after so many changes of addresses a
 * further one is not watched: never cooled, never busy.  Calls under
 * way are counted by each worker for itself, so that a worker that was killed
 * leaves nothing behind.
 */

#ifndef _NGX_HTTP_ASGARD_HEALTH_H_INCLUDED_
#define _NGX_HTTP_ASGARD_HEALTH_H_INCLUDED_


#include "ngx_http_asgard.h"

#include "core/health.h"


#define NGX_HTTP_ASGARD_HEALTH_N     384
#define NGX_HTTP_ASGARD_HEALTH_NONE  ((ngx_uint_t) -1)


/* What /metrics tells of one. */
typedef struct {
    asg_standing_t  standing;
    uint64_t        latency_us;     /* to a stream's first token, else to an
                                     * answer */
    uint64_t        busy;
    uint64_t        failures;
    uint64_t        cooldowns;
} ngx_http_asgard_health_view_t;


/* Where the zone keeps an endpoint; HEALTH_NONE: nowhere. */
ngx_uint_t ngx_http_asgard_health_find(const asg_endpoint_t *e);

/* Into the members of `c` that are of the endpoint, not of the name; `what` the
 * call waits for. */
void ngx_http_asgard_health_read(ngx_uint_t i, asg_latency_t what,
    asg_route_candidate_t *c);
void ngx_http_asgard_health_view(ngx_uint_t i,
    ngx_http_asgard_health_view_t *view);

/* 1: the calling request is the one that tries it, within `probe` ms. */
ngx_uint_t ngx_http_asgard_health_claim(ngx_uint_t i, ngx_msec_t probe);
/* That request learned nothing of it. */
void ngx_http_asgard_health_release(ngx_uint_t i);

/* A call begins, or ends, to be under way there. */
void ngx_http_asgard_health_begin(ngx_uint_t i);
void ngx_http_asgard_health_end(ngx_uint_t i);

void ngx_http_asgard_health_good(ngx_uint_t i);
void ngx_http_asgard_health_measured(ngx_uint_t i, asg_latency_t what,
    ngx_msec_t latency);
/* 1: it is cooled from now on. */
ngx_uint_t ngx_http_asgard_health_bad(ngx_uint_t i, const asg_group_t *group,
    ngx_uint_t at_once);

/* One more call of a name: over all workers, never the same number twice. */
uint64_t ngx_http_asgard_health_turn(const asg_public_name_t *name);


#endif /* _NGX_HTTP_ASGARD_HEALTH_H_INCLUDED_ */
