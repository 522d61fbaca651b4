
/*
 * Commands to Redis: deadlines, the bound on what waits, the breaker, scripts.
 *
 * All commands have the same deadline, so those that wait stand in a queue in
 * the order of their deadlines and one timer serves them all.  It is not
 * cancelable: a command under way holds a worker that wants to leave.  After
 * its deadline a command is only a place-holder for the reply that may come.
 *
 * The deadline is Redis' own: it counts from when a command leaves, at the end
 * of a pass of the event loop, and a reply that has come is in time, also when
 * the worker was too busy to read it.  Else a burst of calls would be taken for
 * a slow Redis, and refused.
 */

#include "ngx_http_asgard_channel.h"
#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_redis_bytes.h"
#include "ngx_http_asgard_redis_link.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_REDIS_WAITING_MAX  4096
#define NGX_HTTP_ASGARD_REDIS_FAILURES     3
#define NGX_HTTP_ASGARD_REDIS_REST         200      /* ms, breaker */
#define NGX_HTTP_ASGARD_REDIS_SILENT       5000     /* ms, then reconnect */


typedef struct {
    ngx_http_asgard_redis_ask_t     ask;
    ngx_queue_t                     queue;
    ngx_http_asgard_redis_pt        handler;    /* NULL: was told already */
    void                           *data;
    ngx_msec_t                      deadline;
    unsigned                        probe:1;
    unsigned                        unsent:1;

    /* a script call, for the case that Redis does not have the script */
    asg_script_t                    script;
    ngx_uint_t                      words;      /* 0: nothing to call again */

    /* as sent; the memory stays with the record, which is used again */
    ngx_http_asgard_redis_bytes_t   bytes;
} ngx_http_asgard_redis_wait_t;


static void ngx_http_asgard_redis_ready_handler(
    ngx_http_asgard_redis_link_t *link);
static void ngx_http_asgard_redis_lost_handler(
    ngx_http_asgard_redis_link_t *link);
static void ngx_http_asgard_redis_reply(ngx_http_asgard_redis_ask_t *ask,
    redisReply *reply);


static struct {
    ngx_http_asgard_redis_link_t  link;
    ngx_queue_t                   waiting;
    ngx_queue_t                   spare;
    ngx_event_t                   timer;
    ngx_event_t                   sent;         /* posted behind the write */
    ngx_connection_t              nobody;       /* for the log of timers */
    ngx_uint_t                    count;        /* place-holders too */
    ngx_msec_t                    silent_since; /* 0: nothing is overdue */
    ngx_uint_t                    failures;
    ngx_msec_t                    rest_until;
    unsigned                      probing:1;
    unsigned                      exiting:1;
} ngx_http_asgard_redis = {
    .link = {
        .name = "commands",
        .ready = ngx_http_asgard_redis_ready_handler,
        .lost = ngx_http_asgard_redis_lost_handler
    }
};


static ngx_http_asgard_redis_wait_t *
ngx_http_asgard_redis_wait_new(void)
{
    ngx_queue_t                   *q;
    ngx_http_asgard_redis_wait_t  *w;

    if (ngx_http_asgard_redis.count >= NGX_HTTP_ASGARD_REDIS_WAITING_MAX) {
        return NULL;
    }

    if (ngx_queue_empty(&ngx_http_asgard_redis.spare)) {
        w = ngx_calloc(sizeof(*w), ngx_cycle->log);
        if (w == NULL) {
            return NULL;
        }

    } else {
        q = ngx_queue_head(&ngx_http_asgard_redis.spare);
        ngx_queue_remove(q);
        w = ngx_queue_data(q, ngx_http_asgard_redis_wait_t, queue);
    }

    ngx_memzero(w, offsetof(ngx_http_asgard_redis_wait_t, bytes));
    w->ask.told = ngx_http_asgard_redis_reply;
    w->ask.data = w;
    ngx_http_asgard_redis.count++;
    return w;
}


static void
ngx_http_asgard_redis_wait_free(ngx_http_asgard_redis_wait_t *w)
{
    ngx_http_asgard_redis.count--;
    ngx_queue_insert_head(&ngx_http_asgard_redis.spare, &w->queue);
}


