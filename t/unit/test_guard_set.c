/*
 * core/guard_set.h: the rules of an operator find the same however a text is
 * cut, in time that is linear in it, and a search that costs too much ends and
 * says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "guard_sets.h"

#define HITS_MAX  4096
#define ITEMS     3             /* of a pattern, that PCRE2 counts as a step */

typedef struct {
    size_t n;
    asg_hit_t hit[HITS_MAX];
} hits_t;

static asg_guard_set_t set;
static asg_action_t actions[ASG_RULE_MAX];
static asg_guard_search_t search;
static asg_guard_told_t told;
static hits_t hits;

static void keep(void *data, const asg_hit_t *hit)
{
    hits_t *to = data;

    assert_true(hit->start < hit->end);
    if (hit->rule >= ASG_RULE_COUNT && to->n < HITS_MAX) {
        to->hit[to->n++] = *hit;
    }
}

static void begin(void)
{
    asg_guard_actions_of_answers(actions);
    for (unsigned i = 0; i < set.nrules; i++) {
        actions[ASG_RULE_COUNT + i] = ASG_ACTION_FLAG;
    }
    asg_guard_search_begin(&search, &set, actions);
    asg_guard_told_begin(&told);
    hits.n = 0;
}

static void look(asg_str_t text)
{
    begin();
    asg_guard_find_all(&search, &told, text, 0, text.len, true, keep, &hits);
}

static void is_found(const char *text, const char *wanted)
{
    look(asg_str_z(text));
    assert_int_equal(hits.n, wanted != NULL);
    if (wanted != NULL) {
        assert_int_equal(hits.hit[0].end - hits.hit[0].start, strlen(wanted));
        assert_memory_equal(text + hits.hit[0].start, wanted, strlen(wanted));
    }
}

static void why_not(const char *text, const char *wanted)
{
    char why[ASG_PATTERN_WHY] = "";
    asg_pattern_t pattern = {NULL};

    assert_int_equal(asg_pattern_compile(&set.patterns, asg_str_z(text), false,
                                         &pattern, why), ASG_ERR_SYNTAX);
    assert_non_null(strstr(why, wanted));
}

static void patterns_that_cannot_be_bounded_are_refused(void **state)
{
    static const char *const empty[] = {"a*", "", "(?=a)", "\\b", "x?|y", "^",
                                        "a{0,3}", "(?<=a)"};

    (void) state;
    sets_begin(&set);
    for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
        why_not(empty[i], "it matches the empty text");
    }
    why_not("a(", "missing closing parenthesis at byte 2");
    why_not("a\\C", "using \\C is disabled");
    why_not("(?<=a{65})b", "it looks back for more than 64 characters");
    why_not("a{400}", "a match has less than 384 bytes");
    sets_end(&set);
}

static void a_match_is_shorter_than_the_reach(void **state)
{
    static char text[2000];

    (void) state;
    sets_begin(&set);
    sets_pattern(&set, "quoted", "<[^>]+>");
    memset(text, 'x', sizeof(text) - 1);
    text[100] = '<';
    text[100 + ASG_GUARD_REACH - 2] = '>';
    look((asg_str_t) {text, sizeof(text) - 1});
    assert_int_equal(hits.n, 1);
    assert_int_equal(hits.hit[0].end - hits.hit[0].start, ASG_GUARD_REACH - 1);
    text[100 + ASG_GUARD_REACH - 2] = 'x';
    text[100 + ASG_GUARD_REACH - 1] = '>';
    look((asg_str_t) {text, sizeof(text) - 1});
    assert_int_equal(hits.n, 0);
    sets_end(&set);
}

static void borders_are_those_of_the_text(void **state)
{
    (void) state;
    sets_begin(&set);
    sets_pattern(&set, "whole", "\\b\\d{6}\\b|^begin|\\Aonly|end\\z");
    is_found("a 123456 b", "123456");
    is_found("a 1234567 b", NULL);
    is_found("begin", "begin");
    is_found("no begin", NULL);
    is_found("the end", "end");
    is_found("end.", NULL);
    sets_end(&set);
}

/* What comes in pieces, each as far as is settled. */
static void feed(asg_str_t text, size_t step)
{
    size_t from = 0;

    begin();
    for (size_t len = step; len < text.len; len += step) {
        asg_str_t part = {text.data, len};
        size_t to = asg_guard_set_settled(&search, &told, part, from);

        assert_true(to <= len && to + ASG_GUARD_REACH >= len);
        if (to > from) {
            asg_guard_find_all(&search, &told, part, from, to, false, keep,
                               &hits);
            from = to;
        }
    }
    asg_guard_find_all(&search, &told, text, from, text.len, true, keep,
                       &hits);
}

static int by_place(const void *a, const void *b)
{
    const asg_hit_t *x = a, *y = b;

    return x->start != y->start ? (x->start < y->start ? -1 : 1)
                                : (int) x->rule - (int) y->rule;
}

