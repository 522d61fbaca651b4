
/*
 * Counting refusals by key and code, and telling the meter.
 */

#include "ngx_http_asgard_refused.h"

#include "core/refused.h"
#include "core/rkey.h"
#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_REFUSED_N       64      /* keys and codes in a second */
#define NGX_HTTP_ASGARD_REFUSED_PAUSE   1000    /* ms */
#define NGX_HTTP_ASGARD_REFUSED_TICK    250     /* ms */
#define NGX_HTTP_ASGARD_REFUSED_KEPT    "10000" /* entries, or a few more */
#define NGX_HTTP_ASGARD_REFUSED_ARGS    22
#define NGX_HTTP_ASGARD_REFUSED_MORE                                          \
    (ASG_REFUSED_MORE_MAX * (ASG_TRACE_MAX + 1))


/* Free: no key. */
typedef struct {
    u_char        key[ASG_ID_MAX + 1];
    u_char        project[ASG_ID_MAX + 1];
    u_char        trace[ASG_TRACE_MAX + 1];     /* of the first */
    u_char        more[NGX_HTTP_ASGARD_REFUSED_MORE];   /* of others, commas
                                                         * between them */
    ngx_uint_t    nmore;
    asg_reason_t  reason;
    ngx_uint_t    count;                        /* not told yet */
    uint64_t      since;                        /* ms */
    uint64_t      until;
    ngx_msec_t    told;                         /* last */
} ngx_http_asgard_refused_t;


static void ngx_http_asgard_refused_tell(ngx_http_asgard_refused_t *e);
static void ngx_http_asgard_refused_timer(ngx_event_t *ev);


static ngx_http_asgard_refused_t
    ngx_http_asgard_refused_all[NGX_HTTP_ASGARD_REFUSED_N];

/* Not cancelable: a worker that leaves tells what it has. */
static ngx_event_t       ngx_http_asgard_refused_event;
static ngx_connection_t  ngx_http_asgard_refused_connection;


void
ngx_http_asgard_refused_init(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_http_asgard_refused_connection.fd = (ngx_socket_t) -1;

    ev = &ngx_http_asgard_refused_event;
    ngx_memzero(ev, sizeof(ngx_event_t));
    ev->handler = ngx_http_asgard_refused_timer;
    ev->data = &ngx_http_asgard_refused_connection;
    ev->log = cycle->log;
}


/* That of the key and reason, or a free one; NULL: neither. */
static ngx_http_asgard_refused_t *
ngx_http_asgard_refused_find(const asg_key_record_t *key, asg_reason_t reason)
{
    ngx_uint_t                  i;
    ngx_http_asgard_refused_t  *e, *free;

    free = NULL;

    for (i = 0; i < NGX_HTTP_ASGARD_REFUSED_N; i++) {
        e = &ngx_http_asgard_refused_all[i];

        if (e->key[0] == '\0') {
            free = e;

        } else if (e->reason == reason
                   && ngx_strcmp(e->key, key->key_id) == 0)
        {
            return e;
        }
    }

    return free;
}


/* Of those whose trace has no place only the number is told. */

static void
ngx_http_asgard_refused_trace(ngx_http_asgard_refused_t *e,
    ngx_http_asgard_ctx_t *ctx)
{
    u_char  *p;

    if (e->count == 1) {
        ngx_memcpy(e->trace, ctx->trace, ctx->trace_len);
        e->trace[ctx->trace_len] = '\0';
        e->more[0] = '\0';
        e->nmore = 0;
        return;
    }

    if (e->nmore == ASG_REFUSED_MORE_MAX) {
        return;
    }

    p = e->more + ngx_strlen(e->more);

    if (e->nmore++ > 0) {
        *p++ = ',';
    }

    p = ngx_cpymem(p, ctx->trace, ctx->trace_len);
    *p = '\0';
}


