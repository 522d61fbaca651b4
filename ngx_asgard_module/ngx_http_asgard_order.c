
/*
 * Which candidates of a name a call may be given to, and in which order they
 * are tried.
 */

#include "ngx_http_asgard_order.h"

#include "ngx_http_asgard_candidate.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_error.h"
#include "ngx_http_asgard_health.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_snapshot.h"


#define NGX_HTTP_ASGARD_PATIENCE_MAX  600000      /* ms; of a client's word */
#define NGX_HTTP_ASGARD_PROBE         30000       /* ms, for one that is tried
                                                   * with no time of its own */


/* Seconds, "12" or "12.5", as ms; NGX_ERROR: something else. */

static ngx_int_t
ngx_http_asgard_order_seconds(ngx_str_t *value)
{
    u_char  *dot, *last;

    last = value->data + value->len;
    dot = ngx_strlchr(value->data, last, '.');

    if (dot && last - dot > 4) {
        last = dot + 4;
    }

    return ngx_atofp(value->data, last - value->data, 3);
}


/* Of several times that a client says the shortest counts. */

static void
ngx_http_asgard_order_patience(ngx_http_asgard_ctx_t *ctx, ngx_msec_t ms)
{
    ctx->patience = ctx->patience ? ngx_min(ctx->patience, ms) : ms;
}


/* What the official SDKs say of how long they wait.  They may say it wrongly,
 * or cut it down to 0 s: then they said nothing. */

static void
ngx_http_asgard_order_library(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t   ms;
    ngx_str_t  *value;
    ngx_uint_t  i;

    static const char  *names[] = {
        "x-stainless-timeout", "x-stainless-read-timeout"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        value = ngx_http_asgard_header(ctx->request, names[i]);
        ms = value ? ngx_http_asgard_order_seconds(value) : NGX_ERROR;

        if (ms > 0) {
            ngx_http_asgard_order_patience(ctx, ms);
        }
    }
}


