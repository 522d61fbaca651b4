
/*
 * The guardrail service as the configuration names it.
 *
 * Its name must be one that can be looked up when the configuration is read;
 * then each worker follows it, as it does the endpoints' (resolve.h).  In plain
 * HTTP it may only be on this machine; over TLS its certificate is checked
 * against its name.
 */

#include "ngx_http_asgard_hook_conf.h"

#include "ngx_http_asgard_keyfile.h"


ngx_uint_t
ngx_http_asgard_hook_is_local(struct sockaddr *sockaddr)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr) ? 1 : 0;
#endif

    default:
        return sockaddr->sa_family == AF_UNIX;
    }
}


/* The addresses as of now are the first ones.  Host and port for its Host
 * header are as they stand in the URL. */

static void
ngx_http_asgard_hook_where(ngx_http_asgard_hook_conf_t *hook, ngx_url_t *u)
{
    ngx_uint_t                  i;
    ngx_http_asgard_resolve_t  *rs = &hook->resolve;

    if (u->family == AF_UNIX) {
        ngx_memcpy(&hook->local.sockaddr, u->addrs[0].sockaddr,
                   u->addrs[0].socklen);
        hook->local.socklen = u->addrs[0].socklen;
        ngx_str_set(&hook->authority, "localhost");
        return;
    }

    ngx_http_asgard_resolve_init(rs, &hook->host, u->port, 0);

    for (i = 0; i < u->naddrs && rs->naddrs < NGX_HTTP_ASGARD_ADDRS_MAX; i++) {
        ngx_memcpy(&rs->addrs[rs->naddrs].sockaddr, u->addrs[i].sockaddr,
                   u->addrs[i].socklen);
        rs->addrs[rs->naddrs++].socklen = u->addrs[i].socklen;
    }

    hook->authority.data = u->url.data;
    hook->authority.len = u->uri.len ? (size_t) (u->uri.data - u->url.data)
                                     : u->url.len;
}


static char *
ngx_http_asgard_hook_url(ngx_conf_t *cf, ngx_http_asgard_hook_conf_t *hook,
    ngx_str_t *value)
{
    ngx_url_t   u;
    ngx_uint_t  i, skip;

    ngx_memzero(&u, sizeof(ngx_url_t));
    hook->tls = ngx_strncmp(value->data, "https://", 8) == 0;
    skip = hook->tls ? 8 : 7;

    if (!hook->tls && ngx_strncmp(value->data, "http://", 7) != 0) {
        return "wants a URL of http:// or https://";
    }

    u.url.data = value->data + skip;
    u.url.len = value->len - skip;
    u.default_port = hook->tls ? 443 : 80;
    u.uri_part = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\": %s", value,
                           u.err ? u.err : "no address");
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < u.naddrs; i++) {
        if (!hook->tls && !ngx_http_asgard_hook_is_local(u.addrs[i].sockaddr))
        {
            return "wants https:// for a service that is not on this machine";
        }
    }

    hook->uri = u.uri;
    hook->host.len = u.host.len;
    hook->host.data = ngx_pnalloc(cf->pool, u.host.len + 1);

    if (hook->host.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(hook->host.data, u.host.data, u.host.len + 1);
    ngx_http_asgard_hook_where(hook, &u);

    if (hook->uri.len == 0) {
        ngx_str_set(&hook->uri, "/");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_asgard_hook_word(ngx_conf_t *cf, ngx_http_asgard_hook_conf_t *hook,
    ngx_str_t *value)
{
    ngx_int_t  time;
    ngx_str_t  text;

    if (ngx_strncmp(value->data, "deadline=", 9) == 0) {
        text.data = value->data + 9;
        text.len = value->len - 9;
        time = ngx_parse_time(&text, 0);

        if (time == NGX_ERROR || time < 10 || time > 30000) {
            return "has a deadline that is not 10ms to 30s";
        }

        hook->deadline = (ngx_msec_t) time;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "fail=open") == 0) {
        hook->open = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "fail=closed") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "secret_file=", 12) == 0) {
        text.data = value->data + 12;
        text.len = value->len - 12;
        return ngx_http_asgard_keyfile_hook(cf,
                   ngx_http_conf_get_module_main_conf(cf,
                                                      ngx_http_asgard_module),
                   &text, &hook->secret);
    }

    return "has a word that is none of deadline=TIME, fail=closed|open and "
           "secret_file=PATH";
}


char *
ngx_http_asgard_hook_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    char                         *rv;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_asgard_hook_conf_t  *hook;

    if (amcf->hook) {
        return "is duplicate";
    }

    hook = ngx_pcalloc(cf->pool, sizeof(ngx_http_asgard_hook_conf_t));
    if (hook == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    hook->deadline = NGX_HTTP_ASGARD_HOOK_DEADLINE;
    rv = ngx_http_asgard_hook_url(cf, hook, &value[1]);

    for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_asgard_hook_word(cf, hook, &value[i]);
    }

    amcf->hook = hook;

    return rv;
}
