/*
 * Query strings of the control API: named, bounded, nothing unknown.
 */
#ifndef CTL_QUERY_H
#define CTL_QUERY_H

#include "http/route.h"

#define CTL_PAGE_DEFAULT 100
#define CTL_PAGE_MAX     1000

/* The form of ids, as a cursor. */
#define CTL_QUERY_UUID   "ffffffff-ffff-ffff-ffff-ffffffffffff"

struct ctl_query_field {
    const char *name;
    const char **out;                   /* decoded text of the arena */
};

/* `fields` ends with name NULL.  An unknown or repeated name is 400
 * unknown_field; a malformed escape and what is not UTF-8 invalid_value. */
bool ctl_query_read(struct ctl_request *rq,
    const struct ctl_query_field *fields, struct ctl_error *e);
/* A cursor: NULL, or characters in the form of `pattern`, in which 9 stands for
 * a digit, f for a hex digit and anything else for itself. */
bool ctl_query_cursor(const char *text, const char *pattern,
    struct ctl_error *e);
/* "limit": 1 to 1,000, default 100. */
bool ctl_query_limit(const char *text, unsigned *limit, struct ctl_error *e);

/* The page of a list that has no other query. */
struct ctl_query_page {
    const char *after;                  /* the cursor; "": from the first on */
    unsigned limit;
};

/* `pattern`: as for the cursor. */
bool ctl_query_page_read(struct ctl_request *rq, const char *pattern,
    struct ctl_query_page *page, struct ctl_error *e);

#endif
