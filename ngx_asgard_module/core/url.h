/*
 * Base URLs of backends: parse, and join with a path without doubling /v1.
 *
 * `http://x`, `http://x/v1` and `http://x/v1/` name one endpoint: joined with
 * `/v1/chat/completions` all give `/v1/chat/completions`.
 */
#ifndef ASG_URL_H
#define ASG_URL_H

#include "core/err.h"
#include "core/str.h"

#define ASG_URL_MAX  1024

typedef struct {
    bool tls;
    asg_str_t host;             /* without brackets */
    bool ipv6;
    uint16_t port;              /* default of the scheme when absent */
    bool explicit_port;
    asg_str_t path;             /* "" or "/…", as written */
} asg_url_t;

/* http and https only; no user info, query, fragment, control byte, space or
 * backslash; host a DNS name, IPv4 or [IPv6]. */
ASG_MUST_CHECK asg_err_t asg_url_parse(asg_str_t text, asg_url_t *out);
/* `{model}` in `path` becomes `model`, percent-encoded. SPACE. */
ASG_MUST_CHECK asg_err_t asg_url_join(const asg_url_t *base, asg_str_t path,
    asg_str_t model, asg_buf_t *out);
/* An address without brackets or zone, as text, in network order. */
bool asg_url_ipv4(asg_str_t text, uint8_t out[4]);
bool asg_url_ipv6(asg_str_t text, uint8_t out[16]);
/* Is this literal host loopback, private, link-local, unspecified, CGNAT,
 * multicast, or one of these mapped into IPv6, NAT64 or 6to4? */
bool asg_url_host_is_internal(asg_str_t host);
/* Is it this very machine, and nobody on the way? */
bool asg_url_host_is_loopback(asg_str_t host);
/* The same of HOST, HOST:PORT or [HOST]:PORT. */
bool asg_url_peer_is_loopback(asg_str_t peer);

#endif
