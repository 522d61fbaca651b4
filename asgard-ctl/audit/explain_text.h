/*
 * The sentences about a hold that the database writes: each a statement whose
 * rows are lines of the report.
 */
#ifndef CTL_EXPLAIN_TEXT_H
#define CTL_EXPLAIN_TEXT_H

#include <stdio.h>

#include "store/pg.h"

struct ctl_explain {
    struct ctl_pg *pg;
    struct ctl_arena *arena;
    FILE *out;
};

/* Who called what: of an event's detail. */
bool ctl_explain_call(struct ctl_explain *x, const char *detail,
    struct ctl_error *e);
/* Where it was held. */
bool ctl_explain_windows(struct ctl_explain *x, const char *pins,
    struct ctl_error *e);
/* State, first evidence, what was held; *known: the ledger has it. */
bool ctl_explain_state(struct ctl_explain *x, const char *hold, bool *known,
    struct ctl_error *e);
/* Entries, corrections, why the balance is what it is, other attempts. */
bool ctl_explain_ledger(struct ctl_explain *x, const char *hold,
    struct ctl_error *e);
bool ctl_explain_attempts(struct ctl_explain *x, const char *hold,
    struct ctl_error *e);

#endif
