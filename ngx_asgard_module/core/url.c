/*
 * Base URLs of backends, and which hosts are inside our own network.
 *
 * The grammar is deliberately narrower than RFC 3986: two readers that
 * disagree about a URL are how requests get to places where they must not go.
 */
#include <string.h>

#include "core/address.h"
#include "core/url.h"

#define HOST_MAX  253
#define LABEL_MAX 63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
}

static bool is_hex(char c)
{
    c = lower(c);
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool starts_fold(asg_str_t s, const char *z)
{
    size_t n = strlen(z);

    if (s.len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(s.data[i]) != z[i]) {
            return false;
        }
    }
    return true;
}

static bool ends_fold(asg_str_t s, const char *z)
{
    size_t n = strlen(z);

    if (s.len < n) {
        return false;
    }
    s.data += s.len - n;
    s.len = n;
    return starts_fold(s, z);
}

/* Four decimal parts without leading zeros: no reader takes it otherwise. */
bool asg_url_ipv4(asg_str_t s, uint8_t out[4])
{
    size_t at = 0;

    for (unsigned part = 0; part < 4; part++) {
        size_t from = at;
        unsigned value = 0;

        while (at < s.len && is_digit(s.data[at]) && at - from < 3) {
            value = value * 10 + (unsigned) (s.data[at++] - '0');
        }
        if (at == from || value > 255
            || (at - from > 1 && s.data[from] == '0'))
        {
            return false;
        }
        out[part] = (uint8_t) value;
        if (part < 3 && (at == s.len || s.data[at++] != '.')) {
            return false;
        }
    }
    return at == s.len;
}

static unsigned hex_value(char c)
{
    c = lower(c);
    return (unsigned) (is_digit(c) ? c - '0' : c - 'a' + 10);
}

typedef struct {
    uint8_t bytes[16];
    unsigned n;                 /* bytes written */
    int gap;                    /* where "::" stands, or -1 */
} ipv6_t;

/* One group of hex digits, or the dotted tail; false when neither. */
static bool ipv6_group(asg_str_t s, size_t *at, ipv6_t *ip)
{
    asg_str_t tail = {s.data + *at, s.len - *at};
    size_t from = *at;
    unsigned value = 0;

    if (memchr(tail.data, ':', tail.len) == NULL
        && memchr(tail.data, '.', tail.len) != NULL)
    {
        if (ip->n > 12 || !asg_url_ipv4(tail, ip->bytes + ip->n)) {
            return false;
        }
        ip->n += 4;
        *at = s.len;
        return true;
    }
    while (*at < s.len && is_hex(s.data[*at]) && *at - from < 4) {
        value = value * 16 + hex_value(s.data[(*at)++]);
    }
    if (*at == from || ip->n > 14) {
        return false;
    }
    ip->bytes[ip->n++] = (uint8_t) (value >> 8);
    ip->bytes[ip->n++] = (uint8_t) value;
    return true;
}

static bool ipv6_expand(ipv6_t *ip)
{
    if (ip->gap < 0) {
        return ip->n == 16;
    }
    if (ip->n > 14) {
        return false;
    }
    unsigned tail = ip->n - (unsigned) ip->gap;

    memmove(ip->bytes + 16 - tail, ip->bytes + ip->gap, tail);
    memset(ip->bytes + ip->gap, 0, 16 - ip->n);
    return true;
}

bool asg_url_ipv6(asg_str_t s, uint8_t out[16])
{
    ipv6_t ip = {.gap = -1};
    size_t at = 0;

    if (s.len < 2 || s.len > 45) {
        return false;
    }
    if (s.data[0] == ':' && s.data[1] != ':') {
        return false;
    }
    while (at < s.len) {
        if (s.len - at >= 2 && memcmp(s.data + at, "::", 2) == 0) {
            if (ip.gap >= 0) {
                return false;
            }
            ip.gap = (int) ip.n;
            at += 2;
            continue;
        }
        if (ip.n > 0 && ip.gap != (int) ip.n) {
            if (s.data[at++] != ':' || at == s.len) {
                return false;
            }
        }
        if (!ipv6_group(s, &at, &ip)) {
            return false;
        }
    }
    if (!ipv6_expand(&ip)) {
        return false;
    }
    memcpy(out, ip.bytes, sizeof(ip.bytes));
    return true;
}

