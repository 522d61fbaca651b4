
/*
 * The probes: which one, health, metrics.  readyz has a file of its own.
 */

#include "ngx_http_asgard_probe.h"

#include "core/guard_set.h"
#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_health.h"
#include "ngx_http_asgard_journal.h"
#include "ngx_http_asgard_ready.h"
#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_tally.h"
#include "ngx_http_asgard_times.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_METRICS_MAX  40960   /* and for each endpoint: */
#define NGX_HTTP_ASGARD_ENDPOINT_MAX  2048
#define NGX_HTTP_ASGARD_MODEL_MAX     2048    /* and for each that has one */
#define NGX_HTTP_ASGARD_OWN_RULE_MAX  1024    /* and for each of these */


static ngx_int_t ngx_http_asgard_probe_health(ngx_http_request_t *r);
static ngx_int_t ngx_http_asgard_probe_metrics(ngx_http_request_t *r);


ngx_int_t
ngx_http_asgard_probe_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_asgard_loc_conf_t  *alcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_asgard_module);

    switch (alcf->probe) {

    case NGX_HTTP_ASGARD_PROBE_HEALTHZ:
        return ngx_http_asgard_probe_health(r);

    case NGX_HTTP_ASGARD_PROBE_READYZ:
        return ngx_http_asgard_ready_handler(r);

    default:
        return ngx_http_asgard_probe_metrics(r);
    }
}


ngx_int_t
ngx_http_asgard_probe_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_str_t *body)
{
    ngx_str_t                 content_type;
    ngx_http_complex_value_t  cv;

    content_type.data = (u_char *) type;
    content_type.len = ngx_strlen(type);

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = *body;

    return ngx_http_send_response(r, status, &content_type, &cv);
}


static ngx_int_t
ngx_http_asgard_probe_health(ngx_http_request_t *r)
{
    ngx_str_t  good = ngx_string("{\"status\":\"ok\"}\n");
    ngx_str_t  bad = ngx_string("{\"status\":\"no catalog is loaded\"}\n");

    if (ngx_http_asgard_snapshot_version()) {
        return ngx_http_asgard_probe_send(r, NGX_HTTP_OK, "application/json",
                                          &good);
    }

    return ngx_http_asgard_probe_send(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      "application/json", &bad);
}


static u_char *
ngx_http_asgard_probe_gauge(u_char *p, u_char *last, const char *name,
    const char *help, uint64_t value)
{
    return ngx_slprintf(p, last, "# HELP asgard_%s %s\n# TYPE asgard_%s gauge\n"
                        "asgard_%s %uL\n", name, help, name, name, value);
}


static u_char *
ngx_http_asgard_probe_counters(u_char *p, u_char *last)
{
    ngx_uint_t   i;
    const char  *name, *help;

    for (i = 0; i < NGX_HTTP_ASGARD_COUNT_N; i++) {
        name = ngx_http_asgard_count_name(i, &help);

        p = ngx_slprintf(p, last, "# HELP %s %s\n# TYPE %s counter\n%s %uL\n",
                         name, help, name, name,
                         ngx_http_asgard_count_read(i));
    }

    return p;
}


static u_char *
ngx_http_asgard_probe_reasons(u_char *p, u_char *last)
{
    ngx_uint_t                i;
    const asg_reason_info_t  *info;

    p = ngx_slprintf(p, last,
                     "# HELP asgard_refusals_total Refusals by code.\n"
                     "# TYPE asgard_refusals_total counter\n");

    for (i = ASG_REASON_NONE + 1; i < ASG_REASON_COUNT; i++) {
        info = asg_reason_info((asg_reason_t) i);

        p = ngx_slprintf(p, last, "asgard_refusals_total{code=\"%s\"} %uL\n",
                         info->code,
                         ngx_http_asgard_count_reason_read((asg_reason_t) i));
    }

    return p;
}


static u_char *
ngx_http_asgard_probe_guards(u_char *p, u_char *last,
    const asg_guard_set_t *set)
{
    ngx_uint_t   side, rule, action;

    static const char  *const sides[] = { "request", "answer" };

    p = ngx_slprintf(p, last,
                     "# HELP asgard_guardrail_calls_total Calls in which a "
                     "guardrail matched, by what was done.\n"
                     "# TYPE asgard_guardrail_calls_total counter\n");

    for (side = 0; side < NGX_HTTP_ASGARD_GUARD_SIDES; side++) {
        for (rule = 0; rule < ASG_RULE_COUNT + (set ? set->nrules : 0);
             rule++)
        {
            for (action = ASG_ACTION_FLAG; action < ASG_ACTION_COUNT;
                 action++)
            {
                p = ngx_slprintf(p, last, "asgard_guardrail_calls_total{"
                                 "in=\"%s\",rule=\"%s\",action=\"%s\"} %uL\n",
                                 sides[side], asg_guard_name(set,
                                                          (asg_rule_t) rule),
                                 asg_action_name((asg_action_t) action),
                                 ngx_http_asgard_count_guard_read(side, set,
                                                   (asg_rule_t) rule,
                                                   (asg_action_t) action));
            }
        }
    }

    return p;
}