void
ngx_http_asgard_refused_note(ngx_http_asgard_ctx_t *ctx, asg_reason_t reason)
{
    ngx_uint_t                  fresh;
    ngx_time_t                 *now;
    ngx_http_asgard_refused_t  *e;

    if (ctx->key == NULL || ctx->key->key_id[0] == '\0' || ctx->timed) {
        return;
    }

    e = ngx_http_asgard_refused_find(ctx->key, reason);

    if (e == NULL) {
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REFUSED_UNAUDITED, 1);
        return;
    }

    fresh = e->key[0] == '\0';
    now = ngx_timeofday();
    e->until = (uint64_t) now->sec * 1000 + now->msec;

    if (e->count++ == 0) {
        e->since = e->until;
    }

    ngx_http_asgard_refused_trace(e, ctx);

    if (!fresh) {
        return;
    }

    ngx_cpystrn(e->key, (u_char *) ctx->key->key_id, sizeof(e->key));
    ngx_cpystrn(e->project, (u_char *) ctx->key->project_id,
                sizeof(e->project));
    e->reason = reason;

    ngx_http_asgard_refused_tell(e);

    if (!ngx_http_asgard_refused_event.timer_set) {
        ngx_add_timer(&ngx_http_asgard_refused_event,
                      NGX_HTTP_ASGARD_REFUSED_TICK);
    }
}


static void
ngx_http_asgard_refused_done(void *data, redisReply *reply, ngx_uint_t sent)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REFUSED_UNAUDITED,
                              (uintptr_t) data);
    }
}


static void
ngx_http_asgard_refused_tell(ngx_http_asgard_refused_t *e)
{
    size_t       lens[NGX_HTTP_ASGARD_REFUSED_ARGS];
    u_char       count[NGX_INT64_LEN + 1], since[NGX_INT64_LEN + 1],
                 until[NGX_INT64_LEN + 1];
    ngx_uint_t   i, n;
    const char  *argv[NGX_HTTP_ASGARD_REFUSED_ARGS] = {
        "XADD", ASG_RKEY_REFUSED, "MAXLEN", "~", NGX_HTTP_ASGARD_REFUSED_KEPT,
        "*", "k", (const char *) e->key, "p", (const char *) e->project,
        "c", asg_reason_info(e->reason)->code, "n", (const char *) count,
        "t", (const char *) e->trace, "s", (const char *) since,
        "u", (const char *) until, "m", (const char *) e->more
    };

    (void) ngx_sprintf(count, "%ui%Z", e->count);
    (void) ngx_sprintf(since, "%uL%Z", e->since);
    (void) ngx_sprintf(until, "%uL%Z", e->until);

    n = NGX_HTTP_ASGARD_REFUSED_ARGS - (e->nmore == 0 ? 2 : 0);

    for (i = 0; i < n; i++) {
        lens[i] = ngx_strlen(argv[i]);
    }

    /* a Redis that is away is tried by calls, not by this */
    if (!ngx_http_asgard_redis_ready()
        || ngx_http_asgard_redis_command(ngx_http_asgard_refused_done,
                                         (void *) (uintptr_t) e->count,
                                         n, argv, lens)
           != NGX_OK)
    {
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REFUSED_UNAUDITED,
                              e->count);
    }

    e->count = 0;
    e->told = ngx_current_msec;
}


/* One that was told a second ago has its place until then, and no longer when
 * nothing came since. */
static void
ngx_http_asgard_refused_timer(ngx_event_t *ev)
{
    ngx_uint_t                  i, left;
    ngx_http_asgard_refused_t  *e;

    left = 0;

    for (i = 0; i < NGX_HTTP_ASGARD_REFUSED_N; i++) {
        e = &ngx_http_asgard_refused_all[i];

        if (e->key[0] == '\0') {
            continue;
        }

        if (ngx_exiting
            || ngx_current_msec - e->told >= NGX_HTTP_ASGARD_REFUSED_PAUSE)
        {
            if (e->count == 0) {
                e->key[0] = '\0';
                continue;
            }

            ngx_http_asgard_refused_tell(e);
        }

        left = 1;
    }

    if (left) {
        ngx_add_timer(ev, NGX_HTTP_ASGARD_REFUSED_TICK);
    }
}
