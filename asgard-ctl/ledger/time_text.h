/*
 * Times as text: those that a client gives, RFC 3339, as PostgreSQL takes them
 * too, and those that it is shown.
 */
#ifndef CTL_TIME_TEXT_H
#define CTL_TIME_TEXT_H

#include <stdint.h>

#include "base/error.h"

/* SQL: a timestamptz as RFC 3339 in UTC with milliseconds. */
#define CTL_TIME_ISO(column) \
    "to_char((" column ") AT TIME ZONE 'UTC'," \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* *at: epoch seconds.  400 invalid_value that names the field `name`; there is
 * no year 0 in PostgreSQL, though RFC 3339 has one. */
bool ctl_time_read(const char *name, const char *text, int64_t *at,
    struct ctl_error *e);

#endif
