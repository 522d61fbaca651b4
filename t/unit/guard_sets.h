/* Sets of an operator's rules, as tests make them. */
#ifndef ASG_TEST_GUARD_SETS_H
#define ASG_TEST_GUARD_SETS_H

#include <stdlib.h>

#include "core/guard_set.h"

static inline void *sets_alloc(size_t size, void *data)
{
    (void) data;
    return malloc(size);
}

static inline void sets_free(void *block, void *data)
{
    (void) data;
    free(block);
}

static inline void sets_begin(asg_guard_set_t *set)
{
    memset(set, 0, sizeof(*set));
    set->patterns.alloc = sets_alloc;
    set->patterns.free = sets_free;
    if (!asg_patterns_init(&set->patterns)) {
        abort();
    }
}

static inline asg_rule_t sets_rule(asg_guard_set_t *set, const char *name)
{
    asg_guard_rule_t *rule = &set->rules[set->nrules];

    memcpy(rule->name, name, strlen(name));
    memcpy(rule->category, "test", 5);
    return (asg_rule_t) (ASG_RULE_COUNT + set->nrules++);
}

static inline asg_rule_t sets_pattern(asg_guard_set_t *set, const char *name,
    const char *text)
{
    asg_rule_t rule = sets_rule(set, name);
    char why[ASG_PATTERN_WHY];

    if (asg_pattern_compile(&set->patterns, asg_str_z(text), false,
                            &set->rules[rule - ASG_RULE_COUNT].pattern, why)
        != ASG_OK)
    {
        abort();
    }
    return rule;
}

/* One list alone. */
static inline asg_rule_t sets_words(asg_guard_set_t *set, const char *name,
    const char *list)
{
    asg_rule_t rule = sets_rule(set, name);
    asg_words_file_t needs;
    size_t n;

    if (asg_words_check(asg_str_z(list), &needs) != ASG_OK) {
        abort();
    }
    n = asg_words_slots(needs.parts);
    asg_words_init(&set->words[1], true, calloc(n, sizeof(asg_words_slot_t)),
                   n, malloc(needs.bytes), needs.bytes);
    set->rules[rule - ASG_RULE_COUNT].is_words = true;
    if (asg_words_add(&set->words[1], asg_str_z(list), rule - ASG_RULE_COUNT)
        != ASG_OK)
    {
        abort();
    }
    return rule;
}

static inline void sets_end(asg_guard_set_t *set)
{
    for (unsigned i = 0; i < set->nrules; i++) {
        asg_pattern_free(&set->rules[i].pattern);
    }
    free(set->words[1].slots);
    free(set->words[1].storage);
    asg_patterns_free(&set->patterns);
}

#endif
