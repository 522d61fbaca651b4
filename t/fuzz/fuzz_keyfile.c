/* A key file that is accepted keeps its bounds and finds each of its keys; one
 * that is refused leaves the output as it was and names a line of the text. */
#include <assert.h>
#include <string.h>

#include "core/keyfile.h"

static void check_keys(const asg_named_key_t *keys, size_t n,
    const asg_named_key_t *(*find)(const asg_keyfile_t *, asg_str_t),
    const asg_keyfile_t *f)
{
    assert(n <= ASG_KEYFILE_KEYS_MAX);
    for (size_t i = 0; i < n; i++) {
        assert(strlen(keys[i].id) >= 1);
        assert(strlen(keys[i].id) <= ASG_KEYFILE_ID_MAX);
        assert(find(f, asg_str_z(keys[i].id)) == &keys[i]);
    }
}

static void check_parse(asg_str_t text, bool pepper_only)
{
    static asg_keyfile_t f, before;
    asg_keyfile_error_t error;

    memset(&f, 0x5a, sizeof(f));
    before = f;
    if (asg_keyfile_parse(text, pepper_only, &f, &error) != ASG_OK) {
        assert(memcmp(&f, &before, sizeof(f)) == 0);
        assert(error.text != NULL && error.line <= 64);
        return;
    }
    assert(f.npeppers > 0 && (pepper_only || f.nseals > 0));
    check_keys(f.seals, f.nseals, asg_keyfile_seal, &f);
    check_keys(f.peppers, f.npeppers, asg_keyfile_pepper, &f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size};

    check_parse(text, false);
    check_parse(text, true);
    return 0;
}
