/*
 * The audit log into a file, in the order of its chain, with signed
 * checkpoints: who has the file and the public key needs neither the database
 * nor us to know that it is whole.
 *
 * What has no seal yet is not in it.  A chain that does not hold is not signed.
 */
#ifndef CTL_AUDIT_EXPORT_H
#define CTL_AUDIT_EXPORT_H

#include "audit/export_key.h"
#include "store/pg.h"

struct ctl_audit_export {
    const char *since, *until;          /* RFC 3339, checked; NULL: all */
    const char *file;
    EVP_PKEY *key;
    /* found: */
    int64_t entries, unsealed;
    uint64_t after, last;               /* numbers in the chain */
};

/* From the first event at `since` or later to the last before `until`, and all
 * between them in the chain.  409 file_exists, audit_broken; then there is no
 * file. */
bool ctl_audit_export(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_audit_export *x, struct ctl_error *e);

#endif
