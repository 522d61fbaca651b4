
/*
 * From an endpoint's name to addresses: literal, /etc/hosts, nginx's resolver.
 */

#include "ngx_http_asgard_resolve.h"


#define NGX_HTTP_ASGARD_HOSTS_FILE    "/etc/hosts"
#define NGX_HTTP_ASGARD_RESOLV_FILE   "/etc/resolv.conf"
#define NGX_HTTP_ASGARD_FILE_MAX      65536   /* bytes read of either */
#define NGX_HTTP_ASGARD_SERVERS_MAX   3
#define NGX_HTTP_ASGARD_HOSTS_TTL     5       /* s */
#define NGX_HTTP_ASGARD_RESOLVE_RETRY 1       /* s after a failure */
#define NGX_HTTP_ASGARD_TTL_MIN       1       /* s, of a name server's */
#define NGX_HTTP_ASGARD_TTL_MAX       300
#define NGX_HTTP_ASGARD_RESOLVE_TIME  5000    /* ms of one question */


static ngx_uint_t ngx_http_asgard_resolve_literal(
    ngx_http_asgard_resolve_t *rs, ngx_str_t *text);
static ngx_int_t ngx_http_asgard_resolve_hosts(ngx_http_asgard_resolve_t *rs);
static ngx_int_t ngx_http_asgard_resolve_ask(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_t *resolver);
static void ngx_http_asgard_resolve_handler(ngx_resolver_ctx_t *ctx);
static void ngx_http_asgard_resolve_keep(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_ctx_t *ctx);
static size_t ngx_http_asgard_resolve_file(char *name, u_char *buf,
    size_t size);
static ngx_uint_t ngx_http_asgard_resolve_word(ngx_str_t *line,
    ngx_str_t *word);
static ngx_uint_t ngx_http_asgard_resolve_line(ngx_str_t *text,
    ngx_str_t *line);


ngx_int_t
ngx_http_asgard_resolve_init_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf)
{
    u_char      *buf;
    ngx_str_t    text, line, word, servers[NGX_HTTP_ASGARD_SERVERS_MAX];
    ngx_uint_t   n;

    if (amcf->resolver) {
        return NGX_OK;
    }

    buf = ngx_palloc(cf->pool, NGX_HTTP_ASGARD_FILE_MAX);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    text.data = buf;
    text.len = ngx_http_asgard_resolve_file(NGX_HTTP_ASGARD_RESOLV_FILE, buf,
                                            NGX_HTTP_ASGARD_FILE_MAX);
    n = 0;

    while (n < NGX_HTTP_ASGARD_SERVERS_MAX
           && ngx_http_asgard_resolve_line(&text, &line))
    {
        if (!ngx_http_asgard_resolve_word(&line, &word)
            || word.len != sizeof("nameserver") - 1
            || ngx_strncmp(word.data, "nameserver", word.len) != 0
            || !ngx_http_asgard_resolve_word(&line, &word))
        {
            continue;
        }

        /* an address with a zone is more than ngx_resolver_create() reads */

        if (ngx_inet_addr(word.data, word.len) != INADDR_NONE) {
            servers[n++] = word;
        }
    }

    if (n == 0) {
        return NGX_OK;
    }

    amcf->resolver = ngx_resolver_create(cf, servers, n);

    return amcf->resolver ? NGX_OK : NGX_ERROR;
}


void
ngx_http_asgard_resolve_init(ngx_http_asgard_resolve_t *rs, ngx_str_t *host,
    in_port_t port)
{
    ngx_memzero(rs, sizeof(ngx_http_asgard_resolve_t));

    rs->host = *host;
    rs->port = port;
    ngx_queue_init(&rs->waiting);
}


void
ngx_http_asgard_resolve_finish(ngx_http_asgard_resolve_t *rs)
{
    if (rs->ctx) {
        ngx_resolve_name_done(rs->ctx);
        rs->ctx = NULL;
    }

    ngx_queue_init(&rs->waiting);
}


