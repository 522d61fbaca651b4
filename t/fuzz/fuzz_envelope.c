/* Envelopes: what parses is written back byte by byte; random bytes open
 * nothing; what was sealed opens in its place, and not once a byte of it is
 * another.  The same bytes are read as a file of key-encryption keys. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const asg_keks_t keks = {
    {{"k1", "a kek of 32 bytes for fuzzing..."}}, 1
};
static const struct ctl_envelope_place place = {"secrets", "p/n", "envelope",
                                                1};
static uint8_t plain[ASG_ENVELOPE_PLAIN_MAX];
static uint8_t out[ASG_ENVELOPE_MAX];

static void check_bytes(asg_str_t bytes)
{
    asg_envelope_t e;
    size_t len;

    if (asg_envelope_parse(bytes, &e) != ASG_OK) {
        assert(ctl_envelope_open(&keks, &place, bytes, plain, &len)
               != ASG_OK);
        return;
    }
    assert(asg_envelope_write(&e, out, &len) == ASG_OK);
    assert(len == bytes.len && memcmp(out, bytes.data, len) == 0);
    assert(ctl_envelope_open(&keks, &place, bytes, plain, &len) != ASG_OK);
    assert(ctl_envelope_rewrap(&keks, &place, bytes, out, &len) != ASG_OK);
}

static void check_sealed(asg_str_t value, size_t flip)
{
    size_t len, got;
    asg_str_t sealed;

    if (ctl_envelope_seal(&keks, &place, value, out, &len) != ASG_OK) {
        assert(value.len > ASG_ENVELOPE_PLAIN_MAX);
        return;
    }
    sealed = (asg_str_t) {(const char *) out, len};
    assert(ctl_envelope_open(&keks, &place, sealed, plain, &got) == ASG_OK);
    assert(got == value.len && memcmp(plain, value.data, got) == 0);
    out[flip % len] ^= 1;
    assert(ctl_envelope_open(&keks, &place, sealed, plain, &got) != ASG_OK);
}

static void check_keks(asg_str_t text)
{
    asg_keks_t f;
    asg_keyfile_error_t error;

    if (asg_keks_parse(text, &f, &error) != ASG_OK) {
        assert(error.text != NULL && error.line <= 64);
        return;
    }
    assert(f.nkeks >= 1 && f.nkeks <= ASG_KEYFILE_KEYS_MAX);
    for (size_t i = 0; i < f.nkeks; i++) {
        assert(asg_keks_find(&f, asg_str_z(f.keks[i].id)) == &f.keks[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t bytes = {(const char *) data, size};

    check_bytes(bytes);
    check_keks(bytes);
    if (size > 2) {
        check_sealed((asg_str_t) {bytes.data + 2, size - 2},
                     (size_t) data[0] << 8 | data[1]);
    }
    return 0;
}
