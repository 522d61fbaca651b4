
/*
 * KEYS and ARGV of a money script for one slot, and its reply as strings.
 *
 * Names are built by core/rkey into the structure, which must stay until the
 * command was issued.  At most 26 keys and 12 arguments.
 */

#ifndef _NGX_HTTP_ASGARD_SCRIPT_ARGS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SCRIPT_ARGS_H_INCLUDED_


#include "ngx_http_asgard_journal.h"
#include "ngx_http_asgard_redis.h"


#define NGX_HTTP_ASGARD_ARGS_BUDGETS (4 + ASG_SCRIPT_BUDGETS_MAX)
#define NGX_HTTP_ASGARD_ARGS_KEYS   (NGX_HTTP_ASGARD_ARGS_BUDGETS \
                                     + 2 + 2 * NGX_HTTP_ASGARD_SCOPES)
#define NGX_HTTP_ASGARD_ARGS_MAX    (NGX_HTTP_ASGARD_ARGS_KEYS + 12)
#define NGX_HTTP_ASGARD_ARGS_FENCE  64


/* Which counters a script has. */
typedef enum {
    NGX_HTTP_ASGARD_ARGS_NONE = 0,
    NGX_HTTP_ASGARD_ARGS_OF_HOLD,
    NGX_HTTP_ASGARD_ARGS_OF_RESERVE         /* and the end user's default */
} ngx_http_asgard_args_of_e;


typedef struct {
    ngx_uint_t   nkeys;
    ngx_uint_t   argc;
    ngx_uint_t   nnumbers;
    const char  *argv[NGX_HTTP_ASGARD_ARGS_MAX];
    size_t       lens[NGX_HTTP_ASGARD_ARGS_MAX];
    char         names[NGX_HTTP_ASGARD_ARGS_KEYS][ASG_RKEY_MAX];
    char         fence[NGX_HTTP_ASGARD_ARGS_FENCE];
    char         numbers[4][24];
    char         limits[NGX_HTTP_ASGARD_SCOPES][ASG_LIMITS_TEXT];
} ngx_http_asgard_args_t;


/* m h x, then u, the budgets and the limits of the slot as `counters` says;
 * then the fence of `epoch` and the hold's id as the first arguments. */
void ngx_http_asgard_args_begin(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot, uint64_t epoch,
    ngx_http_asgard_args_of_e counters);
void ngx_http_asgard_args_text(ngx_http_asgard_args_t *args, const void *data,
    size_t len);
void ngx_http_asgard_args_number(ngx_http_asgard_args_t *args, int64_t n);
/* The name of scope `i` of those with limits, the project (0) or the key (1),
 * among names with commas between them; empty: it is not there. */
asg_str_t ngx_http_asgard_args_scope(asg_str_t names, ngx_uint_t i);
ngx_int_t ngx_http_asgard_args_call(ngx_http_asgard_args_t *args,
    asg_script_t script, ngx_http_asgard_redis_pt handler, void *data);

/* The strings of a reply; 0 when it is not a list of strings. */
ngx_uint_t ngx_http_asgard_args_reply(redisReply *reply,
    asg_str_t out[ASG_SCRIPT_REPLY_MAX]);

/*
 * A verdict FENCE: NGX_OK when it told an epoch that is worth another try: of
 * the very server process that we talk to, not lower than any seen, and not
 * the one that was just tried.
 */
ngx_int_t ngx_http_asgard_args_learn(ngx_uint_t part, uint64_t tried,
    const asg_str_t *reply, ngx_uint_t n);


#endif /* _NGX_HTTP_ASGARD_SCRIPT_ARGS_H_INCLUDED_ */
