/*
 * Sealing, opening and wrapping anew.
 */
#include "base/envelope.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define PLACE_MAX 640

struct gcm {
    const uint8_t *key;                 /* 32 bytes */
    asg_str_t aad, nonce;
};


/* --- AES-256-GCM --- */

static EVP_CIPHER_CTX *
gcm_begin(const struct gcm *g, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    if (ctx != NULL
        && (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, g->key,
                              (const uint8_t *) g->nonce.data, encrypt) != 1
            || EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *) g->aad.data,
                                (int) g->aad.len) != 1))
    {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


static bool
gcm_update(EVP_CIPHER_CTX *ctx, asg_str_t in, uint8_t *out)
{
    int n = 0;

    return in.len == 0
           || (EVP_CipherUpdate(ctx, out, &n, (const uint8_t *) in.data,
                                (int) in.len) == 1
               && (size_t) n == in.len);
}


/* `out` has room for the tag too. */
static asg_err_t
gcm_seal(const struct gcm *g, asg_str_t plain, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = gcm_begin(g, 1);
    int n = 0;
    bool ok = ctx != NULL && gcm_update(ctx, plain, out)
              && EVP_CipherFinal_ex(ctx, out + plain.len, &n) == 1
              && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
                                     ASG_ENVELOPE_TAG, out + plain.len) == 1;

    EVP_CIPHER_CTX_free(ctx);           /* wipes its copy of the key */

    return ok ? ASG_OK : ASG_ERR_MISSING;
}


/* libcrypto compares the tag in constant time. */
static asg_err_t
gcm_open(const struct gcm *g, asg_str_t sealed, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = gcm_begin(g, 0);
    asg_str_t cipher = {sealed.data, sealed.len - ASG_ENVELOPE_TAG};
    uint8_t tag[ASG_ENVELOPE_TAG], none[ASG_ENVELOPE_TAG];
    int n = 0;
    bool ok;

    memcpy(tag, sealed.data + cipher.len, sizeof(tag));
    ok = ctx != NULL && gcm_update(ctx, cipher, out)
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, ASG_ENVELOPE_TAG,
                                tag) == 1
         && EVP_CipherFinal_ex(ctx, none, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        OPENSSL_cleanse(out, cipher.len);
        return ASG_ERR_AUTH;
    }

    return ASG_OK;
}


/* --- what is authenticated --- */

/* The kek's id only in what it wraps: a value outlives it. */
static asg_err_t
place_write(const struct ctl_envelope_place *p, asg_str_t kek,
    char text[PLACE_MAX], asg_str_t *out)
{
    asg_buf_t b;

    if (strchr(p->table, '|') != NULL || strchr(p->row, '|') != NULL
        || strchr(p->column, '|') != NULL)
    {
        return ASG_ERR_SYNTAX;
    }
    asg_buf_init(&b, text, PLACE_MAX);
    asg_buf_z(&b, "asgard envelope ");
    asg_buf_u64(&b, ASG_ENVELOPE_FORMAT);
    asg_buf_z(&b, "|");
    asg_buf_z(&b, p->table);
    asg_buf_z(&b, "|");
    asg_buf_z(&b, p->row);
    asg_buf_z(&b, "|");
    asg_buf_z(&b, p->column);
    asg_buf_z(&b, kek.len > 0 ? "|wrap " : "|value");
    asg_buf_str(&b, kek);
    asg_buf_z(&b, "|");
    asg_buf_i64(&b, p->version);
    *out = asg_buf_view(&b);

    return asg_buf_ok(&b) ? ASG_OK : ASG_ERR_LIMIT;
}


/* --- the value's own key --- */

static asg_err_t
key_wrap(const asg_keks_t *keks, const struct ctl_envelope_place *place,
    const uint8_t key[ASG_ENVELOPE_KEY], const uint8_t *nonce,
    uint8_t wrapped[ASG_ENVELOPE_WRAPPED])
{
    const asg_named_key_t *kek = &keks->keks[0];
    char text[PLACE_MAX];
    struct gcm g = {kek->secret, ASG_STR_NULL,
                    {(const char *) nonce, ASG_ENVELOPE_NONCE}};
    asg_err_t err = place_write(place, asg_str_z(kek->id), text, &g.aad);

    return err != ASG_OK ? err
        : gcm_seal(&g, (asg_str_t) {(const char *) key, ASG_ENVELOPE_KEY},
                   wrapped);
}


static asg_err_t
key_unwrap(const asg_keks_t *keks, const struct ctl_envelope_place *place,
    const asg_envelope_t *from, uint8_t key[ASG_ENVELOPE_KEY])
{
    const asg_named_key_t *kek = asg_keks_find(keks, from->key_id);
    char text[PLACE_MAX];
    struct gcm g = {NULL, ASG_STR_NULL, from->wrap_nonce};
    asg_err_t err;

    if (kek == NULL) {
        return ASG_ERR_MISSING;
    }
    g.key = kek->secret;
    err = place_write(place, from->key_id, text, &g.aad);

    return err != ASG_OK ? err : gcm_open(&g, from->wrapped, key);
}


/* --- envelopes --- */

