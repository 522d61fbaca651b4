/*
 * Trace ids: the grammar of the client's and the making of ours.
 */
#include <string.h>

#include "core/trace.h"

static bool is_trace_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool asg_trace_is_valid(asg_str_t text)
{
    if (text.len == 0 || text.len > ASG_TRACE_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_trace_byte((unsigned char) text.data[i])) {
            return false;
        }
    }
    return true;
}

/* `n` digits of lower hex that are not all zero, or may be. */
static bool is_hex_id(const char *digits, size_t n, bool zero_too)
{
    bool zero = true;

    for (size_t i = 0; i < n; i++) {
        char c = digits[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        zero = zero && c == '0';
    }
    return zero_too || !zero;
}

bool asg_traceparent_is_valid(asg_str_t text)
{
    const char *t = text.data;

    return text.len == ASG_TRACEPARENT_LEN && t[0] == '0' && t[1] == '0'
           && t[2] == '-' && is_hex_id(t + 3, 32, false)
           && t[35] == '-' && is_hex_id(t + 36, 16, false)
           && t[52] == '-' && is_hex_id(t + 53, 2, true);
}

size_t asg_trace_make(const uint8_t random[16], char out[ASG_TRACE_MAX + 1])
{
    asg_buf_t b;

    asg_buf_init(&b, out, ASG_TRACE_MAX);
    asg_buf_z(&b, "tr_");
    asg_buf_hex(&b, random, 16);
    out[b.len] = '\0';
    return b.len;
}
