
/*
 * What all workers know of the endpoints from the calls that were made.
 *
 * A record is changed under a lock of its own.  It is advice, not money: who
 * finds the lock taken for too long (its holder was killed) takes it over.
 */

#include "ngx_http_asgard_health.h"

#include "ngx_http_asgard_shm.h"


#define NGX_HTTP_ASGARD_HEALTH_SPINS  2048

#if (NGX_HTTP_ASGARD_HEALTH_N <= ASG_CATALOG_ENDPOINTS_MAX)
#error a catalog has more endpoints than the zone has places
#endif


static ngx_http_asgard_health_t *
ngx_http_asgard_health_at(ngx_uint_t i)
{
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();

    return zone && i < NGX_HTTP_ASGARD_HEALTH_N ? &zone->health[i] : NULL;
}


ngx_uint_t
ngx_http_asgard_health_find(const asg_endpoint_t *e)
{
    uint64_t                 id;
    ngx_uint_t               i, n;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    if (zone == NULL) {
        return NGX_HTTP_ASGARD_HEALTH_NONE;
    }

    id = asg_route_hash(e->id) ^ (asg_route_hash(e->host) << 1)
         ^ ((uint64_t) e->port << 17) ^ (uint64_t) e->tls;
    id |= 1;

    for (n = 0; n < NGX_HTTP_ASGARD_HEALTH_N; n++) {
        i = (id / 2 + n) % NGX_HTTP_ASGARD_HEALTH_N;

        if (zone->health[i].id == id
            || ngx_atomic_cmp_set(&zone->health[i].id, 0, id)
            || zone->health[i].id == id)
        {
            return i;
        }
    }

    return NGX_HTTP_ASGARD_HEALTH_NONE;
}


static void
ngx_http_asgard_health_lock(ngx_http_asgard_health_t *h)
{
    ngx_uint_t         n;
    ngx_atomic_uint_t  holder;

    for ( ;; ) {
        holder = h->lock;

        for (n = 0; n < NGX_HTTP_ASGARD_HEALTH_SPINS; n++) {

            if (ngx_atomic_cmp_set(&h->lock, 0, ngx_pid)) {
                return;
            }

            ngx_cpu_pause();
        }

        if (holder && ngx_atomic_cmp_set(&h->lock, holder, ngx_pid)) {
            return;
        }

        ngx_sched_yield();
    }
}


static void
ngx_http_asgard_health_unlock(ngx_http_asgard_health_t *h)
{
    (void) ngx_atomic_cmp_set(&h->lock, ngx_pid, 0);
}


static uint64_t
ngx_http_asgard_health_busy(ngx_uint_t i)
{
    uint64_t                   sum;
    ngx_uint_t                 n;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_worker_t  *w;

    sum = 0;
    zone = ngx_http_asgard_zone();

    for (n = 0; n < zone->workers_top; n++) {
        w = &zone->workers[n];
        sum += w->generation ? w->busy[i] : 0;
    }

    return sum;
}


void
ngx_http_asgard_health_read(ngx_uint_t i, asg_latency_t what,
    asg_route_candidate_t *c)
{
    ngx_http_asgard_health_t  *h;

    h = ngx_http_asgard_health_at(i);

    if (h == NULL) {
        c->busy = 0;
        c->latency_us = 0;
        c->cooled = 0;
        return;
    }

    c->busy = ngx_http_asgard_health_busy(i);
    c->latency_us = asg_health_latency_us(&h->health, ngx_current_msec, what);
    c->cooled = asg_health_standing(&h->health, ngx_current_msec)
                == ASG_HEALTH_COOLED;
}


