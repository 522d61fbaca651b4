
/*
 * The limits that count a call: which scopes have them, what the money scripts
 * are told and tell, and what the client hears.
 *
 * A slot of the journal remembers the scopes and what finish needs of each, so
 * that whoever ends the hold frees the call's place among those under way.  A
 * call whose outcome is unknown frees it when it is over, by `release`: its
 * hold stays open until it expires.  A call without limits costs nothing here.
 */

#ifndef _NGX_HTTP_ASGARD_LIMITS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_LIMITS_H_INCLUDED_


#include "ngx_http_asgard_script_args.h"

#include "core/limits.h"


/* What Redis said of the limits of a call. */
typedef struct ngx_http_asgard_rate_s {
    asg_limits_room_t   room;
    ngx_uint_t          refused;        /* then what follows is set */
    asg_limit_kind_t    kind;
    int64_t             limit;
    int64_t             used;
    int64_t             retry_ms;       /* ASG_LIMIT_NEVER, ASG_LIMIT_UNKNOWN */
    const char         *scope;          /* "project" or "key" */
    u_char              scope_id[ASG_ID_MAX + 1];
} ngx_http_asgard_rate_t;

typedef struct ngx_http_asgard_passed_s  ngx_http_asgard_passed_t;


/* The scopes of a slot that is being filled; its tokens by an estimate. */
void ngx_http_asgard_limits_fill(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_ctx_t *ctx);

/* Arguments of reserve behind the detail, of its announcement behind the pins,
 * and of finish behind what was held; nothing when no limit counts the slot. */
void ngx_http_asgard_limits_reserve(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot);
void ngx_http_asgard_limits_adopt(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot);
void ngx_http_asgard_limits_finish(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot);

/* The reply OK: marks into the slot, what is left into ctx->call.rate. */
void ngx_http_asgard_limits_granted(ngx_http_asgard_slot_t *slot,
    const asg_str_t *words, ngx_uint_t n);
/* The reply RATE: ctx->reason, and why. */
void ngx_http_asgard_limits_refused(ngx_http_asgard_ctx_t *ctx,
    const asg_str_t *words, ngx_uint_t n);

/* The call of the slot is over, its hold is not. */
void ngx_http_asgard_limits_release(ngx_http_asgard_slot_t *slot);
/* The hold of ctx->call ends, the call may go on with another one: its place is
 * kept until that one is granted, or the request is gone. */
void ngx_http_asgard_limits_pass(ngx_http_asgard_ctx_t *ctx);
/* That other one is granted, and has the place. */
void ngx_http_asgard_limits_passed(ngx_http_asgard_call_t *call);

/* What the client may ask for when it says nothing: no more than a minute's
 * tokens have room for beside the prompt. */
int64_t ngx_http_asgard_limits_output(ngx_http_asgard_ctx_t *ctx,
    int64_t tokens, int64_t prompt);

/* A refusal that waiting does not help against. */
ngx_uint_t ngx_http_asgard_limits_is_never(ngx_http_asgard_ctx_t *ctx);

/* x-ratelimit-* of any answer; retry-after-ms of a refusal.  `push` adds a
 * header to the answer. */
typedef ngx_int_t (*ngx_http_asgard_limits_push_pt)(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, const char *name, u_char *value, size_t len);
ngx_int_t ngx_http_asgard_limits_headers(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push);

ngx_int_t ngx_http_asgard_limits_retry(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push);

/* Members of the error of a refusal. */
void ngx_http_asgard_limits_error(asg_buf_t *out,
    ngx_http_asgard_rate_t *rate);


#endif /* _NGX_HTTP_ASGARD_LIMITS_H_INCLUDED_ */
