/*
 * Making credentials.
 */
#include "ops/credential.h"

#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define RANDOM_BYTES 32


bool
ctl_credential_make(const char *prefix, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_error *e)
{
    uint8_t random[RANDOM_BYTES];
    asg_buf_t b;

    if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        return ctl_error_internal(e, "no random bytes");
    }
    asg_buf_init(&b, text, CTL_CREDENTIAL_TEXT - 1);
    asg_buf_z(&b, prefix);
    asg_buf_hex(&b, random, sizeof(random));
    text[b.len] = '\0';
    OPENSSL_cleanse(random, sizeof(random));

    return asg_buf_ok(&b) || ctl_error_internal(e, "a prefix is too long");
}


const char *
ctl_credential_sha(struct ctl_arena *arena, asg_str_t text)
{
    uint8_t sha[SHA256_DIGEST_LENGTH];
    char *hex = ctl_arena_alloc(arena, 2 * sizeof(sha) + 3);
    asg_buf_t b;

    if (hex != NULL) {
        SHA256((const uint8_t *) text.data, text.len, sha);
        asg_buf_init(&b, hex, 2 * sizeof(sha) + 2);
        asg_buf_z(&b, "\\x");
        asg_buf_hex(&b, sha, sizeof(sha));
    }

    return hex;
}
