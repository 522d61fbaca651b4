
/*
 * Configuration and request context: what every file of the module shares.
 *
 * A request that is governed (`asgard on;`) has one ngx_http_asgard_ctx_t,
 * made by the first step and found through the pool's cleanup list, so that
 * an internal redirect (which zeroes r->ctx) cannot lose it.  ctx->call is
 * the money side of the request: from the reserve on it is backed by a slot
 * of the shared-memory journal, which outlives request and worker.
 *
 * Everything in ctx belongs to r->pool.  The catalog that a request uses is
 * held by a reference (ctx->catalog) until the request is destroyed.
 */

#ifndef _NGX_HTTP_ASGARD_H_INCLUDED_
#define _NGX_HTTP_ASGARD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/guard.h"
#include "core/catalog.h"
#include "core/end_user.h"
#include "core/event.h"
#include "core/key.h"
#include "core/keyfile.h"
#include "core/money.h"
#include "core/reason.h"
#include "core/record.h"
#include "core/request.h"
#include "core/rkey.h"
#include "core/trace.h"
#include "core/answer.h"
#include "core/window.h"
#include "ngx_http_asgard_hosts.h"


/* What guardrails read. */
typedef enum {
    NGX_HTTP_ASGARD_GUARD_REQUEST = 0,
    NGX_HTTP_ASGARD_GUARD_ANSWER,
    NGX_HTTP_ASGARD_GUARD_SIDES
} ngx_http_asgard_guard_in_e;


#define NGX_HTTP_ASGARD_HOLD_MAX      40      /* "h" + 24 hex + ".nnn" */
#define NGX_HTTP_ASGARD_PINS_MAX      1360
#define NGX_HTTP_ASGARD_ATTEMPTS_MAX  16


typedef struct ngx_http_asgard_guard_s  ngx_http_asgard_guard_t;
typedef struct ngx_http_asgard_hook_s   ngx_http_asgard_hook_t;
typedef struct ngx_http_asgard_hook_conf_s  ngx_http_asgard_hook_conf_t;
typedef struct ngx_http_asgard_ctx_s      ngx_http_asgard_ctx_t;
typedef struct ngx_http_asgard_call_s     ngx_http_asgard_call_t;
typedef struct ngx_http_asgard_slot_s     ngx_http_asgard_slot_t;
typedef struct ngx_http_asgard_zone_s     ngx_http_asgard_zone_t;
typedef struct ngx_http_asgard_redis_s    ngx_http_asgard_redis_t;
typedef struct ngx_http_asgard_snapshot_s ngx_http_asgard_snapshot_t;
typedef struct ngx_http_asgard_attempt_s  ngx_http_asgard_attempt_t;


typedef struct {
    ngx_shm_zone_t            *shm_zone;      /* asgard_zone NAME SIZE */

    ngx_str_t                  key_file;      /* asgard_key_file PATH */
    asg_keyfile_t             *keys;          /* in a MADV_DONTDUMP mapping */
    asg_key_pads_t            *pads;          /* one per pepper, same mapping */

    ngx_str_t                  redis_url;     /* asgard_redis ADDR … */
    ngx_str_t                  redis_user;
    ngx_str_t                  redis_password; /* same mapping as the keys */
    ngx_msec_t                 redis_deadline; /* deadline=50ms */

    ngx_open_file_t           *spool;         /* asgard_spool PATH */
    ngx_str_t                  control;       /* asgard_control unix:PATH */
    ngx_flag_t                 control_plain; /* asgard_control_plain on|off */
    ngx_array_t               *control_servers; /* of cscf *; listen.c */

    ngx_resolver_t            *resolver;      /* asgard_resolver ADDR… */
    ngx_http_asgard_resolv_t  *system;        /* NULL: not the system's */
    ngx_str_t                  ca_file;       /* asgard_ca_file PATH */
    ngx_ssl_t                 *ssl;           /* peer.c: trust of most */
    void                      *upstream;      /* upstream.c: its conf */

    ngx_uint_t                 guard_mode;    /* asg_guard_mode_t */
    asg_action_t               guard_actions[ASG_RULE_MAX];
    asg_action_t               guard_answers[ASG_RULE_MAX];
    ngx_uint_t                 guard_answers_set;
    struct asg_guard_set      *guard_set;     /* NULL: no asgard_guardrail */
    ngx_array_t               *guard_lists;   /* while it is read */
    ngx_http_asgard_hook_conf_t *hook;        /* NULL: nobody is asked */
    ngx_uint_t                 guard_labels;  /* rules that redact answers */

    size_t                     body_memory;   /* asgard_body_memory SIZE */
    ngx_msec_t                 drain_timeout; /* asgard_drain_timeout */
    size_t                     drain_bytes;   /* asgard_drain_bytes */
    ngx_msec_t                 retry_timeout; /* asgard_retry_timeout */
    ngx_array_t               *user_proxies;  /* of ngx_cidr_t; NULL: none */
    ngx_int_t                  bad_keys;      /* a second and address; 0: any */
    ngx_msec_t                 call_timeout;  /* asgard_call_timeout */
    time_t                     hold_ttl;      /* s; 120 */
    ngx_uint_t                 fail_mode;     /* ngx_http_asgard_fail_e */
    asg_nusd_t                 fail_nusd;     /* allowance of `local` */
    ngx_msec_t                 fail_known;    /* how old a record may be */

    ngx_uint_t                 locations;     /* governed, or probes */
    ngx_array_t               *governed;      /* of void **: their loc_conf */
    void                      *secrets;       /* the mapping of the keys */
    ngx_shm_zone_t            *catalog_zone;  /* last good snapshot */
} ngx_http_asgard_main_conf_t;


