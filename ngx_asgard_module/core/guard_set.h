/*
 * The rules of an operator: patterns and word lists beside the seven rules.
 *
 * A set is made once when the configuration is loaded and only read then.  Rule
 * `i` of it is asg_rule_t ASG_RULE_COUNT + i: its hits, actions and counts are
 * behind those of the seven.  One search is of one call (or answer); what was
 * told of a text is in `asg_guard_told_t`, one of each text, whose places are
 * those of the text.
 *
 *     asg_guard_search_begin(&search, set, actions);
 *     asg_guard_told_begin(&told);                        … for each text
 *     asg_guard_find_all(&search, &told, text, from, to, is_over, found, data);
 *
 * A search that a limit ended sets the rule's bit in `gave_up` and does not ask
 * that rule again: guard_pattern.h.  asg_guard_gave_up() says what it comes to.
 * What patterns may take is of one call: ASG_PATTERN_QUICK steps for each byte
 * of a text and each pattern, twice; and of the tries that are made one by one,
 * as they take more, ASG_PATTERN_STEPS for the call and ASG_PATTERN_BYTE_STEPS
 * for each byte and pattern; likewise of time, which is looked at behind each
 * such try and behind ASG_GUARD_WINDOW of the others.
 */
#ifndef ASG_GUARD_SET_H
#define ASG_GUARD_SET_H

#include "core/guard_pattern.h"
#include "core/guard_words.h"

/* One by one, so much of a text is looked at. */
#define ASG_GUARD_WINDOW   1024
/* Of rules that redact or block answers: guard_marks.h. */
#define ASG_GUARD_LABELS   20
/* The category of what a search found that a limit ended. */
#define ASG_GUARD_LIMIT    "match-limit"

typedef struct {
    char name[ASG_RULE_NAME_MAX];
    char category[ASG_RULE_NAME_MAX];
    asg_action_t in_requests, in_answers;
    bool is_words;
    asg_pattern_t pattern;
} asg_guard_rule_t;

typedef struct asg_guard_set {
    unsigned nrules;
    asg_guard_rule_t rules[ASG_RULE_OPERATOR];
    asg_patterns_t patterns;
    asg_word_table_t words[2];       /* as they stand; without their case */
    /* Processor time of the process, in ns; NULL: it is not looked at. */
    uint64_t (*now_ns)(void);
} asg_guard_set_t;

typedef struct {
    const asg_guard_set_t *set; /* NULL: there is none */
    uint64_t wanted;            /* bits: not allowed, and has not given up */
    uint64_t gave_up;
    unsigned rates;             /* patterns that the budget grows by */
    uint64_t spent_ns, steps, bytes;
    uint64_t at;                /* when the clock was looked at */
} asg_guard_search_t;

typedef struct {
    uint32_t next[ASG_RULE_OPERATOR];   /* no hit of it begins before that */
} asg_guard_told_t;

/* Lower-case letters, digits and dashes, 1 to 31, a letter first. */
bool asg_guard_name_is_good(asg_str_t name);
/* Of any rule; `set` may be NULL. */
const char *asg_guard_name(const asg_guard_set_t *set, asg_rule_t rule);
const char *asg_guard_category(const asg_guard_set_t *set, asg_rule_t rule);
/* The bit of an operator's rule; 0 of one of the seven. */
static inline uint64_t asg_guard_bit(asg_rule_t rule)
{
    return rule >= ASG_RULE_COUNT ? UINT64_C(1) << (rule - ASG_RULE_COUNT) : 0;
}

void asg_guard_search_begin(asg_guard_search_t *search,
    const asg_guard_set_t *set, const asg_action_t actions[ASG_RULE_MAX]);
/* What is done where a limit ended the search: nothing can be redacted that was
 * not found, so that is refused. */
asg_action_t asg_guard_gave_up(asg_action_t action);

void asg_guard_told_begin(asg_guard_told_t *told);
/* `gone` bytes in front of the text are no more. */
void asg_guard_told_shift(asg_guard_told_t *told, size_t gone);

/* The hits of all rules, in no order between those of different rules.  Those
 * of the seven have their anchors in [from, to), the others begin there.
 * `is_over`: nothing follows the text; else ASG_GUARD_REACH bytes follow `to`,
 * or asg_guard_set_settled() has said that so much is settled. */
void asg_guard_find_all(asg_guard_search_t *search, asg_guard_told_t *told,
    asg_str_t text, size_t from, size_t to, bool is_over, asg_hit_pt found,
    void *data);
/* What stands before this offset is told of by the rules of the operator,
 * whatever follows the text; no more than ASG_GUARD_REACH before its end.  What
 * stands before `from` was told of. */
size_t asg_guard_set_settled(asg_guard_search_t *search,
    const asg_guard_told_t *told, asg_str_t text, size_t from);

#endif
