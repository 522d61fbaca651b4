/*
 * The rules, each asked at one anchor.  Private to core/.
 *
 * `at` is the offset of the anchor: the `@` of an address, the first digit of a
 * number, the first sign of a token, the second-last dash before BEGIN.  False:
 * there is no match, and `hit` means nothing.
 */
#ifndef ASG_GUARD_RULE_H
#define ASG_GUARD_RULE_H

#include "core/guard.h"

bool asg_rule_email(asg_str_t text, size_t at, asg_hit_t *hit);
/* A card or a social security number. */
bool asg_rule_number(asg_str_t text, size_t at, asg_hit_t *hit);
bool asg_rule_aws_key(asg_str_t text, size_t at, asg_hit_t *hit);
/* Of the short kind (ghp_…), and of the long one, at the `_` before `pat_`. */
bool asg_rule_github_token(asg_str_t text, size_t at, asg_hit_t *hit);
bool asg_rule_github_pat(asg_str_t text, size_t at, asg_hit_t *hit);
bool asg_rule_private_key(asg_str_t text, size_t at, asg_hit_t *hit);
/* guard_phrase.c: an order to drop what was said before, at its first letter;
 * one to tell the hidden prompt, at the `p` of that word; "do anything now", at
 * the `a`. */
bool asg_rule_drop_order(asg_str_t text, size_t at, asg_hit_t *hit);
bool asg_rule_tell_prompt(asg_str_t text, size_t at, asg_hit_t *hit);
bool asg_rule_anything(asg_str_t text, size_t at, asg_hit_t *hit);
/* Where an order may begin that the text ends with, as far as it came; not
 * before `least`.  The length of the text: there is none. */
size_t asg_rule_phrase_start(asg_str_t text, size_t least);

static inline bool asg_rule_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool asg_rule_is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline bool asg_rule_is_alnum(char c)
{
    return asg_rule_is_digit(c) || asg_rule_is_letter(c);
}

/* Does `z` stand at `at`? */
static inline bool asg_rule_stands(asg_str_t text, size_t at, const char *z)
{
    size_t n = strlen(z);

    return at <= text.len && text.len - at >= n
        && memcmp(text.data + at, z, n) == 0;
}

#endif
