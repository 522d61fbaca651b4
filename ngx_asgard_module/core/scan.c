/*
 * The scans byte by byte, and sixteen bytes at once with SSE2 or NEON.
 */
#include "core/scan.h"

#include "core/scan_vector.h"

#ifdef __aarch64__
#include <arm_neon.h>
#endif

/* --- the reference --- */

static const uint8_t *plain_scalar(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p < 0x80 && !asg_scan_is_stop(*p)) {
        p++;
    }
    return p;
}

/* Letters of two to four bytes come in runs; at what is none it stops. */
static const uint8_t *letters(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= 0x80) {
        size_t n = asg_scan_utf8(p, end);

        if (n == 0) {
            break;
        }
        p += n;
    }
    return p;
}

/* Always inlined, so that `plain` is known. */
static inline __attribute__((always_inline)) const uint8_t *text_by(
    asg_scan_pt plain, const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        const uint8_t *stop = plain(p, end);

        p = letters(stop, end);
        if (p == stop) {
            return p;
        }
    }
}

static const uint8_t *text_scalar(const uint8_t *p, const uint8_t *end)
{
    return text_by(plain_scalar, p, end);
}

static const uint8_t *raw_scalar(const uint8_t *p, const uint8_t *end)
{
    while (p < end && !asg_scan_is_stop(*p)) {
        p++;
    }
    return p;
}

static const uint8_t *line_scalar(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p != '\n' && *p != '\r') {
        p++;
    }
    return p;
}

/* --- sixteen bytes --- */

#if defined(__SSE2__)

#define NAME       "sse2"
#define MASK_BITS  1            /* of a byte in a mask */

typedef __m128i vector_t;

static inline vector_t load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *) p);
}

static inline uint64_t mask_of(vector_t bytes)
{
    return (uint64_t) _mm_movemask_epi8(bytes);
}

static inline vector_t equal(vector_t bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

static inline vector_t either(vector_t a, vector_t b)
{
    return _mm_or_si128(a, b);
}

/* Of the bytes with the second bit turned, see scan.h. */
static inline vector_t turned(vector_t bytes)
{
    return _mm_xor_si128(bytes, _mm_set1_epi8(2));
}

static inline vector_t not_plain(vector_t bytes)
{
    return _mm_cmplt_epi8(turned(bytes), _mm_set1_epi8(0x21));
}

static inline vector_t control_or_quote(vector_t bytes)
{
    vector_t x = turned(bytes);

    return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x20)), x);
}

#elif defined(__aarch64__)

#define NAME       "neon"
#define MASK_BITS  4

typedef uint8x16_t vector_t;

static inline vector_t load(const uint8_t *p)
{
    return vld1q_u8(p);
}

/* There is no mask of bits: four bits of each byte are the next best. */
static inline uint64_t mask_of(vector_t bytes)
{
    uint8x8_t halves = vshrn_n_u16(vreinterpretq_u16_u8(bytes), 4);

    return vget_lane_u64(vreinterpret_u64_u8(halves), 0);
}

static inline vector_t equal(vector_t bytes, char c)
{
    return vceqq_u8(bytes, vdupq_n_u8((uint8_t) c));
}

static inline vector_t either(vector_t a, vector_t b)
{
    return vorrq_u8(a, b);
}

static inline vector_t turned(vector_t bytes)
{
    return veorq_u8(bytes, vdupq_n_u8(2));
}

static inline vector_t not_plain(vector_t bytes)
{
    return vcltq_s8(vreinterpretq_s8_u8(turned(bytes)), vdupq_n_s8(0x21));
}

static inline vector_t control_or_quote(vector_t bytes)
{
    return vcleq_u8(turned(bytes), vdupq_n_u8(0x20));
}

#endif

#ifdef MASK_BITS

#define VECTOR  16

static inline vector_t stops_plain(vector_t bytes)
{
    return either(not_plain(bytes), equal(bytes, '\\'));
}

static inline vector_t stops_raw(vector_t bytes)
{
    return either(control_or_quote(bytes), equal(bytes, '\\'));
}

static inline vector_t stops_line(vector_t bytes)
{
    return either(equal(bytes, '\n'), equal(bytes, '\r'));
}

typedef vector_t (*stops_pt)(vector_t bytes);

/* Offset of the first stop in the sixteen bytes at `p`; 16: there is none. */
static inline size_t first_stop(stops_pt stops, const uint8_t *p)
{
    uint64_t mask = mask_of(stops(load(p)));

    return mask == 0 ? VECTOR : (size_t) __builtin_ctzll(mask) / MASK_BITS;
}

/* The rest is shorter than a vector: together with bytes before it, which are
 * known to be no stops, it makes one. */
static inline __attribute__((always_inline)) const uint8_t *find(stops_pt stops,
    asg_scan_pt scalar, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;

    while (end - p >= VECTOR) {
        size_t n = first_stop(stops, p);

        p += n;
        if (n < VECTOR) {
            return p;
        }
    }
    if (p > start && p < end) {
        p = end - VECTOR;
        return p + first_stop(stops, p);
    }
    return scalar(p, end);
}

static const uint8_t *plain_vector(const uint8_t *p, const uint8_t *end)
{
    return find(stops_plain, plain_scalar, p, end);
}

const uint8_t *asg_scan_vector_text(const uint8_t *p, const uint8_t *end)
{
    return text_by(plain_vector, p, end);
}

const uint8_t *asg_scan_vector_raw(const uint8_t *p, const uint8_t *end)
{
    return find(stops_raw, raw_scalar, p, end);
}

const uint8_t *asg_scan_vector_line(const uint8_t *p, const uint8_t *end)
{
    return find(stops_line, line_scalar, p, end);
}

#endif

/* --- the choice --- */

static const asg_scan_t scans[] = {
    {"scalar", text_scalar, raw_scalar, line_scalar},
#ifdef MASK_BITS
    {NAME, asg_scan_vector_text, asg_scan_vector_raw, asg_scan_vector_line},
#endif
#ifdef ASG_SCAN_AVX2
    {"avx2", asg_scan_avx2_text, asg_scan_avx2_raw, asg_scan_avx2_line},
#endif
};

#define SCANS  (sizeof(scans) / sizeof(scans[0]))

asg_scan_t asg_scan_chosen;

static unsigned usable(void)
{
#ifdef ASG_SCAN_AVX2
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
        ? SCANS : SCANS - 1;
#else
    return SCANS;
#endif
}

const asg_scan_t *asg_scan_at(unsigned i)
{
    return i < usable() ? &scans[i] : NULL;
}

__attribute__((constructor)) static void choose(void)
{
    asg_scan_chosen = scans[usable() - 1];
}