static void
ngx_http_asgard_redis_failed(ngx_http_asgard_redis_wait_t *w)
{
    if (w->probe) {
        ngx_http_asgard_redis.probing = 0;
    }

    if (++ngx_http_asgard_redis.failures >= NGX_HTTP_ASGARD_REDIS_FAILURES) {
        ngx_http_asgard_redis.rest_until = ngx_current_msec
                                           + NGX_HTTP_ASGARD_REDIS_REST;
    }
}


/* Tells the caller, once; the place-holder stays when `keep` is set. */
static void
ngx_http_asgard_redis_tell(ngx_http_asgard_redis_wait_t *w, redisReply *reply)
{
    void                      *data;
    ngx_http_asgard_redis_pt   handler;

    handler = w->handler;
    data = w->data;
    w->handler = NULL;
    ngx_queue_remove(&w->queue);

    if (reply == NULL) {
        ngx_http_asgard_redis_failed(w);
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REDIS_ERROR, 1);
    }

    if (!ngx_http_asgard_redis.exiting) {
        handler(data, reply, 1);
    }
}


static void
ngx_http_asgard_redis_arm(ngx_msec_t delay)
{
    ngx_event_t  *timer;

    timer = &ngx_http_asgard_redis.timer;

    if (timer->timer_set) {
        ngx_del_timer(timer);
    }

    ngx_add_timer(timer, delay);
}


/* What was asked in this pass of the event loop has left: its time begins. */
static void
ngx_http_asgard_redis_sent(ngx_event_t *ev)
{
    ngx_msec_t                     deadline;
    ngx_queue_t                   *q;
    ngx_http_asgard_redis_wait_t  *w;

    ngx_time_update();
    deadline = ngx_current_msec
               + ngx_http_asgard_redis.link.conf->redis_deadline;

    for (q = ngx_queue_last(&ngx_http_asgard_redis.waiting);
         q != ngx_queue_sentinel(&ngx_http_asgard_redis.waiting);
         q = ngx_queue_prev(q))
    {
        w = ngx_queue_data(q, ngx_http_asgard_redis_wait_t, queue);

        if (!w->unsent) {
            break;
        }

        w->unsent = 0;
        w->deadline = deadline;
    }
}


static void
ngx_http_asgard_redis_deadline(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_msec_int_t                 left;
    ngx_http_asgard_redis_wait_t  *w;

    ngx_http_asgard_redis_events_read(&ngx_http_asgard_redis.link.events);

    while (!ngx_queue_empty(&ngx_http_asgard_redis.waiting)) {
        q = ngx_queue_head(&ngx_http_asgard_redis.waiting);
        w = ngx_queue_data(q, ngx_http_asgard_redis_wait_t, queue);
        left = (ngx_msec_int_t) (w->deadline - ngx_current_msec);

        if (left > 0) {
            ngx_http_asgard_redis_arm(left);
            break;
        }

        if (ngx_http_asgard_redis.silent_since == 0) {
            ngx_http_asgard_redis.silent_since = ngx_current_msec;
        }

        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REDIS_TIMEOUT, 1);
        ngx_http_asgard_redis_tell(w, NULL);
    }
}


/* The script is not there: its text, on the same connection, hence to the
 * process whose run id the fence names. */
static ngx_int_t
ngx_http_asgard_redis_eval(ngx_http_asgard_redis_wait_t *w)
{
    u_char    *bytes, *p;
    size_t     tail;
    asg_str_t  text;
    ngx_int_t  rc;

    text = asg_script_text(w->script);
    tail = w->bytes.len - w->bytes.tail;

    bytes = ngx_alloc(text.len + tail + 4 * NGX_HTTP_ASGARD_REDIS_WORD,
                      ngx_cycle->log);
    if (bytes == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_asgard_redis_head(bytes, w->words, ASG_STR("EVAL"), text);
    p = ngx_cpymem(p, w->bytes.data + w->bytes.tail, tail);
    w->words = 0;

    rc = ngx_http_asgard_redis_events_send(&ngx_http_asgard_redis.link.events,
                                           &w->ask, bytes, p - bytes);
    ngx_free(bytes);
    return rc;
}


static asg_script_error_t
ngx_http_asgard_redis_error(redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR) {
        return ASG_SCRIPT_ERROR_OTHER;
    }

    return asg_script_error((asg_str_t) { reply->str, (size_t) reply->len });
}


