/*
 * UUIDs: text to bytes and back.
 */
#include "core/uuid.h"

#include <string.h>

/* How many bytes stand between the dashes. */
static const uint8_t groups[] = {4, 2, 2, 2, 6};

void asg_uuid_text(const uint8_t bytes[ASG_UUID_BYTES], char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t g = 0; g < sizeof(groups); g++) {
        for (size_t i = 0; i < groups[g]; i++, bytes++) {
            *out++ = digits[*bytes >> 4];
            *out++ = digits[*bytes & 15];
        }
        if (g + 1 < sizeof(groups)) {
            *out++ = '-';
        }
    }
}

bool asg_uuid_pack(asg_str_t text, uint8_t out[ASG_UUID_BYTES])
{
    char again[ASG_UUID_CHARS];
    uint8_t *p = out;
    size_t at = 0;

    if (text.len != ASG_UUID_CHARS) {
        return false;
    }
    for (size_t g = 0; g < sizeof(groups); g++) {
        asg_str_t hex = {text.data + at, 2 * (size_t) groups[g]};

        if (!asg_hex_decode(hex, p, groups[g])) {
            return false;
        }
        p += groups[g];
        at += hex.len + 1;
    }

    /* dashes in their places, no upper case */
    asg_uuid_text(out, again);
    return memcmp(again, text.data, sizeof(again)) == 0;
}
