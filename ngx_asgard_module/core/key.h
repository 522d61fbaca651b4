/*
 * Project keys: their grammar, and the digest under which they are known.
 *
 * digest = HMAC-SHA-256(pepper, SHA-256(token)), so that a key of which only
 * the SHA-256 is known can be imported.  The two HMAC pads are hashed once
 * (asg_key_pads_init) and copied per call: no allocation.  Wipe the pads
 * with OPENSSL_cleanse when they are no longer needed.
 */
#ifndef ASG_KEY_H
#define ASG_KEY_H

#include <stdint.h>

#include <openssl/sha.h>

#include "core/err.h"
#include "core/str.h"

#define ASG_KEY_DIGEST_BYTES  32
#define ASG_KEY_PREFIX_CHARS  12
#define ASG_KEY_HEX_CHARS     64
#define ASG_KEY_TEXT_MAX      208       /* longest accepted token */

typedef enum {
    ASG_KEY_NONE = 0,           /* of no accepted grammar */
    ASG_KEY_PROJECT,            /* asg_ + 64 hex */
    ASG_KEY_COMPAT,             /* sk-asg- + 64 hex */
    ASG_KEY_IMPORTED,           /* sk-[A-Za-z0-9_-]{16,200} */
    ASG_KEY_PAT,                /* asg_pat_ + 64 hex: never an inference key */
    ASG_KEY_SESSION             /* asg_ses_ + 64 hex: neither */
} asg_key_kind_t;

typedef struct {
    SHA256_CTX inner;
    SHA256_CTX outer;
} asg_key_pads_t;

asg_key_kind_t asg_key_classify(asg_str_t token);
bool asg_key_is_inference(asg_key_kind_t kind);

void asg_key_pads_init(asg_key_pads_t *pads, const uint8_t *pepper, size_t n);
void asg_key_digest(const asg_key_pads_t *pads, asg_str_t token,
    uint8_t digest[ASG_KEY_DIGEST_BYTES]);
/* The same for a token of which only the SHA-256 is known. */
void asg_key_digest_sha(const asg_key_pads_t *pads,
    const uint8_t sha[ASG_KEY_DIGEST_BYTES],
    uint8_t digest[ASG_KEY_DIGEST_BYTES]);

/* HMAC-SHA-256 of the two parts one after the other, under the secret of
 * which the pads are; for seal.c. */
void asg_key_pads_mac(const asg_key_pads_t *pads, asg_str_t head,
    asg_str_t body, uint8_t mac[ASG_KEY_DIGEST_BYTES]);

#endif
