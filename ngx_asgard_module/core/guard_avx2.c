/* The search for anchors by AVX2; only for a processor that has it. */
#include "core/guard_vector.h"

#ifdef __x86_64__

#include <immintrin.h>

#define AVX2    __attribute__((target("avx2,bmi")))
#define INLINE  AVX2 static inline __attribute__((always_inline))
#define VECTOR  __m256i

#define LOAD(p)      _mm256_loadu_si256((const __m256i *) (const void *) (p))
#define EQUAL(v, c)  _mm256_cmpeq_epi8((v), _mm256_set1_epi8(c))
#define AND(a, b)    _mm256_and_si256((a), (b))
#define OR(a, b)     _mm256_or_si256((a), (b))
#define LOWER(v)     OR((v), _mm256_set1_epi8(0x20))
#define MASK(v)      (uint32_t) _mm256_movemask_epi8(v)
#define DIGITS(v)    digits(v)

INLINE VECTOR digits(VECTOR v)
{
    VECTOR from_0 = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));

    return _mm256_cmpeq_epi8(
        _mm256_min_epu8(from_0, _mm256_set1_epi8(9)), from_0);
}

#include "core/guard_anchor.h"

AVX2 uint32_t asg_guard_avx2_seek(const char **p, const char *end)
{
    const char *at = *p;
    uint32_t found = 0;

    while (end - at >= ASG_GUARD_BLOCK) {
        found = anchors(at);
        if (found != 0) {
            break;
        }
        at += ASG_GUARD_STEP;
    }
    *p = at;
    return found;
}

#endif
