/* Project keys: grammar and digest. */

/* SHA256_* is deprecated for EVP, which allocates on every call; so does the
 * one-call SHA256(). */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/key.h"

#include <string.h>

#include <openssl/crypto.h>

#define IMPORTED_CHARS_MIN  16
#define IMPORTED_CHARS_MAX  200

typedef struct {
    asg_key_kind_t kind;
    asg_str_t prefix;
    size_t min;                 /* characters after the prefix */
    size_t max;
    bool (*is_char)(char c);
} grammar_t;

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* The first that fits counts: a compatible key is also of the imported form. */
static const grammar_t grammars[] = {
    {ASG_KEY_PAT, {"asg_pat_", 8}, ASG_KEY_HEX_CHARS, ASG_KEY_HEX_CHARS,
     is_hex},
    {ASG_KEY_SESSION, {"asg_ses_", 8}, ASG_KEY_HEX_CHARS, ASG_KEY_HEX_CHARS,
     is_hex},
    {ASG_KEY_PROJECT, {"asg_", 4}, ASG_KEY_HEX_CHARS, ASG_KEY_HEX_CHARS,
     is_hex},
    {ASG_KEY_COMPAT, {"sk-asg-", 7}, ASG_KEY_HEX_CHARS, ASG_KEY_HEX_CHARS,
     is_hex},
    {ASG_KEY_IMPORTED, {"sk-", 3}, IMPORTED_CHARS_MIN, IMPORTED_CHARS_MAX,
     is_word}
};

static bool fits(const grammar_t *g, asg_str_t token)
{
    if (token.len < g->prefix.len + g->min
        || token.len > g->prefix.len + g->max
        || memcmp(token.data, g->prefix.data, g->prefix.len) != 0)
    {
        return false;
    }
    for (size_t i = g->prefix.len; i < token.len; i++) {
        if (!g->is_char(token.data[i])) {
            return false;
        }
    }
    return true;
}

asg_key_kind_t asg_key_classify(asg_str_t token)
{
    for (size_t i = 0; i < sizeof(grammars) / sizeof(grammars[0]); i++) {
        if (fits(&grammars[i], token)) {
            return grammars[i].kind;
        }
    }
    return ASG_KEY_NONE;
}

bool asg_key_is_inference(asg_key_kind_t kind)
{
    return kind == ASG_KEY_PROJECT || kind == ASG_KEY_COMPAT
        || kind == ASG_KEY_IMPORTED;
}

static void sha_256(const void *data, size_t n,
    uint8_t sha[SHA256_DIGEST_LENGTH])
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    SHA256_Update(&ctx, data, n);
    SHA256_Final(sha, &ctx);
    OPENSSL_cleanse(&ctx, sizeof(ctx));
}

static void pad_init(SHA256_CTX *ctx, const uint8_t block[SHA256_CBLOCK],
    uint8_t mask)
{
    uint8_t pad[SHA256_CBLOCK];

    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] = block[i] ^ mask;
    }
    SHA256_Init(ctx);
    SHA256_Update(ctx, pad, sizeof(pad));
    OPENSSL_cleanse(pad, sizeof(pad));
}

void asg_key_pads_init(asg_key_pads_t *pads, const uint8_t *pepper, size_t n)
{
    uint8_t block[SHA256_CBLOCK] = {0};

    if (n > sizeof(block)) {
        sha_256(pepper, n, block);
    } else {
        memcpy(block, pepper, n);
    }
    pad_init(&pads->inner, block, 0x36);
    pad_init(&pads->outer, block, 0x5c);
    OPENSSL_cleanse(block, sizeof(block));
}

void asg_key_pads_mac(const asg_key_pads_t *pads, asg_str_t head,
    asg_str_t body, uint8_t mac[ASG_KEY_DIGEST_BYTES])
{
    SHA256_CTX ctx = pads->inner;
    uint8_t inner[SHA256_DIGEST_LENGTH];

    SHA256_Update(&ctx, head.data, head.len);
    SHA256_Update(&ctx, body.data, body.len);
    SHA256_Final(inner, &ctx);
    ctx = pads->outer;
    SHA256_Update(&ctx, inner, sizeof(inner));
    SHA256_Final(mac, &ctx);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(&ctx, sizeof(ctx));
}

void asg_key_digest(const asg_key_pads_t *pads, asg_str_t token,
    uint8_t digest[ASG_KEY_DIGEST_BYTES])
{
    uint8_t sha[SHA256_DIGEST_LENGTH];

    sha_256(token.data, token.len, sha);
    asg_key_digest_sha(pads, sha, digest);
    OPENSSL_cleanse(sha, sizeof(sha));
}

void asg_key_digest_sha(const asg_key_pads_t *pads,
    const uint8_t sha[ASG_KEY_DIGEST_BYTES],
    uint8_t digest[ASG_KEY_DIGEST_BYTES])
{
    asg_str_t body = {(const char *) sha, ASG_KEY_DIGEST_BYTES};

    asg_key_pads_mac(pads, ASG_STR_NULL, body, digest);
}
