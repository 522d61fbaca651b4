/*
 * Files of named keys (docs/formats.md): the key file with seal keys and
 * peppers, and the file of key-encryption keys (KEKs), which only the keeper
 * reads.
 *
 * Parsing copies the secrets into the caller's struct; wipe it.  A message
 * never holds a byte of a secret.
 */
#ifndef ASG_KEYFILE_H
#define ASG_KEYFILE_H

#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define ASG_KEYFILE_BYTES_MAX  32768
#define ASG_KEYFILE_KEYS_MAX   16       /* of each kind */
#define ASG_KEYFILE_ID_MAX     16
#define ASG_SECRET_BYTES       32

typedef struct {
    char id[ASG_KEYFILE_ID_MAX + 1];
    uint8_t secret[ASG_SECRET_BYTES];
} asg_named_key_t;

typedef struct {
    asg_named_key_t seals[ASG_KEYFILE_KEYS_MAX];
    size_t nseals;
    asg_named_key_t peppers[ASG_KEYFILE_KEYS_MAX];
    size_t npeppers;
} asg_keyfile_t;

typedef struct {
    asg_named_key_t keks[ASG_KEYFILE_KEYS_MAX];         /* the first seals */
    size_t nkeks;
} asg_keks_t;

typedef struct {
    unsigned line;              /* 1-based; 0: the file as a whole */
    const char *text;           /* static */
} asg_keyfile_error_t;

/* Refuses unknown kinds, repeated ids, keys that are not random, and a
 * file without at least one seal and one pepper (unless `pepper_only`). */
ASG_MUST_CHECK asg_err_t asg_keyfile_parse(asg_str_t text, bool pepper_only,
    asg_keyfile_t *out, asg_keyfile_error_t *error);
const asg_named_key_t *asg_keyfile_seal(const asg_keyfile_t *f, asg_str_t id);
const asg_named_key_t *asg_keyfile_pepper(const asg_keyfile_t *f, asg_str_t id);
void asg_keyfile_wipe(asg_keyfile_t *f);

/* Likewise; refuses a file without a kek. */
ASG_MUST_CHECK asg_err_t asg_keks_parse(asg_str_t text, asg_keks_t *out,
    asg_keyfile_error_t *error);
const asg_named_key_t *asg_keks_find(const asg_keks_t *f, asg_str_t id);
void asg_keks_wipe(asg_keks_t *f);

#endif
