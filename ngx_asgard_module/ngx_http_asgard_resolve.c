
/*
 * From an endpoint's name to addresses: literal, /etc/hosts, nginx's resolver.
 */

#include "ngx_http_asgard_resolve.h"

#include "core/address.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_HOSTS_TTL     5       /* s */
#define NGX_HTTP_ASGARD_RESOLVE_RETRY 1       /* s after a failure */
#define NGX_HTTP_ASGARD_TTL_MIN       1       /* s, of a name server's */
#define NGX_HTTP_ASGARD_TTL_MAX       300
#define NGX_HTTP_ASGARD_RESOLVE_TIME  5000    /* ms of one question */


static ngx_uint_t ngx_http_asgard_resolve_known(ngx_http_asgard_resolve_t *rs);
static ngx_uint_t ngx_http_asgard_resolve_literal(
    ngx_http_asgard_resolve_t *rs, ngx_str_t *text);
static void ngx_http_asgard_resolve_add(ngx_http_asgard_resolve_t *rs,
    struct sockaddr *sockaddr, socklen_t socklen);
static ngx_uint_t ngx_http_asgard_resolve_is_public(struct sockaddr *sockaddr);
static void ngx_http_asgard_resolve_found(void *data, ngx_str_t *address);
static ngx_uint_t ngx_http_asgard_resolve_take(ngx_http_asgard_resolve_t *rs,
    ngx_http_asgard_resolve_t *fresh);
static ngx_int_t ngx_http_asgard_resolve_ask(ngx_http_asgard_resolve_t *rs);
static ngx_uint_t ngx_http_asgard_resolve_search(
    ngx_http_asgard_resolve_t *rs);
static void ngx_http_asgard_resolve_handler(ngx_resolver_ctx_t *ctx);
static ngx_uint_t ngx_http_asgard_resolve_keep(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_ctx_t *ctx);
static void ngx_http_asgard_resolve_failed(ngx_http_asgard_resolve_t *rs);
static void ngx_http_asgard_resolve_late(ngx_event_t *ev);
static void ngx_http_asgard_resolve_wake(ngx_http_asgard_resolve_t *rs);


