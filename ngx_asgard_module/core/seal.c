/* Authenticated encryption of provider keys and the snapshot's MAC. */
#include "core/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "core/key.h"

typedef struct {
    const asg_named_key_t *seal;
    asg_str_t aad;
    const uint8_t *nonce;
} lock_t;

/* The sub-key of a seal for one purpose, as HMAC-SHA-256(seal, label). */
static void derive(const asg_named_key_t *seal, asg_str_t label,
    uint8_t key[ASG_SECRET_BYTES])
{
    asg_key_pads_t pads;

    asg_key_pads_init(&pads, seal->secret, ASG_SECRET_BYTES);
    asg_key_pads_mac(&pads, label, ASG_STR_NULL, key);
    OPENSSL_cleanse(&pads, sizeof(pads));
}

/* Sets key, nonce and the authenticated text; NULL when libcrypto cannot. */
static EVP_CIPHER_CTX *open_cipher(lock_t lock, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t key[ASG_SECRET_BYTES];
    int n;
    int ok;

    if (ctx == NULL) {
        return NULL;
    }
    derive(lock.seal, ASG_STR("asgard enc 1"), key);
    ok = EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, lock.nonce,
                           encrypt);
    OPENSSL_cleanse(key, sizeof(key));
    if (ok == 1 && lock.aad.len > 0) {
        ok = EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *) lock.aad.data,
                              (int) lock.aad.len);
    }
    if (ok != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool encrypt(lock_t lock, asg_str_t plain, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = open_cipher(lock, 1);
    int len = (int) plain.len;
    uint8_t none[ASG_SEAL_TAG_BYTES];
    int n = 0;
    bool ok = ctx != NULL;

    if (ok && len > 0) {
        ok = EVP_EncryptUpdate(ctx, out, &n, (const uint8_t *) plain.data, len)
             == 1;
    }
    ok = ok && n == len && EVP_EncryptFinal_ex(ctx, none, &n) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, ASG_SEAL_TAG_BYTES,
                               out + len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool decrypt(lock_t lock, asg_str_t cipher, const uint8_t *tag,
    uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = open_cipher(lock, 0);
    int len = (int) cipher.len;
    uint8_t expected[ASG_SEAL_TAG_BYTES];
    uint8_t none[ASG_SEAL_TAG_BYTES];
    int n = 0;
    bool ok = ctx != NULL;

    for (size_t i = 0; i < sizeof(expected); i++) {
        expected[i] = tag[i];   /* the call below takes no const */
    }
    if (ok && len > 0) {
        ok = EVP_DecryptUpdate(ctx, out, &n, (const uint8_t *) cipher.data,
                               len) == 1;
    }
    ok = ok && n == len
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, ASG_SEAL_TAG_BYTES,
                               expected) == 1
        && EVP_DecryptFinal_ex(ctx, none, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

asg_err_t asg_seal_encrypt(const asg_named_key_t *seal, asg_str_t aad,
    asg_str_t plain, uint8_t nonce[ASG_SEAL_NONCE_BYTES], uint8_t *out)
{
    uint8_t fresh[ASG_SEAL_NONCE_BYTES];

    if (plain.len > ASG_SEAL_PLAIN_MAX || aad.len > ASG_SEAL_PLAIN_MAX) {
        return ASG_ERR_LIMIT;
    }
    if (RAND_bytes(fresh, sizeof(fresh)) != 1) {
        return ASG_ERR_MISSING;
    }
    if (!encrypt((lock_t) {seal, aad, fresh}, plain, out)) {
        OPENSSL_cleanse(out, plain.len + ASG_SEAL_TAG_BYTES);
        return ASG_ERR_MISSING;
    }
    for (size_t i = 0; i < sizeof(fresh); i++) {
        nonce[i] = fresh[i];
    }
    return ASG_OK;
}

asg_err_t asg_seal_decrypt(const asg_named_key_t *seal, asg_str_t aad,
    const uint8_t nonce[ASG_SEAL_NONCE_BYTES], asg_str_t sealed, uint8_t *out)
{
    asg_str_t cipher;
    const uint8_t *tag;

    if (sealed.len < ASG_SEAL_TAG_BYTES) {
        return ASG_ERR_AUTH;
    }
    cipher = (asg_str_t) {sealed.data, sealed.len - ASG_SEAL_TAG_BYTES};
    tag = (const uint8_t *) sealed.data + cipher.len;
    if (cipher.len > ASG_SEAL_PLAIN_MAX || aad.len > ASG_SEAL_PLAIN_MAX
        || !decrypt((lock_t) {seal, aad, nonce}, cipher, tag, out))
    {
        OPENSSL_cleanse(out, cipher.len);
        return ASG_ERR_AUTH;
    }
    return ASG_OK;
}

void asg_seal_mac(const asg_named_key_t *seal, asg_str_t head, asg_str_t body,
    uint8_t mac[ASG_SEAL_MAC_BYTES])
{
    uint8_t key[ASG_SECRET_BYTES];
    asg_key_pads_t pads;

    derive(seal, ASG_STR("asgard mac 1"), key);
    asg_key_pads_init(&pads, key, sizeof(key));
    asg_key_pads_mac(&pads, head, body, mac);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(&pads, sizeof(pads));
}
