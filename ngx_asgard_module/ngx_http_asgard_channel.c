
/*
 * The change channel, on a connection of its own.
 */

#include "ngx_http_asgard_adopt.h"
#include "ngx_http_asgard_channel.h"
#include "ngx_http_asgard_identify.h"
#include "ngx_http_asgard_redis_link.h"
#include "ngx_http_asgard_snapshot.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_CHANNEL_WATCH  10000    /* ms between looks */


static void ngx_http_asgard_channel_ready(ngx_http_asgard_redis_link_t *link);
static void ngx_http_asgard_channel_lost(ngx_http_asgard_redis_link_t *link);


static struct {
    ngx_http_asgard_redis_link_t  link;
    ngx_event_t                   watch;
    ngx_connection_t              nobody;       /* for the log of timers */
} ngx_http_asgard_channel = {
    .link = {
        .name = "changes",
        .ready = ngx_http_asgard_channel_ready,
        .lost = ngx_http_asgard_channel_lost
    }
};


static void
ngx_http_asgard_channel_message(ngx_str_t *message)
{
    u_char     *p, *last;
    ngx_str_t   id;

    ngx_http_asgard_zone_change(message);

    if (message->len > 8 && ngx_strncmp(message->data, "catalog ", 8) == 0) {
        ngx_http_asgard_snapshot_wanted();
        return;
    }

    if (message->len > 8 && ngx_strncmp(message->data, "project ", 8) == 0) {
        p = message->data + 8;
        last = message->data + message->len;
        id.data = p;
        while (p < last && *p != ' ') {
            p++;
        }
        id.len = p - id.data;
        ngx_http_asgard_identify_project_changed(&id);
    }
}


static void
ngx_http_asgard_channel_heard(redisReply *reply)
{
    ngx_str_t  message;

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_asgard_redis_link_drop(&ngx_http_asgard_channel.link,
                                        reply->str);
        return;
    }

    if (reply->type != REDIS_REPLY_ARRAY
        || reply->elements < 3 || reply->element[0]->str == NULL)
    {
        return;
    }

    if (ngx_strcmp(reply->element[0]->str, "subscribe") == 0) {
        /* what was said before is lost: look at everything once */
        ngx_http_asgard_zone_channel_gap();
        ngx_http_asgard_snapshot_wanted();
        return;
    }

    if (reply->element[2]->type == REDIS_REPLY_STRING) {
        message.data = (u_char *) reply->element[2]->str;
        message.len = reply->element[2]->len;
        ngx_http_asgard_channel_message(&message);
    }
}


/* A channel of the worker's own, on which nothing is said, tells ctl who it is
 * that listens. */
static void
ngx_http_asgard_channel_ready(ngx_http_asgard_redis_link_t *link)
{
    u_char     own[sizeof(ASG_RKEY_LISTENER) + NGX_HTTP_ASGARD_WORKER_NAME];
    u_char    *last;
    asg_str_t  name, channels[2];

    name = ngx_http_asgard_adopt_name();
    last = ngx_sprintf(own, "%s%*s", ASG_RKEY_LISTENER, name.len, name.data);

    channels[0] = asg_str_z(ASG_RKEY_CHANGES);
    channels[1] = (asg_str_t) { (const char *) own, last - own };

    if (ngx_http_asgard_redis_events_subscribe(&link->events, channels, 2,
                                               ngx_http_asgard_channel_heard)
        != NGX_OK)
    {
        ngx_http_asgard_redis_link_drop(link, "out of memory");
    }
}


static void
ngx_http_asgard_channel_lost(ngx_http_asgard_redis_link_t *link)
{
    ngx_http_asgard_zone_channel_gap();
}


/* A peer that vanished says nothing, for ever: then connect anew. */
static void
ngx_http_asgard_channel_watch_handler(ngx_event_t *ev)
{
    if (ngx_http_asgard_channel.link.up
        && !ngx_http_asgard_zone_channel_alive())
    {
        ngx_http_asgard_redis_link_drop(&ngx_http_asgard_channel.link, NULL);
    }

    ngx_add_timer(ev, NGX_HTTP_ASGARD_CHANNEL_WATCH);
}


ngx_int_t
ngx_http_asgard_channel_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf)
{
    ngx_http_asgard_channel.nobody.fd = (ngx_socket_t) -1;
    ngx_http_asgard_channel.watch.handler =
                                       ngx_http_asgard_channel_watch_handler;
    ngx_http_asgard_channel.watch.data = &ngx_http_asgard_channel.nobody;
    ngx_http_asgard_channel.watch.log = cycle->log;
    ngx_http_asgard_channel.watch.cancelable = 1;
    ngx_add_timer(&ngx_http_asgard_channel.watch,
                  NGX_HTTP_ASGARD_CHANNEL_WATCH);

    return ngx_http_asgard_redis_link_open(&ngx_http_asgard_channel.link,
                                           cycle, amcf);
}


void
ngx_http_asgard_channel_exit(void)
{
    if (ngx_http_asgard_channel.watch.timer_set) {
        ngx_del_timer(&ngx_http_asgard_channel.watch);
    }

    ngx_http_asgard_redis_link_close(&ngx_http_asgard_channel.link);
}
