
/*
 * Calls and their cost by model, over all workers.
 */

#include "ngx_http_asgard_tally.h"

#include "ngx_http_asgard_shm.h"


/* The entry of `id`; taken when `take` and none is there yet. */

static ngx_http_asgard_tally_t *
ngx_http_asgard_tally_find(uint64_t id, ngx_uint_t take)
{
    ngx_uint_t                n;
    ngx_http_asgard_zone_t   *zone;
    ngx_http_asgard_tally_t  *t;

    zone = ngx_http_asgard_zone();

    for (n = 0; n < NGX_HTTP_ASGARD_TALLY_N; n++) {
        t = &zone->tallies[(id + n) % NGX_HTTP_ASGARD_TALLY_N];

        if (t->id == id) {
            return t;
        }

        if (t->id == 0) {

            if (!take) {
                return NULL;
            }

            if (ngx_atomic_cmp_set(&t->id, 0, id) || t->id == id) {
                return t;
            }
        }
    }

    return take ? &zone->others : NULL;
}


static void
ngx_http_asgard_tally_add(ngx_http_asgard_tally_t *t,
    ngx_http_asgard_tally_e what, uint64_t n)
{
    (void) ngx_atomic_fetch_add(&t->counts[what], n);
}


void
ngx_http_asgard_tally(const asg_model_t *model, asg_nusd_t cost_nusd,
    ngx_uint_t fallback)
{
    ngx_http_asgard_tally_t  *t;

    t = ngx_http_asgard_tally_find(asg_route_hash(model->ref), 1);

    ngx_http_asgard_tally_add(t, NGX_HTTP_ASGARD_TALLY_CALLS, 1);
    ngx_http_asgard_tally_add(t, NGX_HTTP_ASGARD_TALLY_COST_NUSD, cost_nusd);

    if (fallback) {
        ngx_http_asgard_tally_add(t, NGX_HTTP_ASGARD_TALLY_FALLBACKS, 1);
        ngx_http_asgard_tally_add(t, NGX_HTTP_ASGARD_TALLY_FALLBACK_COST_NUSD,
                                  cost_nusd);
    }
}


uint64_t
ngx_http_asgard_tally_read(const asg_model_t *model,
    ngx_http_asgard_tally_e what)
{
    ngx_http_asgard_tally_t  *t;

    t = model ? ngx_http_asgard_tally_find(asg_route_hash(model->ref), 0)
              : &ngx_http_asgard_zone()->others;

    return t ? t->counts[what] : 0;
}