void
ngx_http_asgard_health_view(ngx_uint_t i, ngx_http_asgard_health_view_t *view)
{
    ngx_uint_t                 what;
    ngx_http_asgard_health_t  *h;

    ngx_memzero(view, sizeof(ngx_http_asgard_health_view_t));

    h = ngx_http_asgard_health_at(i);

    if (h) {
        view->standing = asg_health_standing(&h->health, ngx_current_msec);

        for (what = ASG_LATENCY_COUNT; what-- && view->latency_us == 0; ) {
            view->latency_us = asg_health_latency_us(&h->health,
                                                     ngx_current_msec, what);
        }

        view->busy = ngx_http_asgard_health_busy(i);
        view->failures = h->failures;
        view->cooldowns = h->cooldowns;
    }
}


ngx_uint_t
ngx_http_asgard_health_claim(ngx_uint_t i, ngx_msec_t probe)
{
    ngx_uint_t                 mine;
    ngx_http_asgard_health_t  *h;

    h = ngx_http_asgard_health_at(i);

    if (h == NULL
        || asg_health_standing(&h->health, ngx_current_msec)
           != ASG_HEALTH_HALF_OPEN)
    {
        return 0;
    }

    ngx_http_asgard_health_lock(h);
    mine = asg_health_claim(&h->health, ngx_current_msec, probe);
    ngx_http_asgard_health_unlock(h);

    return mine;
}


void
ngx_http_asgard_health_release(ngx_uint_t i)
{
    ngx_http_asgard_health_t  *h;

    h = ngx_http_asgard_health_at(i);

    if (h) {
        ngx_http_asgard_health_lock(h);
        asg_health_release(&h->health);
        ngx_http_asgard_health_unlock(h);
    }
}


void
ngx_http_asgard_health_begin(ngx_uint_t i)
{
    ngx_http_asgard_worker_t  *w;

    w = ngx_http_asgard_worker();

    if (w && i < NGX_HTTP_ASGARD_HEALTH_N) {
        w->busy[i]++;
    }
}


void
ngx_http_asgard_health_end(ngx_uint_t i)
{
    ngx_http_asgard_worker_t  *w;

    w = ngx_http_asgard_worker();

    if (w && i < NGX_HTTP_ASGARD_HEALTH_N && w->busy[i]) {
        w->busy[i]--;
    }
}


void
ngx_http_asgard_health_good(ngx_uint_t i)
{
    ngx_http_asgard_health_t  *h;

    h = ngx_http_asgard_health_at(i);

    if (h) {
        ngx_http_asgard_health_lock(h);
        asg_health_good(&h->health);
        ngx_http_asgard_health_unlock(h);
    }
}


void
ngx_http_asgard_health_measured(ngx_uint_t i, asg_latency_t what,
    ngx_msec_t latency)
{
    ngx_http_asgard_health_t  *h;

    h = ngx_http_asgard_health_at(i);

    if (h) {
        ngx_http_asgard_health_lock(h);
        asg_health_measured(&h->health, ngx_current_msec, what,
                            (uint64_t) latency * 1000);
        ngx_http_asgard_health_unlock(h);
    }
}


ngx_uint_t
ngx_http_asgard_health_bad(ngx_uint_t i, const asg_group_t *group,
    ngx_uint_t at_once)
{
    ngx_uint_t                 cooled;
    asg_health_policy_t        policy;
    ngx_http_asgard_health_t  *h;

    h = ngx_http_asgard_health_at(i);
    if (h == NULL) {
        return 0;
    }

    policy.allowed_fails = group->allowed_fails;
    policy.cooldown_ms = group->cooldown_ms;

    ngx_http_asgard_health_lock(h);
    cooled = asg_health_bad(&h->health, ngx_current_msec, &policy, at_once);
    ngx_http_asgard_health_unlock(h);

    (void) ngx_atomic_fetch_add(&h->failures, 1);
    (void) ngx_atomic_fetch_add(&h->cooldowns, cooled);

    return cooled;
}


uint64_t
ngx_http_asgard_health_turn(const asg_public_name_t *name)
{
    ngx_uint_t  i;

    i = asg_route_counter(name->name);

    return ngx_atomic_fetch_add(&ngx_http_asgard_zone()->turns[i], 1);
}
