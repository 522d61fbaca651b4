/*
 * What core/guard finds, said again in another way: each part of the text is
 * held against what a whole match is.  Slow; included by tests, and for them
 * alone.
 *
 * naive_guard() tells the hits in no order that means something.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/guard.h"

#define NAIVE_WORDS  2048

static bool naive_all(const char *s, size_t n, const char *set)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\0' || strchr(set, s[i]) == NULL) {
            return false;
        }
    }
    return true;
}

#define NAIVE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAIVE_DIGITS  "0123456789"
#define NAIVE_ALNUM   NAIVE_LETTERS NAIVE_DIGITS
#define NAIVE_UPPER   "ABCDEFGHIJKLMNOPQRSTUVWXYZ" NAIVE_DIGITS

static bool naive_is(asg_str_t t, size_t at, const char *set)
{
    return at < t.len && naive_all(t.data + at, 1, set);
}

static bool naive_is_before(asg_str_t t, size_t at, const char *set)
{
    return at > 0 && naive_is(t, at - 1, set);
}

static bool naive_starts(asg_str_t t, size_t at, const char *z)
{
    return t.len - at >= strlen(z) && memcmp(t.data + at, z, strlen(z)) == 0;
}

static bool naive_domain(const char *s, size_t n)
{
    unsigned labels = 0;
    size_t from = 0;

    for (size_t i = 0; i <= n; i++) {
        if (i < n && s[i] != '.') {
            continue;
        }
        if (i == from || i - from > 63 || from >= 253
            || !naive_all(s + from, i - from, NAIVE_ALNUM "-"))
        {
            return false;
        }
        labels++;
        if (i == n) {
            return labels >= 2 && n - from >= 2
                && naive_all(s + from, n - from, NAIVE_LETTERS);
        }
        from = i + 1;
    }
    return false;
}

/* The longest, for each `@`. */
static bool naive_email(asg_str_t t, size_t start, size_t end)
{
    const char *sign = memchr(t.data + start, '@', end - start);
    size_t at = sign == NULL ? end : (size_t) (sign - t.data);

    if (at == start || at >= end || at - start > 64
        || !naive_all(t.data + start, at - start, NAIVE_ALNUM "._%+-")
        || !naive_is(t, start, NAIVE_ALNUM "_")
        || !naive_domain(t.data + at + 1, end - at - 1)
        || naive_is(t, end, NAIVE_ALNUM))
    {
        return false;
    }
    for (size_t more = end + 1; more <= t.len; more++) {
        if (naive_domain(t.data + at + 1, more - at - 1)
            && !naive_is(t, more, NAIVE_ALNUM))
        {
            return false;
        }
    }
    for (size_t less = start; less-- > 0 && at - less <= 64;) {
        if (!naive_is(t, less, NAIVE_ALNUM "._%+-")) {
            break;
        }
        if (naive_is(t, less, NAIVE_ALNUM "_")) {
            return false;
        }
    }
    return true;
}

static bool naive_edges(asg_str_t t, size_t start, size_t end)
{
    bool fraction = start >= 2 && t.data[start - 1] == '.'
        && naive_is(t, start - 2, NAIVE_DIGITS);

    return !naive_is_before(t, start, NAIVE_ALNUM)
        && !naive_is(t, end, NAIVE_ALNUM) && !fraction;
}

static bool naive_ssn(asg_str_t t, size_t start, size_t end)
{
    char s[12] = "";

    if (end - start != 11) {
        return false;
    }
    memcpy(s, t.data + start, 11);
    return naive_all(s, 3, NAIVE_DIGITS) && s[3] == '-'
        && naive_all(s + 4, 2, NAIVE_DIGITS) && s[6] == '-'
        && naive_all(s + 7, 4, NAIVE_DIGITS)
        && memcmp(s, "000", 3) != 0 && memcmp(s, "666", 3) != 0 && s[0] != '9'
        && memcmp(s + 4, "00", 2) != 0 && memcmp(s + 7, "0000", 4) != 0
        && naive_edges(t, start, end) && !naive_is_before(t, start, "-")
        && !(naive_is(t, end, "-") && naive_is(t, end + 1, NAIVE_DIGITS));
}

/* One of the ranges of first digits, as text. */
static bool naive_issued(const char *digits)
{
    static const char *const ranges[][2] = {
        {"2221", "2720"}, {"3400", "3499"}, {"3528", "3589"}, {"3700", "3799"},
        {"4000", "4999"}, {"5000", "5999"}, {"6000", "6999"}
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
        if (strncmp(digits, ranges[i][0], 4) >= 0
            && strncmp(digits, ranges[i][1], 4) <= 0)
        {
            return true;
        }
    }
    return false;
}

