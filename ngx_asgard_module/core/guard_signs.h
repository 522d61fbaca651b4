/*
 * The signs of a text for word lists: what a word is made of, and what a sign
 * is without its case.  Private to core/.
 *
 * A word is made of what Unicode calls letters, marks, digits and connectors.
 * What is written without space between words (Chinese, Japanese, Thai, Lao,
 * Khmer, Burmese) is taken sign by sign: each is a word of its own.
 */
#ifndef ASG_GUARD_SIGNS_H
#define ASG_GUARD_SIGNS_H

#include "core/str.h"

typedef enum {
    ASG_SIGN_NONE = 0,          /* of no word */
    ASG_SIGN_PART,              /* a word goes on with it */
    ASG_SIGN_ALONE              /* a word of its own */
} asg_sign_t;

/* The sign at `p`, before `end`; returns its bytes.  A byte that is no UTF-8
 * is one of its own, and no letter: UINT32_MAX. */
size_t asg_sign_read(const uint8_t *p, const uint8_t *end, uint32_t *point);
asg_sign_t asg_sign_kind(uint32_t point);
/* A byte of UTF-8 that no sign begins with. */
static inline bool asg_sign_is_tail(char c)
{
    return ((uint8_t) c & 0xc0) == 0x80;
}
/* Without a sign at its end that is not whole. */
asg_str_t asg_sign_whole(asg_str_t text);
/* Without its case: the simple folding of Unicode, sign for sign. */
uint32_t asg_sign_fold(uint32_t point);

#endif
