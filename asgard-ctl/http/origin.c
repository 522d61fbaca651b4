/*
 * Origin and Sec-Fetch-Site.
 */
#include "http/origin.h"

#include <strings.h>

static const char https[] = "https://";
static const char http[] = "http://";


static bool
begins(asg_str_t text, const char *with)
{
    size_t n = strlen(with);

    return text.len >= n && strncasecmp(text.data, with, n) == 0;
}


static bool
same(asg_str_t a, asg_str_t b)
{
    return a.len == b.len && a.len > 0
           && strncasecmp(a.data, b.data, a.len) == 0;
}


static asg_str_t
after(asg_str_t text, size_t n)
{
    return (asg_str_t) {text.data + n, text.len - n};
}


/* The scheme and host of public_url, without a path. */
static asg_str_t
public_origin(const char *url)
{
    asg_str_t text = asg_str_z(url);
    size_t head = begins(text, https) ? sizeof(https) - 1 : sizeof(http) - 1;
    const char *slash;

    if (text.len <= head) {
        return ASG_STR_NULL;
    }
    slash = memchr(text.data + head, '/', text.len - head);

    return slash == NULL ? text
           : (asg_str_t) {text.data, (size_t) (slash - text.data)};
}


/* https of this host is us even where TLS ends in front of us. */
static bool
is_ours(const struct ctl_request *rq)
{
    asg_str_t origin = rq->origin;

    if (same(origin, public_origin(rq->worker->config->public_url))) {
        return true;
    }
    if (begins(origin, https)) {
        return same(after(origin, sizeof(https) - 1), rq->host);
    }

    return begins(origin, http) && !asg_str_eq_z(rq->scheme, "https")
           && same(after(origin, sizeof(http) - 1), rq->host);
}


bool
ctl_origin_check(const struct ctl_request *rq, struct ctl_error *e)
{
    if (asg_str_eq_z(rq->method, "GET")) {
        return true;
    }
    if ((rq->fetch_site.data == NULL
         || asg_str_eq_z(rq->fetch_site, "same-origin")
         || asg_str_eq_z(rq->fetch_site, "none"))
        && (rq->origin.data == NULL || is_ours(rq)))
    {
        return true;
    }

    return ctl_error_set(e, 403, "cross_site",
                         "This request comes from a page of another site.");
}


bool
ctl_origin_is_tls(const struct ctl_request *rq)
{
    return asg_str_eq_z(rq->scheme, "https")
           || begins(asg_str_z(rq->worker->config->public_url), https);
}