static ngx_int_t
ngx_http_asgard_order_timeout(ngx_http_asgard_ctx_t *ctx)
{
    ngx_int_t   ms;
    ngx_str_t  *value;
    ngx_str_t   param = ngx_string("x-asgard-timeout-ms");

    value = ngx_http_asgard_header(ctx->request, "x-asgard-timeout-ms");
    if (value == NULL) {
        return NGX_OK;
    }

    ms = ngx_atoi(value->data, value->len);

    if (ms < 1 || ms > NGX_HTTP_ASGARD_PATIENCE_MAX) {
        return ngx_http_asgard_refuse(ctx, ASG_REASON_INVALID_VALUE, &param);
    }

    ngx_http_asgard_order_patience(ctx, ms);

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_order_controls(ngx_http_asgard_ctx_t *ctx)
{
    ngx_str_t  *value;
    ngx_str_t   param = ngx_string("x-asgard-no-fallback");

    ngx_http_asgard_order_library(ctx);

    value = ngx_http_asgard_header(ctx->request, "x-asgard-no-fallback");

    if (value) {
        ctx->no_fallback = (value->len == 1 && value->data[0] == '1')
                           || (value->len == 4
                               && ngx_strncasecmp(value->data,
                                                  (u_char *) "true", 4) == 0);

        if (!ctx->no_fallback
            && !(value->len == 1 && value->data[0] == '0')
            && !(value->len == 5
                 && ngx_strncasecmp(value->data, (u_char *) "false", 5) == 0))
        {
            return ngx_http_asgard_refuse(ctx, ASG_REASON_INVALID_VALUE,
                                          &param);
        }
    }

    return ngx_http_asgard_order_timeout(ctx);
}


ngx_uint_t
ngx_http_asgard_order_reach(ngx_http_asgard_ctx_t *ctx)
{
    return ctx->no_fallback ? ctx->name->groups[0].n : ctx->name->ncandidates;
}


/* What a sticky name keeps together: a session that the client names, else its
 * end user; of one project. */

static uint64_t
ngx_http_asgard_order_session(ngx_http_asgard_ctx_t *ctx)
{
    asg_str_t   session;
    ngx_str_t  *value;

    value = ngx_http_asgard_header(ctx->request, "x-asgard-session");

    if (value && value->len) {
        session = ngx_http_asgard_str(value);

    } else if (ctx->end_user[0] != '\0') {
        session = asg_str_z(ctx->end_user);

    } else {
        return 0;
    }

    return asg_route_hash(session)
           ^ (asg_route_hash(asg_str_z(ctx->project->project_id)) << 1);
}


static void
ngx_http_asgard_order_add(ngx_http_asgard_attempt_t *a,
    const asg_group_t *group, unsigned model)
{
    a->groups[a->ncandidates] = group;
    a->candidates[a->ncandidates++] = model;
}


ngx_uint_t
ngx_http_asgard_order_claim(ngx_http_asgard_attempt_t *a,
    const asg_group_t *group, unsigned model)
{
    ngx_uint_t                      at;
    const asg_catalog_t            *catalog;
    ngx_http_asgard_health_view_t   view;

    catalog = &a->ctx->snapshot->catalog;
    at = ngx_http_asgard_health_find(
                       &catalog->endpoints[catalog->models[model].endpoint]);
    ngx_http_asgard_health_view(at, &view);

    if (view.standing != ASG_HEALTH_HALF_OPEN) {
        return 1;
    }

    if (!ngx_http_asgard_health_claim(at,
                  group->first_byte_timeout_ms ? group->first_byte_timeout_ms
                                               : NGX_HTTP_ASGARD_PROBE))
    {
        return 0;
    }

    a->claimed = at + 1;

    return 1;
}


static void
ngx_http_asgard_order_look(ngx_http_asgard_attempt_t *a,
    const asg_group_t *group, const asg_model_t *m, unsigned weight,
    asg_route_candidate_t *c)
{
    const asg_catalog_t  *catalog;

    catalog = &a->ctx->snapshot->catalog;

    c->weight = weight;
    c->id = asg_route_hash(m->ref);
    c->cost_nusd = 0;
    ngx_http_asgard_health_read(
                 ngx_http_asgard_health_find(&catalog->endpoints[m->endpoint]),
                 a->ctx->parsed->stream ? ASG_LATENCY_FIRST_TOKEN
                                        : ASG_LATENCY_ANSWER,
                 c);

    if (group->strategy == ASG_STRATEGY_CHEAPEST) {
        c->cost_nusd = ngx_http_asgard_policy_cost(a->ctx, m);
    }
}


/* `indexes`: the models of this group that the call may be given to.  Of the
 * first group one is claimed for it; those behind, when it comes to them. */

static void
ngx_http_asgard_order_group(ngx_http_asgard_attempt_t *a,
    const asg_group_t *group, const unsigned *indexes,
    const unsigned *weights, ngx_uint_t n, uint64_t turn)
{
    uint8_t                 order[ASG_ROUTE_MAX];
    uint64_t                session;
    unsigned                live;
    ngx_uint_t              i;
    const asg_catalog_t    *catalog;
    asg_route_candidate_t   c[ASG_ROUTE_MAX];

    catalog = &a->ctx->snapshot->catalog;
    session = group->strategy == ASG_STRATEGY_STICKY
              ? ngx_http_asgard_order_session(a->ctx) : 0;

    for (i = 0; i < n; i++) {
        ngx_http_asgard_order_look(a, group, &catalog->models[indexes[i]],
                                   weights[i], &c[i]);
    }

    for ( ;; ) {
        /* each turn but the last cools one of them */
        live = asg_route_order(group->strategy, c, n, turn, session, order);

        if (n == 1 || live == 0 || a->ncandidates
            || ngx_http_asgard_order_claim(a, group, indexes[order[0]]))
        {
            break;
        }

        c[order[0]].cooled = 1;
    }

    for (i = 0; i < (live ? live : n); i++) {
        ngx_http_asgard_order_add(a, group, indexes[order[i]]);
    }
}


void
ngx_http_asgard_order(ngx_http_asgard_attempt_t *a)
{
    uint64_t                  turn;
    unsigned                  indexes[ASG_ROUTE_MAX], weights[ASG_ROUTE_MAX];
    ngx_uint_t                g, i, n, at, reach;
    const asg_model_t        *m;
    const asg_public_name_t  *name;

    name = a->ctx->name;
    reach = ngx_http_asgard_order_reach(a->ctx);
    turn = ngx_http_asgard_health_turn(name);
    at = 0;

    for (g = 0; g < name->ngroups && at < reach; g++) {
        n = 0;

        for (i = 0; i < name->groups[g].n; i++, at++) {
            m = &a->ctx->snapshot->catalog.models[name->candidates[at]];

            if (m->path[a->ctx->parsed->api].len
                && ngx_http_asgard_policy_allows(a->ctx, m))
            {
                indexes[n] = name->candidates[at];
                weights[n++] = name->weights[at];
            }
        }

        if (n) {
            ngx_http_asgard_order_group(a, &name->groups[g], indexes, weights,
                                        n, turn);
        }
    }
}