static u_char *
ngx_http_asgard_probe_used(u_char *p, u_char *last)
{
    uint64_t     calls, millionths;
    ngx_uint_t   i;
    const char  *end;

    p = ngx_slprintf(p, last,
                     "# HELP asgard_hold_used_ratio Cost of a measured call "
                     "in its hold.\n"
                     "# TYPE asgard_hold_used_ratio histogram\n");

    calls = 0;

    for (i = 0; i < NGX_HTTP_ASGARD_USED_N; i++) {
        calls += ngx_http_asgard_count_used_read(i, &end);
        p = ngx_slprintf(p, last,
                         "asgard_hold_used_ratio_bucket{le=\"%s\"} %uL\n",
                         end, calls);
    }

    millionths = ngx_http_asgard_count_used_millionths();

    return ngx_slprintf(p, last, "asgard_hold_used_ratio_sum %uL.%06uL\n"
                        "asgard_hold_used_ratio_count %uL\n",
                        millionths / 1000000, millionths % 1000000, calls);
}


/* One metric, with a line for each thing that it is of. */

typedef struct {
    const char  *name;
    const char  *type;
    const char  *help;
} ngx_http_asgard_probe_family_t;


static const ngx_http_asgard_probe_family_t
    ngx_http_asgard_probe_endpoint_metrics[] = {
    { "state", "gauge",
      "0 called, 1 to be tried by one call, 2 left alone." },
    { "busy", "gauge", "Calls under way at an endpoint." },
    { "latency_seconds", "gauge",
      "Smoothed time to a stream's first token, else to an answer." },
    { "failures_total", "counter", "Attempts that an endpoint failed." },
    { "cooldowns_total", "counter", "Times that an endpoint was left alone." }
};


static u_char *
ngx_http_asgard_probe_endpoint_value(u_char *p, u_char *last,
    const ngx_http_asgard_health_view_t *view, ngx_uint_t metric)
{
    /* the states' order is that of their danger, not of their names */
    static const uint64_t  states[] = {
        [ASG_HEALTH_LIVE] = 0, [ASG_HEALTH_HALF_OPEN] = 1,
        [ASG_HEALTH_COOLED] = 2
    };

    switch (metric) {

    case 0:
        return ngx_slprintf(p, last, "%uL\n", states[view->standing]);

    case 1:
        return ngx_slprintf(p, last, "%uL\n", (uint64_t) view->busy);

    case 2:
        return ngx_slprintf(p, last, "%uL.%06uL\n",
                            (uint64_t) view->latency_us / 1000000,
                            (uint64_t) view->latency_us % 1000000);

    case 3:
        return ngx_slprintf(p, last, "%uL\n", (uint64_t) view->failures);

    default:
        return ngx_slprintf(p, last, "%uL\n", (uint64_t) view->cooldowns);
    }
}


static u_char *
ngx_http_asgard_probe_endpoints(u_char *p, u_char *last,
    const asg_catalog_t *catalog)
{
    ngx_uint_t                             i, m;
    const asg_endpoint_t                  *e;
    ngx_http_asgard_health_view_t          view;
    const ngx_http_asgard_probe_family_t  *metric;

    for (m = 0; m < sizeof(ngx_http_asgard_probe_endpoint_metrics)
                    / sizeof(ngx_http_asgard_probe_endpoint_metrics[0]); m++)
    {
        metric = &ngx_http_asgard_probe_endpoint_metrics[m];

        p = ngx_slprintf(p, last, "# HELP asgard_endpoint_%s %s\n"
                         "# TYPE asgard_endpoint_%s %s\n", metric->name,
                         metric->help, metric->name, metric->type);

        for (i = 0; i < catalog->nendpoints; i++) {
            e = &catalog->endpoints[i];

            ngx_http_asgard_health_view(ngx_http_asgard_health_find(e),
                                        &view);

            p = ngx_slprintf(p, last, "asgard_endpoint_%s{endpoint=\"%*s\"} ",
                             metric->name, e->id.len, e->id.data);
            p = ngx_http_asgard_probe_endpoint_value(p, last, &view, m);
        }
    }

    return p;
}


static const ngx_http_asgard_probe_family_t
    ngx_http_asgard_probe_model_metrics[] = {
    { "calls_total", "counter",
      "Calls that a model served, or may have worked on." },
    { "cost_nusd_total", "counter", "What they cost, nano-USD." },
    { "fallback_calls_total", "counter",
      "Those of them that another candidate had failed before." },
    { "fallback_cost_nusd_total", "counter",
      "What those cost, nano-USD." }
};


