/*
 * Authenticated encryption of provider keys and the snapshot's MAC.
 *
 * AES-256-GCM with a random 96-bit nonce; output is ciphertext || 16-byte tag.
 * Sub-keys are derived from a seal secret (docs/formats.md).  The only file of
 * core/ in which libcrypto may allocate; it does no I/O but ask for randomness.
 */
#ifndef ASG_SEAL_H
#define ASG_SEAL_H

#include <stdint.h>

#include "core/err.h"
#include "core/keyfile.h"
#include "core/str.h"

#define ASG_SEAL_NONCE_BYTES  12
#define ASG_SEAL_TAG_BYTES    16
#define ASG_SEAL_MAC_BYTES    32
#define ASG_SEAL_PLAIN_MAX    4096

/* `out` has plain.len + ASG_SEAL_TAG_BYTES bytes of room. */
ASG_MUST_CHECK asg_err_t asg_seal_encrypt(const asg_named_key_t *seal,
    asg_str_t aad, asg_str_t plain, uint8_t nonce[ASG_SEAL_NONCE_BYTES],
    uint8_t *out);
/* `out` has sealed.len - ASG_SEAL_TAG_BYTES bytes of room; AUTH on any doubt,
 * and then `out` is wiped. */
ASG_MUST_CHECK asg_err_t asg_seal_decrypt(const asg_named_key_t *seal,
    asg_str_t aad, const uint8_t nonce[ASG_SEAL_NONCE_BYTES],
    asg_str_t sealed, uint8_t *out);

/* MAC over the two parts one after the other. */
void asg_seal_mac(const asg_named_key_t *seal, asg_str_t head, asg_str_t body,
    uint8_t mac[ASG_SEAL_MAC_BYTES]);

#endif
