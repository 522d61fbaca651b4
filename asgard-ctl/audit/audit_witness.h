/*
 * M5: every line of the witness files is in the ledger, or still on its way to
 * it, as it says: rank and amount, what was held, project, key, pins, price
 * card, tokens.  What the ledger has besides is what was held, charged when it
 * expired, or the provider's own record.  And every call that a gateway ended
 * in the period that is asked for has its line.
 *
 * The files are read as streams into a temporary table of the database, so that
 * their size matters to neither side's memory.  Lines move forward only - from
 * an open hold to the stream to the ledger - and are looked for in that order,
 * so that none is missed between two looks while calls run.
 */
#ifndef CTL_AUDIT_WITNESS_H
#define CTL_AUDIT_WITNESS_H

#include <stdio.h>

#include "redis/client.h"
#include "store/pg.h"

#define CTL_WITNESS_FILES 1024

struct ctl_witness_words {
    const char *files[CTL_WITNESS_FILES];
    unsigned nfiles;
    const char *since, *until;          /* of timestamptz; "": all there is */
};

/* Adds a line on `out` for each row that breaks, and *broken; says at the end
 * how many lines were read, of which period, and what is no break.  404
 * missing_file: nothing is known then. */
bool ctl_audit_witness(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const struct ctl_witness_words *words, FILE *out,
    unsigned *broken, struct ctl_error *e);

#endif
