/*
 * core/ allocates nothing itself; what it lets OpenSSL allocate, to seal and to
 * open, fails as a whole when any of it fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "core/seal.h"

#define NEVER 1000000
#define MOST  200

static long left = NEVER;               /* the n-th allocation fails */
static long live;


static void *
failing_malloc(size_t n, const char *file, int line)
{
    void *p = --left == 0 ? NULL : malloc(n);

    (void) file;
    (void) line;
    live += p != NULL;

    return p;
}


static void *
failing_realloc(void *at, size_t n, const char *file, int line)
{
    if (at == NULL) {
        return failing_malloc(n, file, line);
    }

    return --left == 0 ? NULL : realloc(at, n);
}


static void
counted_free(void *at, const char *file, int line)
{
    (void) file;
    (void) line;
    live -= at != NULL;
    free(at);
}


static void
each_allocation_fails_once(void **state)
{
    asg_named_key_t key = {.id = "s1", .secret = {1}};
    uint8_t nonce[ASG_SEAL_NONCE_BYTES], sealed[64], plain[64];
    const asg_str_t secret = ASG_STR("a secret"), aad = ASG_STR("for whom");
    const size_t len = secret.len + ASG_SEAL_TAG_BYTES;
    long n, before = 0, refused = 0;
    asg_err_t sealing, opening;

    (void) state;
    assert_int_equal(asg_seal_encrypt(&key, aad, secret, nonce, sealed),
                     ASG_OK);
    for (n = 1; n < MOST; n++) {
        left = n;
        sealing = asg_seal_encrypt(&key, aad, secret, nonce, sealed);
        refused += sealing != ASG_OK;
        left = NEVER;
        if (sealing != ASG_OK) {
            assert_int_equal(asg_seal_encrypt(&key, aad, secret, nonce,
                                              sealed), ASG_OK);
        }
        before = live;
        memset(plain, 0, sizeof(plain));
        left = n;
        opening = asg_seal_decrypt(&key, aad, nonce,
                                   (asg_str_t) {(char *) sealed, len}, plain);
        refused += opening != ASG_OK;
        if (left > 0) {
            break;                      /* untouched */
        }
        left = NEVER;
        if (opening == ASG_OK) {
            assert_memory_equal(plain, secret.data, secret.len);
        }
        assert_true(live <= before + 2);    /* OpenSSL's own error queue */
    }
    left = NEVER;
    assert_true(refused > 0);
    assert_true(n < MOST);
    assert_int_equal(opening, ASG_OK);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
    };

    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc,
                                 counted_free) != 1)
    {
        return EXIT_FAILURE;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
