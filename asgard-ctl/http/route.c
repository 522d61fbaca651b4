/*
 * From a request to an answer: route, gate, change, error body.
 */
#include "http/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "http/gate.h"
#include "http/idempotency.h"
#include "http/json_out.h"
#include "http/origin.h"

#define DELIVERY_MS 5000                /* a 201 waits for Redis this long */
#define CROWDED_MS  300                 /* when most threads wait already */
#define FREE_MIN    2                   /* threads that do not wait */


/* Matches `path` with `pattern`, collecting `{…}` segments. */
static bool
path_matches(const char *pattern, asg_str_t path, struct ctl_arena *arena,
    const char **params)
{
    const char *p = path.data, *end = path.data + path.len, *start;
    unsigned n = 0;

    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (p == end || *p++ != *pattern++) {
                return false;
            }
            continue;
        }
        for (start = p; p < end && *p != '/'; p++) { /* one segment */ }
        if (p == start || n == CTL_ROUTE_PARAMS_MAX) {
            return false;
        }
        params[n++] = ctl_arena_text(arena, start, (size_t) (p - start));
        pattern = strchr(pattern, '}') + 1;
    }

    return p == end;
}


/* *allow: the methods of a known path, when the method is none of them. */
static const struct ctl_route *
route_find(struct ctl_request *rq, const char **allow, struct ctl_error *e)
{
    struct ctl_arena *arena = &rq->worker->arena;
    const struct ctl_route *route = ctl_routes;

    if (!ctl_utf8_is_valid(rq->path)) {
        ctl_error_set(e, 404, "not_found", "There is nothing at this path.");
        return NULL;
    }
    for (; route->method != NULL; route++) {
        if (!path_matches(route->pattern, rq->path, arena, rq->param)) {
            continue;
        }
        if (asg_str_eq_z(rq->method, route->method)) {
            return route;
        }
        *allow = *allow == NULL ? route->method
                 : ctl_arena_printf(arena, "%s, %s", *allow, route->method);
    }
    if (*allow != NULL) {
        ctl_error_set(e, 405, "method_not_allowed",
                      "This path does not take that method.");
    } else {
        ctl_error_set(e, 404, "not_found", "There is nothing at this path.");
    }

    return NULL;
}


/* A form of another site can send no JSON, but a body of no bytes: where a
 * cookie opens, its type counts too. */
static bool
check_content_type(const struct ctl_request *rq, struct ctl_error *e)
{
    static const char json[] = "application/json";
    const char *type = rq->content_type.data;
    size_t len = rq->content_type.len;

    if ((rq->body.len == 0 && (len == 0 || !rq->by_cookie))
        || (len >= sizeof(json) - 1
            && strncasecmp(type, json, sizeof(json) - 1) == 0
            && (len == sizeof(json) - 1 || type[sizeof(json) - 1] == ';'
                || type[sizeof(json) - 1] == ' ')))
    {
        return true;
    }

    return ctl_error_set(e, 415, "unsupported_media_type",
                         "Send the body as application/json.");
}


/* While Redis hangs, reads and the next kill still find a thread. */
static bool
wait_delivery(struct ctl_request *rq, struct ctl_change *change,
    struct ctl_error *e)
{
    unsigned before = atomic_fetch_add(rq->worker->waiting, 1);
    bool crowded = before + 1 + FREE_MIN > rq->worker->config->api_threads;
    bool ok = ctl_change_wait(change, crowded ? CROWDED_MS : DELIVERY_MS, e);

    atomic_fetch_sub(rq->worker->waiting, 1);

    return ok;
}


/* A handler inside its transaction; on false nothing of it stays. */
static bool
serve_write(const struct ctl_route *route, struct ctl_request *rq,
    struct ctl_answer *an, struct ctl_error *e)
{
    struct ctl_change change;
    bool replayed = false;

    if (!ctl_change_begin(&change, rq->worker->pg, &rq->worker->arena,
                          rq->actor, rq->trace_id, e))
    {
        return false;
    }
    change.who = &rq->who;
    change.person = rq->who.user_id;
    change.self_service = &rq->worker->config->self_service;
    change.may_exceed = ctl_access_is_admin(&rq->who);
    rq->change = &change;
    if (!ctl_idempotency_enter(rq, an, &replayed, e)) {
        ctl_change_abort(&change);
        return false;
    }
    if (replayed) {
        ctl_change_abort(&change);
        return wait_delivery(rq, &change, e);
    }
    if (!route->handler(rq, an, e) || !ctl_idempotency_leave(rq, an, e)) {
        ctl_change_abort(&change);
        return false;
    }

    return ctl_change_commit(&change, e) && wait_delivery(rq, &change, e);
}


static bool
serve_route(struct ctl_request *rq, struct ctl_answer *an,
    struct ctl_error *e)
{
    const struct ctl_route *route = route_find(rq, &an->allow, e);

    if (route == NULL || !ctl_origin_check(rq, e)
        || !ctl_gate_enter(rq, route->rule, e) || !check_content_type(rq, e))
    {
        return false;
    }

    return route->access == CTL_WRITE ? serve_write(route, rq, an, e)
                                      : route->handler(rq, an, e);
}


/* One second: what is away or under way is looked at more often than that, and
 * an address has as many tokens again.  A handler that knows better has said
 * so. */
static int
retry_after(const struct ctl_error *e, int said_s)
{
    if (said_s > 0) {
        return said_s;
    }

    return e->status == 503 || e->status == 429
           || strcmp(e->code, "idempotency_in_flight") == 0;
}


void
ctl_route_refuse(struct ctl_request *rq, const struct ctl_error *e,
    struct ctl_answer *an)
{
    const char *allow = e->status == 405 ? an->allow : NULL;
    int said_s = an->retry_after_s;
    size_t cap = 2 * (sizeof(e->text) + sizeof(e->param)) + 512;
    char *storage = ctl_arena_alloc(&rq->worker->arena, cap);
    asg_buf_t b;

    memset(an, 0, sizeof(*an));
    an->status = e->status;
    an->allow = allow;
    an->retry_after_s = retry_after(e, said_s);
    if (storage == NULL) {
        an->body = ASG_STR("{\"error\":\"out of memory\","
                           "\"code\":\"internal_error\"}\n");
        return;
    }
    asg_buf_init(&b, storage, cap);
    asg_buf_z(&b, "{\"error\":");
    asg_buf_json(&b, asg_str_z(e->text));
    asg_buf_z(&b, ",\"code\":");
    asg_buf_json(&b, asg_str_z(e->code));
    if (e->param[0] != '\0') {
        asg_buf_z(&b, ",\"param\":");
        asg_buf_json(&b, asg_str_z(e->param));
    }
    asg_buf_z(&b, ",\"trace_id\":");
    asg_buf_json(&b, asg_str_z(rq->trace_id));
    asg_buf_z(&b, "}\n");
    an->body = asg_buf_view(&b);
}


void
ctl_route_serve(struct ctl_request *rq, struct ctl_answer *an)
{
    struct ctl_error e;

    ctl_error_clear(&e);
    ctl_out_begin();
    if (serve_route(rq, an, &e)) {
        return;
    }
    if (e.status == 0) {
        ctl_error_internal(&e, "a handler failed without saying why");
    }
    if (e.status >= 500) {
        ctl_log_error(&e, rq->trace_id);
    }
    ctl_route_refuse(rq, &e, an);
}
