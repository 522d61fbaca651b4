/*
 * Reading the ledger and the audit log in pages.
 *
 * Rows come back as JSON objects, one text each, written by the database, so
 * that no number passes through a double on the way.
 */
#ifndef CTL_JOURNAL_READ_H
#define CTL_JOURNAL_READ_H

#include "store/pg.h"

struct ctl_page {
    const char **rows;                  /* JSON objects */
    unsigned n;
    const char *next;                   /* cursor, NULL: no more */
};

struct ctl_ledger_filter {
    const char *project, *since, *until;        /* NULL: any */
    const char *email;                  /* owner or manager now; NULL: any */
    const char *cursor;
    unsigned limit;
};

#define CTL_AUDIT_TRACE_MAX 100         /* events of a trace in a page */

/* With a trace each event says its `cause`: see audit_cause.h. */
struct ctl_audit_filter {
    const char *trace, *entity, *actor, *action;        /* NULL: any */
    const char *since, *until, *cursor;
    unsigned limit;
    bool sees_all;                      /* causes of a group, too */
};

/* Oldest first.  400 invalid_value for a bad time or cursor. */
bool ctl_ledger_page(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ledger_filter *f, struct ctl_page *out,
    struct ctl_error *e);
bool ctl_audit_page(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_audit_filter *f, struct ctl_page *out,
    struct ctl_error *e);

#endif