static asg_str_t without_final_dot(asg_str_t host)
{
    if (host.len > 1 && host.data[host.len - 1] == '.') {
        host.len--;
    }
    return host;
}

static asg_str_t last_label(asg_str_t host)
{
    size_t from = host.len;

    while (from > 0 && host.data[from - 1] != '.') {
        from--;
    }
    return (asg_str_t) {host.data + from, host.len - from};
}

/* `127.1`, `2130706433`, `0x7f.1`, `0177.0.0.1`: resolvers read these as
 * addresses although they are not dotted quads. */
static bool looks_numeric(asg_str_t host)
{
    asg_str_t label = last_label(without_final_dot(host));

    if (starts_fold(label, "0x")) {
        return true;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_digit(label.data[i])) {
            return false;
        }
    }
    return label.len > 0;
}

static bool is_dns_name(asg_str_t host)
{
    size_t label = 0;

    if (host.len == 0 || host.len > HOST_MAX) {
        return false;
    }
    host = without_final_dot(host);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];

        if (c == '.') {
            if (label == 0 || host.data[i - 1] == '-') {
                return false;
            }
            label = 0;
            continue;
        }
        bool word = is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z')
                    || c == '_' || (c == '-' && label > 0);
        if (!word || ++label > LABEL_MAX) {
            return false;
        }
    }
    return label > 0 && host.data[host.len - 1] != '-';
}

static bool is_host(asg_str_t host, bool ipv6)
{
    uint8_t address[16];

    if (ipv6) {
        return asg_url_ipv6(host, address);
    }
    if (looks_numeric(host)) {
        return asg_url_ipv4(host, address);
    }
    return is_dns_name(host);
}

static bool is_plain(asg_str_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char) s.data[i];

        if (c <= 0x20 || c >= 0x7f || c == '\\') {
            return false;
        }
    }
    return true;
}

static bool split_host(asg_str_t authority, asg_url_t *url, asg_str_t *port)
{
    const char *end = authority.data + authority.len;
    const char *stop;

    if (authority.len > 0 && authority.data[0] == '[') {
        stop = memchr(authority.data, ']', authority.len);
        if (stop == NULL) {
            return false;
        }
        url->ipv6 = true;
        url->host = (asg_str_t) {authority.data + 1,
                                 (size_t) (stop - authority.data) - 1};
        stop++;
    } else {
        stop = memchr(authority.data, ':', authority.len);
        stop = stop != NULL ? stop : end;
        url->host = (asg_str_t) {authority.data,
                                 (size_t) (stop - authority.data)};
    }
    *port = (asg_str_t) {stop, (size_t) (end - stop)};
    return port->len == 0 || *stop == ':';
}

static bool set_port(asg_url_t *url, asg_str_t text)
{
    uint64_t port;

    if (text.len == 0) {
        url->port = url->tls ? 443 : 80;
        return true;
    }
    text.data++;
    text.len--;
    if (!asg_str_u64(text, &port) || port == 0 || port > 65535) {
        return false;
    }
    url->port = (uint16_t) port;
    url->explicit_port = true;
    return true;
}

asg_err_t asg_url_parse(asg_str_t text, asg_url_t *out)
{
    asg_url_t url = {0};
    asg_str_t port;
    size_t scheme;

    if (text.len > ASG_URL_MAX) {
        return ASG_ERR_LIMIT;
    }
    url.tls = starts_fold(text, "https://");
    if (!url.tls && !starts_fold(text, "http://")) {
        return ASG_ERR_SYNTAX;
    }
    scheme = url.tls ? 8 : 7;
    text.data += scheme;
    text.len -= scheme;
    if (!is_plain(text) || memchr(text.data, '?', text.len) != NULL
        || memchr(text.data, '#', text.len) != NULL)
    {
        return ASG_ERR_SYNTAX;
    }
    const char *slash = memchr(text.data, '/', text.len);
    size_t n = slash != NULL ? (size_t) (slash - text.data) : text.len;

    url.path = (asg_str_t) {text.data + n, text.len - n};
    if (!split_host((asg_str_t) {text.data, n}, &url, &port)
        || !is_host(url.host, url.ipv6) || !set_port(&url, port))
    {
        return ASG_ERR_SYNTAX;
    }
    *out = url;
    return ASG_OK;
}