static void
ngx_http_asgard_redis_reply(ngx_http_asgard_redis_ask_t *ask,
    redisReply *reply)
{
    asg_script_error_t             error;
    ngx_http_asgard_redis_wait_t  *w = ask->data;

    error = reply ? ngx_http_asgard_redis_error(reply)
                  : ASG_SCRIPT_ERROR_OTHER;

    if (error == ASG_SCRIPT_ERROR_NOSCRIPT && w->handler && w->words
        && ngx_http_asgard_redis_eval(w) == NGX_OK)
    {
        return;
    }

    if (reply) {
        ngx_http_asgard_redis.silent_since = 0;
    }

    /* a reply past its deadline shows no server that is quick enough */
    if (reply && w->handler) {
        ngx_http_asgard_redis.failures = 0;
        if (w->probe) {
            ngx_http_asgard_redis.probing = 0;
        }
    }

    if (w->handler) {
        ngx_http_asgard_redis_tell(w, reply);
    }

    ngx_http_asgard_redis_wait_free(w);

    if (error == ASG_SCRIPT_ERROR_READONLY) {
        ngx_http_asgard_redis_link_drop(&ngx_http_asgard_redis.link,
                                        "the server is not a master");
    }
}


/* The breaker, and a connection on which nothing comes back any more. */
static ngx_int_t
ngx_http_asgard_redis_may_send(ngx_uint_t *probe)
{
    ngx_msec_int_t  silent;

    *probe = 0;

    if (!ngx_http_asgard_redis.link.up || ngx_http_asgard_redis.exiting) {
        return NGX_ERROR;
    }

    silent = (ngx_msec_int_t) (ngx_current_msec
                               - ngx_http_asgard_redis.silent_since);

    if (ngx_http_asgard_redis.silent_since
        && silent > NGX_HTTP_ASGARD_REDIS_SILENT)
    {
        ngx_http_asgard_redis_link_drop(&ngx_http_asgard_redis.link,
                                        "no replies");
        return NGX_ERROR;
    }

    if (ngx_http_asgard_redis.failures < NGX_HTTP_ASGARD_REDIS_FAILURES) {
        return NGX_OK;
    }

    if (ngx_http_asgard_redis.probing
        || (ngx_msec_int_t) (ngx_http_asgard_redis.rest_until
                             - ngx_current_msec) > 0)
    {
        return NGX_ERROR;
    }

    *probe = 1;
    return NGX_OK;
}


static ngx_http_asgard_redis_wait_t *
ngx_http_asgard_redis_begin(void)
{
    ngx_uint_t                     probe;
    ngx_http_asgard_redis_wait_t  *w;

    if (ngx_http_asgard_redis_may_send(&probe) != NGX_OK) {
        return NULL;
    }

    w = ngx_http_asgard_redis_wait_new();

    if (w) {
        w->probe = probe;
    }

    return w;
}


static ngx_int_t
ngx_http_asgard_redis_issued(ngx_http_asgard_redis_wait_t *w, ngx_int_t rc,
    ngx_http_asgard_redis_pt handler, void *data)
{
    ngx_msec_t  deadline;

    if (rc != NGX_OK) {
        ngx_http_asgard_redis_wait_free(w);
        return NGX_ERROR;
    }

    deadline = ngx_http_asgard_redis.link.conf->redis_deadline;
    w->handler = handler;
    w->data = data;
    w->deadline = ngx_current_msec + deadline;
    w->unsent = 1;

    if (w->probe) {
        ngx_http_asgard_redis.probing = 1;
    }

    ngx_queue_insert_tail(&ngx_http_asgard_redis.waiting, &w->queue);

    if (!ngx_http_asgard_redis.timer.timer_set) {
        ngx_add_timer(&ngx_http_asgard_redis.timer, deadline);
    }

    if (!ngx_http_asgard_redis.sent.posted) {
        ngx_post_event(&ngx_http_asgard_redis.sent, &ngx_posted_events);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_redis_command(ngx_http_asgard_redis_pt handler, void *data,
    ngx_uint_t argc, const char **argv, const size_t *lens)
{
    ngx_int_t                      rc;
    ngx_http_asgard_redis_wait_t  *w;

    w = ngx_http_asgard_redis_begin();

    if (w) {
        rc = ngx_http_asgard_redis_events_ask(
                                     &ngx_http_asgard_redis.link.events,
                                     &w->ask, argc, argv, lens);

        if (ngx_http_asgard_redis_issued(w, rc, handler, data) == NGX_OK) {
            return NGX_OK;
        }
    }

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REDIS_ERROR, 1);
    return NGX_ERROR;
}


ngx_int_t
ngx_http_asgard_redis_script(asg_script_t script,
    ngx_http_asgard_redis_pt handler, void *data, ngx_uint_t nkeys,
    ngx_uint_t argc, const char **argv, const size_t *lens)
{
    ngx_int_t                      rc;
    ngx_http_asgard_redis_wait_t  *w;

    w = ngx_http_asgard_redis_begin();

    if (w) {
        w->script = script;
        w->words = argc + 3;
        rc = ngx_http_asgard_redis_bytes_script(&w->bytes, script, nkeys, argc,
                                                argv, lens);

        if (rc == NGX_OK) {
            rc = ngx_http_asgard_redis_events_send(
                                     &ngx_http_asgard_redis.link.events,
                                     &w->ask, w->bytes.data, w->bytes.len);
        }

        if (ngx_http_asgard_redis_issued(w, rc, handler, data) == NGX_OK) {
            return NGX_OK;
        }
    }

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_REDIS_ERROR, 1);
    return NGX_ERROR;
}


