/* core/key.h: grammars and digests of project keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <cmocka.h>

#include "core/key.h"

#define HEX32  "0123456789abcdef0123456789abcdef"
#define HEX64  HEX32 HEX32

static void is_of(const char *token, asg_key_kind_t kind)
{
    if (asg_key_classify(asg_str_z(token)) != kind) {
        fail_msg("%s", token);
    }
}

static void each_grammar_is_recognised(void **state)
{
    (void) state;
    is_of("asg_" HEX64, ASG_KEY_PROJECT);
    is_of("sk-asg-" HEX64, ASG_KEY_COMPAT);
    is_of("asg_pat_" HEX64, ASG_KEY_PAT);
    is_of("asg_ses_" HEX64, ASG_KEY_SESSION);
    is_of("sk-AZaz09_-AZaz09_-", ASG_KEY_IMPORTED);
    is_of("sk-proj-0123456789abcdefABCDEF", ASG_KEY_IMPORTED);
}

static void a_key_that_is_nearly_of_a_grammar_is_of_none(void **state)
{
    static const char *const bad[] = {
        "", "asg_", "sk-", "asg_" HEX64 "0", "ASG_" HEX64, " asg_" HEX64,
        "asg_" HEX64 "\n", "asg_pat_", "asg_pat_" HEX64 "0",
        "sk-0123456789abcde", "sk-0123456789abcdef!", "sk-0123456789 abcdef",
        "sk_0123456789abcdef", "pk-0123456789abcdef",
        "asg_" "0123456789ABCDEF0123456789abcdef0123456789abcdef"
        "0123456789abcdef",
        "asg_" "g123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_of(bad[i], ASG_KEY_NONE);
    }
    assert_int_equal(asg_key_classify((asg_str_t) {"asg_" HEX64, 67}),
                     ASG_KEY_NONE);
    assert_int_equal(asg_key_classify(ASG_STR("sk-0123456789abcde\0")),
                     ASG_KEY_NONE);
    assert_int_equal(asg_key_classify(ASG_STR_NULL), ASG_KEY_NONE);
}

static void an_imported_key_has_16_to_200_characters(void **state)
{
    char token[3 + 201];

    (void) state;
    memset(token, 'x', sizeof(token));
    memcpy(token, "sk-", 3);
    assert_int_equal(asg_key_classify((asg_str_t) {token, 3 + 15}),
                     ASG_KEY_NONE);
    assert_int_equal(asg_key_classify((asg_str_t) {token, 3 + 16}),
                     ASG_KEY_IMPORTED);
    assert_int_equal(asg_key_classify((asg_str_t) {token, 3 + 200}),
                     ASG_KEY_IMPORTED);
    assert_int_equal(asg_key_classify((asg_str_t) {token, 3 + 201}),
                     ASG_KEY_NONE);
    assert_true(3 + 200 <= ASG_KEY_TEXT_MAX);
}

static void a_personal_token_never_buys_inference(void **state)
{
    (void) state;
    assert_true(asg_key_is_inference(ASG_KEY_PROJECT));
    assert_true(asg_key_is_inference(ASG_KEY_COMPAT));
    assert_true(asg_key_is_inference(ASG_KEY_IMPORTED));
    assert_false(asg_key_is_inference(ASG_KEY_PAT));
    assert_false(asg_key_is_inference(ASG_KEY_SESSION));
    assert_false(asg_key_is_inference(ASG_KEY_NONE));
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
static void the_mac_is_hmac_sha_256(void **state)
{
    static const char expected[3][2 * ASG_KEY_DIGEST_BYTES + 1] = {
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    };
    static const asg_str_t texts[3] = {
        {"Hi There", 8}, {"what do ya want for nothing?", 28},
        {"Test Using Larger Than Block-Size Key - Hash Key First", 54}
    };
    uint8_t keys[3][131];
    const size_t sizes[3] = {20, 4, 131};

    (void) state;
    memset(keys[0], 0x0b, 20);
    memcpy(keys[1], "Jefe", 4);
    memset(keys[2], 0xaa, 131);
    for (size_t i = 0; i < 3; i++) {
        uint8_t right[ASG_KEY_DIGEST_BYTES], mac[ASG_KEY_DIGEST_BYTES];
        asg_key_pads_t pads;
        asg_str_t tail = {texts[i].data + 3, texts[i].len - 3};

        assert_true(asg_hex_decode(asg_str_z(expected[i]), right, 32));
        asg_key_pads_init(&pads, keys[i], sizes[i]);
        asg_key_pads_mac(&pads, texts[i], ASG_STR_NULL, mac);
        assert_memory_equal(mac, right, 32);
        asg_key_pads_mac(&pads, (asg_str_t) {texts[i].data, 3}, tail, mac);
        assert_memory_equal(mac, right, 32);
    }
}

static void a_digest_is_the_pepper_s_hmac_of_the_token_s_sha(void **state)
{
    static const uint8_t pepper[32] = "a pepper of exactly 32 bytes....";
    asg_str_t token = ASG_STR("asg_" HEX64);
    uint8_t sha[32], expected[32], digest[32];
    unsigned n = 0;
    asg_key_pads_t pads;

    (void) state;
    assert_int_equal(EVP_Digest(token.data, token.len, sha, &n, EVP_sha256(),
                                NULL), 1);
    assert_non_null(HMAC(EVP_sha256(), pepper, 32, sha, 32, expected, &n));
    asg_key_pads_init(&pads, pepper, sizeof(pepper));
    asg_key_digest(&pads, token, digest);
    assert_memory_equal(digest, expected, 32);
    memset(digest, 0, sizeof(digest));
    asg_key_digest_sha(&pads, sha, digest);
    assert_memory_equal(digest, expected, 32);
    asg_key_digest(&pads, ASG_STR("asg_"), digest);
    assert_memory_not_equal(digest, expected, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_grammar_is_recognised),
        cmocka_unit_test(a_key_that_is_nearly_of_a_grammar_is_of_none),
        cmocka_unit_test(an_imported_key_has_16_to_200_characters),
        cmocka_unit_test(a_personal_token_never_buys_inference),
        cmocka_unit_test(the_mac_is_hmac_sha_256),
        cmocka_unit_test(a_digest_is_the_pepper_s_hmac_of_the_token_s_sha),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
