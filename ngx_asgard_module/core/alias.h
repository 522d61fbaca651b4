/*
 * Names of one's own for models: a project's, or a key's.
 *
 * Packed, they are a text in which each name and what it stands for follow one
 * another, each ended by '\n'.  A name stands once.
 */
#ifndef ASG_ALIAS_H
#define ASG_ALIAS_H

#include "core/err.h"
#include "core/json.h"
#include "core/str.h"

#define ASG_ALIAS_NAME_MAX  256
#define ASG_ALIASES_MAX     32
#define ASG_ALIASES_BYTES   1024        /* packed */

/* 1 to ASG_ALIAS_NAME_MAX bytes without control characters. */
bool asg_alias_is_model_name(asg_str_t name);

/* What stands behind `name`; the null string: it is none of them. */
asg_str_t asg_alias_find(asg_str_t aliases, asg_str_t name);
/* The next of what is left; false: none is. */
bool asg_alias_next(asg_str_t *rest, asg_str_t *name, asg_str_t *target);
/* One line of such a text, or of a list of names; the null string: none. */
asg_str_t asg_alias_line(asg_str_t *rest);

/* One more; false, and nothing changes: it does not fit, stands there already,
 * or is no name of a model. */
bool asg_alias_add(asg_buf_t *aliases, asg_str_t name, asg_str_t target);

/* The value of a member, null or an object of names, into `aliases`.  LIMIT,
 * RANGE, SYNTAX. */
ASG_MUST_CHECK asg_err_t asg_alias_read(asg_json_t *json, asg_buf_t *aliases);
/* null when there is none. */
void asg_alias_write(asg_buf_t *out, asg_str_t aliases);

#endif
