/*
 * Checking of UTF-8.
 */
#include "base/utf8.h"

#include "core/scan.h"


bool
ctl_utf8_is_valid(asg_str_t text)
{
    const uint8_t *p = (const uint8_t *) text.data, *end = p + text.len;
    size_t n;

    for (; p < end; p += n) {
        n = *p < 0x80 ? 1 : asg_scan_utf8(p, end);
        if (n == 0) {
            return false;
        }
    }

    return true;
}
