/* core/seal.h: sealed provider keys, the snapshot's MAC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cmocka.h>

#include "core/seal.h"

#define AAD  ASG_STR("asgard key 1|https|api.openai.com|443|17")

static const asg_named_key_t seal = {
    "s1", "a seal secret of 32 bytes......."
};
static const asg_named_key_t other = {
    "s1", "a seal secret of 32 bytes.....!."
};

static uint8_t nonce[ASG_SEAL_NONCE_BYTES];
static uint8_t sealed[ASG_SEAL_PLAIN_MAX + ASG_SEAL_TAG_BYTES];
static uint8_t opened[ASG_SEAL_PLAIN_MAX + 1];

static asg_str_t bytes(const uint8_t *data, size_t n)
{
    return (asg_str_t) {(const char *) data, n};
}

static void round_trip(asg_str_t plain, asg_str_t aad)
{
    assert_int_equal(asg_seal_encrypt(&seal, aad, plain, nonce, sealed),
                     ASG_OK);
    assert_int_equal(asg_seal_decrypt(&seal, aad, nonce,
        bytes(sealed, plain.len + ASG_SEAL_TAG_BYTES), opened), ASG_OK);
    assert_true(asg_str_eq(bytes(opened, plain.len), plain));
}

static void what_was_sealed_is_opened(void **state)
{
    static char large[ASG_SEAL_PLAIN_MAX];

    (void) state;
    memset(large, 'x', sizeof(large));
    round_trip(ASG_STR("sk-provider-key"), AAD);
    round_trip(ASG_STR_NULL, AAD);
    round_trip(ASG_STR("k"), ASG_STR_NULL);
    round_trip((asg_str_t) {large, sizeof(large)}, AAD);
}

/* Whoever reads a catalog must be able to open it with stock AES-GCM. */
static void a_sealed_key_is_aes_256_gcm_under_the_derived_key(void **state)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t key[32], out[16];
    asg_str_t aad = AAD;
    unsigned size;
    int n;

    (void) state;
    assert_int_equal(asg_seal_encrypt(&seal, aad, ASG_STR("secret"), nonce,
                                      sealed), ASG_OK);
    assert_non_null(HMAC(EVP_sha256(), seal.secret, 32,
                         (const uint8_t *) "asgard enc 1", 12, key, &size));
    assert_int_equal(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key,
                                        nonce), 1);
    assert_int_equal(EVP_DecryptUpdate(ctx, NULL, &n,
        (const uint8_t *) aad.data, (int) aad.len), 1);
    assert_int_equal(EVP_DecryptUpdate(ctx, out, &n, sealed, 6), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16,
                                         sealed + 6), 1);
    assert_int_equal(EVP_DecryptFinal_ex(ctx, out + 6, &n), 1);
    assert_memory_equal(out, "secret", 6);
    EVP_CIPHER_CTX_free(ctx);
}

static void opens_not(const asg_named_key_t *with, asg_str_t aad, size_t len)
{
    static const uint8_t zero[16];

    memset(opened, 0xee, 16);
    assert_int_equal(asg_seal_decrypt(with, aad, nonce, bytes(sealed, len),
                                      opened), ASG_ERR_AUTH);
    if (len >= ASG_SEAL_TAG_BYTES) {
        assert_memory_equal(opened, zero, len - ASG_SEAL_TAG_BYTES);
        assert_int_equal(opened[len - ASG_SEAL_TAG_BYTES], 0xee);
    }
}

static void any_changed_bit_is_refused_and_the_output_wiped(void **state)
{
    (void) state;
    assert_int_equal(asg_seal_encrypt(&seal, AAD, ASG_STR("secret"), nonce,
                                      sealed), ASG_OK);
    for (size_t i = 0; i < 22; i++) {
        sealed[i] ^= 1;
        opens_not(&seal, AAD, 22);
        sealed[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof(nonce); i++) {
        nonce[i] ^= 0x80;
        opens_not(&seal, AAD, 22);
        nonce[i] ^= 0x80;
    }
    for (size_t len = 0; len < 22; len++) {
        opens_not(&seal, AAD, len);
    }
    opens_not(&other, AAD, 22);
    opens_not(&seal, ASG_STR("asgard key 1|http|api.openai.com|443|17"), 22);
    opens_not(&seal, ASG_STR_NULL, 22);
    assert_int_equal(asg_seal_decrypt(&seal, AAD, nonce, bytes(sealed, 22),
                                      opened), ASG_OK);
}

static void a_nonce_is_never_used_twice(void **state)
{
    uint8_t first[ASG_SEAL_NONCE_BYTES];

    (void) state;
    assert_int_equal(asg_seal_encrypt(&seal, AAD, ASG_STR("a"), first, sealed),
                     ASG_OK);
    assert_int_equal(asg_seal_encrypt(&seal, AAD, ASG_STR("a"), nonce, sealed),
                     ASG_OK);
    assert_memory_not_equal(first, nonce, sizeof(nonce));
}

static void a_text_above_the_bound_is_refused(void **state)
{
    static char large[ASG_SEAL_PLAIN_MAX + 1 + ASG_SEAL_TAG_BYTES];
    asg_str_t text = {large, ASG_SEAL_PLAIN_MAX + 1};

    (void) state;
    memset(nonce, 0x77, sizeof(nonce));
    memset(sealed, 0x77, sizeof(sealed));
    assert_int_equal(asg_seal_encrypt(&seal, AAD, text, nonce, sealed),
                     ASG_ERR_LIMIT);
    assert_int_equal(asg_seal_encrypt(&seal, text, AAD, nonce, sealed),
                     ASG_ERR_LIMIT);
    assert_int_equal(nonce[0], 0x77);
    assert_int_equal(sealed[0], 0x77);
    assert_int_equal(asg_seal_decrypt(&seal, AAD, nonce,
        (asg_str_t) {large, sizeof(large)}, opened), ASG_ERR_AUTH);
}

static void the_mac_covers_both_parts_under_a_key_of_its_own(void **state)
{
    uint8_t key[32], expected[32], mac[ASG_SEAL_MAC_BYTES];
    unsigned n;

    (void) state;
    assert_non_null(HMAC(EVP_sha256(), seal.secret, 32,
                         (const uint8_t *) "asgard mac 1", 12, key, &n));
    assert_non_null(HMAC(EVP_sha256(), key, 32,
                         (const uint8_t *) "ASGC1 s1 17 5\n{}", 16, expected,
                         &n));
    asg_seal_mac(&seal, ASG_STR("ASGC1 s1 17 5\n"), ASG_STR("{}"), mac);
    assert_memory_equal(mac, expected, 32);
    asg_seal_mac(&seal, ASG_STR("ASGC1 s1 17 6\n"), ASG_STR("{}"), mac);
    assert_memory_not_equal(mac, expected, 32);
    asg_seal_mac(&other, ASG_STR("ASGC1 s1 17 5\n"), ASG_STR("{}"), mac);
    assert_memory_not_equal(mac, expected, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_is_opened),
        cmocka_unit_test(a_sealed_key_is_aes_256_gcm_under_the_derived_key),
        cmocka_unit_test(any_changed_bit_is_refused_and_the_output_wiped),
        cmocka_unit_test(a_nonce_is_never_used_twice),
        cmocka_unit_test(a_text_above_the_bound_is_refused),
        cmocka_unit_test(the_mac_covers_both_parts_under_a_key_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
