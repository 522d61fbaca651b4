/*
 * A URL that is taken is read the same when it is written out again, addresses
 * are judged as the system's own reader does, and a joined path stays a path.
 *
 * Input: the URL, optionally a newline and a path, a newline and a model.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "core/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static asg_str_t next_line(asg_str_t *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len)
                                    : NULL;
    asg_str_t line = *rest;

    if (end == NULL) {
        *rest = ASG_STR_NULL;
        return line;
    }
    line.len = (size_t) (end - rest->data);
    rest->data = end + 1;
    rest->len -= line.len + 1;
    return line;
}

static void check_again(const asg_url_t *url)
{
    char text[ASG_URL_MAX + 16];
    asg_url_t again;
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));
    asg_buf_z(&b, url->tls ? "https://" : "http://");
    asg_buf_z(&b, url->ipv6 ? "[" : "");
    asg_buf_str(&b, url->host);
    asg_buf_z(&b, url->ipv6 ? "]:" : ":");
    asg_buf_u64(&b, url->port);
    asg_buf_str(&b, url->path);
    if (b.len > ASG_URL_MAX) {
        return;
    }
    must(asg_url_parse(asg_buf_view(&b), &again) == ASG_OK);
    must(again.tls == url->tls && again.ipv6 == url->ipv6);
    must(again.port == url->port && again.explicit_port);
    must(asg_str_eq(again.host, url->host));
    must(asg_str_eq(again.path, url->path));
}

static void check_join(const asg_url_t *url, asg_str_t path, asg_str_t model)
{
    char text[256];
    asg_buf_t b;
    asg_err_t err;

    asg_buf_init(&b, text, sizeof(text));
    err = asg_url_join(url, path, model, &b);
    must(err == ASG_OK || (err == ASG_ERR_SPACE && b.len == 0));
    if (err == ASG_OK) {
        must(b.len > 0 && text[0] == '/');
    }
}

/* Loopback and the private networks, judged with the system's reader. */
static bool is_plainly_internal(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    uint32_t a;

    if (inet_pton(AF_INET, host, &four) == 1) {
        a = ntohl(four.s_addr);
        return a >> 24 == 127 || a >> 24 == 10 || a >> 24 == 0
               || a >> 16 == 0xa9fe || a >> 16 == 0xc0a8 || a >> 20 == 0xac1;
    }
    if (inet_pton(AF_INET6, host, &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six)
               || IN6_IS_ADDR_LINKLOCAL(&six) || (six.s6_addr[0] & 0xfe) == 0xfc
               || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
    }
    return strcmp(host, "localhost") == 0;
}

static void check_host(asg_str_t host)
{
    char text[64];
    char url[80] = "http://[";
    struct in6_addr six;
    asg_url_t parsed;
    asg_buf_t b;

    if (host.len >= sizeof(text)
        || (host.len > 0 && memchr(host.data, '\0', host.len) != NULL))
    {
        (void) asg_url_host_is_internal(host);
        return;
    }
    memcpy(text, host.len > 0 ? host.data : "", host.len);
    text[host.len] = '\0';
    if (is_plainly_internal(text)) {
        must(asg_url_host_is_internal(host));
    }
    asg_buf_init(&b, url, sizeof(url));
    asg_buf_z(&b, "http://[");
    asg_buf_str(&b, host);
    asg_buf_z(&b, "]");
    /* a bracket or slash inside ends the host elsewhere */
    if (strpbrk(text, "[]/") == NULL) {
        must((asg_url_parse(asg_buf_view(&b), &parsed) == ASG_OK)
             == (inet_pton(AF_INET6, text, &six) == 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t rest = {(const char *) data, size};
    asg_str_t text = next_line(&rest);
    asg_str_t path = next_line(&rest);
    asg_url_t url;

    check_host(text);
    if (asg_url_parse(text, &url) == ASG_OK) {
        must(url.host.len > 0 && url.port != 0);
        must(url.path.len == 0 || url.path.data[0] == '/');
        check_host(url.host);
        check_again(&url);
        check_join(&url, path, rest);
    }
    return 0;
}
