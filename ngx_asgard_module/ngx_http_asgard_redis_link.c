
/*
 * A connection to Redis that is kept up.
 */

#include "ngx_http_asgard_redis_link.h"


#define NGX_HTTP_ASGARD_REDIS_RETRY      200    /* ms */
#define NGX_HTTP_ASGARD_REDIS_HANDSHAKE  1000   /* ms */
#define NGX_HTTP_ASGARD_REDIS_START      1000   /* ms, before the first call */


static void ngx_http_asgard_redis_link_connect(
    ngx_http_asgard_redis_link_t *link);
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


void
ngx_http_asgard_redis_link_drop(ngx_http_asgard_redis_link_t *link,
    const char *why)
{
    ngx_uint_t  was_up;

    if (link->events.context == NULL) {
        return;
    }

    was_up = link->up;
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

    ngx_http_asgard_redis_events_close(&link->events);
}


static void
ngx_http_asgard_redis_link_failed(ngx_http_asgard_redis_events_t *ev,
    const char *why)
{
    ngx_http_asgard_redis_link_drop(ngx_queue_data(ev,
                                 ngx_http_asgard_redis_link_t, events), why);
}


/* ROLE: "master" first, else this is a replica with old money. */
static void
ngx_http_asgard_redis_link_on_role(ngx_http_asgard_redis_ask_t *ask,
    redisReply *reply)
{
    ngx_http_asgard_redis_link_t  *link = ask->data;

    if (reply == NULL) {
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
ngx_http_asgard_redis_link_on_info(ngx_http_asgard_redis_ask_t *ask,
    redisReply *reply)
{
    u_char                        *id, *end;
    ngx_http_asgard_redis_link_t  *link = ask->data;

    if (reply == NULL) {
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
ngx_http_asgard_redis_link_on_auth(ngx_http_asgard_redis_ask_t *ask,
    redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_asgard_redis_link_drop(ask->data, "AUTH was refused");
    }
}


static ngx_int_t
ngx_http_asgard_redis_link_ask(ngx_http_asgard_redis_link_t *link,
    ngx_uint_t n,
    void (*told)(ngx_http_asgard_redis_ask_t *ask, redisReply *reply),
    ngx_uint_t argc, const char **argv, const size_t *lens)
{
    link->asks[n].told = told;
    link->asks[n].data = link;

    return ngx_http_asgard_redis_events_ask(&link->events, &link->asks[n],
                                            argc, argv, lens);
}


static ngx_int_t
ngx_http_asgard_redis_link_auth(ngx_http_asgard_redis_link_t *link)
{
    size_t                        lens[3];
    ngx_uint_t                    argc;
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

    return ngx_http_asgard_redis_link_ask(link, 0,
                                          ngx_http_asgard_redis_link_on_auth,
                                          argc, argv, lens);
}


static void
ngx_http_asgard_redis_link_greet(ngx_http_asgard_redis_events_t *ev)
{
    const char                    *info[] = { "INFO", "server" };
    const char                    *role[] = { "ROLE" };
    ngx_http_asgard_redis_link_t  *link;

    link = ngx_queue_data(ev, ngx_http_asgard_redis_link_t, events);

    if (ngx_http_asgard_redis_link_auth(link) != NGX_OK
        || ngx_http_asgard_redis_link_ask(link, 1,
                                          ngx_http_asgard_redis_link_on_info,
                                          2, info, NULL) != NGX_OK
        || ngx_http_asgard_redis_link_ask(link, 2,
                                          ngx_http_asgard_redis_link_on_role,
                                          1, role, NULL) != NGX_OK)
    {
        ngx_http_asgard_redis_link_drop(link, "out of memory");
    }
}


static void
ngx_http_asgard_redis_link_connect(ngx_http_asgard_redis_link_t *link)
{
    if (ngx_http_asgard_redis_events_connect(&link->events, &link->addr,
                                             ngx_cycle->log)
        != NGX_OK)
    {
        if (!link->complained) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "asgard: redis (%s): cannot connect", link->name);
            link->complained = 1;
        }
        ngx_http_asgard_redis_link_arm(link, NGX_HTTP_ASGARD_REDIS_RETRY);
        return;
    }

    ngx_http_asgard_redis_link_arm(link, NGX_HTTP_ASGARD_REDIS_HANDSHAKE);
}


static void
ngx_http_asgard_redis_link_timer(ngx_event_t *ev)
{
    ngx_http_asgard_redis_link_t  *link = ev->data;

    if (link->closing) {
        return;
    }

    if (link->events.context) {
        ngx_http_asgard_redis_link_drop(link, "no answer to the first "
                                              "commands");
        return;
    }

    ngx_http_asgard_redis_link_connect(link);
}


void
ngx_http_asgard_redis_link_await(ngx_http_asgard_redis_link_t *link,
    ngx_uint_t (*pending)(void))
{
    ngx_msec_t      start;
    ngx_msec_int_t  left;

    start = ngx_current_msec;
    left = NGX_HTTP_ASGARD_REDIS_START;

    while (link->events.context && left > 0
           && (!link->up || (pending && pending())))
    {
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
    link->events.open = ngx_http_asgard_redis_link_greet;
    link->events.failed = ngx_http_asgard_redis_link_failed;
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
    ngx_http_asgard_redis_link_await(link, NULL);
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
