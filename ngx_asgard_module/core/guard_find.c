/*
 * The search: anchors first, and at each the rules that have it.
 *
 * Nearly all of a text is skipped by vectors, which look for the few bytes in a
 * row that begin a match or are the rarest in it.
 */
#include "core/guard.h"

#include "core/guard_rule.h"
#include "core/guard_vector.h"

#ifdef __SSE2__

#include <emmintrin.h>

#define INLINE  static inline __attribute__((always_inline))
#define VECTOR  __m128i

#define LOAD(p)      _mm_loadu_si128((const __m128i *) (const void *) (p))
#define EQUAL(v, c)  _mm_cmpeq_epi8((v), _mm_set1_epi8(c))
#define AND(a, b)    _mm_and_si128((a), (b))
#define OR(a, b)     _mm_or_si128((a), (b))
#define LOWER(v)     OR((v), _mm_set1_epi8(0x20))
#define MASK(v)      (uint32_t) _mm_movemask_epi8(v)
#define DIGITS(v)    digits(v)

INLINE VECTOR digits(VECTOR v)
{
    VECTOR from_0 = _mm_sub_epi8(v, _mm_set1_epi8('0'));

    return _mm_cmpeq_epi8(_mm_min_epu8(from_0, _mm_set1_epi8(9)), from_0);
}

#include "core/guard_anchor.h"

static uint32_t seek_sse2(const char **p, const char *end)
{
    const char *at = *p;
    uint32_t found = 0;

    while (end - at >= ASG_GUARD_BLOCK) {
        found = anchors(at) | anchors(at + 16) << 16;
        if (found != 0) {
            break;
        }
        at += ASG_GUARD_STEP;
    }
    *p = at;
    return found;
}

static asg_guard_seek_pt seek = seek_sse2;

#else

/* Finds none, so that each byte is asked for. */
static uint32_t seek_nothing(const char **p, const char *end)
{
    (void) p;
    (void) end;
    return UINT32_MAX;
}

static asg_guard_seek_pt seek = seek_nothing;

#endif

#ifdef __x86_64__

__attribute__((constructor)) static void choose(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")) {
        seek = asg_guard_avx2_seek;
    }
}

#endif

/* The words of core/guard_phrase.c: three letters in a row that are rare, and
 * how many of the word stand before them. */
typedef struct {
    char letters[4];
    size_t before;
    bool (*rule)(asg_str_t text, size_t at, asg_hit_t *hit);
} word_t;

static const word_t words_with[] = {
    {"gno", 1, asg_rule_drop_order}, {"sre", 2, asg_rule_drop_order},
    {"rge", 2, asg_rule_drop_order}, {"rri", 3, asg_rule_drop_order},
    {"ypa", 1, asg_rule_drop_order}, {"mpt", 3, asg_rule_tell_prompt},
    {"yth", 2, asg_rule_anything}
};

static bool has_letters(asg_str_t text, size_t at, const char *letters)
{
    return text.len - at >= 3
        && (text.data[at] | 0x20) == letters[0]
        && (text.data[at + 1] | 0x20) == letters[1]
        && (text.data[at + 2] | 0x20) == letters[2];
}

static bool ask_words(asg_str_t text, size_t at, asg_hit_t *hit)
{
    for (size_t i = 0; i < sizeof(words_with) / sizeof(*words_with); i++) {
        const word_t *word = &words_with[i];

        if (has_letters(text, at, word->letters)) {
            return at >= word->before
                && word->rule(text, at - word->before, hit);
        }
    }
    return false;
}

/* Whether a match has its anchor at `at`: at most one has. */
static bool ask(asg_str_t text, size_t at, asg_hit_t *hit)
{
    switch (text.data[at]) {
    case '@':
        return asg_rule_email(text, at, hit);
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
        return asg_rule_number(text, at, hit);
    case 'A':
        return asg_rule_aws_key(text, at, hit);
    case '-':
        return asg_rule_private_key(text, at, hit);
    case '_':
        return asg_rule_github_pat(text, at, hit);
    case 'g':
        return asg_rule_github_token(text, at, hit)
            || ask_words(text, at, hit);
    case 'G': case 's': case 'S': case 'r': case 'R': case 'y': case 'Y':
    case 'm': case 'M':
        return ask_words(text, at, hit);
    default:
        return false;
    }
}

void asg_guard_find_plain(asg_str_t text, size_t from, size_t to,
    asg_hit_pt found, void *data)
{
    asg_hit_t hit;

    for (size_t at = from; at < to; at++) {
        if (ask(text, at, &hit)) {
            found(data, &hit);
        }
    }
}

void asg_guard_find(asg_str_t text, size_t from, size_t to, asg_hit_pt found,
    void *data)
{
    const char *end = text.data + to;
    const char *p = text.data + from;
    asg_hit_t hit;

    while (end - p >= ASG_GUARD_BLOCK) {
        uint32_t bits = seek(&p, end);

        if (bits == 0) {
            break;
        }
        for (; bits != 0; bits &= bits - 1) {
            size_t at = (size_t) (p - text.data)
                + (size_t) __builtin_ctz(bits);

            if (ask(text, at, &hit)) {
                found(data, &hit);
            }
        }
        p += ASG_GUARD_STEP;
    }
    asg_guard_find_plain(text, (size_t) (p - text.data), to, found, data);
}
