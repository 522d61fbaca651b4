/* A token is of the grammar that a naive reading says; what is accepted is
 * bounded, printable and without separators, and has one digest. */
#include <assert.h>
#include <string.h>

#include "core/key.h"
#include "core/rkey.h"

static bool only(asg_str_t s, size_t from, const char *set)
{
    for (size_t i = from; i < s.len; i++) {
        if (s.data[i] == '\0' || strchr(set, s.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool starts(asg_str_t s, const char *with)
{
    return s.len >= strlen(with) && memcmp(s.data, with, strlen(with)) == 0;
}

static asg_key_kind_t naive_kind(asg_str_t s)
{
    static const char hex[] = "0123456789abcdef";

    if (starts(s, "asg_pat_") && s.len == 72 && only(s, 8, hex)) {
        return ASG_KEY_PAT;
    }
    if (starts(s, "asg_ses_") && s.len == 72 && only(s, 8, hex)) {
        return ASG_KEY_SESSION;
    }
    if (starts(s, "asg_") && s.len == 68 && only(s, 4, hex)) {
        return ASG_KEY_PROJECT;
    }
    if (starts(s, "sk-asg-") && s.len == 71 && only(s, 7, hex)) {
        return ASG_KEY_COMPAT;
    }
    if (starts(s, "sk-") && s.len >= 19 && s.len <= 203
        && only(s, 3, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                "0123456789_-"))
    {
        return ASG_KEY_IMPORTED;
    }
    return ASG_KEY_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t token = {(const char *) data, size};
    uint8_t digest[ASG_KEY_DIGEST_BYTES];
    uint8_t again[ASG_KEY_DIGEST_BYTES];
    char name[ASG_RKEY_MAX];
    asg_key_pads_t pads;

    assert(asg_key_classify(token) == naive_kind(token));
    if (asg_key_classify(token) != ASG_KEY_NONE) {
        assert(token.len <= ASG_KEY_TEXT_MAX);
    }
    asg_key_pads_init(&pads, data, size);
    asg_key_digest(&pads, token, digest);
    asg_key_digest(&pads, token, again);
    assert(memcmp(digest, again, sizeof(digest)) == 0);
    if (asg_rkey_key(name, token, digest) > 0) {
        assert(asg_id_is_valid(token));
        assert(strlen(name) == 10 + token.len + 1 + 64);
    } else {
        assert(!asg_id_is_valid(token));
    }
    return 0;
}
