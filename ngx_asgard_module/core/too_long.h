/*
 * Does a provider refuse a request because its prompt is too long?
 *
 * Providers say it with 400, 413 or 422 and in words of their own; this looks
 * for the words.  Wrong either way costs no money: a model for longer prompts
 * is asked, or it is not.
 */
#ifndef ASG_TOO_LONG_H
#define ASG_TOO_LONG_H

#include <stdbool.h>

#include "core/str.h"

#define ASG_TOO_LONG_BYTES  16384       /* so much of an answer is read */

bool asg_too_long_says(asg_str_t body);

#endif
