/*
 * The bytes of a sealed secret, taken apart (docs/formats.md, "Envelope").
 *
 *   format 1 | n | key id (n bytes) | nonce 12 | wrapped key 48 | nonce 12
 *   | ciphertext | tag 16
 *
 * A key of its own encrypts the value; the key-encryption key of that id wraps
 * this key.  Pure: nothing is decrypted here (base/envelope.h does).
 */
#ifndef ASG_ENVELOPE_H
#define ASG_ENVELOPE_H

#include <stdint.h>

#include "core/err.h"
#include "core/keyfile.h"
#include "core/str.h"

#define ASG_ENVELOPE_FORMAT     1
#define ASG_ENVELOPE_NONCE      12
#define ASG_ENVELOPE_TAG        16
#define ASG_ENVELOPE_KEY        32      /* the value's own key */
#define ASG_ENVELOPE_WRAPPED    (ASG_ENVELOPE_KEY + ASG_ENVELOPE_TAG)
#define ASG_ENVELOPE_PLAIN_MAX  16384
#define ASG_ENVELOPE_MAX        (2 + ASG_KEYFILE_ID_MAX \
    + 2 * ASG_ENVELOPE_NONCE + ASG_ENVELOPE_WRAPPED + ASG_ENVELOPE_PLAIN_MAX \
    + ASG_ENVELOPE_TAG)

/* Views into the envelope's bytes. */
typedef struct {
    asg_str_t key_id;
    asg_str_t wrap_nonce;
    asg_str_t wrapped;                  /* with its tag */
    asg_str_t nonce;
    asg_str_t sealed;                   /* with its tag */
} asg_envelope_t;

/* VERSION: another format; SYNTAX: too short, no id; LIMIT: too long. */
ASG_MUST_CHECK asg_err_t asg_envelope_parse(asg_str_t bytes,
    asg_envelope_t *out);
/* The reverse; *len <= ASG_ENVELOPE_MAX bytes go into `out`. */
ASG_MUST_CHECK asg_err_t asg_envelope_write(const asg_envelope_t *from,
    uint8_t out[ASG_ENVELOPE_MAX], size_t *len);

#endif
