/*
 * What core/guard_words finds, said again in another way: each part of the text
 * is held against each entry.  Slow; included by tests, and for them alone.
 *
 * naive_words() tells of each rule the longest entry at each place, and no one
 * that begins within another of that rule.
 */
#include <stdlib.h>
#include <string.h>

#include "core/guard_signs.h"
#include "core/guard_words.h"

#define NAIVE_ENTRIES  64
#ifndef NAIVE_TEXT
#define NAIVE_TEXT     1024
#endif

typedef struct {
    uint32_t point[NAIVE_TEXT + 1];
    size_t at[NAIVE_TEXT + 1];          /* of each sign, and of the end */
    size_t n;
} naive_signs_t;

typedef struct {
    naive_signs_t signs;
    unsigned bit;
    bool caseless;
} naive_entry_t;

static naive_entry_t naive_entries[NAIVE_ENTRIES];
static size_t naive_nentries;

static void naive_read(asg_str_t text, naive_signs_t *out)
{
    const uint8_t *p = (const uint8_t *) text.data;

    out->n = 0;
    for (size_t at = 0; at < text.len && out->n < NAIVE_TEXT;) {
        out->at[out->n] = at;
        at += asg_sign_read(p + at, p + text.len, &out->point[out->n++]);
        out->at[out->n] = at;
    }
}

static bool naive_boundary(const naive_signs_t *s, size_t i)
{
    return i == 0 || i == s->n
        || asg_sign_kind(s->point[i - 1]) != ASG_SIGN_PART
        || asg_sign_kind(s->point[i]) != ASG_SIGN_PART;
}

static size_t naive_gap(const naive_signs_t *s, size_t i)
{
    while (i < s->n && asg_sign_kind(s->point[i]) == ASG_SIGN_NONE) {
        i++;
    }
    return i;
}

/* The end of the entry at sign `i` of the text; 0: it is not there. */
static size_t naive_at(const naive_signs_t *t, size_t i,
    const naive_entry_t *entry)
{
    const naive_signs_t *e = &entry->signs;
    size_t k = 0;

    if (!naive_boundary(t, i)) {
        return 0;
    }
    while (k < e->n) {
        size_t past = naive_gap(e, k), over = naive_gap(t, i);

        if (k > 0 && naive_boundary(e, k)
            && asg_sign_kind(e->point[k - 1]) != ASG_SIGN_NONE)
        {
            /* between two words: what is of none, in both as each has it */
            if (!naive_boundary(t, i) || over == t->n
                || t->at[over] - t->at[i] > ASG_WORDS_GAP)
            {
                return 0;
            }
            i = over;
            k = past;
        }
        if (i == t->n
            || (entry->caseless ? asg_sign_fold(t->point[i])
                                : t->point[i])
               != (entry->caseless ? asg_sign_fold(e->point[k])
                                   : e->point[k]))
        {
            return 0;
        }
        i++;
        k++;
    }
    return naive_boundary(t, i) ? i : 0;
}

static void naive_words(asg_str_t text, asg_hit_pt found, void *data)
{
    static naive_signs_t signs;
    size_t next[ASG_RULE_OPERATOR] = {0};

    naive_read(text, &signs);
    for (size_t i = 0; i < signs.n; i++) {
        size_t longest[ASG_RULE_OPERATOR] = {0};

        for (size_t k = 0; k < naive_nentries; k++) {
            size_t end = naive_at(&signs, i, &naive_entries[k]);
            size_t *most = &longest[naive_entries[k].bit];

            *most = end > *most ? end : *most;
        }
        for (unsigned bit = 0; bit < ASG_RULE_OPERATOR; bit++) {
            asg_hit_t hit = {signs.at[i], signs.at[longest[bit]],
                             (asg_rule_t) (ASG_RULE_COUNT + bit)};

            if (longest[bit] > 0 && i >= next[bit]) {
                next[bit] = longest[bit];
                found(data, &hit);
            }
        }
    }
}

static void naive_add(asg_str_t line, unsigned bit, bool caseless)
{
    naive_entry_t *entry;

    if (naive_nentries < NAIVE_ENTRIES) {
        entry = &naive_entries[naive_nentries++];
        naive_read(line, &entry->signs);
        entry->bit = bit;
        entry->caseless = caseless;
    }
}