static bool is_unreserved(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-'
           || c == '.' || c == '_' || c == '~';
}

static void put_encoded(asg_buf_t *out, asg_str_t s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char) s.data[i];
        char code[3] = {'%', digits[c >> 4], digits[c & 15]};

        if (is_unreserved(s.data[i])) {
            asg_buf_put(out, s.data + i, 1);
        } else {
            asg_buf_put(out, code, sizeof(code));
        }
    }
}

static void put_path(asg_buf_t *out, asg_str_t path, asg_str_t model)
{
    static const char mark[] = "{model}";
    const size_t n = sizeof(mark) - 1;

    for (size_t i = 0; i < path.len; i++) {
        if (path.len - i >= n && memcmp(path.data + i, mark, n) == 0) {
            put_encoded(out, model);
            i += n - 1;
        } else {
            asg_buf_put(out, path.data + i, 1);
        }
    }
}

/* The version segment that both may carry is written once: a base that ends
 * in `/v1` and a path that begins with `/v1/`. */
static bool shares_version(asg_str_t base, asg_str_t path)
{
    return base.len >= 3 && memcmp(base.data + base.len - 3, "/v1", 3) == 0
           && path.len >= 3 && memcmp(path.data, "/v1", 3) == 0
           && (path.len == 3 || path.data[3] == '/');
}

asg_err_t asg_url_join(const asg_url_t *base, asg_str_t path, asg_str_t model,
    asg_buf_t *out)
{
    asg_buf_t b = *out;
    asg_str_t front = base->path;

    while (front.len > 0 && front.data[front.len - 1] == '/') {
        front.len--;
    }
    if (shares_version(front, path)) {
        path.data += 3;
        path.len -= 3;
    }
    asg_buf_str(&b, front);
    if (path.len == 0 || path.data[0] != '/') {
        asg_buf_z(&b, "/");
    }
    put_path(&b, path, model);
    if (!asg_buf_ok(&b)) {
        return ASG_ERR_SPACE;
    }
    *out = b;
    return ASG_OK;
}

/* Names that only an inner resolver answers; one without a dot is such. */
static bool name_is_internal(asg_str_t host)
{
    static const char *const suffixes[] = {
        ".localhost", ".localdomain", ".local", ".internal", ".home.arpa",
        ".svc", ".default", ".kube-system", ".consul", ".lan", ".corp",
        ".home", ".private", ".intranet", ".invalid", ".test",
    };

    host = without_final_dot(host);
    if (memchr(host.data, '.', host.len) == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        if (ends_fold(host, suffixes[i])) {
            return true;
        }
    }
    return false;
}

bool asg_url_host_is_internal(asg_str_t host)
{
    uint8_t address[16];

    if (host.len == 0) {
        return true;
    }
    if (asg_url_ipv4(host, address)) {
        return asg_address_is_internal(address, 4);
    }
    if (asg_url_ipv6(host, address)) {
        return asg_address_is_internal(address, 16);
    }
    /* an address in a spelling that readers disagree about is not public */
    return looks_numeric(host) || name_is_internal(host);
}

bool asg_url_host_is_loopback(asg_str_t host)
{
    static const uint8_t self[16] = {[15] = 1};
    uint8_t address[16];

    host = without_final_dot(host);
    if (asg_url_ipv4(host, address)) {
        return address[0] == 127;
    }
    if (asg_url_ipv6(host, address)) {
        return memcmp(address, self, sizeof(self)) == 0;
    }
    return host.len == sizeof("localhost") - 1 && ends_fold(host, "localhost");
}

bool asg_url_peer_is_loopback(asg_str_t peer)
{
    asg_str_t host = peer;
    size_t at = peer.len;

    while (at > 0 && peer.data[at - 1] != ':' && peer.data[at - 1] != ']') {
        at--;
    }
    if (at > 0 && peer.data[at - 1] == ':') {
        host.len = at - 1;
    }
    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host.data++;
        host.len -= 2;
    }
    return asg_url_host_is_loopback(host);
}
