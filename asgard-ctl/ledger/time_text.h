/*
 * Times that a client gives, RFC 3339, as PostgreSQL takes them too.
 */
#ifndef CTL_TIME_TEXT_H
#define CTL_TIME_TEXT_H

#include <stdint.h>

#include "base/error.h"

/* *at: epoch seconds.  400 invalid_value that names the field `name`; there is
 * no year 0 in PostgreSQL, though RFC 3339 has one. */
bool ctl_time_read(const char *name, const char *text, int64_t *at,
    struct ctl_error *e);

#endif
