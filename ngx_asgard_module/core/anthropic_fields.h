/*
 * The members of a chat request, by what becomes of them at Anthropic
 * (anthropic_fields.def).
 *
 * Private to core/.
 */
#ifndef ASG_ANTHROPIC_FIELDS_H
#define ASG_ANTHROPIC_FIELDS_H

#include "core/str.h"

typedef enum {
#define ROW(id, name, rule, neutral) ASG_ANTHROPIC_##id,
#include "core/anthropic_fields.def"
#undef ROW
    ASG_ANTHROPIC_COUNT         /* also: no row names it */
} asg_anthropic_field_t;

typedef enum {
    ASG_ANTHROPIC_WRITTEN, ASG_ANTHROPIC_DROPPED, ASG_ANTHROPIC_SETTING,
    ASG_ANTHROPIC_REFUSED
} asg_anthropic_rule_t;

/* `key` is raw.  COUNT: no row. */
asg_anthropic_field_t asg_anthropic_field_find(asg_str_t key);
const char *asg_anthropic_field_name(asg_anthropic_field_t field);
asg_anthropic_rule_t asg_anthropic_field_rule(asg_anthropic_field_t field);
/* Does the value ask for nothing? */
bool asg_anthropic_field_is_neutral(asg_anthropic_field_t field,
    asg_str_t value);

/* Two numbers as JSON writes them: below, at, above 0. */
int asg_anthropic_compare(asg_str_t a, asg_str_t b);

#endif
