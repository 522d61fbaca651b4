/*
 * Scanning of text bytes, shared by the JSON readers and the JSON writer.
 *
 * Every scan gets [p, end) and never reads outside it.  The scalar ones are the
 * reference: they compile everywhere, and the others must agree with them on
 * every input (t/unit/test_scan.c, t/fuzz/fuzz_scan.c).  Which ones are used is
 * decided once, when the program is loaded, by what the processor can do.
 */
#ifndef ASG_SCAN_H
#define ASG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte at which the scan stops, else `end`. */
typedef const uint8_t *(*asg_scan_pt)(const uint8_t *p, const uint8_t *end);

typedef struct {
    const char *name;
    /* At a quote, a backslash, a control character, or the start of what is no
     * well-formed UTF-8 (cut off by `end` included). */
    asg_scan_pt text;
    /* At a quote, a backslash or a control character. */
    asg_scan_pt raw;
    /* At a line feed or a carriage return. */
    asg_scan_pt line;
} asg_scan_t;

/* Read only: set when the program is loaded. */
extern asg_scan_t asg_scan_chosen;

/* What this machine can run, the scalar one first and the best one last; NULL
 * above.  For tests and benchmarks. */
const asg_scan_t *asg_scan_at(unsigned i);

static inline bool asg_scan_is_stop(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Most strings are shorter than one vector: those are not worth a call. */
#ifdef __SSE2__

#define ASG_SCAN_HEAD  16

/* With the second bit turned, the quote follows the controls, and everything
 * from 0x80 on is below them: one signed comparison finds all three. */
static inline unsigned asg_scan_head(const uint8_t *p)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *) p);
    __m128i turned = _mm_xor_si128(bytes, _mm_set1_epi8(2));
    __m128i low = _mm_cmplt_epi8(turned, _mm_set1_epi8(0x21));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));

    return (unsigned) _mm_movemask_epi8(_mm_or_si128(low, slash));
}

/* Takes the head if it can: true when `*p` is where the scan stops. */
static inline bool asg_scan_ends_in_head(const uint8_t **p, const uint8_t *end)
{
    unsigned mask;

    if (end - *p < ASG_SCAN_HEAD) {
        return false;
    }
    mask = asg_scan_head(*p);
    *p += mask != 0 ? __builtin_ctz(mask) : ASG_SCAN_HEAD;
    return mask != 0 && **p < 0x80;
}

#else

static inline bool asg_scan_ends_in_head(const uint8_t **p, const uint8_t *end)
{
    (void) p;
    (void) end;
    return false;
}

#endif

static inline const uint8_t *asg_scan_text(const uint8_t *p, const uint8_t *end)
{
    return asg_scan_ends_in_head(&p, end) ? p : asg_scan_chosen.text(p, end);
}

static inline const uint8_t *asg_scan_raw(const uint8_t *p, const uint8_t *end)
{
    return asg_scan_ends_in_head(&p, end) ? p : asg_scan_chosen.raw(p, end);
}

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