/* What is random in one: the value's key and both nonces. */
struct fresh {
    uint8_t key[ASG_ENVELOPE_KEY];
    uint8_t wrap_nonce[ASG_ENVELOPE_NONCE];
    uint8_t nonce[ASG_ENVELOPE_NONCE];
};


static asg_err_t
seal_with(const asg_keks_t *keks, const struct ctl_envelope_place *place,
    asg_str_t plain, const struct fresh *f, uint8_t *out, size_t *len)
{
    uint8_t wrapped[ASG_ENVELOPE_WRAPPED];
    uint8_t sealed[ASG_ENVELOPE_PLAIN_MAX + ASG_ENVELOPE_TAG];
    char text[PLACE_MAX];
    asg_envelope_t e = {
        .key_id = asg_str_z(keks->keks[0].id),
        .wrap_nonce = {(const char *) f->wrap_nonce, ASG_ENVELOPE_NONCE},
        .wrapped = {(const char *) wrapped, sizeof(wrapped)},
        .nonce = {(const char *) f->nonce, ASG_ENVELOPE_NONCE},
        .sealed = {(const char *) sealed, plain.len + ASG_ENVELOPE_TAG}
    };
    struct gcm g = {f->key, ASG_STR_NULL, e.nonce};
    asg_err_t err = place_write(place, ASG_STR_NULL, text, &g.aad);

    if (err == ASG_OK) {
        err = key_wrap(keks, place, f->key, f->wrap_nonce, wrapped);
    }
    if (err == ASG_OK) {
        err = gcm_seal(&g, plain, sealed);
    }

    return err == ASG_OK ? asg_envelope_write(&e, out, len) : err;
}


asg_err_t
ctl_envelope_seal(const asg_keks_t *keks,
    const struct ctl_envelope_place *place, asg_str_t plain,
    uint8_t out[ASG_ENVELOPE_MAX], size_t *len)
{
    struct fresh f;
    asg_err_t err = ASG_ERR_MISSING;

    if (plain.len > ASG_ENVELOPE_PLAIN_MAX) {
        return ASG_ERR_LIMIT;
    }
    if (keks->nkeks > 0
        && RAND_priv_bytes((unsigned char *) &f, sizeof(f)) == 1)
    {
        err = seal_with(keks, place, plain, &f, out, len);
    }
    OPENSSL_cleanse(&f, sizeof(f));

    return err;
}


asg_err_t
ctl_envelope_open(const asg_keks_t *keks,
    const struct ctl_envelope_place *place, asg_str_t sealed,
    uint8_t plain[ASG_ENVELOPE_PLAIN_MAX], size_t *len)
{
    uint8_t key[ASG_ENVELOPE_KEY];
    char text[PLACE_MAX];
    struct gcm g = {key, ASG_STR_NULL, ASG_STR_NULL};
    asg_envelope_t from;
    asg_err_t err = asg_envelope_parse(sealed, &from);

    if (err == ASG_OK) {
        err = key_unwrap(keks, place, &from, key);
    }
    if (err == ASG_OK) {
        err = place_write(place, ASG_STR_NULL, text, &g.aad);
    }
    if (err == ASG_OK) {
        g.nonce = from.nonce;
        err = gcm_open(&g, from.sealed, plain);
    }
    if (err == ASG_OK) {
        *len = from.sealed.len - ASG_ENVELOPE_TAG;
    }
    OPENSSL_cleanse(key, sizeof(key));

    return err;
}


asg_err_t
ctl_envelope_rewrap(const asg_keks_t *keks,
    const struct ctl_envelope_place *place, asg_str_t sealed,
    uint8_t out[ASG_ENVELOPE_MAX], size_t *len)
{
    uint8_t key[ASG_ENVELOPE_KEY], wrapped[ASG_ENVELOPE_WRAPPED];
    uint8_t nonce[ASG_ENVELOPE_NONCE];
    asg_envelope_t e;
    asg_err_t err = asg_envelope_parse(sealed, &e);

    if (err == ASG_OK) {
        err = key_unwrap(keks, place, &e, key);
    }
    if (err == ASG_OK && RAND_bytes(nonce, sizeof(nonce)) != 1) {
        err = ASG_ERR_MISSING;
    }
    if (err == ASG_OK) {
        err = key_wrap(keks, place, key, nonce, wrapped);
    }
    if (err == ASG_OK) {
        e.key_id = asg_str_z(keks->keks[0].id);
        e.wrap_nonce = (asg_str_t) {(const char *) nonce, sizeof(nonce)};
        e.wrapped = (asg_str_t) {(const char *) wrapped, sizeof(wrapped)};
        err = asg_envelope_write(&e, out, len);
    }
    OPENSSL_cleanse(key, sizeof(key));

    return err;
}


const char *
ctl_envelope_reason(asg_err_t err)
{
    switch (err) {
    case ASG_ERR_MISSING:
        return "its key is not in kek_file";
    case ASG_ERR_AUTH:
        return "it is damaged, or of another row";
    case ASG_ERR_VERSION:
        return "its format is not known";
    default:
        return "it is no envelope";
    }
}
