/*
 * The rules of an operator find in a text what PCRE2 and the naive words find
 * in the whole of it: at once, as a body is read, and as an answer comes,
 * however it is cut.
 *
 * Input: two bytes, which patterns; one, the words and how much stands before
 * the text; one, how often the text stands there; one, where it is cut; the
 * text.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#define NAIVE_TEXT 2560
#include "../unit/words_naive.c"
#include "../unit/guard_sets.h"

#define HITS_MAX  (24 * NAIVE_TEXT)
/* As if the call had so many: what all tries of it may take, which grows by
 * them, ends no search here (t/unit/test_guard_set.c is about that). */
#define BYTES_BEFORE  (UINT64_C(1) << 32)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No try of one takes so many steps that a limit ends it. */
static const char *const patterns[] = {
    "\\bTCK-\\d{6}\\b", "a{3}b?", "<[^>]{0,40}>", "^begin|\\Aonly|end\\z|last$",
    "(?<=ab)c+", "x(?=yz)", "x(?!y)", "(\\w)\\1", "(?i)\xc3\x9f\\w",
    "\\w{1,20}@\\w{1,20}\\.com", "b+", "foo\\Kbar", "(*UCP)\\b\\w{2,9}\\b!",
    "(?s)q.*?z", "(?m)^#.*$", "\\d{1,9}(?:-\\d{1,9}){2,4}"
};

#define PATTERNS  (sizeof(patterns) / sizeof(*patterns))

static const char words[] = "project falcon\nfalcon\nzo\xc3\xab\n"
    "\xe6\x9c\xba\xe5\xaf\x86\n";

typedef struct {
    size_t n;
    size_t base;                /* of the text that is looked at */
    asg_hit_t hit[HITS_MAX];
} hits_t;

static asg_guard_set_t set;
static asg_action_t actions[ASG_RULE_MAX];
static asg_guard_search_t search;
static asg_guard_told_t told;
static hits_t naive, found;
static char text_at[NAIVE_TEXT];
static uint32_t dice;

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void keep(void *data, const asg_hit_t *hit)
{
    hits_t *hits = data;
    asg_hit_t *to = &hits->hit[hits->n++];

    if (hit->rule < ASG_RULE_COUNT) {
        hits->n--;
        return;
    }
    must(hits->n < HITS_MAX && hit->start < hit->end);
    *to = *hit;
    to->start += hits->base;
    to->end += hits->base;
}

static int by_place(const void *a, const void *b)
{
    const asg_hit_t *x = a, *y = b;

    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return (int) x->rule - (int) y->rule;
}

static void same(const char *how)
{
    qsort(found.hit, found.n, sizeof(asg_hit_t), by_place);
    for (size_t i = 0; i < naive.n || i < found.n; i++) {
        const asg_hit_t *a = &naive.hit[i], *b = &found.hit[i];

        if (i < naive.n && i < found.n && a->start == b->start
            && a->end == b->end && a->rule == b->rule)
        {
            continue;
        }
        fprintf(stderr, "%s, hit %zu of %zu and %zu: %zu-%zu of %d, not "
                "%zu-%zu of %d\n", how, i, naive.n, found.n, a->start, a->end,
                a->rule, b->start, b->end, b->rule);
        abort();
    }
}

/* --- the reference --- */

/* Where a try at `at`, or behind it, matched; SIZE_MAX: none did.  PARTIAL: it
 * would if the text went on. */
static size_t match(const pcre2_code *code, size_t at, size_t len,
    uint32_t options, bool *partial)
{
    static pcre2_match_data *data;
    int rc;

    data = data != NULL ? data : pcre2_match_data_create(1, NULL);
    rc = pcre2_match(code, (PCRE2_SPTR) text_at, len, at, options, data, NULL);
    must(rc >= 0 || rc == PCRE2_ERROR_NOMATCH || rc == PCRE2_ERROR_PARTIAL);
    *partial = rc == PCRE2_ERROR_PARTIAL;
    if (rc < 0) {
        return SIZE_MAX;
    }
    naive.hit[naive.n].start = pcre2_get_ovector_pointer(data)[0];
    naive.hit[naive.n].end = pcre2_get_ovector_pointer(data)[1];
    return pcre2_get_startchar(data);
}

/* Is what matched at `at` one?  What is longer than a match may be is looked
 * for once more in as much as one may have. */
static bool is_match(const pcre2_code *code, size_t at, size_t len)
{
    const asg_hit_t *hit = &naive.hit[naive.n];
    size_t cut = len - at > ASG_GUARD_REACH ? at + ASG_GUARD_REACH : len;
    bool partial = false;

    if (hit->end - at >= ASG_GUARD_REACH) {
        if (match(code, at, cut, PCRE2_ANCHORED, &partial) != at) {
            return false;
        }
        if (hit->end == cut && cut < len) {
            (void) match(code, at, cut, PCRE2_ANCHORED | PCRE2_PARTIAL_HARD,
                         &partial);
        }
    }
    return !partial && hit->end > hit->start
        && hit->end - at < ASG_GUARD_REACH;
}

static size_t sign_after(size_t at, size_t len)
{
    at++;
    while (at < len && asg_sign_is_tail(text_at[at])) {
        at++;
    }
    return at;
}

