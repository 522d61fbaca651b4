/*
 * A month of the ledger as lines of text: one JSON object an entry, then one
 * that closes it.  docs/formats.md has the format.
 */
#ifndef CTL_LEDGER_LINES_H
#define CTL_LEDGER_LINES_H

#include <stdio.h>

#include "store/pg.h"

#define CTL_SHA256_TEXT 65              /* hex and a NUL */

struct ctl_ledger_sum {
    char sha256[CTL_SHA256_TEXT];       /* of the lines before the last */
    int64_t entries;
    const char *sum_nano;
    const char *last;                   /* the closing line, with its end */
};

/* Reads the entries of the closed month `date` (its first day), in the
 * caller's transaction, and writes all lines but the last to `out`, if not
 * NULL. */
bool ctl_ledger_lines(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *date, FILE *out, struct ctl_ledger_sum *sum,
    struct ctl_error *e);

/* *same: the file holds those lines and nothing else. */
bool ctl_ledger_file_is(const char *file, const struct ctl_ledger_sum *sum,
    bool *same, struct ctl_error *e);

#endif
