
/*
 * The list of open calls, oldest first, and its watch.
 */

#include "ngx_http_asgard_kill.h"

#include "ngx_http_asgard_identify.h"
#include "ngx_http_asgard_steps.h"
#include "ngx_http_asgard_upstream.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_KILL_INTERVAL  1000     /* ms */
#define NGX_HTTP_ASGARD_KILL_PROJECTS  64       /* asked about at a time */
#define NGX_HTTP_ASGARD_KILL_PAUSE     50       /* ms, until the next ones */


typedef u_char  ngx_http_asgard_kill_name_t[ASG_ID_MAX + 1];


static void ngx_http_asgard_kill_pass(ngx_queue_t **at, ngx_queue_t *gone);
static void ngx_http_asgard_kill_overdue(void);
static void ngx_http_asgard_kill_timer(ngx_event_t *ev);


static ngx_queue_t       ngx_http_asgard_open;

/* The next call whose project is looked at, and the next one that may be cut:
 * calls, or the end of the list. */
static ngx_queue_t      *ngx_http_asgard_look_at;
static ngx_queue_t      *ngx_http_asgard_cut_at;

static ngx_event_t       ngx_http_asgard_kill_event;
static ngx_connection_t  ngx_http_asgard_kill_connection;


ngx_int_t
ngx_http_asgard_kill_init(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_queue_init(&ngx_http_asgard_open);
    ngx_http_asgard_look_at = &ngx_http_asgard_open;
    ngx_http_asgard_cut_at = &ngx_http_asgard_open;

    ngx_http_asgard_kill_connection.fd = (ngx_socket_t) -1;

    ev = &ngx_http_asgard_kill_event;
    ngx_memzero(ev, sizeof(ngx_event_t));
    ev->handler = ngx_http_asgard_kill_timer;
    ev->data = &ngx_http_asgard_kill_connection;
    ev->log = cycle->log;
    ev->cancelable = 1;

    return NGX_OK;
}


void
ngx_http_asgard_kill_watch(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->open.prev) {
        return;
    }

    ctx->opened = ngx_current_msec;
    ngx_queue_insert_tail(&ngx_http_asgard_open, &ctx->open);

    if (!ngx_http_asgard_kill_event.timer_set) {
        ngx_add_timer(&ngx_http_asgard_kill_event,
                      NGX_HTTP_ASGARD_KILL_INTERVAL);
    }
}


void
ngx_http_asgard_kill_forget(ngx_http_asgard_ctx_t *ctx)
{
    if (ctx->open.prev) {
        ngx_http_asgard_kill_pass(&ngx_http_asgard_look_at, &ctx->open);
        ngx_http_asgard_kill_pass(&ngx_http_asgard_cut_at, &ctx->open);
        ngx_queue_remove(&ctx->open);
        ctx->open.prev = NULL;
        ctx->open.next = NULL;
    }
}


/* What leaves the list is nobody's place in it. */

static void
ngx_http_asgard_kill_pass(ngx_queue_t **at, ngx_queue_t *gone)
{
    if (*at == gone) {
        *at = ngx_queue_next(gone);
    }
}


void
ngx_http_asgard_steps_cut_killed(const char *project_id)
{
    ngx_http_asgard_ctx_t  *ctx;

    /* a cut may end requests: each of them moves the place on */

    ngx_http_asgard_cut_at = ngx_queue_head(&ngx_http_asgard_open);

    while (ngx_http_asgard_cut_at
           != ngx_queue_sentinel(&ngx_http_asgard_open))
    {
        ctx = ngx_queue_data(ngx_http_asgard_cut_at, ngx_http_asgard_ctx_t,
                             open);
        ngx_http_asgard_cut_at = ngx_queue_next(ngx_http_asgard_cut_at);

        if (ctx->killed || ngx_strcmp(ctx->key->project_id, project_id) != 0) {
            continue;
        }

        ctx->killed = 1;

        ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                      "asgard: open call is cut: its project was killed");

        ngx_http_asgard_upstream_cancel(ctx);
    }
}