typedef struct {
    ngx_flag_t                 enable;        /* asgard on|off */
    ngx_flag_t                 expose_backend;
    ngx_uint_t                 probe;         /* ngx_http_asgard_probe_e */
    /* what the operator's text has in this very location; settings.h */
    uint64_t                   written;
    ngx_uint_t                 body_written;  /* client_max_body_size */
    ngx_uint_t                 timeout_written; /* client_body_timeout */
    ngx_uint_t                 errors;        /* ngx_http_asgard_errors_e */
    ngx_str_t                  file;          /* where `asgard on` stands */
    ngx_uint_t                 line;
    void                     **parent;        /* loc_conf of what is around */
} ngx_http_asgard_loc_conf_t;


/* asgard_errors: whose JSON replaces nginx's own error pages. */
typedef enum {
    NGX_HTTP_ASGARD_ERRORS_OFF = 0,
    NGX_HTTP_ASGARD_ERRORS_DATA,    /* {"error":{"message",…}} */
    NGX_HTTP_ASGARD_ERRORS_CONTROL  /* {"error","code","trace_id"} */
} ngx_http_asgard_errors_e;


typedef enum {
    NGX_HTTP_ASGARD_PROBE_NONE = 0,
    NGX_HTTP_ASGARD_PROBE_HEALTHZ,
    NGX_HTTP_ASGARD_PROBE_READYZ,
    NGX_HTTP_ASGARD_PROBE_METRICS
} ngx_http_asgard_probe_e;


/* Routes of the data plane; those with a body are asg_api_t. */
typedef enum {
    NGX_HTTP_ASGARD_ROUTE_CHAT = ASG_API_CHAT,
    NGX_HTTP_ASGARD_ROUTE_COMPLETIONS = ASG_API_COMPLETIONS,
    NGX_HTTP_ASGARD_ROUTE_EMBEDDINGS = ASG_API_EMBEDDINGS,
    NGX_HTTP_ASGARD_ROUTE_GATEWAY = ASG_API_GATEWAY,
    NGX_HTTP_ASGARD_ROUTE_MESSAGES = ASG_API_MESSAGES,
    NGX_HTTP_ASGARD_ROUTE_COUNT_TOKENS = ASG_API_COUNT_TOKENS,
    NGX_HTTP_ASGARD_ROUTE_MODELS,
    NGX_HTTP_ASGARD_ROUTE_MODEL,
    NGX_HTTP_ASGARD_ROUTE_NONE
} ngx_http_asgard_route_e;


/* How an attempt, and in the end a call, turned out. */
typedef enum {
    NGX_HTTP_ASGARD_VOID = 0,   /* cannot have started work: nothing spent */
    NGX_HTTP_ASGARD_MEASURED,   /* usage was read: settle */
    NGX_HTTP_ASGARD_ESTIMATED,  /* content without usable usage: estimate */
    NGX_HTTP_ASGARD_UNKNOWN     /* sent, no answer: hold stays, expires */
} ngx_http_asgard_outcome_e;


/*
 * The money of one call, of the last of its holds that was granted.  Written by
 * ngx_http_asgard_reserve.c, read by all, each hold ended by
 * ngx_http_asgard_finalise() exactly once.
 */
struct ngx_http_asgard_call_s {
    ngx_http_asgard_slot_t    *slot;          /* NULL: no hold (yet) */
    ngx_http_asgard_slot_t    *asked;         /* reserve has no answer yet */
    u_char                     hold[NGX_HTTP_ASGARD_HOLD_MAX];
    size_t                     hold_len;      /* 0: none was granted yet */
    size_t                     id_len;        /* the call's own id: that of its
                                               * first hold, before any dot */
    ngx_uint_t                 further;       /* of the hold: `<id>.<further>`;
                                               * 0: the first */
    asg_nusd_t                 hold_nusd;
    ngx_uint_t                 fail_mode;     /* that let it in; closed: Redis
                                               * did */
    int64_t                    prompt_bound;  /* tokens */
    int64_t                    prompt_estimate;
    int64_t                    output_bound;  /* tokens, times n */
    int64_t                    fitted;        /* tokens: what max_tokens was
                                               * lowered to; 0: it was not */
    ngx_uint_t                 unsaid;        /* … and the client had said
                                               * nothing of it */
    ngx_uint_t                 tiers;         /* charge.h */
    asg_tier_t                 dearest;
    asg_rates_t                rates;         /* of the candidate that serves;
                                               * borrowed strings none */
    ngx_uint_t                 finalised;     /* unsigned, 0 or 1 */