/* Does a further group of four stand beside, behind the same sign? */
static bool naive_row(asg_str_t t, size_t start, size_t end)
{
    char gap = t.data[start + 4];
    bool before = start >= 5 && t.data[start - 1] == gap
        && naive_all(t.data + start - 5, 4, NAIVE_DIGITS)
        && !naive_is_before(t, start - 5, NAIVE_DIGITS);
    bool after = t.len - end >= 5 && t.data[end] == gap
        && naive_all(t.data + end + 1, 4, NAIVE_DIGITS)
        && !naive_is(t, end + 5, NAIVE_DIGITS);

    return before || after;
}

static bool naive_card(asg_str_t t, size_t start, size_t end)
{
    char digits[20] = "", marks[20] = "";
    size_t n = end - start, k = 0, m = 0;
    unsigned sum = 0;

    if (n < 15 || n > 19 || !naive_edges(t, start, end)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (naive_is(t, start + i, NAIVE_DIGITS)) {
            digits[k++] = t.data[start + i];
        } else {
            marks[m++] = (char) ('0' + i);
            if (!naive_is(t, start + i, " -")
                || t.data[start + i] != t.data[start + 4])
            {
                return false;
            }
        }
    }
    for (size_t i = 0; i < k; i++) {
        unsigned digit = (unsigned) (digits[k - 1 - i] - '0') << i % 2;

        sum += digit / 10 + digit % 10;
    }
    if (sum % 10 != 0 || !naive_issued(digits)
        || (m > 0 && naive_row(t, start, end)))
    {
        return false;
    }
    if (k == 16) {
        return m == 0 || strcmp(marks, "49>") == 0;
    }
    return k == 15 && digits[0] == '3' && (digits[1] == '4' || digits[1] == '7')
        && (m == 0 || strcmp(marks, "4;") == 0);
}

static bool naive_aws(asg_str_t t, size_t start, size_t end)
{
    return end - start == 20 && naive_all(t.data + start, 20, NAIVE_UPPER)
        && (naive_starts(t, start, "AKIA") || naive_starts(t, start, "ASIA")
            || naive_starts(t, start, "ABIA") || naive_starts(t, start, "ACCA"))
        && !naive_is_before(t, start, NAIVE_UPPER)
        && !naive_is(t, end, NAIVE_UPPER);
}

static bool naive_github(asg_str_t t, size_t start, size_t end)
{
    size_t n = end - start;

    if (n >= 40 && n <= 4 + 255 && t.data[start] == 'g'
        && t.data[start + 1] == 'h' && strchr("pousr", t.data[start + 2])
        && t.data[start + 3] == '_'
        && naive_all(t.data + start + 4, n - 4, NAIVE_ALNUM))
    {
        return n == 4 + 255 || !naive_is(t, end, NAIVE_ALNUM);
    }
    return n >= 51 && n <= 11 + 255 && naive_starts(t, start, "github_pat_")
        && naive_all(t.data + start + 11, n - 11, NAIVE_ALNUM "_")
        && (n == 11 + 255 || !naive_is(t, end, NAIVE_ALNUM "_"));
}

static bool naive_key(asg_str_t t, size_t start, size_t end)
{
    size_t n = end - start, kind;

    if (n < 16 + 11 || !naive_starts(t, start, "-----BEGIN ")
        || memcmp(t.data + end - 5, "-----", 5) != 0)
    {
        return false;
    }
    kind = n - 16;
    if (kind > 40 || !naive_all(t.data + start + 11, kind, NAIVE_UPPER " ")) {
        return false;
    }
    return memcmp(t.data + end - 16, "PRIVATE KEY", 11) == 0
        || (kind >= 17
            && memcmp(t.data + end - 22, "PRIVATE KEY BLOCK", 17) == 0);
}

/* --- phrases, over a list of words --- */

typedef struct {
    size_t start, end;
    bool follows;               /* by a gap that joins it to the one before */
    char text[24];              /* lower case; empty: longer than a word is */
} naive_word_t;

static size_t naive_words(asg_str_t t, naive_word_t words[NAIVE_WORDS])
{
    size_t n = 0;

    for (size_t i = 0; i < t.len && n < NAIVE_WORDS;) {
        naive_word_t *w = &words[n];

        if (!naive_is(t, i, NAIVE_LETTERS)) {
            i++;
            continue;
        }
        w->start = i;
        while (naive_is(t, i, NAIVE_LETTERS)) {
            i++;
        }
        w->end = i;
        w->text[0] = '\0';
        if (w->end - w->start <= 16) {
            for (size_t k = w->start; k < w->end; k++) {
                w->text[k - w->start] = (char) tolower(t.data[k]);
            }
            w->text[w->end - w->start] = '\0';
        }
        w->follows = n > 0 && w->start - words[n - 1].end <= 8
            && naive_all(t.data + words[n - 1].end,
                         w->start - words[n - 1].end, " \t\n\r,");
        n++;
    }
    return n;
}

