/*
 * A closed month of the ledger into a file.
 *
 * The month does not change, so the file is the same whenever it is made.  The
 * connection is the owner's: the running role cannot say what was exported.
 */
#ifndef CTL_LEDGER_EXPORT_H
#define CTL_LEDGER_EXPORT_H

#include "ledger/ledger_lines.h"
#include "redis/client.h"

/* Closes the month, writes the file, notes its digest.  409 when the file
 * exists, the month is open, pruned, or not any more what it was when it was
 * exported before; then there is no file. */
bool ctl_ledger_export(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *month, const char *file,
    struct ctl_ledger_sum *sum, struct ctl_error *e);

#endif
