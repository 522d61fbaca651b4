/*
 * The scans thirty-two bytes at once, UTF-8 checked as fast as it comes.
 *
 * Only these functions are compiled for AVX2; the rest of the program runs on
 * any x86-64.  A block always begins between two characters, so that none is
 * looked at without what stands before it; one that its end cuts is left to the
 * next.
 */
#include "core/scan_vector.h"

#ifdef ASG_SCAN_AVX2

#include <immintrin.h>

#define AVX2         __attribute__((target("avx2,bmi")))
#define AVX2_INLINE  AVX2 static inline __attribute__((always_inline))

#define BLOCK  32

AVX2_INLINE __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *) p);
}

AVX2_INLINE uint32_t mask_of(__m256i bytes)
{
    return (uint32_t) _mm256_movemask_epi8(bytes);
}

AVX2_INLINE __m256i equal(__m256i bytes, char c)
{
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
}

/* See scan.h: the second bit turned. */
AVX2_INLINE __m256i turned(__m256i bytes)
{
    return _mm256_xor_si256(bytes, _mm256_set1_epi8(2));
}

AVX2_INLINE __m256i stops_plain(__m256i bytes)
{
    return _mm256_or_si256(
        _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), turned(bytes)),
        equal(bytes, '\\'));
}

AVX2_INLINE __m256i stops_raw(__m256i bytes)
{
    __m256i x = turned(bytes);

    return _mm256_or_si256(
        _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(0x20)), x),
        equal(bytes, '\\'));
}

AVX2_INLINE __m256i stops_line(__m256i bytes)
{
    return _mm256_or_si256(equal(bytes, '\n'), equal(bytes, '\r'));
}

/* Two blocks a turn, as long as neither has a stop or a letter. */
AVX2_INLINE const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 2 * BLOCK
           && mask_of(_mm256_or_si256(stops_plain(load(p)),
                                      stops_plain(load(p + BLOCK)))) == 0)
    {
        p += 2 * BLOCK;
    }
    return p;
}

/* --- UTF-8 --- */

/* What can be wrong with a byte and the one after it, one bit each (Keiser and
 * Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte").  A pair is
 * wrong in the ways on which the tables of its three half bytes agree. */
enum {
    TOO_SHORT = 1 << 0,         /* a lead and then no tail */
    TOO_LONG  = 1 << 1,         /* ASCII and then a tail */
    OVERLONG3 = 1 << 2,
    TOO_LARGE = 1 << 3,         /* above U+10FFFF */
    SURROGATE = 1 << 4,
    OVERLONG2 = 1 << 5,
    TOO_LARGE_OR_OVERLONG4 = 1 << 6,
    TWO_TAILS = 1 << 7,         /* right only as third or fourth byte */
    CARRY = TOO_SHORT | TOO_LONG | TWO_TAILS
};

#define TABLE(...)  _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))
#define BITS(x)     ((char) (x))

AVX2_INLINE __m256i high_half(__m256i bytes)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4),
                            _mm256_set1_epi8(0x0f));
}

AVX2_INLINE __m256i first_high(__m256i first)
{
    const char lead = BITS(TOO_SHORT);
    const __m256i table = TABLE(
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
        BITS(TWO_TAILS), BITS(TWO_TAILS), BITS(TWO_TAILS), BITS(TWO_TAILS),
        BITS(lead | OVERLONG2), lead, BITS(lead | OVERLONG3 | SURROGATE),
        BITS(lead | TOO_LARGE | TOO_LARGE_OR_OVERLONG4));

    return _mm256_shuffle_epi8(table, high_half(first));
}

AVX2_INLINE __m256i first_low(__m256i first)
{
    const char large = BITS(CARRY | TOO_LARGE | TOO_LARGE_OR_OVERLONG4);
    const __m256i table = TABLE(
        BITS(CARRY | OVERLONG3 | OVERLONG2 | TOO_LARGE_OR_OVERLONG4),
        BITS(CARRY | OVERLONG2), BITS(CARRY), BITS(CARRY),
        BITS(CARRY | TOO_LARGE), large, large, large,
        large, large, large, large,
        large, BITS(large | SURROGATE), large, large);

    return _mm256_shuffle_epi8(table,
                               _mm256_and_si256(first, _mm256_set1_epi8(0x0f)));
}

