/* Networks of clients. */
#include "core/network.h"

#include <string.h>

#include "core/url.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* An IPv4 address in IPv6 becomes that. */
static const uint8_t *unmap(const uint8_t *address, size_t *len)
{
    if (*len == 16 && memcmp(address, mapped, sizeof(mapped)) == 0) {
        *len = 4;
        return address + sizeof(mapped);
    }
    return address;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(a, b, whole) == 0
        && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* Are all bits from `bits` on 0? */
static bool ends_with_zeros(const uint8_t *address, size_t len, unsigned bits)
{
    for (unsigned i = bits; i < len * 8; i++) {
        if ((address[i / 8] >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

static asg_err_t parse_one(asg_str_t text, asg_networks_t *out)
{
    const char *slash = memchr(text.data, '/', text.len);
    asg_str_t head = {text.data, slash != NULL ? (size_t) (slash - text.data)
                      : text.len};
    uint8_t bytes[16];
    const uint8_t *from = bytes;
    uint64_t bits;
    size_t len = 4;

    if (text.len > ASG_NETWORK_TEXT) {
        return ASG_ERR_SYNTAX;
    }
    if (!asg_url_ipv4(head, bytes)) {
        len = 16;
        if (!asg_url_ipv6(head, bytes)) {
            return ASG_ERR_SYNTAX;
        }
    }
    bits = len * 8;
    if (slash != NULL
        && (!asg_str_u64((asg_str_t) {slash + 1, text.len - head.len - 1},
                         &bits)
            || bits > len * 8))
    {
        return ASG_ERR_SYNTAX;
    }
    if (len == 16 && bits >= 96) {
        from = unmap(bytes, &len);
        bits -= len == 4 ? 96 : 0;
    }
    if (!ends_with_zeros(from, len, (unsigned) bits)) {
        return ASG_ERR_RANGE;
    }
    out->of[out->n].len = (uint8_t) len;
    out->of[out->n].bits = (uint8_t) bits;
    memcpy(out->of[out->n].address, from, len);
    out->n++;
    return ASG_OK;
}

asg_err_t asg_networks_parse(asg_str_t text, asg_networks_t *out)
{
    asg_networks_t list = {.n = 0};
    size_t at = 0;

    while (text.len > 0 && at <= text.len) {
        const char *from = text.data + at;
        const char *comma = memchr(from, ',', text.len - at);
        size_t len = comma != NULL ? (size_t) (comma - from) : text.len - at;
        asg_err_t err = list.n == ASG_NETWORKS_MAX ? ASG_ERR_LIMIT
            : parse_one((asg_str_t) {from, len}, &list);

        if (err != ASG_OK) {
            return err;
        }
        at += len + 1;
    }
    *out = list;
    return ASG_OK;
}

static void put_hex(asg_buf_t *out, unsigned n)
{
    static const char digits[] = "0123456789abcdef";
    bool begun = false;

    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = n >> shift & 15;

        if (begun || digit != 0 || shift == 0) {
            asg_buf_put(out, &digits[digit], 1);
            begun = true;
        }
    }
}

static void put_address(asg_buf_t *out, const uint8_t *address, size_t len)
{
    for (size_t i = 0; i < len; i += len == 4 ? 1 : 2) {
        asg_buf_z(out, i == 0 ? "" : len == 4 ? "." : ":");
        if (len == 4) {
            asg_buf_u64(out, address[i]);
        } else {
            put_hex(out, (unsigned) address[i] << 8 | address[i + 1]);
        }
    }
}

void asg_networks_write(asg_buf_t *out, const asg_networks_t *networks)
{
    for (unsigned i = 0; i < networks->n; i++) {
        asg_buf_z(out, i > 0 ? "," : "");
        put_address(out, networks->of[i].address, networks->of[i].len);
        asg_buf_z(out, "/");
        asg_buf_u64(out, networks->of[i].bits);
    }
}

bool asg_networks_have(const asg_networks_t *networks, const uint8_t *address,
    size_t len)
{
    address = len == 16 ? unmap(address, &len) : address;
    for (unsigned i = 0; i < networks->n; i++) {
        if (networks->of[i].len == len
            && same_bits(networks->of[i].address, address,
                         networks->of[i].bits))
        {
            return true;
        }
    }
    return false;
}
