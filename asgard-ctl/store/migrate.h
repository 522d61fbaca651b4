/*
 * Bringing the database to this binary's schema.
 *
 * Runs as the owner, under an advisory lock, each file that the database lacks,
 * in order, in a transaction with its row in schema_migrations; also one whose
 * number is below the highest that is there.  A database that is newer than the
 * binary is refused.  In a file, `:"runtime"` stands for the quoted name of the
 * role that the daemon connects as.
 */
#ifndef CTL_MIGRATE_H
#define CTL_MIGRATE_H

#include "base/error.h"

/* *applied: how many files were run. */
bool ctl_migrate(const char *owner_uri, const char *runtime_uri,
    unsigned *applied, struct ctl_error *e);

#endif