static void
ngx_http_asgard_redis_ready_handler(ngx_http_asgard_redis_link_t *link)
{
    ngx_http_asgard_redis.failures = 0;
    ngx_http_asgard_redis.probing = 0;
    ngx_http_asgard_redis.silent_since = 0;
    ngx_http_asgard_snapshot_wanted();
}


/* Who waits is told by the connection. */
static void
ngx_http_asgard_redis_lost_handler(ngx_http_asgard_redis_link_t *link)
{
    ngx_http_asgard_redis.silent_since = 0;
}


ngx_uint_t
ngx_http_asgard_redis_ready(void)
{
    return ngx_http_asgard_redis.link.up
           && ngx_http_asgard_redis.failures < NGX_HTTP_ASGARD_REDIS_FAILURES;
}


ngx_uint_t
ngx_http_asgard_redis_may_ask(void)
{
    ngx_uint_t  probe;

    return ngx_http_asgard_redis_may_send(&probe) == NGX_OK;
}


ngx_str_t *
ngx_http_asgard_redis_run_id(void)
{
    static ngx_str_t  id;

    id.data = ngx_http_asgard_redis.link.run_id;
    id.len = ngx_http_asgard_redis.link.up ? NGX_HTTP_ASGARD_RUN_ID : 0;
    return &id;
}


ngx_int_t
ngx_http_asgard_redis_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf)
{
    if (amcf->redis_url.len == 0) {
        return NGX_OK;
    }

    ngx_queue_init(&ngx_http_asgard_redis.waiting);
    ngx_queue_init(&ngx_http_asgard_redis.spare);
    ngx_http_asgard_redis.nobody.fd = (ngx_socket_t) -1;
    ngx_http_asgard_redis.timer.handler = ngx_http_asgard_redis_deadline;
    ngx_http_asgard_redis.timer.data = &ngx_http_asgard_redis.nobody;
    ngx_http_asgard_redis.timer.log = cycle->log;
    ngx_http_asgard_redis.sent.handler = ngx_http_asgard_redis_sent;
    ngx_http_asgard_redis.sent.log = cycle->log;

    if (ngx_http_asgard_redis_link_open(&ngx_http_asgard_redis.link, cycle,
                                        amcf)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_asgard_redis_link_await(&ngx_http_asgard_redis.link,
                                     ngx_http_asgard_snapshot_awaited);

    return ngx_http_asgard_channel_init(cycle, amcf);
}


/* From here on no handler is called: their requests are going down too. */
void
ngx_http_asgard_redis_exit(void)
{
    if (ngx_http_asgard_redis.link.conf == NULL) {
        return;
    }

    ngx_http_asgard_redis.exiting = 1;
    ngx_http_asgard_channel_exit();
    ngx_http_asgard_redis_link_close(&ngx_http_asgard_redis.link);

    if (ngx_http_asgard_redis.timer.timer_set) {
        ngx_del_timer(&ngx_http_asgard_redis.timer);
    }

    if (ngx_http_asgard_redis.sent.posted) {
        ngx_delete_posted_event(&ngx_http_asgard_redis.sent);
    }
}