ngx_int_t
ngx_http_asgard_resolve(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_t *resolver, ngx_http_asgard_waiter_t *waiter)
{
    if (rs->ctx == NULL && ngx_time() >= rs->again) {

        if (rs->naddrs == 0
            && ngx_http_asgard_resolve_literal(rs, &rs->host))
        {
            rs->again = NGX_MAX_TIME_T_VALUE;
            return NGX_OK;
        }

        if (ngx_http_asgard_resolve_hosts(rs) == NGX_OK) {
            rs->again = ngx_time() + NGX_HTTP_ASGARD_HOSTS_TTL;
            return NGX_OK;
        }

        if (ngx_http_asgard_resolve_ask(rs, resolver) != NGX_OK) {
            rs->again = ngx_time() + NGX_HTTP_ASGARD_RESOLVE_RETRY;
        }
    }

    if (rs->naddrs) {
        return NGX_OK;
    }

    if (rs->ctx == NULL) {
        return NGX_DECLINED;
    }

    ngx_queue_insert_tail(&rs->waiting, &waiter->queue);

    return NGX_AGAIN;
}


/* Adds the address that `text` spells, if it spells one. */

static ngx_uint_t
ngx_http_asgard_resolve_literal(ngx_http_asgard_resolve_t *rs, ngx_str_t *text)
{
    in_addr_t                in;
    ngx_http_asgard_addr_t  *addr;

    if (rs->naddrs == NGX_HTTP_ASGARD_ADDRS_MAX) {
        return 0;
    }

    addr = &rs->addrs[rs->naddrs];
    ngx_memzero(addr, sizeof(ngx_http_asgard_addr_t));

    in = ngx_inet_addr(text->data, text->len);

    if (in != INADDR_NONE) {
        addr->sockaddr.sockaddr_in.sin_family = AF_INET;
        addr->sockaddr.sockaddr_in.sin_addr.s_addr = in;
        addr->sockaddr.sockaddr_in.sin_port = htons(rs->port);
        addr->socklen = sizeof(struct sockaddr_in);
        rs->naddrs++;
        return 1;
    }

#if (NGX_HAVE_INET6)

    if (ngx_inet6_addr(text->data, text->len,
                       addr->sockaddr.sockaddr_in6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        addr->sockaddr.sockaddr_in6.sin6_family = AF_INET6;
        addr->sockaddr.sockaddr_in6.sin6_port = htons(rs->port);
        addr->socklen = sizeof(struct sockaddr_in6);
        rs->naddrs++;
        return 1;
    }

#endif

    return 0;
}


static ngx_int_t
ngx_http_asgard_resolve_hosts(ngx_http_asgard_resolve_t *rs)
{
    ngx_str_t                   text, line, address, word;
    ngx_uint_t                  found;
    ngx_http_asgard_resolve_t   fresh;

    static u_char               buf[NGX_HTTP_ASGARD_FILE_MAX];

    ngx_http_asgard_resolve_init(&fresh, &rs->host, rs->port);

    text.data = buf;
    text.len = ngx_http_asgard_resolve_file(NGX_HTTP_ASGARD_HOSTS_FILE, buf,
                                            sizeof(buf));

    while (ngx_http_asgard_resolve_line(&text, &line)) {

        if (!ngx_http_asgard_resolve_word(&line, &address)) {
            continue;
        }

        found = 0;

        while (!found && ngx_http_asgard_resolve_word(&line, &word)) {
            found = (word.len == rs->host.len
                     && ngx_strncasecmp(word.data, rs->host.data, word.len)
                        == 0);
        }

        if (found) {
            (void) ngx_http_asgard_resolve_literal(&fresh, &address);
        }
    }

    if (fresh.naddrs == 0) {
        return NGX_DECLINED;
    }

    ngx_memcpy(rs->addrs, fresh.addrs, sizeof(rs->addrs));
    rs->naddrs = fresh.naddrs;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_resolve_ask(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_t *resolver)
{
    ngx_resolver_ctx_t  *ctx;

    if (resolver == NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "asgard: \"%V\" is not in " NGX_HTTP_ASGARD_HOSTS_FILE
                      " and no resolver is known", &rs->host);
        return NGX_ERROR;
    }

    ctx = ngx_resolve_start(resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return NGX_ERROR;
    }

    ctx->name = rs->host;
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


static void
ngx_http_asgard_resolve_handler(ngx_resolver_ctx_t *ctx)
{
    ngx_queue_t                *q;
    ngx_http_asgard_waiter_t   *waiter;
    ngx_http_asgard_resolve_t  *rs;

    rs = ctx->data;

    if (ctx->state == NGX_OK) {
        ngx_http_asgard_resolve_keep(rs, ctx);

    } else {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "asgard: \"%V\" could not be resolved (%i: %s)",
                      &rs->host, ctx->state,
                      ngx_resolver_strerror(ctx->state));
        rs->again = ngx_time() + NGX_HTTP_ASGARD_RESOLVE_RETRY;
    }

    ngx_resolve_name_done(ctx);
    rs->ctx = NULL;

    while (!ngx_queue_empty(&rs->waiting)) {
        q = ngx_queue_head(&rs->waiting);
        ngx_queue_remove(q);
        waiter = ngx_queue_data(q, ngx_http_asgard_waiter_t, queue);
        ngx_queue_init(&waiter->queue);
        waiter->handler(waiter->data);
    }
}


static void
ngx_http_asgard_resolve_keep(ngx_http_asgard_resolve_t *rs,
    ngx_resolver_ctx_t *ctx)
{
    time_t                   ttl;
    ngx_uint_t               i;
    ngx_http_asgard_addr_t  *addr;

    rs->naddrs = ngx_min(ctx->naddrs, NGX_HTTP_ASGARD_ADDRS_MAX);

    for (i = 0; i < rs->naddrs; i++) {
        addr = &rs->addrs[i];
        ngx_memcpy(&addr->sockaddr, ctx->addrs[i].sockaddr,
                   ctx->addrs[i].socklen);
        addr->socklen = ctx->addrs[i].socklen;
        ngx_inet_set_port(&addr->sockaddr.sockaddr, rs->port);
    }

    ttl = ctx->valid - ngx_time();
    ttl = ngx_max(ttl, NGX_HTTP_ASGARD_TTL_MIN);
    rs->again = ngx_time() + ngx_min(ttl, NGX_HTTP_ASGARD_TTL_MAX);
}


/* A small file of the system, cut at `size`; 0 when it cannot be read. */

static size_t
ngx_http_asgard_resolve_file(char *name, u_char *buf, size_t size)
{
    size_t    len;
    ssize_t   n;
    ngx_fd_t  fd;

    fd = ngx_open_file(name, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    for (len = 0; len < size; len += n) {
        n = ngx_read_fd(fd, buf + len, size - len);

        if (n <= 0) {
            break;
        }
    }

    (void) ngx_close_file(fd);

    return len;
}


static ngx_uint_t
ngx_http_asgard_resolve_line(ngx_str_t *text, ngx_str_t *line)
{
    u_char  *p, *last;

    if (text->len == 0) {
        return 0;
    }

    line->data = text->data;
    last = text->data + text->len;
    p = ngx_strlchr(text->data, last, '\n');

    line->len = (p ? p : last) - line->data;
    text->data = p ? p + 1 : last;
    text->len = last - text->data;

    p = ngx_strlchr(line->data, line->data + line->len, '#');

    if (p) {
        line->len = p - line->data;
    }

    return 1;
}


static ngx_uint_t
ngx_http_asgard_resolve_word(ngx_str_t *line, ngx_str_t *word)
{
    u_char  *p, *last;

    p = line->data;
    last = p + line->len;

    while (p < last && (*p == ' ' || *p == '\t' || *p == '\r')) {
        p++;
    }

    word->data = p;

    while (p < last && *p != ' ' && *p != '\t' && *p != '\r') {
        p++;
    }

    word->len = p - word->data;
    line->data = p;
    line->len = last - p;

    return word->len != 0;
}