AVX2_INLINE __m256i second_high(__m256i second)
{
    const char tail = BITS(TOO_LONG | OVERLONG2 | TWO_TAILS);
    const __m256i table = TABLE(
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
        BITS(tail | OVERLONG3 | TOO_LARGE_OR_OVERLONG4),
        BITS(tail | OVERLONG3 | TOO_LARGE),
        BITS(tail | SURROGATE | TOO_LARGE), BITS(tail | SURROGATE | TOO_LARGE),
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT);

    return _mm256_shuffle_epi8(table, high_half(second));
}

/* Marks the bytes at which it shows that the text is not well-formed.  Before
 * the block nothing is open. */
AVX2_INLINE uint32_t utf8_faults(__m256i bytes)
{
    const __m256i before = _mm256_permute2x128_si256(bytes, bytes, 0x08);
    const __m256i back1 = _mm256_alignr_epi8(bytes, before, 15);
    const __m256i back2 = _mm256_alignr_epi8(bytes, before, 14);
    const __m256i back3 = _mm256_alignr_epi8(bytes, before, 13);
    __m256i wrong = _mm256_and_si256(
        _mm256_and_si256(first_high(back1), first_low(back1)),
        second_high(bytes));
    /* the top bit where a third or fourth byte has to be: TWO_TAILS */
    __m256i third = _mm256_subs_epu8(back2, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(back3, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth),
                                   _mm256_set1_epi8(BITS(0x80)));

    return ~mask_of(_mm256_cmpeq_epi8(due, wrong));
}

/* How much of a block that is right so far ends with a whole character. */
AVX2_INLINE unsigned whole_characters(__m256i bytes)
{
    const char any = BITS(0xff);
    const __m256i ends = _mm256_setr_epi8(
        any, any, any, any, any, any, any, any, any, any, any, any, any, any,
        any, any, any, any, any, any, any, any, any, any, any, any, any, any,
        any, BITS(0xef), BITS(0xdf), BITS(0xbf));
    uint32_t fits = mask_of(
        _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, ends), ends));

    return _tzcnt_u32(~fits);   /* 32 when all do */
}

/* --- the scans; the smaller vectors take what is less than a block --- */

AVX2 const uint8_t *asg_scan_avx2_text(const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        __m256i bytes;
        uint32_t stops, faults;

        p = skip_plain(p, end);
        if (end - p < BLOCK) {
            break;
        }
        bytes = load(p);
        stops = mask_of(stops_raw(bytes));
        faults = mask_of(bytes) != 0 ? utf8_faults(bytes) : 0;
        if ((faults & (stops ^ (stops - 1))) != 0) {
            break;              /* they know where the character begins */
        }
        if (stops != 0) {
            return p + _tzcnt_u32(stops);
        }
        p += whole_characters(bytes);
    }
    return asg_scan_vector_text(p, end);
}

AVX2 const uint8_t *asg_scan_avx2_raw(const uint8_t *p, const uint8_t *end)
{
    for (; end - p >= BLOCK; p += BLOCK) {
        uint32_t stops = mask_of(stops_raw(load(p)));

        if (stops != 0) {
            return p + _tzcnt_u32(stops);
        }
    }
    return asg_scan_vector_raw(p, end);
}

AVX2 const uint8_t *asg_scan_avx2_line(const uint8_t *p, const uint8_t *end)
{
    for (; end - p >= BLOCK; p += BLOCK) {
        uint32_t stops = mask_of(stops_line(load(p)));

        if (stops != 0) {
            return p + _tzcnt_u32(stops);
        }
    }
    return asg_scan_vector_line(p, end);
}

#endif
