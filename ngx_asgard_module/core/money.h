/*
 * Amounts of money as integers, and as the text that people and JSON read.
 *
 * Unit: nano-USD (10^-9 USD).  An amount is in [0, ASG_NUSD_MAX]; only the
 * difference of an `adjust` entry is negative.  2^53 - 1 is the largest integer
 * that Redis' Lua carries exactly.  Nothing here passes through a double.
 */
#ifndef ASG_MONEY_H
#define ASG_MONEY_H

#include "core/err.h"
#include "core/str.h"

typedef int64_t asg_nusd_t;

#define ASG_NUSD_MAX     ((asg_nusd_t) 9007199254740991)
#define ASG_MONEY_TEXT   24          /* "-9007199.254740991" and a NUL fit */

/* `[0-9]+(\.[0-9]{1,9})?`: no sign, exponent, space or grouping.  SYNTAX, or
 * RANGE above ASG_NUSD_MAX.  A leading zero is SYNTAX unless alone. */
ASG_MUST_CHECK asg_err_t asg_money_parse(asg_str_t text, asg_nusd_t *out);

/* Shortest plain decimal: 0, 0.00021, 12.5, -3.  Returns its length; the text
 * is NUL-terminated. */
size_t asg_money_format(asg_nusd_t amount_nusd, char text[ASG_MONEY_TEXT]);

#endif
