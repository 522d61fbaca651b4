/*
 * Is an exported audit log as it was signed?  Of the file and the public key
 * alone.
 *
 * A line that was changed, removed, moved or cut off is told by its place, as
 * near as the chain and the checkpoints tell.
 */
#ifndef CTL_AUDIT_VERIFY_H
#define CTL_AUDIT_VERIFY_H

#include <stdio.h>

#include "audit/export_key.h"

struct ctl_audit_verified {
    uint64_t entries, after, last;      /* numbers in the chain */
    uint64_t checkpoints;
    unsigned broken;
    char at[65];                        /* of the last that is signed; "" */
};

/* One line on `out` for each break, the first hundred; *found counts them all.
 * False when it could not look: 404 missing_file, 400 invalid_value. */
bool ctl_audit_verify(const char *file, EVP_PKEY *key, FILE *out,
    struct ctl_audit_verified *found, struct ctl_error *e);

#endif
