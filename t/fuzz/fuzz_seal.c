/*
 * What nobody sealed is never opened, whatever its bytes, and leaves nothing
 * behind; what was sealed is opened with the same words, and not once a bit of
 * it is another one.
 *
 * Input: a byte that says where to flip, 12 of the nonce, then half of the rest
 * the words that are sealed with it, half the sealed bytes.
 */
#include <assert.h>
#include <string.h>

#include "core/seal.h"

#define HEAD (1 + ASG_SEAL_NONCE_BYTES)
#define ROOM (ASG_SEAL_PLAIN_MAX + ASG_SEAL_TAG_BYTES)

static const asg_named_key_t seal = {"s1", {1, 2, 3, 4, 5, 6, 7, 8}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_wiped(const uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        assert(out[i] == 0);
    }
}

static void check_forged(asg_str_t aad, const uint8_t *nonce,
    asg_str_t sealed)
{
    static uint8_t out[ROOM];
    size_t len = sealed.len >= ASG_SEAL_TAG_BYTES
                 ? sealed.len - ASG_SEAL_TAG_BYTES : 0;

    if (len > sizeof(out)) {
        return;
    }
    memset(out, 0x5a, sizeof(out));
    assert(asg_seal_decrypt(&seal, aad, nonce, sealed, out) == ASG_ERR_AUTH);
    check_wiped(out, len);
    assert(len == sizeof(out) || out[len] == 0x5a);
}

static void check_sealed(asg_str_t aad, asg_str_t plain, uint8_t flip)
{
    static uint8_t sealed[ROOM], out[ROOM];
    uint8_t nonce[ASG_SEAL_NONCE_BYTES];
    asg_str_t view = {(const char *) sealed, plain.len + ASG_SEAL_TAG_BYTES};
    asg_err_t err = asg_seal_encrypt(&seal, aad, plain, nonce, sealed);

    if (plain.len > ASG_SEAL_PLAIN_MAX || aad.len > ASG_SEAL_PLAIN_MAX) {
        assert(err == ASG_ERR_LIMIT);
        return;
    }
    assert(err == ASG_OK);
    assert(asg_seal_decrypt(&seal, aad, nonce, view, out) == ASG_OK);
    assert(plain.len == 0 || memcmp(out, plain.data, plain.len) == 0);
    sealed[flip % view.len] ^= (uint8_t) (1u << flip % 8);
    check_forged(aad, nonce, view);
    sealed[flip % view.len] ^= (uint8_t) (1u << flip % 8);
    nonce[flip % sizeof(nonce)] ^= 1;
    check_forged(aad, nonce, view);
    nonce[flip % sizeof(nonce)] ^= 1;
    if (aad.len > 0) {
        aad.len--;
        check_forged(aad, nonce, view);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t aad, rest;

    if (size < HEAD) {
        return 0;
    }
    aad = (asg_str_t) {(const char *) data + HEAD, (size - HEAD) / 2};
    rest = (asg_str_t) {aad.data + aad.len, size - HEAD - aad.len};
    check_forged(aad, data + 1, rest);
    check_sealed(aad, rest, data[0]);
    return 0;
}
