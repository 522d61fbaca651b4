
/*
 * The window of slots that are told at once.
 */

#include "ngx_http_asgard_pace.h"


#define NGX_HTTP_ASGARD_PACE_FIRST  32
#define NGX_HTTP_ASGARD_PACE_LEAST  8
#define NGX_HTTP_ASGARD_PACE_MOST   256


static struct {
    ngx_http_asgard_pace_pt   more;
    ngx_event_t               event;
    ngx_connection_t          nobody;       /* for the log of events */
    ngx_uint_t                window;
    ngx_uint_t                under_way;
    unsigned                  refused:1;    /* somebody waits for room */
} ngx_http_asgard_pace;


static void
ngx_http_asgard_pace_handler(ngx_event_t *ev)
{
    ngx_http_asgard_pace.more();
}


void
ngx_http_asgard_pace_init(ngx_cycle_t *cycle, ngx_http_asgard_pace_pt more)
{
    ngx_memzero(&ngx_http_asgard_pace, sizeof(ngx_http_asgard_pace));
    ngx_http_asgard_pace.more = more;
    ngx_http_asgard_pace.window = NGX_HTTP_ASGARD_PACE_FIRST;
    ngx_http_asgard_pace.nobody.fd = (ngx_socket_t) -1;
    ngx_http_asgard_pace.event.handler = ngx_http_asgard_pace_handler;
    ngx_http_asgard_pace.event.data = &ngx_http_asgard_pace.nobody;
    ngx_http_asgard_pace.event.log = cycle->log;
}


ngx_uint_t
ngx_http_asgard_pace_may(void)
{
    if (ngx_http_asgard_pace.under_way < ngx_http_asgard_pace.window) {
        return 1;
    }

    ngx_http_asgard_pace.refused = 1;
    return 0;
}


void
ngx_http_asgard_pace_sent(void)
{
    ngx_http_asgard_pace.under_way++;
}


void
ngx_http_asgard_pace_answered(ngx_uint_t is_answered)
{
    ngx_uint_t  window;

    ngx_http_asgard_pace.under_way--;
    window = ngx_http_asgard_pace.window;

    if (!is_answered) {
        /* not at once again: the next tick comes soon enough */
        ngx_http_asgard_pace.window = ngx_max(window / 2,
                                              NGX_HTTP_ASGARD_PACE_LEAST);
        return;
    }

    window = ngx_min(window + 1, NGX_HTTP_ASGARD_PACE_MOST);
    ngx_http_asgard_pace.window = window;

    if (ngx_http_asgard_pace.refused
        && ngx_http_asgard_pace.under_way <= window / 2)
    {
        ngx_http_asgard_pace.refused = 0;
        ngx_post_event(&ngx_http_asgard_pace.event, &ngx_posted_events);
    }
}