/* Those that were called; and the others together, when there are any. */

static u_char *
ngx_http_asgard_probe_models(u_char *p, u_char *last,
    const asg_catalog_t *catalog)
{
    uint64_t                               n;
    ngx_uint_t                             i, m;
    const asg_model_t                     *model;
    const ngx_http_asgard_probe_family_t  *metric;

    for (m = 0; m < NGX_HTTP_ASGARD_TALLY_COUNTS; m++) {
        metric = &ngx_http_asgard_probe_model_metrics[m];

        p = ngx_slprintf(p, last, "# HELP asgard_model_%s %s\n"
                         "# TYPE asgard_model_%s %s\n", metric->name,
                         metric->help, metric->name, metric->type);

        for (i = 0; i < catalog->nmodels; i++) {
            model = &catalog->models[i];

            if (ngx_http_asgard_tally_read(model, NGX_HTTP_ASGARD_TALLY_CALLS))
            {
                p = ngx_slprintf(p, last,
                                 "asgard_model_%s{model=\"%*s\"} %uL\n",
                                 metric->name, model->ref.len,
                                 model->ref.data,
                                 ngx_http_asgard_tally_read(model, m));
            }
        }

        n = ngx_http_asgard_tally_read(NULL, m);

        if (n) {
            p = ngx_slprintf(p, last, "asgard_model_%s{model=\"\"} %uL\n",
                             metric->name, n);
        }
    }

    return p;
}


static ngx_int_t
ngx_http_asgard_probe_metrics(ngx_http_request_t *r)
{
    size_t                        size;
    u_char                       *p, *last;
    ngx_str_t                     body;
    ngx_http_asgard_snapshot_t   *s;
    ngx_http_asgard_main_conf_t  *amcf;

    s = ngx_http_asgard_snapshot_take();
    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);
    size = NGX_HTTP_ASGARD_METRICS_MAX + NGX_HTTP_ASGARD_TIMES_TEXT
           + NGX_HTTP_ASGARD_ALONE_TEXT;

    if (amcf->guard_set) {
        size += amcf->guard_set->nrules * NGX_HTTP_ASGARD_OWN_RULE_MAX;
    }

    if (s) {
        size += s->catalog.nendpoints * NGX_HTTP_ASGARD_ENDPOINT_MAX
                + ngx_min(s->catalog.nmodels, NGX_HTTP_ASGARD_TALLY_N)
                  * NGX_HTTP_ASGARD_MODEL_MAX;
    }

    body.data = ngx_pnalloc(r->pool, size);
    if (body.data == NULL) {
        if (s) {
            ngx_http_asgard_snapshot_drop(s);
        }

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = body.data;
    last = body.data + size;

    if (s) {
        p = ngx_http_asgard_probe_endpoints(p, last, &s->catalog);
        p = ngx_http_asgard_probe_models(p, last, &s->catalog);
        ngx_http_asgard_snapshot_drop(s);
    }

    p = ngx_http_asgard_probe_counters(p, last);
    p = ngx_http_asgard_probe_guards(p, last, amcf->guard_set);
    p = ngx_http_asgard_probe_used(p, last);
    p = ngx_http_asgard_times_write(p, last);
    p = ngx_http_asgard_alone_write(p, last);
    p = ngx_http_asgard_probe_reasons(p, last);

    p = ngx_http_asgard_probe_gauge(p, last, "catalog_version",
            "Lowest version of the catalog that a worker serves; 0: none.",
            ngx_http_asgard_zone_catalog_lowest());
    p = ngx_http_asgard_probe_gauge(p, last, "catalog_version_announced",
            "Highest version of the catalog that was announced.",
            ngx_http_asgard_zone_catalog_wanted());
    p = ngx_http_asgard_probe_gauge(p, last, "redis_up",
            "Is the connection of the answering worker to Redis usable.",
            ngx_http_asgard_redis_ready());
    p = ngx_http_asgard_probe_gauge(p, last, "channel_up",
            "Was the change channel heard in the last 3 seconds.",
            ngx_http_asgard_zone_channel_alive());

    p = ngx_http_asgard_probe_gauge(p, last, "journal_slots",
            "Slots of the journal.", ngx_http_asgard_journal_slots());
    p = ngx_http_asgard_probe_gauge(p, last, "journal_slots_used",
            "Slots of calls that are open or not yet in the ledger.",
            ngx_http_asgard_journal_used());

    body.len = p - body.data;

    return ngx_http_asgard_probe_send(r, NGX_HTTP_OK,
                                      "text/plain; version=0.0.4", &body);
}
