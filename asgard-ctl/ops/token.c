/*
 * Access tokens in Postgres: only their SHA-256.
 */
#include "ops/token.h"

#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "core/str.h"

#define RANDOM_BYTES 32
#define SUFFIX_CHARS 8


static bool
token_make(char text[CTL_TOKEN_TEXT], size_t *len, struct ctl_error *e)
{
    uint8_t random[RANDOM_BYTES];
    asg_buf_t b;

    if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        return ctl_error_internal(e, "no random bytes");
    }
    asg_buf_init(&b, text, CTL_TOKEN_TEXT - 1);
    asg_buf_z(&b, "asg_pat_");
    asg_buf_hex(&b, random, sizeof(random));
    text[b.len] = '\0';
    *len = b.len;
    OPENSSL_cleanse(random, sizeof(random));

    return true;
}


bool
ctl_token_mint(struct ctl_change *c, const char *name, int64_t ttl_s,
    char text[CTL_TOKEN_TEXT], struct ctl_error *e)
{
    uint8_t sha[SHA256_DIGEST_LENGTH];
    char hex[2 * sizeof(sha) + 3];
    const char *ttl, *suffix;
    struct ctl_rows rows;
    asg_buf_t b;
    size_t len = 0;

    if (!token_make(text, &len, e)) {
        return false;
    }
    SHA256((const uint8_t *) text, len, sha);
    asg_buf_init(&b, hex, sizeof(hex) - 1);
    asg_buf_z(&b, "\\x");
    asg_buf_hex(&b, sha, sizeof(sha));
    hex[b.len] = '\0';
    suffix = ctl_arena_text(c->arena, text + len - SUFFIX_CHARS,
                            SUFFIX_CHARS);
    ttl = ttl_s > 0 ? ctl_arena_printf(c->arena, "%lld", (long long) ttl_s)
                    : NULL;

    return CTL_PG(c->pg, c->arena, &rows, e,
               "INSERT INTO tokens (name, sha256, suffix, role, expires_at)"
               " VALUES ($1, $2::bytea, $3, 'admin',"
               " now() + $4::bigint * interval '1 second')"
               " RETURNING token_id", name, hex, suffix, ttl)
           && ctl_change_audit(c, "token.minted", "token",
                               ctl_rows_at(&rows, 0, 0), NULL, NULL, NULL, e);
}
