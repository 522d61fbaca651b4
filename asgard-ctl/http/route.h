/*
 * The control API as one table: method, path pattern, who may enter, handler.
 *
 * A path pattern has `{name}` segments, matched by DOCUMENT_URI as nginx
 * normalised it.  Handlers run in a worker thread with its own connections;
 * what they allocate comes from the request's arena.  They return an answer
 * or an error, never both; the error body is written in one place.
 */
#ifndef CTL_ROUTE_H
#define CTL_ROUTE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/error.h"
#include "core/keyfile.h"
#include "core/str.h"
#include "http/health.h"
#include "ops/change.h"
#include "policy/access.h"
#include "redis/client.h"
#include "store/pg.h"

struct ctl_bad_tokens;

#define CTL_ROUTE_PARAMS_MAX 4
#define CTL_BODY_MAX         (1024 * 1024)

/* What a worker thread owns. */
struct ctl_worker {
    const struct ctl_config *config;
    const asg_keyfile_t *peppers;       /* no seal keys: api never has one */
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_health *health;          /* of all threads */
    atomic_uint *waiting;               /* threads that wait for Redis */
    struct ctl_bad_tokens *bad_tokens;  /* of all threads; see bad_tokens.h */
    struct ctl_arena arena;
};

struct ctl_request {
    struct ctl_worker *worker;
    asg_str_t method, path, query, body, content_type;
    asg_str_t idempotency_key, authorization, cookie;
    asg_str_t origin, fetch_site, host, scheme;
    asg_str_t last_event_id;            /* of a client that follows */
    asg_str_t remote_addr;              /* of the client, as nginx tells it */
    const char *trace_id;
    const char *param[CTL_ROUTE_PARAMS_MAX];    /* of the path, in order */
    struct ctl_principal who;           /* after the gate */
    bool by_cookie;                     /* a browser may have been made to */
    const char *actor;                  /* of `who`; NULL: of an open route */
    struct ctl_change *change;          /* of a route that writes, else NULL */
};

struct ctl_answer {
    int status;
    asg_str_t body;                     /* JSON, or text for metrics */
    asg_str_t replay;                   /* what a repeated Idempotency-Key gets;
                                         * null: the body */
    const char *content_type;           /* NULL: application/json */
    const char *allow;                  /* methods, of a 405; else NULL */
    const char *set_cookie;             /* NULL: none */
    const char *policy;                 /* Content-Security-Policy, of a page */
    int retry_after_s;                  /* 0: not said */
    const char *follow;                 /* request whose events follow the body:
                                         * http/follow.h; NULL: none */
    int64_t follow_after;               /* the last event in the body */
};

/* A handler of a CTL_WRITE route runs inside rq->change: one transaction with
 * its audit entries and outbox rows, committed by the route's caller, which
 * then waits until Redis has them.  One of a CTL_OWN route makes what changes
 * it needs itself, and its answer is not kept for a repeated
 * Idempotency-Key. */
enum ctl_access { CTL_READ, CTL_WRITE, CTL_OWN };

struct ctl_route {
    const char *method;
    const char *pattern;
    enum ctl_rule rule;                 /* who may enter: policy/access.h */
    enum ctl_access access;
    bool (*handler)(struct ctl_request *rq, struct ctl_answer *an,
        struct ctl_error *e);
};

extern const struct ctl_route ctl_routes[];     /* ends with method NULL */

/* The whole of a request: find, origin, gate, idempotency, handle, log. */
void ctl_route_serve(struct ctl_request *rq, struct ctl_answer *an);
/* The answer of an error, for a request that could not be served. */
void ctl_route_refuse(struct ctl_request *rq, const struct ctl_error *e,
    struct ctl_answer *an);

#endif
