/* Bytes that are written as an escape. */
#include "core/leak_coded.h"

static const char marks[2] = {'\\', '%'};

static bool has(const asg_leak_bytes_t *bytes, uint8_t c)
{
    return (bytes->bits[c >> 6] >> (c & 63) & 1) != 0;
}

void asg_leak_bytes_add(asg_leak_bytes_t *bytes, asg_str_t secret)
{
    for (size_t i = 0; i < secret.len; i++) {
        uint8_t c = (uint8_t) secret.data[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

        bytes->bits[c >> 6] |= UINT64_C(1) << (c & 63);
        if (is_letter) {
            c ^= 0x20;
            bytes->bits[c >> 6] |= UINT64_C(1) << (c & 63);
        }
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two hex digits; -1: they are not. */
static int hex_of(const char *p)
{
    int high = digit_of(p[0]), low = digit_of(p[1]);

    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* After the backslashes; the length of what follows them. */
static size_t json_byte(const char *p, size_t left, int *value)
{
    if (left >= 5 && p[0] == 'u') {
        *value = hex_of(p + 1) == 0 ? hex_of(p + 3) : -1;
        return 5;
    }
    *value = left >= 1 && p[0] == '/' ? '/' : -1;
    return 1;
}

size_t asg_leak_coded_byte(asg_str_t text, size_t at,
    const asg_leak_bytes_t *bytes, char *c)
{
    const char *p = text.data + at;
    size_t left = text.len - at;
    size_t n = 0;
    int value = -1;

    if (left >= 3 && p[0] == '%') {
        n = 3;
        value = hex_of(p + 1);
    } else if (left >= 2 && p[0] == '\\') {
        n = p[1] == '\\' ? 2 : 1;
        n += json_byte(p + n, left - n, &value);
    }
    if (value < 0 || !has(bytes, (uint8_t) value)) {
        return 0;
    }
    *c = (char) value;
    return n;
}

/* The next of this mark, looked for once. */
static size_t mark_at(asg_leak_coded_t *coded, unsigned i, size_t at)
{
    asg_str_t text = coded->text;

    if (!coded->is_known[i] || coded->next[i] < at) {
        const char *p = memchr(text.data + at, marks[i], text.len - at);

        coded->is_known[i] = true;
        coded->next[i] = p != NULL ? (size_t) (p - text.data) : text.len;
    }
    return coded->next[i];
}

size_t asg_leak_coded_next(asg_leak_coded_t *coded,
    const asg_leak_bytes_t *bytes, size_t at)
{
    char c;

    for (; at < coded->text.len; at++) {
        size_t slash = mark_at(coded, 0, at);
        size_t percent = mark_at(coded, 1, at);

        at = slash < percent ? slash : percent;
        if (at >= coded->text.len
            || asg_leak_coded_byte(coded->text, at, bytes, &c) > 0)
        {
            break;
        }
    }
    return at < coded->text.len ? at : coded->text.len;
}