ngx_int_t
ngx_http_asgard_resolve_init_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf)
{
    ngx_http_asgard_resolv_t  *system;

    if (amcf->resolver) {
        return NGX_OK;
    }

    system = ngx_palloc(cf->pool, sizeof(ngx_http_asgard_resolv_t));

    if (system == NULL
        || ngx_http_asgard_hosts_resolv(cf->pool, system) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (system->nservers == 0) {
        return NGX_OK;
    }

    amcf->system = system;
    amcf->resolver = ngx_resolver_create(cf, system->servers,
                                         system->nservers);

    return amcf->resolver ? NGX_OK : NGX_ERROR;
}


void
ngx_http_asgard_resolve_init(ngx_http_asgard_resolve_t *rs, ngx_str_t *host,
    in_port_t port, ngx_uint_t public_only)
{
    ngx_memzero(rs, sizeof(ngx_http_asgard_resolve_t));

    rs->host = *host;
    rs->port = port;
    rs->public_only = public_only;
    rs->late.handler = ngx_http_asgard_resolve_late;
    rs->late.data = rs;
    rs->late.cancelable = 1;
    ngx_queue_init(&rs->waiting);
}


void
ngx_http_asgard_resolve_finish(ngx_http_asgard_resolve_t *rs)
{
    if (rs->ctx) {
        ngx_resolve_name_done(rs->ctx);
        rs->ctx = NULL;
    }

    if (rs->late.timer_set) {
        ngx_del_timer(&rs->late);
    }

    ngx_queue_init(&rs->waiting);
}


ngx_int_t
ngx_http_asgard_resolve(ngx_http_asgard_resolve_t *rs,
    ngx_http_asgard_waiter_t *waiter)
{
    if (rs->ctx == NULL && ngx_time() >= rs->again
        && !ngx_http_asgard_resolve_known(rs))
    {
        rs->searched = 0;

        if (ngx_http_asgard_resolve_ask(rs) != NGX_OK) {
            ngx_http_asgard_resolve_failed(rs);
        }
    }

    if (rs->naddrs && (rs->ctx == NULL || ngx_time() < rs->until)) {
        return NGX_OK;
    }

    if (rs->ctx == NULL) {
        return NGX_DECLINED;
    }

    if (rs->naddrs && !rs->late.timer_set) {
        rs->late.log = ngx_cycle->log;
        ngx_add_timer(&rs->late, NGX_HTTP_ASGARD_RESOLVE_LATE);
    }

    ngx_queue_insert_tail(&rs->waiting, &waiter->queue);

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_asgard_resolve_has(ngx_http_asgard_resolve_t *rs,
    ngx_http_asgard_addr_t *addr)
{
    ngx_uint_t  i;

    for (i = 0; i < rs->naddrs; i++) {

        if (ngx_cmp_sockaddr(&rs->addrs[i].sockaddr.sockaddr,
                             rs->addrs[i].socklen, &addr->sockaddr.sockaddr,
                             addr->socklen, 1)
            == NGX_OK)
        {
            return 1;
        }
    }

    return 0;
}


/* What needs no name server: an address, also one that may not be used, and
 * what /etc/hosts says. */

static ngx_uint_t
ngx_http_asgard_resolve_known(ngx_http_asgard_resolve_t *rs)
{
    ngx_http_asgard_resolve_t  fresh;

    ngx_http_asgard_resolve_init(&fresh, &rs->host, rs->port,
                                 rs->public_only);

    if (ngx_http_asgard_resolve_literal(&fresh, &rs->host)) {
        rs->again = NGX_MAX_TIME_T_VALUE;

    } else if (ngx_http_asgard_hosts_find(&rs->host,
                                          ngx_http_asgard_resolve_found,
                                          &fresh))
    {
        rs->again = ngx_time() + NGX_HTTP_ASGARD_HOSTS_TTL;

    } else {
        return 0;
    }

    (void) ngx_http_asgard_resolve_take(rs, &fresh);

    return 1;
}


static void
ngx_http_asgard_resolve_found(void *data, ngx_str_t *address)
{
    (void) ngx_http_asgard_resolve_literal(data, address);
}


/* Is it the text of an address?  Then it is added. */

static ngx_uint_t
ngx_http_asgard_resolve_literal(ngx_http_asgard_resolve_t *rs, ngx_str_t *text)
{
    ngx_sockaddr_t  sa;

    ngx_memzero(&sa, sizeof(ngx_sockaddr_t));

    sa.sockaddr_in.sin_addr.s_addr = ngx_inet_addr(text->data, text->len);

    if (sa.sockaddr_in.sin_addr.s_addr != INADDR_NONE) {
        sa.sockaddr_in.sin_family = AF_INET;
        ngx_http_asgard_resolve_add(rs, &sa.sockaddr,
                                    sizeof(struct sockaddr_in));
        return 1;
    }

#if (NGX_HAVE_INET6)

    ngx_memzero(&sa, sizeof(ngx_sockaddr_t));

    if (ngx_inet6_addr(text->data, text->len,
                       sa.sockaddr_in6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        sa.sockaddr_in6.sin6_family = AF_INET6;
        ngx_http_asgard_resolve_add(rs, &sa.sockaddr,
                                    sizeof(struct sockaddr_in6));
        return 1;
    }

#endif

    return 0;
}


/* The one way for an address into `rs`, from wherever it comes. */

static void
ngx_http_asgard_resolve_add(ngx_http_asgard_resolve_t *rs,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    u_char                   text[NGX_SOCKADDR_STRLEN];
    ngx_str_t                refused;
    ngx_http_asgard_addr_t  *addr;

    if (rs->naddrs == NGX_HTTP_ASGARD_ADDRS_MAX) {
        return;
    }

    if (rs->public_only && !ngx_http_asgard_resolve_is_public(sockaddr)) {
        refused.data = text;
        refused.len = ngx_sock_ntop(sockaddr, socklen, text,
                                    NGX_SOCKADDR_STRLEN, 0);

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "asgard: \"%V\" may only be a public address, %V is "
                      "none: not used", &rs->host, &refused);
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_ADDRESS_REFUSED, 1);
        return;
    }

    addr = &rs->addrs[rs->naddrs++];

    ngx_memzero(addr, sizeof(ngx_http_asgard_addr_t));
    ngx_memcpy(&addr->sockaddr, sockaddr, socklen);
    addr->socklen = socklen;
    ngx_inet_set_port(&addr->sockaddr.sockaddr, rs->port);
}


static ngx_uint_t
ngx_http_asgard_resolve_is_public(struct sockaddr *sockaddr)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;

    if (sockaddr->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) sockaddr;
        return !asg_address_is_internal(sin6->sin6_addr.s6_addr, 16);
    }
#endif

    if (sockaddr->sa_family == AF_INET) {
        sin = (struct sockaddr_in *) sockaddr;
        return !asg_address_is_internal((uint8_t *) &sin->sin_addr, 4);
    }

    return 0;
}


/* What was found anew; when that is nothing, the last good ones stay. */

static ngx_uint_t
ngx_http_asgard_resolve_take(ngx_http_asgard_resolve_t *rs,
    ngx_http_asgard_resolve_t *fresh)
{
    if (fresh->naddrs == 0) {
        return 0;
    }

    ngx_memcpy(rs->addrs, fresh->addrs, sizeof(rs->addrs));
    rs->naddrs = fresh->naddrs;

    return 1;
}