static void naive_pattern(unsigned i, size_t len)
{
    const pcre2_code *code = set.rules[i].pattern.code;
    size_t at = 0, first;
    bool partial;

    while (at < len && asg_sign_is_tail(text_at[at])) {
        at++;
    }
    while (at < len && (first = match(code, at, len, 0, &partial)) < len) {
        must(naive.n + 1 < HITS_MAX);
        if (is_match(code, first, len)) {
            naive.hit[naive.n].rule = (asg_rule_t) (ASG_RULE_COUNT + i);
            at = naive.hit[naive.n++].end;
        } else {
            at = sign_after(first, len);
        }
    }
}

static void look_naively(asg_str_t text)
{
    naive.n = 0;
    for (unsigned i = 0; i < PATTERNS; i++) {
        if (actions[ASG_RULE_COUNT + i] != ASG_ACTION_ALLOW) {
            naive_pattern(i, text.len);
        }
    }
    if (actions[ASG_RULE_COUNT + PATTERNS] != ASG_ACTION_ALLOW) {
        naive_words(text, keep, &naive);
    }
    qsort(naive.hit, naive.n, sizeof(asg_hit_t), by_place);
}

/* --- what is looked at --- */

static void begin(void)
{
    asg_guard_search_begin(&search, &set, actions);
    search.bytes = BYTES_BEFORE;
    asg_guard_told_begin(&told);
    found.n = found.base = 0;
}

static void find(asg_str_t text, size_t from, size_t to, bool is_over)
{
    asg_guard_find_all(&search, &told, text, from, to, is_over, keep, &found);
    must(search.gave_up == 0);
}

static size_t some(size_t most)
{
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % most;
}

/* What is in front of the reach is forgotten. */
static void forget(asg_str_t *text, size_t *from)
{
    if (*from > ASG_GUARD_REACH) {
        size_t gone = *from - ASG_GUARD_REACH;

        asg_guard_told_shift(&told, gone);
        found.base += gone;
        text->data += gone;
        text->len -= gone;
        *from -= gone;
    }
}

/* As a body is read: pieces, each with the reach behind it. */
static void in_pieces(asg_str_t all)
{
    asg_str_t text = {all.data, 0};
    size_t from = 0, to;

    begin();
    while (text.data + text.len < all.data + all.len) {
        size_t left = (size_t) (all.data + all.len - text.data) - text.len;
        size_t more = ASG_GUARD_REACH + some(900);
        bool is_over = more >= left;

        text.len += is_over ? left : more;
        to = is_over ? text.len : text.len - ASG_GUARD_REACH;
        if (to > from) {
            find(text, from, to, is_over);
            from = to;
        }
        forget(&text, &from);
    }
    same("in pieces");
}

/* As an answer comes: each piece as far as it is settled. */
static void as_it_comes(asg_str_t all)
{
    asg_str_t text = {all.data, 0};
    size_t most = some(4) == 0 ? 30 : 300, from = 0, to;

    begin();
    while (text.data + text.len < all.data + all.len) {
        size_t left = (size_t) (all.data + all.len - text.data) - text.len;
        size_t more = 1 + some(most);
        bool is_over = more >= left;

        text.len += is_over ? left : more;
        to = is_over ? text.len
                     : asg_guard_set_settled(&search, &told, text, from);
        must(to <= text.len && (is_over || to + ASG_GUARD_REACH >= text.len));
        if (to > from) {
            find(text, from, to, is_over);
            from = to;
        }
        if (some(4) == 0) {
            forget(&text, &from);
        }
    }
    same("as it comes");
}

static void make_set(void)
{
    sets_begin(&set);
    for (unsigned i = 0; i < PATTERNS; i++) {
        (void) sets_pattern(&set, "pattern", patterns[i]);
    }
    (void) sets_words(&set, "words", words);
    for (const char *line = words; *line != '\0';) {
        size_t n = strcspn(line, "\n");

        naive_add((asg_str_t) {line, n}, PATTERNS, /* caseless */ true);
        line += n + 1;
    }
}

static size_t text_of(const uint8_t *data, size_t size)
{
    size_t len = (size_t) (data[2] >> 1) * 16;

    for (size_t i = 0; i < len; i++) {
        text_at[i] = "mn "[i % 3];
    }
    for (unsigned i = 0; i <= data[3] % 16u; i++) {
        if (len + size - 5 > sizeof(text_at)) {
            break;
        }
        memcpy(text_at + len, data + 5, size - 5);
        len += size - 5;
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text;

    if (size < 6 || size > 1024) {
        return 0;
    }
    if (set.nrules == 0) {
        make_set();
    }
    for (unsigned i = 0; i <= PATTERNS; i++) {
        bool wanted = i < PATTERNS ? data[i / 8] >> i % 8 & 1 : data[2] & 1;

        actions[ASG_RULE_COUNT + i] = wanted ? ASG_ACTION_FLAG
                                             : ASG_ACTION_ALLOW;
    }
    text = (asg_str_t) {text_at, text_of(data, size)};
    dice = data[4];
    look_naively(text);
    begin();
    find(text, 0, text.len, true);
    same("at once");
    in_pieces(text);
    as_it_comes(text);
    return 0;
}