static ngx_uint_t
ngx_http_asgard_kill_seen(ngx_str_t *ids, ngx_uint_t n, ngx_str_t *id)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ids[i].len == id->len
            && ngx_memcmp(ids[i].data, id->data, id->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* A record that is not fresh is read anew, and its reader cuts what is to be
 * cut. */

static void
ngx_http_asgard_kill_recheck(ngx_str_t *id)
{
    asg_project_record_t  project;

    if (ngx_http_asgard_zone_project_get(id, &project) != NGX_OK) {
        ngx_http_asgard_identify_project_changed(id);

    } else if (project.killed) {
        ngx_http_asgard_steps_cut_killed(project.project_id);
    }
}


/* The oldest call that has been open for too long and was not cut yet.  One
 * that still asks the guardrail service has an end of its own, and is cut as
 * soon as there is something to cut. */

static ngx_http_asgard_ctx_t *
ngx_http_asgard_kill_next_overdue(ngx_msec_t timeout)
{
    ngx_queue_t            *q;
    ngx_http_asgard_ctx_t  *ctx;

    for (q = ngx_queue_head(&ngx_http_asgard_open);
         q != ngx_queue_sentinel(&ngx_http_asgard_open);
         q = ngx_queue_next(q))
    {
        ctx = ngx_queue_data(q, ngx_http_asgard_ctx_t, open);

        if (ngx_current_msec - ctx->opened < timeout) {
            /* those behind it came later */
            return NULL;
        }

        if (!ctx->overdue && ctx->attempt) {
            ctx->overdue = 1;
            return ctx;
        }
    }

    return NULL;
}


/* Whatever a provider, or a client that reads slowly, makes of it: a byte a
 * minute is no silence, and each extends the hold. */

static void
ngx_http_asgard_kill_overdue(void)
{
    ngx_http_asgard_ctx_t        *ctx;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);

    for ( ;; ) {
        ctx = ngx_http_asgard_kill_next_overdue(amcf->call_timeout);
        if (ctx == NULL) {
            return;
        }

        ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                      "asgard: open call is cut after asgard_call_timeout");

        ngx_http_asgard_upstream_expire(ctx);
    }
}


/* The projects whose turn it is; how many. */

static ngx_uint_t
ngx_http_asgard_kill_gather(ngx_str_t *ids, ngx_http_asgard_kill_name_t *names)
{
    ngx_str_t               id;
    ngx_uint_t              n;
    ngx_queue_t            *q;
    ngx_http_asgard_ctx_t  *ctx;

    n = 0;
    q = ngx_http_asgard_look_at;

    if (q == ngx_queue_sentinel(&ngx_http_asgard_open)) {
        q = ngx_queue_head(&ngx_http_asgard_open);
    }

    while (q != ngx_queue_sentinel(&ngx_http_asgard_open)
           && n < NGX_HTTP_ASGARD_KILL_PROJECTS)
    {
        ctx = ngx_queue_data(q, ngx_http_asgard_ctx_t, open);

        id.data = (u_char *) ctx->key->project_id;
        id.len = ngx_strlen(ctx->key->project_id);

        if (!ngx_http_asgard_kill_seen(ids, n, &id)) {
            ids[n].data = names[n];
            ids[n].len = id.len;
            ngx_memcpy(names[n++], id.data, id.len);
        }

        q = ngx_queue_next(q);
    }

    ngx_http_asgard_look_at = q;

    return n;
}


static void
ngx_http_asgard_kill_timer(ngx_event_t *ev)
{
    ngx_str_t                    ids[NGX_HTTP_ASGARD_KILL_PROJECTS];
    ngx_uint_t                   i, n;
    ngx_http_asgard_kill_name_t  names[NGX_HTTP_ASGARD_KILL_PROJECTS];

    ngx_http_asgard_kill_overdue();

    n = ngx_http_asgard_kill_gather(ids, names);

    /* copies: a recheck may end requests */

    for (i = 0; i < n; i++) {
        ngx_http_asgard_kill_recheck(&ids[i]);
    }

    if (!ngx_queue_empty(&ngx_http_asgard_open)) {
        ngx_add_timer(ev, ngx_http_asgard_look_at
                          == ngx_queue_sentinel(&ngx_http_asgard_open)
                          ? NGX_HTTP_ASGARD_KILL_INTERVAL
                          : NGX_HTTP_ASGARD_KILL_PAUSE);
    }
}
