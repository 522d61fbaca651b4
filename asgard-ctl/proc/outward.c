/*
 * The options of libcurl that each call of a notice has.
 */
#include "proc/outward.h"

#include <poll.h>

#include "connect/public_socket.h"


/* Asked at least once a second: asgard-ctl stops although a peer hangs. */
static int
is_stopped(void *of, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
    const struct ctl_outward *o = of;
    struct pollfd stop = {.fd = o->stop_fd, .events = POLLIN};

    (void) dltotal;
    (void) dlnow;
    (void) ultotal;
    (void) ulnow;

    return poll(&stop, 1, 0) > 0;
}


void
ctl_outward_set(struct ctl_outward *o, CURL *curl)
{
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     (long) o->config->notify_timeout_s * 1000);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_stopped);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, o);
    if (!o->config->notify_internal) {
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, ctl_public_socket);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &o->internal);
    }
}


const char *
ctl_outward_why(const struct ctl_outward *o, CURLcode rc)
{
    return o->internal ? "the address is internal: see notify_internal"
                       : curl_easy_strerror(rc);
}
