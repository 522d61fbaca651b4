
/*
 * A connection to Redis that is kept up.
 */

#include "ngx_http_asgard_redis_link.h"


#define NGX_HTTP_ASGARD_REDIS_RETRY      200    /* ms */
#define NGX_HTTP_ASGARD_REDIS_HANDSHAKE  1000   /* ms */
#define NGX_HTTP_ASGARD_REDIS_START      1000   /* ms, before the first call */


static void ngx_http_asgard_redis_link_connect(
    ngx_http_asgard_redis_link_t *link);
static void ngx_http_asgard_redis_link_down(
    ngx_http_asgard_redis_link_t *link, const char *why);
static void ngx_http_asgard_redis_link_timer(ngx_event_t *ev);


static void
ngx_http_asgard_redis_link_arm(ngx_http_asgard_redis_link_t *link,
    ngx_msec_t delay)
{
    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    if (!link->closing) {
        ngx_add_timer(&link->timer, delay);
    }
}


/* hiredis is about to free the context, or has. */
static void
ngx_http_asgard_redis_link_down(ngx_http_asgard_redis_link_t *link,
    const char *why)
{
    ngx_uint_t  was_up;

    if (link->context == NULL) {
        return;
    }

    was_up = link->up;
    link->context = NULL;
    link->up = 0;
    link->run_id[0] = '\0';

    if (why && !link->closing && !link->complained) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "asgard: redis (%s): %s", link->name, why);
        link->complained = 1;
    }

    ngx_http_asgard_redis_link_arm(link, NGX_HTTP_ASGARD_REDIS_RETRY);

    if (was_up) {
        link->lost(link);
    }
}


void
ngx_http_asgard_redis_link_drop(ngx_http_asgard_redis_link_t *link,
    const char *why)
{
    redisAsyncContext  *ac;

    ac = link->context;
    if (ac) {
        ngx_http_asgard_redis_link_down(link, why);
        redisAsyncFree(ac);
    }
}


ngx_int_t
ngx_http_asgard_redis_link_queued(ngx_http_asgard_redis_link_t *link,
    void *privdata, int rc)
{
    redisCallback  *last;

    if (rc != REDIS_OK || link->context == NULL) {
        return NGX_ERROR;
    }

    last = link->context->replies.tail;

    if (last && last->privdata == privdata) {
        return NGX_OK;
    }

    ngx_http_asgard_redis_link_drop(link, "out of memory");
    return NGX_ERROR;
}


static void
ngx_http_asgard_redis_link_on_disconnect(const redisAsyncContext *ac,
    int status)
{
    ngx_http_asgard_redis_link_t  *link = ac->data;

    if (link->context == ac) {
        ngx_http_asgard_redis_link_down(link, status == REDIS_OK
                                              ? "closed" : ac->errstr);
    }
}


/* ROLE: "master" first, else this is a replica with old money. */
static void
ngx_http_asgard_redis_link_on_role(redisAsyncContext *ac, void *data,
    void *privdata)
{
    redisReply                    *reply = data;
    ngx_http_asgard_redis_link_t  *link = privdata;

    if (reply == NULL || link->context != ac) {
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING
        || ngx_strcmp(reply->element[0]->str, "master") != 0)
    {
        ngx_http_asgard_redis_link_drop(link, "the server is not a master");
        return;
    }

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    if (link->complained) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "asgard: redis (%s): connected again", link->name);
        link->complained = 0;
    }

    link->up = 1;
    link->ready(link);
}


static void
ngx_http_asgard_redis_link_on_info(redisAsyncContext *ac, void *data,
    void *privdata)
{
    u_char                        *id, *end;
    redisReply                    *reply = data;
    ngx_http_asgard_redis_link_t  *link = privdata;

    if (reply == NULL || link->context != ac) {
        return;
    }

    if (reply->type != REDIS_REPLY_STRING) {
        ngx_http_asgard_redis_link_drop(link, reply->type == REDIS_REPLY_ERROR
                                              ? reply->str : "no INFO");
        return;
    }

    id = (u_char *) ngx_strstr(reply->str, "\nrun_id:");
    end = (u_char *) reply->str + reply->len;

    if (id == NULL || end - id < 8 + NGX_HTTP_ASGARD_RUN_ID) {
        ngx_http_asgard_redis_link_drop(link, "no run id in INFO");
        return;
    }

    (void) ngx_cpystrn(link->run_id, id + 8, NGX_HTTP_ASGARD_RUN_ID + 1);
}


static void
ngx_http_asgard_redis_link_on_auth(redisAsyncContext *ac, void *data,
    void *privdata)
{
    redisReply                    *reply = data;
    ngx_http_asgard_redis_link_t  *link = privdata;

    if (reply && link->context == ac && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_asgard_redis_link_drop(link, "AUTH was refused");
    }
}


/* hiredis says OK also when it had no memory to remember who waits, and aborts
 * when a reply comes that nobody waits for. */
