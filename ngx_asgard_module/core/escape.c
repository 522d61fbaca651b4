/* Escapes of JSON strings. */
#include "core/escape.h"

#define PAIR_BYTES  12          /* \ud83d\ude00 */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The unit of a `\uXXXX` at `p`; -1 if there is none. */
static int32_t read_unit(const uint8_t *p, const uint8_t *end)
{
    int32_t unit = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        int digit = hex_value(p[i]);

        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static size_t read_unicode(const uint8_t *p, const uint8_t *end,
    uint32_t *point)
{
    int32_t unit = read_unit(p, end);
    int32_t low;

    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return 0;
    }
    if (unit < 0xd800 || unit > 0xdbff) {
        *point = (uint32_t) unit;
        return 6;
    }
    low = read_unit(p + 6, end);
    if (low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *point = 0x10000 + ((uint32_t) (unit - 0xd800) << 10)
        + (uint32_t) (low - 0xdc00);
    return PAIR_BYTES;
}

size_t asg_escape_read(const uint8_t *p, const uint8_t *end, uint32_t *point)
{
    if (end - p < 2) {
        return 0;
    }
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
        *point = p[1];
        return 2;
    case 'b':
        *point = '\b';
        return 2;
    case 'f':
        *point = '\f';
        return 2;
    case 'n':
        *point = '\n';
        return 2;
    case 'r':
        *point = '\r';
        return 2;
    case 't':
        *point = '\t';
        return 2;
    default:
        return read_unicode(p, end, point);
    }
}

size_t asg_escape_utf8(uint32_t point, uint8_t out[4])
{
    if (point < 0x80) {
        out[0] = (uint8_t) point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t) (0xc0 | point >> 6);
        out[1] = (uint8_t) (0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (uint8_t) (0xe0 | point >> 12);
        out[1] = (uint8_t) (0x80 | (point >> 6 & 0x3f));
        out[2] = (uint8_t) (0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (uint8_t) (0xf0 | point >> 18);
    out[1] = (uint8_t) (0x80 | (point >> 12 & 0x3f));
    out[2] = (uint8_t) (0x80 | (point >> 6 & 0x3f));
    out[3] = (uint8_t) (0x80 | (point & 0x3f));
    return 4;
}
