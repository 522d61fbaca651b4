/*
 * Does a text have a piece of a secret in it?
 *
 * Every block of 8 bytes of the secret, in each of its spellings, is in a
 * table.  Whatever `piece` characters of a spelling stand in a text, one of
 * their blocks begins at a multiple of `stride` = piece - 7: so only those
 * places are looked at, and from a block that is the secret's both are compared
 * to the left and to the right.
 */
#include "core/leak.h"

#include <string.h>

#define BLOCK        8u
#define HASH_BITS    11u
#define FILTER_BITS  14u
#define WINDOW       512u       /* of text whose escapes were read */

typedef char heads_fit_the_hash[(1u << HASH_BITS) == ASG_LEAK_HEADS ? 1 : -1];
typedef char bits_fit_the_filter[(1u << FILTER_BITS) == 64 * ASG_LEAK_FILTER
                                 ? 1 : -1];
typedef char a_piece_fits_the_tail[2 * ASG_LEAK_PIECE <= ASG_LEAK_TAIL
                                   ? 1 : -1];

/* How many bytes of the secret are a piece: of a text, of an id. */
typedef enum { OF_TEXT, OF_ID } piece_of_t;

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

static uint64_t hash_of(uint64_t block)
{
    return block * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t piece_of(size_t secret_len)
{
    size_t half = secret_len / 2;

    if (half > ASG_LEAK_PIECE) {
        return ASG_LEAK_PIECE;
    }
    return half < ASG_LEAK_PIECE_MIN ? ASG_LEAK_PIECE_MIN : half;
}

static void add_block(asg_leak_t *leak, size_t at)
{
    uint64_t hash = hash_of(block_at(leak->spelt + at));
    size_t bit = hash >> (64 - FILTER_BITS);
    size_t slot = hash >> (64 - HASH_BITS);

    leak->filter[bit / 64] |= UINT64_C(1) << bit % 64;
    leak->next[at] = leak->head[slot];
    leak->head[slot] = (uint16_t) (at + 1);
}

static void add_spelling(asg_leak_t *leak, const asg_leak_spelling_t *s)
{
    size_t chars = asg_leak_spelling_chars(s, leak->piece);

    leak->longest = chars > leak->longest ? chars : leak->longest;
    for (size_t at = s->from; at + BLOCK <= s->to; at++) {
        add_block(leak, at);
    }
}

void asg_leak_init(asg_leak_t *leak, asg_str_t secret)
{
    leak->secret = ASG_STR_NULL;
    if (secret.len < ASG_LEAK_SECRET_MIN || secret.len > ASG_LEAK_SECRET_MAX) {
        return;
    }
    memset(leak, 0, sizeof(*leak));
    leak->secret = secret;
    leak->piece = piece_of(secret.len);
    leak->stride = leak->piece - (BLOCK - 1);
    leak->count = asg_leak_spell(secret, leak->spelt, leak->spellings);
    asg_leak_bytes_add(&leak->bytes, secret);
    for (unsigned i = 0; i < leak->count; i++) {
        add_spelling(leak, &leak->spellings[i]);
    }
}

bool asg_leak_is_set(const asg_leak_t *leak)
{
    return leak->secret.data != NULL;
}

/* The spelling that has this place. */
static const asg_leak_spelling_t *spelling_at(const asg_leak_t *leak, size_t k)
{
    const asg_leak_spelling_t *s = leak->spellings;

    while (k >= s->to) {
        s++;
    }
    return s;
}

/* Are text and spelling the same around a block, for `want` characters? */
static bool is_run(const asg_leak_t *leak, const asg_leak_spelling_t *s,
    size_t k, asg_str_t text, size_t at, size_t want)
{
    const char *spelt = leak->spelt;
    size_t left = 0, right = BLOCK;

    while (left + right < want && k - left > s->from && left < at
           && fold(spelt[k - left - 1]) == fold(text.data[at - left - 1]))
    {
        left++;
    }
    while (left + right < want && k + right < s->to && at + right < text.len
           && fold(spelt[k + right]) == fold(text.data[at + right]))
    {
        right++;
    }
    return left + right >= want;
}

static bool is_piece(const asg_leak_t *leak, asg_str_t text, size_t at,
    uint64_t block, piece_of_t of)
{
    size_t bytes = of == OF_ID ? ASG_LEAK_ID_PIECE : leak->piece;
    size_t n = leak->head[hash_of(block) >> (64 - HASH_BITS)];

    for (; n != 0; n = leak->next[n - 1]) {
        if (block_at(leak->spelt + n - 1) == block) {
            const asg_leak_spelling_t *s = spelling_at(leak, n - 1);

            if (is_run(leak, s, n - 1, text, at,
                       asg_leak_spelling_chars(s, bytes)))
            {
                return true;
            }
        }
    }
    return false;
}

static bool finds(const asg_leak_t *leak, asg_str_t text, size_t stride,
    piece_of_t of)
{
    for (size_t at = 0; at + BLOCK <= text.len; at += stride) {
        uint64_t block = block_at(text.data + at);
        size_t bit = hash_of(block) >> (64 - FILTER_BITS);

        if ((leak->filter[bit / 64] >> bit % 64 & 1) != 0
            && is_piece(leak, text, at, block, of))
        {
            return true;
        }
    }
    return false;
}

/* --- escapes --- */

/* A text as it is read, as far as escapes are near one another. */
typedef struct {
    const asg_leak_t *leak;
    size_t len;
    bool found;
    char *bytes;                /* WINDOW of them */
} window_t;

/* The window is full, or over: what a piece may go on with stays. */
static void window_look(window_t *w)
{
    size_t keep = w->leak->longest - 1;

    w->found |= finds(w->leak, (asg_str_t) {w->bytes, w->len},
                      w->leak->stride, OF_TEXT);
    if (w->len > keep) {
        memmove(w->bytes, w->bytes + w->len - keep, keep);
        w->len = keep;
    }
}

static void window_put(window_t *w, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t room = WINDOW - w->len;
        size_t n = len < room ? len : room;

        memcpy(w->bytes + w->len, bytes, n);
        w->len += n;
        bytes += n;
        len -= n;
        if (w->len == WINDOW) {
            window_look(w);
        }
    }
}