    /* the result, for headers, variables and the witness */
    ngx_http_asgard_outcome_e  outcome;
    asg_nusd_t                 cost_nusd;
    asg_tokens_t               tokens;
    ngx_uint_t                 measured;
    unsigned                   flags;         /* asg_flag_t */

    /* numbers of a refusal by a budget; NULL when there is none */
    struct ngx_http_asgard_over_s *over;
    struct ngx_http_asgard_rate_s *rate;      /* limits.h; NULL: no limit */
    struct ngx_http_asgard_passed_s *passed;  /* its place among those under
                                               * way; NULL: with its hold */
};


struct ngx_http_asgard_ctx_s {
    ngx_http_request_t        *request;
    ngx_http_asgard_route_e    route;
    ngx_uint_t                 step;          /* index into the table */

    u_char                     trace[ASG_TRACE_MAX + 1];
    size_t                     trace_len;

    /* identify */
    struct ngx_http_asgard_lookup_s *lookup;  /* under way; NULL: none */
    const asg_key_record_t    *key;           /* its models are all that
                                               * follows; before it is known a
                                               * record without a name */
    const asg_project_record_t *project;      /* likewise its aliases */
    u_char                     digest[ASG_KEY_DIGEST_BYTES];
    ngx_uint_t                 pepper;        /* index */

    /* read, resolve */
    ngx_str_t                  body;          /* contiguous, never on disk */
    size_t                     body_charged;  /* of the memory cap */
    asg_request_t             *parsed;
    ngx_http_asgard_snapshot_t *snapshot;     /* a reference is held */
    const asg_public_name_t   *name;          /* what was asked for */
    ngx_str_t                  asked;         /* its text, with echo options */
    ngx_str_t                  model_id;      /* /v1/models/{id}, decoded */
    asg_data_class_t           header_class;  /* x-asgard-data-class */
    char                       end_user[ASG_END_USER_CHARS + 1];
                                              /* empty: not said */
    struct ngx_http_asgard_guard_s *guard;    /* NULL: nothing was found */
    ngx_http_asgard_hook_t    *hook;          /* NULL: it was not asked yet */
    const asg_model_t         *translatable;  /* into its provider's words, */
    uint64_t                   translated_len; /* which have this length */

    /* reserve, route */
    ngx_http_asgard_call_t     call;
    ngx_http_asgard_attempt_t *attempt;       /* see candidate.h */

    /* refusal */
    asg_reason_t               reason;
    ngx_str_t                  message;       /* empty: the table's */
    ngx_str_t                  param;
    const char                *rule;          /* of policy; NULL: no other than
                                               * the reason's own */
    ngx_int_t                  retry_after;   /* s; -1: not known */

    ngx_msec_t                 patience;      /* of the client, from started;
                                               * 0: it does not say */

    ngx_msec_t                 started;       /* ngx_current_msec */
    ngx_msec_t                 first_byte;    /* 0: none */
    uint64_t                   begun_us;      /* started, by times.h */
    uint64_t                   body_us;       /* waited for the body */
    uint64_t                   body_since_us; /* 0: not waited for */
    ngx_queue_t                open;          /* of this worker's open calls;
                                               * prev NULL: in none */
    ngx_msec_t                 opened;        /* when it came among them */

    size_t                     body_size;     /* room in body.data */
    ngx_buf_t                 *refusal;       /* the body that replaces */

    unsigned                   waiting:1;     /* a step returned NGX_AGAIN */
    unsigned                   killed:1;      /* project killed while open */
    unsigned                   overdue:1;     /* open for too long */
    unsigned                   body_late:1;   /* nginx reads it, body.c waits */
    unsigned                   client_gone:1;
    unsigned                   answered:1;    /* body of the answer is ours */
    unsigned                   may_retry:1;   /* whatever the reason's rule:
                                               * nothing was begun or charged */
    unsigned                   refused:1;     /* ctx->refusal has left */
    unsigned                   no_fallback:1; /* the first group alone */
    unsigned                   timed:1;       /* given to a provider */
    unsigned                   unpaid:1;      /* costs nothing: has no hold */
};


extern ngx_module_t  ngx_http_asgard_module;


/* NULL when this request is not governed (or not yet). */
ngx_http_asgard_ctx_t *ngx_http_asgard_ctx(ngx_http_request_t *r);


#endif /* _NGX_HTTP_ASGARD_H_INCLUDED_ */
