/*
 * What the module and the monitoring ask: readiness and metrics.
 */
#include "http/handlers.h"

#include "http/bad_tokens.h"
#include "http/health.h"
#include "http/json_out.h"
#include "http/openapi.h"
#include "ops/ctl_metrics.h"


CTL_HANDLER(ctl_http_ready)
{
    struct ctl_readiness state;
    cJSON *tree;

    ctl_health_read(rq->worker->health, &rq->worker->arena, &state);
    tree = cJSON_CreateObject();
    ctl_out_text(tree, "redis", state.redis);
    ctl_out_text(tree, "postgres", state.postgres);
    ctl_out_text(tree, "ctl", state.ctl);
    ctl_out_text(tree, "catalog", state.catalog);

    return ctl_out_send(rq, an, state.ready ? 200 : 503, tree, e);
}


CTL_HANDLER(ctl_http_metrics)
{
    struct ctl_bad_tokens *bad = rq->worker->bad_tokens;
    const struct ctl_api_counts counts = {
        .bad_tokens = atomic_load(&bad->shown),
        .bad_tokens_refused = atomic_load(&bad->refused)
    };
    const char *text = ctl_metrics_text(rq->worker->pg, rq->worker->redis,
                                        &counts, &rq->worker->arena);

    if (text == NULL) {
        return ctl_error_internal(e, "the metrics do not fit");
    }
    an->status = 200;
    an->body = asg_str_z(text);
    an->content_type = "text/plain; version=0.0.4; charset=utf-8";

    return true;
}


CTL_HANDLER(ctl_http_openapi)
{
    (void) rq;
    (void) e;
    an->status = 200;
    an->body = (asg_str_t) {ctl_openapi, ctl_openapi_len};

    return true;
}
