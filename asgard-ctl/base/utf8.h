/*
 * Whether bytes from outside are text: well-formed UTF-8, which is all that
 * PostgreSQL and a JSON answer can hold.
 */
#ifndef CTL_UTF8_H
#define CTL_UTF8_H

#include <stdbool.h>

#include "core/str.h"

bool ctl_utf8_is_valid(asg_str_t text);

#endif