/* The text from an escape on, until a piece's length has none; returns where
 * that is. */
static size_t read_escapes(window_t *w, asg_leak_coded_t *coded, size_t at)
{
    const asg_leak_bytes_t *bytes = &w->leak->bytes;
    asg_str_t text = coded->text;
    size_t next = at, n;
    char c;

    while (next < text.len && next - at < w->leak->longest) {
        window_put(w, text.data + at, next - at);
        n = asg_leak_coded_byte(text, next, bytes, &c);
        window_put(w, &c, 1);
        at = next + n;
        next = asg_leak_coded_next(coded, bytes, at);
    }
    n = text.len - at;
    n = n < w->leak->longest - 1 ? n : w->leak->longest - 1;
    window_put(w, text.data + at, n);
    window_look(w);
    return at;
}

static bool finds_coded(const asg_leak_t *leak, asg_str_t text)
{
    char bytes[WINDOW];
    asg_leak_coded_t coded = {.text = text};
    window_t w = {.leak = leak, .bytes = bytes};
    size_t from = 0;            /* before it all was read */

    for (;;) {
        size_t at = asg_leak_coded_next(&coded, &leak->bytes, from);
        size_t before = at - from;

        if (at >= text.len || w.found) {
            return w.found;
        }
        before = before < leak->longest ? before : leak->longest - 1;
        w.len = 0;
        window_put(&w, text.data + at - before, before);
        from = read_escapes(&w, &coded, at);
    }
}

bool asg_leak_finds(const asg_leak_t *leak, asg_str_t text)
{
    return asg_leak_is_set(leak) && text.len > 0
        && (finds(leak, text, leak->stride, OF_TEXT)
            || finds_coded(leak, text));
}

/* --- texts in parts --- */

void asg_leak_keep(asg_leak_tail_t *tail, const char *bytes, size_t len)
{
    size_t most = sizeof(tail->bytes) - 1;
    size_t fresh = len < most ? len : most;
    size_t old = tail->len < most - fresh ? tail->len : most - fresh;

    memmove(tail->bytes, tail->bytes + tail->len - old, old);
    memcpy(tail->bytes + old, bytes + len - fresh, fresh);
    tail->len = old + fresh;
}

/* Over the seam; no more than a piece on either side. */
static bool finds_at_seam(const asg_leak_t *leak, const asg_leak_tail_t *tail,
    const char *bytes, size_t len)
{
    char joint[2 * ASG_LEAK_TAIL];
    size_t most = leak->longest - 1;
    size_t reach = len < ASG_LEAK_TAIL ? len : ASG_LEAK_TAIL;
    size_t before = tail->len < most ? tail->len : most;
    size_t after = reach < most ? reach : most;

    memcpy(joint, tail->bytes, tail->len);
    memcpy(joint + tail->len, bytes, reach);
    return finds(leak, (asg_str_t) {joint + tail->len - before, before + after},
                 leak->stride, OF_TEXT)
        || finds_coded(leak, (asg_str_t) {joint, tail->len + reach});
}

bool asg_leak_finds_after(const asg_leak_t *leak, const asg_leak_tail_t *tail,
    const char *bytes, size_t len)
{
    return asg_leak_is_set(leak) && len > 0
        && ((tail->len > 0 && finds_at_seam(leak, tail, bytes, len))
            || asg_leak_finds(leak, (asg_str_t) {bytes, len}));
}

bool asg_leak_finds_next(const asg_leak_t *leak, asg_leak_tail_t *tail,
    const char *bytes, size_t len)
{
    bool found = asg_leak_finds_after(leak, tail, bytes, len);

    asg_leak_keep(tail, bytes, len);
    return found;
}

/* --- texts that follow one another --- */

/* `text` as it is read. */
static void window_read(window_t *w, asg_str_t text)
{
    const asg_leak_bytes_t *bytes = &w->leak->bytes;
    asg_leak_coded_t coded = {.text = text};
    size_t at = 0, next;
    char c;

    while ((next = asg_leak_coded_next(&coded, bytes, at)) < text.len) {
        window_put(w, text.data + at, next - at);
        at = next + asg_leak_coded_byte(text, next, bytes, &c);
        window_put(w, &c, 1);
    }
    window_put(w, text.data + at, text.len - at);
}

bool asg_leak_finds_over(const asg_leak_t *leak, asg_leak_texts_t *texts,
    asg_str_t text)
{
    char bytes[WINDOW];
    window_t w = {.leak = leak, .len = texts->len, .bytes = bytes};
    asg_str_t begin = text, rest = ASG_STR_NULL;

    if (!asg_leak_is_set(leak) || text.len == 0) {
        return false;
    }
    memcpy(w.bytes, texts->bytes, texts->len);
    if (text.len > 2 * ASG_LEAK_TAIL) {
        begin.len = 2 * ASG_LEAK_TAIL;
        rest = (asg_str_t) {text.data + text.len - begin.len, begin.len};
    }
    window_read(&w, begin);
    window_look(&w);
    if (rest.len > 0) {
        w.len = 0;
        window_read(&w, rest);
        window_look(&w);
    }
    texts->len = w.len;
    memcpy(texts->bytes, w.bytes, w.len);
    return w.found;
}

/* --- ids --- */

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
        || !finds(leak, id, 1, OF_ID);
}
