/*
 * The Cookie header (RFC 6265): one value by its name.  Pure.
 */
#ifndef CTL_COOKIE_H
#define CTL_COOKIE_H

#include "core/str.h"

/* Borrowed from `header`; null: there is none of this name, or there are two,
 * of which a neighbouring site may have set one. */
asg_str_t ctl_cookie_find(asg_str_t header, const char *name);

#endif