static void a_text_may_be_cut_anywhere(void **state)
{
    static const char *const words[] = {
        "TCK-123456", "TCK-1", " ", "project ", "falcon", "aaa", "b", "\n",
        "Zo\xc3\xab", "<x>", "<", ">", "xxxxxxxxxxxxxxxxxxxxxxxxxx"
    };
    static char text[3000];
    static hits_t whole;
    uint32_t dice = 1;

    (void) state;
    sets_begin(&set);
    sets_pattern(&set, "ticket", "\\bTCK-\\d{6}\\b");
    sets_pattern(&set, "many", "a{3}b?");
    sets_pattern(&set, "quoted", "<[^>]{0,40}>");
    sets_words(&set, "words", "project falcon\nfalcon\nzo\xc3\xab\n");
    for (unsigned round = 0; round < 40; round++) {
        asg_str_t all = {text, 0};

        while (all.len < sizeof(text) - 40) {
            dice = dice * 1664525 + 1013904223;
            const char *word = words[(dice >> 16)
                                     % (sizeof(words) / sizeof(*words))];

            memcpy(text + all.len, word, strlen(word));
            all.len += strlen(word);
        }
        look(all);
        assert_true(hits.n > 20 && search.gave_up == 0);
        qsort(hits.hit, hits.n, sizeof(asg_hit_t), by_place);
        whole = hits;
        for (size_t step = 1; step < 900; step = step * 3 + round % 3) {
            feed(all, step);
            qsort(hits.hit, hits.n, sizeof(asg_hit_t), by_place);
            assert_int_equal(hits.n, whole.n);
            for (size_t i = 0; i < hits.n; i++) {
                assert_int_equal(hits.hit[i].start, whole.hit[i].start);
                assert_int_equal(hits.hit[i].end, whole.hit[i].end);
                assert_int_equal(hits.hit[i].rule, whole.hit[i].rule);
            }
        }
    }
    sets_end(&set);
}

static void a_limit_ends_a_search_and_says_so(void **state)
{
    static char text[4096];
    asg_rule_t evil, good;

    (void) state;
    sets_begin(&set);
    evil = sets_pattern(&set, "evil", "(?:a+)+[0-9]");
    good = sets_pattern(&set, "good", "b");
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = 'b';
    look((asg_str_t) {text, sizeof(text)});
    assert_true(search.gave_up == asg_guard_bit(evil));
    assert_int_equal(hits.n, 1);
    assert_int_equal(hits.hit[0].rule, good);
    assert_int_equal(asg_guard_gave_up(ASG_ACTION_REDACT), ASG_ACTION_BLOCK);
    assert_int_equal(asg_guard_gave_up(ASG_ACTION_BLOCK), ASG_ACTION_BLOCK);
    assert_int_equal(asg_guard_gave_up(ASG_ACTION_FLAG), ASG_ACTION_FLAG);
    sets_end(&set);
}

static uint64_t ns;

/* A clock on which each search takes as long as all may. */
static uint64_t slow_clock(void)
{
    return ns += ASG_PATTERN_TIME_NS;
}

static void time_ends_a_search_too(void **state)
{
    asg_rule_t rule;

    (void) state;
    sets_begin(&set);
    rule = sets_pattern(&set, "slow", "a\\d");
    set.now_ns = slow_clock;
    look(asg_str_z("nothing of it"));
    assert_true(search.gave_up == 0);
    asg_guard_find_all(&search, &told, ASG_STR("more"), 0, 4, true, keep,
                       &hits);
    assert_true(search.gave_up == asg_guard_bit(rule));
    sets_end(&set);
}

/* However many patterns there are, the time is of all together: the third is
 * not looked for when two have used it. */
static void no_pattern_begins_when_the_time_is_used_up(void **state)
{
    asg_rule_t two, three;

    (void) state;
    sets_begin(&set);
    sets_pattern(&set, "one", "x");
    two = sets_pattern(&set, "two", "x");
    three = sets_pattern(&set, "three", "x");
    set.now_ns = slow_clock;
    look(asg_str_z("x"));
    assert_int_equal(hits.n, 2);
    assert_true(search.gave_up == (asg_guard_bit(two) | asg_guard_bit(three)));
    assert_true(search.wanted != 0);
    sets_end(&set);
}

static uint64_t steps;

static int one_step(pcre2_callout_block *block, void *data)
{
    (void) block;
    (void) data;
    steps++;
    return 0;
}

