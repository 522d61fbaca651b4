
/*
 * What this machine's own files say of names: /etc/hosts, /etc/resolv.conf.
 */

#include "ngx_http_asgard_hosts.h"


#define NGX_HTTP_ASGARD_HOSTS_FILE    "/etc/hosts"
#define NGX_HTTP_ASGARD_RESOLV_FILE   "/etc/resolv.conf"
#define NGX_HTTP_ASGARD_FILE_MAX      65536   /* bytes read of either */


static size_t ngx_http_asgard_hosts_read(char *name, u_char *buf, size_t size);
static ngx_uint_t ngx_http_asgard_hosts_word(ngx_str_t *line, ngx_str_t *word);
static ngx_uint_t ngx_http_asgard_hosts_line(ngx_str_t *text,
    ngx_str_t *line);
static ngx_uint_t ngx_http_asgard_hosts_is(ngx_str_t *word, const char *text);
static ngx_int_t ngx_http_asgard_hosts_server(ngx_pool_t *pool,
    ngx_http_asgard_resolv_t *found, ngx_str_t *address);


ngx_uint_t
ngx_http_asgard_hosts_find(ngx_str_t *host,
    ngx_http_asgard_hosts_found_pt found, void *data)
{
    ngx_str_t    text, line, address, word;
    ngx_uint_t   n, named;

    static u_char  buf[NGX_HTTP_ASGARD_FILE_MAX];

    n = 0;
    text.data = buf;
    text.len = ngx_http_asgard_hosts_read(NGX_HTTP_ASGARD_HOSTS_FILE, buf,
                                          sizeof(buf));

    while (ngx_http_asgard_hosts_line(&text, &line)) {

        if (!ngx_http_asgard_hosts_word(&line, &address)) {
            continue;
        }

        named = 0;

        while (!named && ngx_http_asgard_hosts_word(&line, &word)) {
            named = (word.len == host->len
                     && ngx_strncasecmp(word.data, host->data, word.len) == 0);
        }

        if (named) {
            found(data, &address);
            n++;
        }
    }

    return n;
}


ngx_int_t
ngx_http_asgard_hosts_resolv(ngx_pool_t *pool, ngx_http_asgard_resolv_t *found)
{
    u_char     *buf;
    ngx_str_t   text, line, word;

    found->nservers = 0;
    found->nsearch = 0;

    /* the words found stay in it */
    buf = ngx_palloc(pool, NGX_HTTP_ASGARD_FILE_MAX);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    text.data = buf;
    text.len = ngx_http_asgard_hosts_read(NGX_HTTP_ASGARD_RESOLV_FILE, buf,
                                          NGX_HTTP_ASGARD_FILE_MAX);

    while (ngx_http_asgard_hosts_line(&text, &line)) {

        if (!ngx_http_asgard_hosts_word(&line, &word)) {
            continue;
        }

        if (ngx_http_asgard_hosts_is(&word, "nameserver")) {

            if (ngx_http_asgard_hosts_word(&line, &word)
                && ngx_http_asgard_hosts_server(pool, found, &word) != NGX_OK)
            {
                return NGX_ERROR;
            }

        } else if (ngx_http_asgard_hosts_is(&word, "search")
                   || ngx_http_asgard_hosts_is(&word, "domain"))
        {
            /* the last of these lines counts */
            found->nsearch = 0;

            while (found->nsearch < NGX_HTTP_ASGARD_SEARCH_MAX
                   && ngx_http_asgard_hosts_word(&line, &word))
            {
                found->search[found->nsearch++] = word;
            }
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_asgard_hosts_is(ngx_str_t *word, const char *text)
{
    return word->len == ngx_strlen(text)
           && ngx_strncmp(word->data, text, word->len) == 0;
}


/* As ngx_resolver_create() reads it; an address with a zone is more than
 * that, and left out. */

static ngx_int_t
ngx_http_asgard_hosts_server(ngx_pool_t *pool,
    ngx_http_asgard_resolv_t *found, ngx_str_t *address)
{
    u_char     *p;
    ngx_str_t  *server;

#if (NGX_HAVE_INET6)
    u_char      in6[16];
#endif

    if (found->nservers == NGX_HTTP_ASGARD_SERVERS_MAX) {
        return NGX_OK;
    }

    server = &found->servers[found->nservers];

    if (ngx_inet_addr(address->data, address->len) != INADDR_NONE) {
        *server = *address;
        found->nservers++;
        return NGX_OK;
    }

#if (NGX_HAVE_INET6)

    if (ngx_inet6_addr(address->data, address->len, in6) == NGX_OK) {
        p = ngx_pnalloc(pool, address->len + 2);
        if (p == NULL) {
            return NGX_ERROR;
        }

        server->data = p;
        server->len = ngx_sprintf(p, "[%V]", address) - p;
        found->nservers++;
    }

#endif

    return NGX_OK;
}


/* A small file of the system, cut at `size`; 0 when it cannot be read. */

static size_t
ngx_http_asgard_hosts_read(char *name, u_char *buf, size_t size)
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
ngx_http_asgard_hosts_line(ngx_str_t *text, ngx_str_t *line)
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
ngx_http_asgard_hosts_word(ngx_str_t *line, ngx_str_t *word)
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
