/*
 * Hashing passwords with OpenSSL's scrypt.
 */
#include "ops/password.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* 2^15 blocks of 1 KiB, three times over. */
#define SCRYPT_N      32768
#define SCRYPT_R      8
#define SCRYPT_P      3
#define SCRYPT_HEAD   "scrypt$15$8$3$"
#define MEMORY_MAX    (64u * 1024 * 1024)
#define SALT_BYTES    16
#define HASH_BYTES    32

static atomic_uint under_way;


static bool
derive(const char *password, const uint8_t salt[SALT_BYTES],
    uint8_t hash[HASH_BYTES], unsigned at_once, struct ctl_error *e)
{
    bool ok = true;

    if (atomic_fetch_add(&under_way, 1) >= at_once) {
        ok = ctl_error_set(e, 503, "overloaded",
                           "Too many passwords are looked at already; try "
                           "again shortly.");
    } else if (EVP_PBE_scrypt(password, strlen(password), salt, SALT_BYTES,
                              SCRYPT_N, SCRYPT_R, SCRYPT_P, MEMORY_MAX, hash,
                              HASH_BYTES) != 1)
    {
        ok = ctl_error_internal(e, "scrypt failed");
    }
    atomic_fetch_sub(&under_way, 1);

    return ok;
}


const char *
ctl_password_hash(struct ctl_arena *arena, const char *password,
    unsigned at_once, struct ctl_error *e)
{
    const size_t cap = sizeof(SCRYPT_HEAD) + 2 * (SALT_BYTES + HASH_BYTES) + 2;
    char *text = ctl_arena_alloc(arena, cap + 1);
    uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
    asg_buf_t b;

    if (text == NULL
        || getrandom(salt, sizeof(salt), 0) != (ssize_t) sizeof(salt))
    {
        ctl_error_internal(e, "no memory or no random bytes");
        return NULL;
    }
    if (!derive(password, salt, hash, at_once, e)) {
        return NULL;
    }
    asg_buf_init(&b, text, cap);
    asg_buf_z(&b, SCRYPT_HEAD);
    asg_buf_hex(&b, salt, sizeof(salt));
    asg_buf_z(&b, "$");
    asg_buf_hex(&b, hash, sizeof(hash));
    OPENSSL_cleanse(hash, sizeof(hash));

    return text;
}


/* False: it is no hash of ours. */
static bool
stored_parse(const char *stored, uint8_t salt[SALT_BYTES],
    uint8_t hash[HASH_BYTES])
{
    const size_t head = sizeof(SCRYPT_HEAD) - 1;
    const char *at;

    if (stored == NULL
        || strlen(stored) != head + 2 * SALT_BYTES + 1 + 2 * HASH_BYTES
        || memcmp(stored, SCRYPT_HEAD, head) != 0
        || stored[head + 2 * SALT_BYTES] != '$')
    {
        return false;
    }
    at = stored + head;

    return asg_hex_decode((asg_str_t) {at, 2 * SALT_BYTES}, salt, SALT_BYTES)
           && asg_hex_decode((asg_str_t) {at + 2 * SALT_BYTES + 1,
                                          2 * HASH_BYTES}, hash, HASH_BYTES);
}


bool
ctl_password_check(const char *stored, const char *password,
    unsigned at_once, bool *matches, struct ctl_error *e)
{
    uint8_t salt[SALT_BYTES] = {0}, wanted[HASH_BYTES] = {0};
    uint8_t found[HASH_BYTES];
    bool known = stored_parse(stored, salt, wanted);
    bool ok = derive(password, salt, found, at_once, e);

    *matches = ok && known
               && asg_str_eq_secret((asg_str_t) {(char *) wanted, HASH_BYTES},
                                    (asg_str_t) {(char *) found, HASH_BYTES});
    OPENSSL_cleanse(wanted, sizeof(wanted));
    OPENSSL_cleanse(found, sizeof(found));

    return ok;
}
