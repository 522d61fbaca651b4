/*
 * The key that signs exported audit logs: Ed25519, in PEM as openssl has it.
 *
 * Whoever has the public half can verify without us and without a secret.
 */
#ifndef CTL_EXPORT_KEY_H
#define CTL_EXPORT_KEY_H

#include <openssl/evp.h>

#include "audit/export_line.h"
#include "base/arena.h"
#include "base/error.h"

/* A new pair: `file`, for us alone, and `file`.pub.  409 file_exists. */
bool ctl_export_key_make(struct ctl_arena *arena, const char *file,
    struct ctl_error *e);
/* The caller's, EVP_PKEY_free(); NULL with the error set: 404 missing_file, 400
 * invalid_value.  A file with the secret half that others may read is none. */
EVP_PKEY *ctl_export_key_secret(const char *file, struct ctl_error *e);
EVP_PKEY *ctl_export_key_public(const char *file, struct ctl_error *e);

bool ctl_export_key_sign(EVP_PKEY *key, asg_str_t text,
    uint8_t out[CTL_EXPORT_SIGNATURE], struct ctl_error *e);
bool ctl_export_key_fits(EVP_PKEY *key, asg_str_t text,
    const uint8_t signature[CTL_EXPORT_SIGNATURE]);

#endif