/* A pattern that tells each of its steps. */
static asg_rule_t counted(const char *text)
{
    asg_rule_t rule = sets_rule(&set, "counted");
    int rc;
    PCRE2_SIZE at;

    steps = 0;
    (void) pcre2_set_callout(set.patterns.match, one_step, NULL);
    set.rules[rule - ASG_RULE_COUNT].pattern.code = pcre2_compile(
        (PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED, PCRE2_AUTO_CALLOUT
        | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_USE_OFFSET_LIMIT, &rc,
        &at, set.patterns.compile);
    assert_non_null(set.rules[rule - ASG_RULE_COUNT].pattern.code);
    return rule;
}

/* Each try takes nearly as many steps as one may; together they may not.  The
 * clock is not asked. */
static void steps_of_all_tries_are_bounded_without_a_clock(void **state)
{
    static const char *const patterns[] = {
        "a[ab]{0,60}[ab]{0,60}[^a]", "a[ab]{0,60}?[ab]{0,60}?[^a]",
        "(?:a|b){1,40}?(?:a|b){0,60}[^a]"
    };
    const size_t len = 64 * 1024;
    char *text = malloc(len);

    (void) state;
    memset(text, 'a', len);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        for (size_t n = ASG_GUARD_WINDOW; n <= len; n *= 8) {
            asg_rule_t rule;

            sets_begin(&set);
            rule = counted(patterns[i]);
            look((asg_str_t) {text, n});
            assert_true(search.gave_up == asg_guard_bit(rule));
            assert_in_range(steps, 1, ITEMS * (ASG_PATTERN_STEPS
                + 2 * ASG_PATTERN_LIMIT + n * (ASG_PATTERN_BYTE_STEPS
                                               + 2 * ASG_PATTERN_QUICK)));
            sets_end(&set);
        }
    }
    free(text);
}

/* One that takes many steps here and there is found all the same. */
static void a_try_that_takes_many_steps_is_made_to_its_end(void **state)
{
    static char text[3000];
    asg_rule_t rule;

    (void) state;
    memset(text, '.', sizeof(text) - 1);
    memset(text + 1500, 'a', 70);
    memcpy(text + 1570, "c, abc.", 7);
    sets_begin(&set);
    rule = sets_pattern(&set, "many", "a[ab]{0,60}[ab]{0,60}[^a]");
    look((asg_str_t) {text, sizeof(text) - 1});
    assert_int_equal(hits.n, 2);
    assert_int_equal(hits.hit[0].rule, rule);
    assert_int_equal(hits.hit[0].start, 1500);
    assert_int_equal(hits.hit[0].end, 1571);
    assert_int_equal(hits.hit[1].start, 1573);
    assert_true(search.gave_up == 0);
    sets_end(&set);
}

static uint64_t thread_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* Eight times the text takes no more than twenty times as long; a search that
 * goes back over all of it would take sixty-four times. */
static void is_linear(const char *piece)
{
    const size_t few = 64 * 1024, many = 8 * few;
    char *text = malloc(many);
    uint64_t at, least[2] = {UINT64_MAX, UINT64_MAX};

    for (size_t i = 0; i < many; i++) {
        text[i] = piece[i % strlen(piece)];
    }
    for (unsigned i = 0; i < 6; i++) {
        at = thread_ns();
        look((asg_str_t) {text, i % 2 == 0 ? few : many});
        at = thread_ns() - at;
        least[i % 2] = at < least[i % 2] ? at : least[i % 2];
    }
    assert_true(least[1] < 20 * least[0] + 1000000);
    assert_true(least[1] < 30 * (uint64_t) (ASG_PATTERN_TIME_NS
                                            + many * ASG_PATTERN_BYTE_NS));
    free(text);
}

static void time_is_linear_on_hostile_texts(void **state)
{
    static const char *const pieces[] = {"a", "aab", "(", "<", "a ", "a a b ",
        "\xc3\xab", "\xff", "\xe6\x9c\xba", "1234-", "x@"};

    (void) state;
    sets_begin(&set);
    set.now_ns = thread_ns;
    sets_pattern(&set, "evil", "(?:a+)+[0-9]");
    sets_pattern(&set, "dots", "a.*a.*a.*z");
    sets_pattern(&set, "quoted", "<[^>]+>");
    sets_pattern(&set, "digits", "(\\d+-)+x");
    sets_words(&set, "words", "a a a a a a a a a b\na a a b\nx\n"
               "\xe6\x9c\xba\xe6\x9c\xba\xe6\x9c\xba\xe5\xaf\x86\n");
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        is_linear(pieces[i]);
    }
    sets_end(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_that_cannot_be_bounded_are_refused),
        cmocka_unit_test(a_match_is_shorter_than_the_reach),
        cmocka_unit_test(borders_are_those_of_the_text),
        cmocka_unit_test(a_text_may_be_cut_anywhere),
        cmocka_unit_test(a_limit_ends_a_search_and_says_so),
        cmocka_unit_test(time_ends_a_search_too),
        cmocka_unit_test(no_pattern_begins_when_the_time_is_used_up),
        cmocka_unit_test(steps_of_all_tries_are_bounded_without_a_clock),
        cmocka_unit_test(a_try_that_takes_many_steps_is_made_to_its_end),
        cmocka_unit_test(time_is_linear_on_hostile_texts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
