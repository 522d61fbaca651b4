/*
 * Does a text have a piece of a secret in it?
 *
 * Every block of 8 bytes of the secret is in a table.  Whatever `piece` bytes
 * of the secret stand in a text, one of their blocks begins at a multiple of
 * `stride` = piece - 7: so only those places are looked at, and from a block
 * that is the secret's both are compared to the left and to the right.
 */
#include "core/leak.h"

#include <string.h>

#define BLOCK      8u
#define HASH_BITS  9u

typedef char heads_fit_the_hash[(1u << HASH_BITS) == ASG_LEAK_HEADS ? 1 : -1];

/* One bit makes a small letter of a large one; what else it changes only adds
 * texts that are taken for the secret. */
static uint8_t fold(char c)
{
    return (uint8_t) c | 0x20;
}

static uint64_t block_at(const char *p)
{
    uint64_t block;

    memcpy(&block, p, sizeof(block));
    return block | UINT64_C(0x2020202020202020);
}

static size_t slot_of(uint64_t block)
{
    return (size_t) (block * UINT64_C(0x9e3779b97f4a7c15) >> (64 - HASH_BITS));
}

static size_t piece_of(size_t secret_len)
{
    size_t half = secret_len / 2;

    if (half > ASG_LEAK_PIECE) {
        return ASG_LEAK_PIECE;
    }
    return half < ASG_LEAK_PIECE_MIN ? ASG_LEAK_PIECE_MIN : half;
}

void asg_leak_init(asg_leak_t *leak, asg_str_t secret)
{
    leak->secret = ASG_STR_NULL;
    if (secret.len < ASG_LEAK_SECRET_MIN || secret.len > ASG_LEAK_SECRET_MAX) {
        return;
    }
    leak->secret = secret;
    leak->piece = piece_of(secret.len);
    leak->stride = leak->piece - (BLOCK - 1);
    memset(leak->head, 0, sizeof(leak->head));
    for (size_t at = 0; at + BLOCK <= secret.len; at++) {
        size_t slot = slot_of(block_at(secret.data + at));

        leak->next[at] = leak->head[slot];
        leak->head[slot] = (uint16_t) (at + 1);
    }
}

bool asg_leak_is_set(const asg_leak_t *leak)
{
    return leak->secret.data != NULL;
}

/* How far text and secret are the same around a block, up to `piece` bytes. */
static size_t run_around(asg_str_t secret, size_t k, asg_str_t text, size_t at,
    size_t piece)
{
    size_t left = 0, right = BLOCK;

    while (left + right < piece && left < k && left < at
           && fold(secret.data[k - left - 1]) == fold(text.data[at - left - 1]))
    {
        left++;
    }
    while (left + right < piece && k + right < secret.len
           && at + right < text.len
           && fold(secret.data[k + right]) == fold(text.data[at + right]))
    {
        right++;
    }
    return left + right;
}

static bool is_piece(const asg_leak_t *leak, asg_str_t text, size_t at,
    size_t piece)
{
    uint64_t block = block_at(text.data + at);

    for (size_t n = leak->head[slot_of(block)]; n != 0; n = leak->next[n - 1]) {
        if (block_at(leak->secret.data + n - 1) == block
            && run_around(leak->secret, n - 1, text, at, piece) >= piece)
        {
            return true;
        }
    }
    return false;
}

static bool finds(const asg_leak_t *leak, asg_str_t text, size_t piece,
    size_t stride)
{
    for (size_t at = 0; at + BLOCK <= text.len; at += stride) {
        if (is_piece(leak, text, at, piece)) {
            return true;
        }
    }
    return false;
}

bool asg_leak_finds(const asg_leak_t *leak, asg_str_t text)
{
    return asg_leak_is_set(leak)
        && finds(leak, text, leak->piece, leak->stride);
}

/* What a later part may go on with: one byte less than a piece. */
static void keep_tail(asg_leak_tail_t *tail, const char *bytes, size_t len,
    size_t most)
{
    size_t fresh = len < most ? len : most;
    size_t old = tail->len < most - fresh ? tail->len : most - fresh;

    memmove(tail->bytes, tail->bytes + tail->len - old, old);
    memcpy(tail->bytes + old, bytes + len - fresh, fresh);
    tail->len = old + fresh;
}

bool asg_leak_finds_next(const asg_leak_t *leak, asg_leak_tail_t *tail,
    const char *bytes, size_t len)
{
    char joint[2 * ASG_LEAK_PIECE];
    asg_str_t text = {joint, tail->len};
    size_t begin;
    bool found;

    if (!asg_leak_is_set(leak)) {
        return false;
    }
    begin = len < leak->piece ? len : leak->piece;
    if (tail->len > 0) {
        memcpy(joint, tail->bytes, tail->len);
        memcpy(joint + tail->len, bytes, begin);
        text.len += begin;
    } else {
        text.len = 0;
    }
    found = finds(leak, text, leak->piece, leak->stride)
        || asg_leak_finds(leak, (asg_str_t) {bytes, len});
    keep_tail(tail, bytes, len, leak->piece - 1);
    return found;
}

static bool is_id_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.'
        || c == ':';
}

bool asg_leak_clears_id(const asg_leak_t *leak, asg_str_t id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (!is_id_byte(id.data[i])) {
            return false;
        }
    }
    return leak == NULL || !asg_leak_is_set(leak)
        || !finds(leak, id, ASG_LEAK_ID_PIECE, 1);
}
