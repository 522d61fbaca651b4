/* Borrowed strings and bounded writing. */
#include "core/str.h"

#include <string.h>

#include <openssl/crypto.h>

#include "core/scan.h"

#define U64_DIGITS_MAX  20

/* Up to here a text is looked at by words: the way to the vectors and back
 * costs more. */
#define SHORT_TEXT  48
#define EACH_BYTE(c)  (UINT64_C(0x0101010101010101) * (c))

static const char hex_digits[] = "0123456789abcdef";

asg_str_t asg_str_z(const char *z)
{
    return z == NULL ? ASG_STR_NULL : (asg_str_t) {z, strlen(z)};
}

bool asg_str_eq(asg_str_t a, asg_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool asg_str_eq_secret(asg_str_t a, asg_str_t b)
{
    return a.len == b.len
        && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

bool asg_str_eq_z(asg_str_t a, const char *z)
{
    return asg_str_eq(a, asg_str_z(z));
}

bool asg_str_u64(asg_str_t s, uint64_t *out)
{
    uint64_t n = 0;

    if (s.len == 0 || s.len > U64_DIGITS_MAX) {
        return false;
    }
    if (s.data[0] == '0' && s.len > 1) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned) (uint8_t) s.data[i] - '0';

        if (digit > 9 || n > (UINT64_MAX - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

bool asg_str_i64(asg_str_t s, int64_t *out)
{
    bool negative = s.len > 0 && s.data[0] == '-';
    uint64_t n;

    if (negative) {
        s.data++;
        s.len--;
    }
    if (!asg_str_u64(s, &n) || n > (uint64_t) INT64_MAX + negative) {
        return false;
    }
    if (negative && n > 0) {
        *out = -(int64_t) (n - 1) - 1;  /* INT64_MIN has no positive twin */
    } else {
        *out = (int64_t) n;
    }
    return true;
}

void asg_buf_init(asg_buf_t *b, char *storage, size_t cap)
{
    *b = (asg_buf_t) {storage, 0, cap, false};
}

static inline void put(asg_buf_t *b, const void *data, size_t len)
{
    if (b->full || len > b->cap - b->len) {
        b->full = true;
        return;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}

void asg_buf_put(asg_buf_t *b, const void *data, size_t len)
{
    put(b, data, len);
}

void asg_buf_str(asg_buf_t *b, asg_str_t s)
{
    put(b, s.data, s.len);
}

static void put_number(asg_buf_t *b, uint64_t n, bool negative)
{
    char digits[U64_DIGITS_MAX + 1];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char) ('0' + n % 10);
        n /= 10;
    } while (n > 0);
    if (negative) {
        digits[--at] = '-';
    }
    put(b, digits + at, sizeof(digits) - at);
}

void asg_buf_u64(asg_buf_t *b, uint64_t n)
{
    put_number(b, n, false);
}

void asg_buf_i64(asg_buf_t *b, int64_t n)
{
    put_number(b, n < 0 ? 0 - (uint64_t) n : (uint64_t) n, n < 0);
}

void asg_buf_hex(asg_buf_t *b, const uint8_t *bytes, size_t n)
{
    if (b->full || n > (b->cap - b->len) / 2) {
        b->full = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        b->data[b->len++] = hex_digits[bytes[i] >> 4];
        b->data[b->len++] = hex_digits[bytes[i] & 15];
    }
}

static void put_escape(asg_buf_t *b, uint8_t c)
{
    static const char short_of[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[6] = {'\\', 'u', '0', '0', hex_digits[c >> 4],
                    hex_digits[c & 15]};

    for (size_t i = 0; i + 1 < sizeof(short_of); i += 2) {
        if (short_of[i] == (char) c) {
            text[1] = short_of[i + 1];
            asg_buf_put(b, text, 2);
            return;
        }
    }
    asg_buf_put(b, text, sizeof(text));
}

/* Writes the byte at which the text was not fit to be passed on. */
static void put_stop(asg_buf_t *b, uint8_t c)
{
    if (c < 0x80) {
        put_escape(b, c);
    } else {
        asg_buf_z(b, "\\ufffd");
    }
}

/* What the scan says, but for DEL, which we do not pass on. */
static const uint8_t *text_end(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *stop = asg_scan_text(p, end);
    const uint8_t *del = stop > p ? memchr(p, 0x7f, (size_t) (stop - p)) : NULL;

    return del != NULL ? del : stop;
}

/* The high bit of some byte is set when a byte of `word` is below `least`, at
 * most 0x80; of none when no byte is. */
static uint64_t has_below(uint64_t word, uint8_t least)
{
    return (word - EACH_BYTE(least)) & ~word & EACH_BYTE(0x80);
}

/* Eight bytes of printable ASCII that need no escape. */
static bool word_is_plain(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return ((word & EACH_BYTE(0x80)) | has_below(word, 0x20)
            | has_below(word ^ EACH_BYTE('"'), 1)
            | has_below(word ^ EACH_BYTE('\\'), 1)
            | has_below(word ^ EACH_BYTE(0x7f), 1)) == 0;
}

/* The last word begins where it ends with the text. */
static bool is_plain(asg_str_t s)
{
    char few[sizeof(uint64_t)];

    if (s.len < sizeof(few)) {
        memset(few, 'a', sizeof(few));
        memcpy(few, s.data, s.len);
        return word_is_plain(few);
    }
    for (size_t i = 0; i + sizeof(few) < s.len; i += sizeof(few)) {
        if (!word_is_plain(s.data + i)) {
            return false;
        }
    }
    return word_is_plain(s.data + s.len - sizeof(few));
}

/* A short text without escapes, with its quotes; false: it is another one, or
 * has no room. */
static bool put_plain(asg_buf_t *b, asg_str_t s)
{
    char *p = b->data + b->len;

    if (s.len == 0 || s.len > SHORT_TEXT || b->full
        || s.len + 2 > b->cap - b->len || !is_plain(s))
    {
        return false;
    }
    *p = '"';
    memcpy(p + 1, s.data, s.len);
    p[1 + s.len] = '"';
    b->len += s.len + 2;
    return true;
}

void asg_buf_json(asg_buf_t *b, asg_str_t s)
{
    const uint8_t *p = (const uint8_t *) s.data;
    const uint8_t *end = s.len > 0 ? p + s.len : p;
    size_t before = b->len;

    if (put_plain(b, s)) {
        return;
    }
    put(b, "\"", 1);
    while (p < end && !b->full) {
        const uint8_t *stop = text_end(p, end);

        put(b, p, (size_t) (stop - p));
        if (stop < end) {
            put_stop(b, *stop++);
        }
        p = stop;
    }
    put(b, "\"", 1);
    if (b->full) {
        b->len = before;
    }
}

bool asg_buf_ok(const asg_buf_t *b)
{
    return !b->full;
}

asg_str_t asg_buf_view(const asg_buf_t *b)
{
    return (asg_str_t) {b->data, b->len};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool asg_hex_decode(asg_str_t hex, uint8_t *out, size_t n)
{
    if (n > SIZE_MAX / 2 || hex.len != 2 * n) {
        return false;
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (hex_value(hex.data[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t) (hex_value(hex.data[2 * i]) << 4
                            | hex_value(hex.data[2 * i + 1]));
    }
    return true;
}