static ngx_int_t
ngx_http_asgard_redis_link_ask(ngx_http_asgard_redis_link_t *link,
    redisCallbackFn *fn, int argc, const char **argv, const size_t *lens)
{
    int             rc;
    redisCallback  *last;

    last = link->context->replies.tail;
    rc = redisAsyncCommandArgv(link->context, fn, link, argc, argv, lens);

    return rc == REDIS_OK && link->context->replies.tail != last ? NGX_OK
                                                                 : NGX_ERROR;
}


static ngx_int_t
ngx_http_asgard_redis_link_auth(ngx_http_asgard_redis_link_t *link)
{
    int                           argc;
    size_t                        lens[3];
    const char                   *argv[3];
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = link->conf;
    if (amcf->redis_password.len == 0) {
        return NGX_OK;
    }

    argc = 0;
    argv[argc] = "AUTH";
    lens[argc++] = 4;

    if (amcf->redis_user.len) {
        argv[argc] = (const char *) amcf->redis_user.data;
        lens[argc++] = amcf->redis_user.len;
    }

    argv[argc] = (const char *) amcf->redis_password.data;
    lens[argc++] = amcf->redis_password.len;

    return ngx_http_asgard_redis_link_ask(link,
                                          ngx_http_asgard_redis_link_on_auth,
                                          argc, argv, lens);
}


static void
ngx_http_asgard_redis_link_on_connect(const redisAsyncContext *ac, int status)
{
    ngx_http_asgard_redis_link_t  *link = ac->data;

    if (status != REDIS_OK) {
        ngx_http_asgard_redis_link_down(link, ac->errstr);
    }
}


static void
ngx_http_asgard_redis_link_greet(redisAsyncContext *ac)
{
    const char                    *info[] = { "INFO", "server" };
    const char                    *role[] = { "ROLE" };
    ngx_http_asgard_redis_link_t  *link = ac->data;

    if (ngx_http_asgard_redis_link_auth(link) != NGX_OK
        || ngx_http_asgard_redis_link_ask(link,
                                          ngx_http_asgard_redis_link_on_info,
                                          2, info, NULL) != NGX_OK
        || ngx_http_asgard_redis_link_ask(link,
                                          ngx_http_asgard_redis_link_on_role,
                                          1, role, NULL) != NGX_OK)
    {
        ngx_http_asgard_redis_link_drop(link, "out of memory");
    }
}


static void
ngx_http_asgard_redis_link_connect(ngx_http_asgard_redis_link_t *link)
{
    redisAsyncContext  *ac;

    ac = ngx_http_asgard_redis_events_connect(&link->events, &link->addr,
                                        ngx_http_asgard_redis_link_greet,
                                        ngx_cycle->log);
    if (ac == NULL) {
        if (!link->complained) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "asgard: redis (%s): cannot connect", link->name);
            link->complained = 1;
        }
        ngx_http_asgard_redis_link_arm(link, NGX_HTTP_ASGARD_REDIS_RETRY);
        return;
    }

    link->context = ac;
    ac->data = link;
    ngx_http_asgard_redis_link_arm(link, NGX_HTTP_ASGARD_REDIS_HANDSHAKE);
    (void) redisAsyncSetDisconnectCallback(ac,
                                   ngx_http_asgard_redis_link_on_disconnect);
    (void) redisAsyncSetConnectCallback(ac,
                                   ngx_http_asgard_redis_link_on_connect);
}


static void
ngx_http_asgard_redis_link_timer(ngx_event_t *ev)
{
    ngx_http_asgard_redis_link_t  *link = ev->data;

    if (link->closing) {
        return;
    }

    if (link->context) {
        ngx_http_asgard_redis_link_drop(link, "no answer to the first "
                                              "commands");
        return;
    }

    ngx_http_asgard_redis_link_connect(link);
}


static void
ngx_http_asgard_redis_link_first(ngx_http_asgard_redis_link_t *link)
{
    ngx_msec_t      start;
    ngx_msec_int_t  left;

    start = ngx_current_msec;
    left = NGX_HTTP_ASGARD_REDIS_START;

    while (link->context && !link->up && left > 0) {
        (void) ngx_http_asgard_redis_events_pump(&link->events, left);
        ngx_time_update();
        left = NGX_HTTP_ASGARD_REDIS_START
               - (ngx_msec_int_t) (ngx_current_msec - start);
    }
}


ngx_int_t
ngx_http_asgard_redis_link_open(ngx_http_asgard_redis_link_t *link,
    ngx_cycle_t *cycle, ngx_http_asgard_main_conf_t *amcf)
{
    link->conf = amcf;
    link->timer.handler = ngx_http_asgard_redis_link_timer;
    link->timer.data = link;
    link->timer.log = cycle->log;
    link->timer.cancelable = 1;

    if (ngx_http_asgard_redis_addr(cycle->pool, &amcf->redis_url, &link->addr)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_asgard_redis_link_connect(link);
    ngx_http_asgard_redis_link_first(link);
    return NGX_OK;
}


void
ngx_http_asgard_redis_link_close(ngx_http_asgard_redis_link_t *link)
{
    link->closing = 1;

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    ngx_http_asgard_redis_link_drop(link, "closing");
}
