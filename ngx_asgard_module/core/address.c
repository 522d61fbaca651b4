/* Which addresses are no public ones. */
#include <string.h>

#include "core/address.h"

typedef struct {
    uint8_t bytes[16];
    unsigned bits;
} range_t;

static bool in_range(const uint8_t *address, const range_t *range)
{
    unsigned whole = range->bits / 8;
    unsigned rest = range->bits % 8;

    return memcmp(address, range->bytes, whole) == 0
           && (rest == 0
               || ((address[whole] ^ range->bytes[whole]) >> (8 - rest)) == 0);
}

static bool ipv4_is_internal(const uint8_t address[4])
{
    static const range_t ranges[] = {
        {{0}, 8},                       /* this host */
        {{10}, 8},
        {{100, 64}, 10},                /* CGNAT */
        {{127}, 8},
        {{169, 254}, 16},               /* link-local, cloud metadata */
        {{172, 16}, 12},
        {{192, 0, 0}, 24},
        {{192, 168}, 16},
        {{198, 18}, 15},                /* benchmark networks */
        {{224}, 3},                     /* multicast, reserved, broadcast */
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        if (in_range(address, &ranges[i])) {
            return true;
        }
    }
    return false;
}

static bool ipv6_is_internal(const uint8_t address[16])
{
    static const range_t ranges[] = {
        {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48},     /* local NAT64 */
        {{0x20, 0x01, 0, 0}, 32},                       /* Teredo */
        {{0xfc}, 7},                                    /* private */
        {{0xfe, 0x80}, 9},                              /* link, site local */
        {{0xff}, 8},                                    /* multicast */
    };
    /* prefixes after which an IPv4 address stands */
    static const range_t carriers[] = {
        {{0}, 96},                              /* ::, ::1, compatible */
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96},
        {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96},     /* translated */
        {{0x00, 0x64, 0xff, 0x9b}, 96},                 /* NAT64 */
        {{0x20, 0x02}, 16},                             /* 6to4 */
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        if (in_range(address, &ranges[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(carriers) / sizeof(*carriers); i++) {
        if (in_range(address, &carriers[i])) {
            return ipv4_is_internal(address + carriers[i].bits / 8);
        }
    }
    return false;
}

bool asg_address_is_internal(const uint8_t *address, size_t len)
{
    switch (len) {
    case 4:
        return ipv4_is_internal(address);
    case 16:
        return ipv6_is_internal(address);
    default:
        return true;
    }
}
