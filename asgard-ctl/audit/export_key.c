/*
 * Making, reading and using the key of exports, by OpenSSL.
 */
#include "audit/export_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "base/new_file.h"
#include "base/secret.h"

#define KEY_BYTES 4096


/* The secret half never stands in a buffer of stdio. */
static bool
half_put(FILE *out, EVP_PKEY *key, bool secret)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text;
    long n;
    bool ok;

    ok = bio != NULL
         && (secret ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0,
                                                    NULL, NULL)
                    : PEM_write_bio_PUBKEY(bio, key)) == 1
         && (n = BIO_get_mem_data(bio, &text)) > 0
         && write(fileno(out), text, (size_t) n) == n;
    BIO_free(bio);

    return ok;
}


static bool
half_write(struct ctl_arena *arena, const char *file, EVP_PKEY *key,
    bool secret, struct ctl_error *e)
{
    struct ctl_new_file f;
    bool ok;

    if (!ctl_new_file_open(&f, arena, file, secret ? 0600 : 0644, e)) {
        return false;
    }
    ok = (half_put(f.out, key, secret)
          || ctl_error_internal(e, "%s: the key could not be written", file))
         && ctl_new_file_finish(&f, arena, e);
    if (!ok) {
        ctl_new_file_drop(&f);
    }

    return ok;
}


bool
ctl_export_key_make(struct ctl_arena *arena, const char *file,
    struct ctl_error *e)
{
    const char *open_file = ctl_arena_printf(arena, "%s.pub", file);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bool ok = (key != NULL && open_file != NULL)
              || ctl_error_internal(e, "no key could be made");

    ok = ok && half_write(arena, file, key, true, e);
    if (ok && !half_write(arena, open_file, key, false, e)) {
        unlink(file);
        ok = false;
    }
    EVP_PKEY_free(key);

    return ok;
}


/* A key with a password is none: nobody is asked for it. */
static int
password_none(char *to, int size, int writing, void *data)
{
    (void) to;
    (void) size;
    (void) writing;
    (void) data;

    return -1;
}


static bool
stat_check(const char *file, int fd, bool secret, struct ctl_error *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
        || st.st_size > KEY_BYTES)
    {
        return ctl_error_field(e, "invalid_value", "key", "%.200s is no key.",
                               file);
    }
    if (secret && ((st.st_mode & (S_IRWXO | S_IRWXG)) != 0
                   || !ctl_secret_owner_is_right(&st)))
    {
        return ctl_error_field(e, "invalid_value", "key", "%.200s may be read "
                               "by others: chown it to who runs this, and "
                               "chmod 600 it.", file);
    }

    return true;
}


static EVP_PKEY *
key_decode(const char *bytes, size_t n, bool secret)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int) n);
    EVP_PKEY *key = NULL;

    if (bio != NULL) {
        key = secret ? PEM_read_bio_PrivateKey(bio, NULL, password_none, NULL)
                     : PEM_read_bio_PUBKEY(bio, NULL, password_none, NULL);
    }
    BIO_free(bio);
    if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        key = NULL;
    }

    return key;
}


static EVP_PKEY *
key_read(const char *file, bool secret, struct ctl_error *e)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char bytes[KEY_BYTES];
    EVP_PKEY *key = NULL;
    ssize_t n;

    if (fd < 0) {
        ctl_error_set(e, 404, "missing_file", "%.200s: %s.", file,
                      strerror(errno));
        return NULL;
    }
    if (stat_check(file, fd, secret, e)) {
        n = read(fd, bytes, sizeof(bytes));
        key = n > 0 ? key_decode(bytes, (size_t) n, secret) : NULL;
        OPENSSL_cleanse(bytes, sizeof(bytes));
        if (key == NULL) {
            ctl_error_field(e, "invalid_value", "key", "%.200s is no %s key "
                            "of Ed25519 in PEM.", file, secret ? "secret"
                                                               : "public");
        }
    }
    close(fd);

    return key;
}


EVP_PKEY *
ctl_export_key_secret(const char *file, struct ctl_error *e)
{
    return key_read(file, true, e);
}


EVP_PKEY *
ctl_export_key_public(const char *file, struct ctl_error *e)
{
    return key_read(file, false, e);
}


bool
ctl_export_key_sign(EVP_PKEY *key, asg_str_t text,
    uint8_t out[CTL_EXPORT_SIGNATURE], struct ctl_error *e)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t n = CTL_EXPORT_SIGNATURE;
    bool ok = md != NULL && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1
              && EVP_DigestSign(md, out, &n, (const uint8_t *) text.data,
                                text.len) == 1
              && n == CTL_EXPORT_SIGNATURE;

    EVP_MD_CTX_free(md);

    return ok || ctl_error_internal(e, "signing failed");
}


bool
ctl_export_key_fits(EVP_PKEY *key, asg_str_t text,
    const uint8_t signature[CTL_EXPORT_SIGNATURE])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL
              && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1
              && EVP_DigestVerify(md, signature, CTL_EXPORT_SIGNATURE,
                                  (const uint8_t *) text.data, text.len) == 1;

    EVP_MD_CTX_free(md);

    return ok;
}