static ngx_int_t
ngx_http_asgard_resolve_ask(ngx_http_asgard_resolve_t *rs)
{
    ngx_resolver_ctx_t           *ctx;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);

    if (amcf->resolver == NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "asgard: \"%V\" is not in /etc/hosts and no resolver "
                      "is known", &rs->host);
        return NGX_ERROR;
    }

    ctx = ngx_resolve_start(amcf->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return NGX_ERROR;
    }

    ctx->name = rs->host;

    if (rs->searched) {
        ctx->name.data = rs->asked;
        ctx->name.len = ngx_snprintf(rs->asked, sizeof(rs->asked), "%V.%V",
                                     &rs->host,
                                     &amcf->system->search[rs->searched - 1])
                        - rs->asked;
    }

    ctx->handler = ngx_http_asgard_resolve_handler;
    ctx->data = rs;
    ctx->timeout = NGX_HTTP_ASGARD_RESOLVE_TIME;
    ctx->cancelable = 1;

    rs->ctx = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        /* the resolver freed it */
        rs->ctx = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* A name that does not exist as it stands is asked for in the domains that
 * this machine searches, one after the other.  Those are inner ones: a name
 * that may only be public is not looked for there. */

static ngx_uint_t
ngx_http_asgard_resolve_search(ngx_http_asgard_resolve_t *rs)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);

    if (amcf->system == NULL || rs->public_only
        || rs->searched == amcf->system->nsearch
        || rs->host.data[rs->host.len - 1] == '.')
    {
        return 0;
    }

    rs->searched++;

    return ngx_http_asgard_resolve_ask(rs) == NGX_OK;
}


static void
ngx_http_asgard_resolve_handler(ngx_resolver_ctx_t *ctx)
{
    ngx_int_t                   state;
    ngx_uint_t                  kept;
    ngx_http_asgard_resolve_t  *rs;

    rs = ctx->data;
    state = ctx->state;

    kept = state == NGX_OK && ngx_http_asgard_resolve_keep(rs, ctx);

    ngx_resolve_name_done(ctx);
    rs->ctx = NULL;

    if (state == NGX_RESOLVE_NXDOMAIN && ngx_http_asgard_resolve_search(rs)) {
        return;
    }

    if (!kept) {

        if (state != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "asgard: \"%V\" could not be resolved (%i: %s)",
                          &rs->host, state, ngx_resolver_strerror(state));
        }

        ngx_http_asgard_resolve_failed(rs);
    }

    ngx_http_asgard_resolve_wake(rs);
}


static ngx_uint_t
ngx_http_asgard_resolve_keep(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_ctx_t *ctx)
{
    time_t                     ttl;
    ngx_uint_t                 i;
    ngx_http_asgard_resolve_t  fresh;

    ngx_http_asgard_resolve_init(&fresh, &rs->host, rs->port,
                                 rs->public_only);

    for (i = 0; i < ctx->naddrs; i++) {
        ngx_http_asgard_resolve_add(&fresh, ctx->addrs[i].sockaddr,
                                    ctx->addrs[i].socklen);
    }

    ttl = ctx->valid - ngx_time();
    ttl = ngx_max(ttl, NGX_HTTP_ASGARD_TTL_MIN);
    rs->again = ngx_time() + ngx_min(ttl, NGX_HTTP_ASGARD_TTL_MAX);
    rs->until = rs->again + NGX_HTTP_ASGARD_RESOLVE_GRACE;

    return ngx_http_asgard_resolve_take(rs, &fresh);
}


static void
ngx_http_asgard_resolve_failed(ngx_http_asgard_resolve_t *rs)
{
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_RESOLVE_FAILED, 1);

    rs->again = ngx_time() + NGX_HTTP_ASGARD_RESOLVE_RETRY;
    rs->until = rs->again + NGX_HTTP_ASGARD_RESOLVE_GRACE;
}


/* Nobody waits longer for a name server, where there is an address that was
 * good. */

static void
ngx_http_asgard_resolve_late(ngx_event_t *ev)
{
    ngx_http_asgard_resolve_t  *rs;

    rs = ev->data;
    rs->until = ngx_time() + NGX_HTTP_ASGARD_RESOLVE_GRACE;

    ngx_http_asgard_resolve_wake(rs);
}


static void
ngx_http_asgard_resolve_wake(ngx_http_asgard_resolve_t *rs)
{
    ngx_queue_t               *q;
    ngx_http_asgard_waiter_t  *waiter;

    if (rs->late.timer_set) {
        ngx_del_timer(&rs->late);
    }

    while (!ngx_queue_empty(&rs->waiting)) {
        q = ngx_queue_head(&rs->waiting);
        ngx_queue_remove(q);
        waiter = ngx_queue_data(q, ngx_http_asgard_waiter_t, queue);
        ngx_queue_init(&waiter->queue);
        waiter->handler(waiter->data);
    }
}