static bool naive_in(const char *word, const char *list)
{
    char found[40];

    snprintf(found, sizeof(found), " %s ", word);
    return word[0] != '\0' && strstr(list, found) != NULL;
}

#define NAIVE_FILLERS " of the to and or about other such that this me us " \
    "please out full entire exact verbatim "
#define NAIVE_POINTERS " all any every everything my your our these those " \
    "previous prior above preceding earlier foregoing past existing initial " \
    "original system former developer safety hidden "
#define NAIVE_ORDERS " instruction instructions prompt prompts rule rules " \
    "direction directions directive directives guideline guidelines command " \
    "commands constraint constraints restriction restrictions message " \
    "messages context programming training "
#define NAIVE_TELL " reveal show print repeat output display leak expose " \
    "disclose tell give share recite "
#define NAIVE_HIDDEN " system hidden secret initial internal developer " \
    "original "

static bool naive_drop(asg_str_t t, const naive_word_t *w, size_t n,
    size_t *end)
{
    bool points = false, everything = false;

    if (!naive_in(w[0].text, " ignore disregard forget override bypass ")
        || naive_is_before(t, w[0].start, NAIVE_DIGITS))
    {
        return false;
    }
    for (size_t i = 1; i < n && i <= 8 && w[i].follows; i++) {
        if ((points && naive_in(w[i].text, NAIVE_ORDERS))
            || (everything && naive_in(w[i].text, " above before prior you ")))
        {
            *end = w[i].end;
            return !naive_is(t, w[i].end, NAIVE_DIGITS);
        }
        everything = strcmp(w[i].text, "everything") == 0;
        points = points || naive_in(w[i].text, NAIVE_POINTERS);
        if (!naive_in(w[i].text, NAIVE_POINTERS NAIVE_FILLERS)) {
            return false;
        }
    }
    return false;
}

static bool naive_tell(asg_str_t t, const naive_word_t *words, size_t at,
    size_t *start)
{
    bool is_hidden = false;

    if (!naive_in(words[at].text, " prompt prompts ")
        || naive_is(t, words[at].end, NAIVE_DIGITS))
    {
        return false;
    }
    for (size_t i = 1; i <= 8 && i <= at && words[at - i + 1].follows; i++) {
        const naive_word_t *w = &words[at - i];

        if (is_hidden && naive_in(w->text, NAIVE_TELL)) {
            *start = w->start;
            return !naive_is_before(t, w->start, NAIVE_DIGITS);
        }
        is_hidden = is_hidden || naive_in(w->text, NAIVE_HIDDEN);
        if (!naive_in(w->text, NAIVE_HIDDEN NAIVE_FILLERS " your its a all "))
        {
            return false;
        }
    }
    return false;
}

static void naive_phrases(asg_str_t t, asg_hit_pt found, void *data)
{
    static naive_word_t w[NAIVE_WORDS];
    size_t n = naive_words(t, w);

    for (size_t i = 0; i < n; i++) {
        asg_hit_t hit = {w[i].start, w[i].end, ASG_RULE_PROMPT_INJECTION};

        if (naive_drop(t, w + i, n - i, &hit.end)) {
            found(data, &hit);
        }
        hit.end = w[i].end;
        if (naive_tell(t, w, i, &hit.start)) {
            found(data, &hit);
        }
        if (i >= 2 && w[i].follows && w[i - 1].follows
            && strcmp(w[i - 2].text, "do") == 0
            && strcmp(w[i - 1].text, "anything") == 0
            && strcmp(w[i].text, "now") == 0
            && !naive_is(t, w[i].end, NAIVE_DIGITS)
            && !naive_is_before(t, w[i - 2].start, NAIVE_DIGITS))
        {
            hit.start = w[i - 2].start;
            found(data, &hit);
        }
    }
}

typedef bool (*naive_rule_t)(asg_str_t t, size_t start, size_t end);

static void naive_guard(asg_str_t t, asg_hit_pt found, void *data)
{
    static const naive_rule_t rules[ASG_RULE_COUNT] = {
        NULL, naive_email, naive_ssn, naive_card, naive_aws, naive_github,
        naive_key
    };

    for (unsigned r = 1; r < ASG_RULE_COUNT; r++) {
        for (size_t start = 0; start < t.len; start++) {
            for (size_t n = 4; n <= t.len - start && n <= 400; n++) {
                asg_hit_t hit = {start, start + n, (asg_rule_t) r};

                if (rules[r](t, start, start + n)) {
                    found(data, &hit);
                }
            }
        }
    }
    naive_phrases(t, found, data);
}
