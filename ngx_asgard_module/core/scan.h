/*
 * Scanning of text bytes, shared by the JSON reader and the JSON writer.
 *
 * Every function gets [p, end) and never reads outside it.  The scalar scan is
 * the reference: it compiles everywhere, and the fast one must agree with it
 * on every input (t/fuzz/fuzz_json.c).
 */
#ifndef ASG_SCAN_H
#define ASG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define ASG_SCAN_VECTOR  16

/* A byte that may stand in a JSON string as it is, and is no part of a
 * multi-byte sequence. */
static inline bool asg_scan_is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte that is not plain, else `end`. */
static inline const uint8_t *asg_scan_plain_scalar(const uint8_t *p,
    const uint8_t *end)
{
    while (p < end && asg_scan_is_plain(*p)) {
        p++;
    }
    return p;
}

#ifdef __SSE2__

static inline unsigned asg_scan_mask(__m128i bytes)
{
    /* signed: below 0x20 are the controls and everything from 0x80 on */
    __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));

    return (unsigned) _mm_movemask_epi8(
        _mm_or_si128(low, _mm_or_si128(quote, slash)));
}

static inline const uint8_t *asg_scan_plain(const uint8_t *p,
    const uint8_t *end)
{
    const uint8_t *start = p;

    while (end - p >= ASG_SCAN_VECTOR) {
        unsigned mask = asg_scan_mask(_mm_loadu_si128((const __m128i *) p));

        if (mask != 0) {
            return p + __builtin_ctz(mask);
        }
        p += ASG_SCAN_VECTOR;
    }
    /* the rest with bytes before it that are known to be plain */
    if (p > start && p < end) {
        const uint8_t *last = end - ASG_SCAN_VECTOR;
        unsigned mask = asg_scan_mask(_mm_loadu_si128((const __m128i *) last));

        return mask != 0 ? last + __builtin_ctz(mask) : end;
    }
    return asg_scan_plain_scalar(p, end);
}

#else

static inline const uint8_t *asg_scan_plain(const uint8_t *p,
    const uint8_t *end)
{
    return asg_scan_plain_scalar(p, end);
}

#endif

static inline bool asg_scan_is_tail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the well-formed UTF-8 sequence of two to four bytes at `p`; 0 if
 * there is none: overlong, a surrogate, above U+10FFFF, or cut off. */
static inline size_t asg_scan_utf8(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t) (end - p);

    if (left >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf) {
        return asg_scan_is_tail(p[1]) ? 2 : 0;
    }
    if (left >= 3 && (p[0] & 0xf0) == 0xe0) {
        uint8_t low = p[0] == 0xe0 ? 0xa0 : 0x80;
        uint8_t high = p[0] == 0xed ? 0x9f : 0xbf;

        return p[1] >= low && p[1] <= high && asg_scan_is_tail(p[2]) ? 3 : 0;
    }
    if (left >= 4 && p[0] >= 0xf0 && p[0] <= 0xf4) {
        uint8_t low = p[0] == 0xf0 ? 0x90 : 0x80;
        uint8_t high = p[0] == 0xf4 ? 0x8f : 0xbf;

        return p[1] >= low && p[1] <= high && asg_scan_is_tail(p[2])
            && asg_scan_is_tail(p[3]) ? 4 : 0;
    }
    return 0;
}

#endif
