/*
 * The bounded JSON reader.
 *
 * A position in the grammar is one of the AT_ states; the open containers stand
 * in kind[1..depth].  Keys are remembered in one open-addressed table for the
 * whole document.  A slot belongs to the object whose number it holds; numbers
 * are never reused between documents, so that a slot with a number up to
 * `generation` is left over from an earlier document and counts as free.
 */
#include "core/json.h"

#include <string.h>

#include "core/escape.h"
#include "core/scan.h"

#define SLOTS_MIN   64

enum {
    AT_VALUE = 0,
    AT_FIRST_VALUE,             /* after '[' */
    AT_FIRST_KEY,               /* after '{' */
    AT_COLON,
    AT_AFTER,                   /* after a value inside a container */
    AT_DONE,
    AT_FAULT
};

static asg_json_event_t fault_at(asg_json_t *j, asg_json_fault_t fault,
    size_t at)
{
    j->state = AT_FAULT;
    j->fault = fault;
    j->fault_at = at;
    j->token = ASG_STR_NULL;
    return ASG_JSON_ERROR;
}

static asg_json_event_t bad(asg_json_t *j)
{
    return fault_at(j, ASG_JSON_BAD, j->at);
}

static void set_token(asg_json_t *j, size_t from, size_t to, size_t quotes)
{
    j->token = (asg_str_t) {j->text.data + from + quotes,
                            to - from - 2 * quotes};
    j->start = from;
    j->end = to;
    j->at = to;
}

static void skip_space(asg_json_t *j)
{
    const char *p = j->text.data;
    size_t at = j->at;

    while (at < j->text.len
           && (p[at] == ' ' || p[at] == '\n' || p[at] == '\r'
               || p[at] == '\t'))
    {
        at++;
    }
    j->at = at;
}

/* The byte at the position, NUL at the end: no token starts with NUL. */
static char peek(const asg_json_t *j)
{
    return j->at < j->text.len ? j->text.data[j->at] : '\0';
}

/* Slots for a text of `len` bytes, more than it can have keys: a key and its
 * value take five at least.  Few slots stay in the processor's cache. */
static size_t slots_for(size_t len)
{
    size_t n = SLOTS_MIN;

    while (n < ASG_JSON_SLOTS && n <= len / 4) {
        n *= 2;
    }
    return n;
}

void asg_json_begin(asg_json_t *j, asg_str_t text, uint64_t seed)
{
    /* at most ASG_JSON_KEYS_MAX objects of a document get a number */
    if (j->objects > UINT32_MAX - ASG_JSON_KEYS_MAX) {
        memset(j->slots, 0, sizeof(j->slots));
        j->objects = 0;
    }
    j->generation = j->objects;
    j->text = text;
    j->at = 0;
    j->token = ASG_STR_NULL;
    j->start = 0;
    j->end = 0;
    j->escaped = false;
    j->depth = 0;
    j->fault = ASG_JSON_OK;
    j->fault_at = 0;
    j->may_repeat = false;
    j->state = AT_VALUE;
    j->keys = 0;
    j->seed = seed;
    j->mask = slots_for(text.len) - 1;
    if (text.len > UINT32_MAX) {        /* a slot holds a 32 bit offset */
        fault_at(j, ASG_JSON_TOO_MUCH, 0);
    }
}

/* --- strings --- */

/* The string whose quote is at the position becomes the token. */
static bool read_string(asg_json_t *j)
{
    const uint8_t *text = (const uint8_t *) j->text.data;
    const uint8_t *end = text + j->text.len;
    const uint8_t *p = text + j->at + 1;

    j->escaped = false;
    for (;;) {
        uint32_t point;
        size_t n;

        p = asg_scan_text(p, end);
        if (p < end && *p == '"') {
            set_token(j, j->at, (size_t) (p - text) + 1, 1);
            return true;
        }
        n = p < end && *p == '\\' ? asg_escape_read(p, end, &point) : 0;
        if (n == 0) {
            fault_at(j, ASG_JSON_BAD, (size_t) (p - text));
            return false;
        }
        j->escaped = true;
        p += n;
    }
}

bool asg_json_unescape(asg_str_t raw, asg_buf_t *out)
{
    const uint8_t *p = (const uint8_t *) raw.data;
    const uint8_t *end = raw.len > 0 ? p + raw.len : p;
    size_t before = out->len;

    while (p < end && !out->full) {
        const uint8_t *slash = memchr(p, '\\', (size_t) (end - p));
        const uint8_t *stop = slash != NULL ? slash : end;
        uint8_t utf8[4];
        uint32_t point;
        size_t n;

        asg_buf_put(out, p, (size_t) (stop - p));
        p = stop;
        if (p < end) {
            n = asg_escape_read(p, end, &point);
            if (n == 0) {
                out->full = true;
                break;
            }
            asg_buf_put(out, utf8, asg_escape_utf8(point, utf8));
            p += n;
        }
    }
    if (out->full) {
        out->len = before;
    }
    return !out->full;
}

bool asg_json_is(const asg_json_t *j, const char *z)
{
    const uint8_t *p = (const uint8_t *) j->token.data;
    const uint8_t *end = p + j->token.len;
    size_t left = strlen(z);

    if (!j->escaped) {
        return asg_str_eq(j->token, (asg_str_t) {z, left});
    }
    while (p < end) {
        uint8_t utf8[4] = {*p};
        uint32_t point;
        size_t read = 1;
        size_t n = 1;

        if (*p == '\\') {
            read = asg_escape_read(p, end, &point);
            if (read == 0) {
                return false;
            }
            n = asg_escape_utf8(point, utf8);
        }
        if (n > left || memcmp(z, utf8, n) != 0) {
            return false;
        }
        p += read;
        z += n;
        left -= n;
    }
    return left == 0;
}

/* --- keys --- */

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of a key in its object: equal keys of different objects fall
 * on different slots. */
static uint64_t hash_key(uint64_t seed, uint32_t object, asg_str_t key)
{
    uint64_t k1 = seed ^ (object * UINT64_C(0x9e3779b97f4a7c15));
    uint64_t v[4] = {
        seed ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
        seed ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)
    };
    uint64_t word;
    size_t at = 0;

    for (; key.len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, key.data + at, sizeof(word));
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, key.data + at, key.len - at);
    word ^= (uint64_t) key.len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* A key never grows when it is unescaped, so `storage` is large enough. */
static asg_str_t plain_key(asg_str_t raw, char storage[ASG_JSON_KEY_BYTES])
{
    asg_buf_t out;

    asg_buf_init(&out, storage, ASG_JSON_KEY_BYTES);
    return asg_json_unescape(raw, &out) ? asg_buf_view(&out) : ASG_STR_NULL;
}

/* The raw key that starts at `at`, which was read before. */
static asg_str_t earlier_key(const asg_json_t *j, size_t at)
{
    const uint8_t *start = (const uint8_t *) j->text.data + at;
    const uint8_t *end = (const uint8_t *) j->text.data + j->text.len;
    const uint8_t *p = start;

    while (p < end && *p != '"') {
        p += *p == '\\' ? 2 : 1;
    }
    return (asg_str_t) {j->text.data + at, (size_t) (p - start)};
}

static bool is_same_key(const asg_json_t *j, const asg_json_slot_t *slot,
    asg_str_t key)
{
    char storage[ASG_JSON_KEY_BYTES];

    return asg_str_eq(plain_key(earlier_key(j, slot->at), storage), key);
}

/* Remembers the key at the token; false when its object has it already. */
static bool remember(asg_json_t *j, asg_str_t key)
{
    uint32_t object = j->object[j->depth];
    uint64_t hash = hash_key(j->seed, object, key);
    size_t at = (size_t) hash & j->mask;

    /* ends: there are fewer keys than slots */
    while (j->slots[at].object > j->generation) {
        const asg_json_slot_t *slot = &j->slots[at];

        if (slot->hash == hash && slot->object == object
            && is_same_key(j, slot, key))
        {
            return false;
        }
        at = (at + 1) & j->mask;
    }
    j->slots[at] = (asg_json_slot_t) {hash, object, (uint32_t) j->start + 1};
    return true;
}

static bool is_new_key(asg_json_t *j)
{
    char storage[ASG_JSON_KEY_BYTES];
    asg_str_t key = j->token;

    if (j->object[j->depth] == 0) {
        j->object[j->depth] = ++j->objects;
    }
    if (j->escaped) {
        key = plain_key(j->token, storage);
    }
    return remember(j, key);
}

static asg_json_event_t read_key(asg_json_t *j)
{
    if (peek(j) != '"') {
        return bad(j);
    }
    if (!read_string(j)) {
        return ASG_JSON_ERROR;
    }
    if (j->token.len > ASG_JSON_KEY_BYTES || j->keys == ASG_JSON_KEYS_MAX) {
        return fault_at(j, ASG_JSON_TOO_MUCH, j->start);
    }
    j->keys++;
    if (!j->may_repeat && !is_new_key(j)) {
        return fault_at(j, ASG_JSON_DUPLICATE, j->start);
    }
    j->state = AT_COLON;
    return ASG_JSON_KEY;
}

/* --- values --- */

static asg_json_event_t value_done(asg_json_t *j, asg_json_event_t event)
{
    j->state = j->depth == 0 ? AT_DONE : AT_AFTER;
    return event;
}

static asg_json_event_t open_container(asg_json_t *j, asg_json_event_t event,
    unsigned state)
{
    if (j->depth == ASG_JSON_DEPTH_MAX) {
        return fault_at(j, ASG_JSON_TOO_MUCH, j->at);
    }
    j->depth++;
    j->kind[j->depth] = (uint8_t) event;
    j->object[j->depth] = 0;    /* numbered at its first key */
    set_token(j, j->at, j->at + 1, 0);
    j->state = state;
    return event;
}

static asg_json_event_t close_container(asg_json_t *j)
{
    bool is_object = j->kind[j->depth] == ASG_JSON_OBJECT;

    if (peek(j) != (is_object ? '}' : ']')) {
        return bad(j);
    }
    set_token(j, j->at, j->at + 1, 0);
    j->depth--;
    return value_done(j, is_object ? ASG_JSON_OBJECT_END : ASG_JSON_ARRAY_END);
}

static asg_json_event_t read_literal(asg_json_t *j, asg_str_t word,
    asg_json_event_t event)
{
    if (j->text.len - j->at < word.len
        || memcmp(j->text.data + j->at, word.data, word.len) != 0)
    {
        return bad(j);
    }
    set_token(j, j->at, j->at + word.len, 0);
    return value_done(j, event);
}

static size_t digits(const asg_json_t *j, size_t at)
{
    size_t from = at;

    while (at < j->text.len && j->text.data[at] >= '0'
           && j->text.data[at] <= '9')
    {
        at++;
    }
    return at - from;
}

static bool is_at(const asg_json_t *j, size_t at, char a, char b)
{
    return at < j->text.len && (j->text.data[at] == a || j->text.data[at] == b);
}

/* The offset after the digits that must stand at `at`; 0 if there are none. */
static size_t after_digits(const asg_json_t *j, size_t at)
{
    size_t n = digits(j, at);

    return n == 0 ? 0 : at + n;
}

static asg_json_event_t read_number(asg_json_t *j)
{
    size_t at = j->at + is_at(j, j->at, '-', '-');

    at = is_at(j, at, '0', '0') ? at + 1 : after_digits(j, at);
    if (at != 0 && is_at(j, at, '.', '.')) {
        at = after_digits(j, at + 1);
    }
    if (at != 0 && is_at(j, at, 'e', 'E')) {
        at++;
        at = after_digits(j, at + is_at(j, at, '+', '-'));
    }
    if (at == 0) {
        return bad(j);
    }
    set_token(j, j->at, at, 0);
    return value_done(j, ASG_JSON_NUMBER);
}

static asg_json_event_t read_value(asg_json_t *j)
{
    switch (peek(j)) {
    case '"':
        return read_string(j) ? value_done(j, ASG_JSON_STRING)
                              : ASG_JSON_ERROR;
    case '{':
        return open_container(j, ASG_JSON_OBJECT, AT_FIRST_KEY);
    case '[':
        return open_container(j, ASG_JSON_ARRAY, AT_FIRST_VALUE);
    case 't':
        return read_literal(j, ASG_STR("true"), ASG_JSON_TRUE);
    case 'f':
        return read_literal(j, ASG_STR("false"), ASG_JSON_FALSE);
    case 'n':
        return read_literal(j, ASG_STR("null"), ASG_JSON_NULL);
    default:
        return read_number(j);
    }
}

static asg_json_event_t after_value(asg_json_t *j)
{
    if (peek(j) != ',') {
        return close_container(j);
    }
    j->at++;
    skip_space(j);
    return j->kind[j->depth] == ASG_JSON_OBJECT ? read_key(j) : read_value(j);
}

static asg_json_event_t after_key(asg_json_t *j)
{
    if (peek(j) != ':') {
        return bad(j);
    }
    j->at++;
    skip_space(j);
    return read_value(j);
}

asg_json_event_t asg_json_next(asg_json_t *j)
{
    if (j->state == AT_FAULT) {
        return ASG_JSON_ERROR;
    }
    j->escaped = false;
    skip_space(j);
    switch (j->state) {
    case AT_FIRST_VALUE:
        return peek(j) == ']' ? close_container(j) : read_value(j);
    case AT_FIRST_KEY:
        return peek(j) == '}' ? close_container(j) : read_key(j);
    case AT_COLON:
        return after_key(j);
    case AT_AFTER:
        return after_value(j);
    case AT_DONE:
        return j->at == j->text.len ? ASG_JSON_END : bad(j);
    default:
        return read_value(j);
    }
}

bool asg_json_skip(asg_json_t *j)
{
    unsigned outer;
    size_t from;

    if (j->state == AT_COLON && asg_json_next(j) == ASG_JSON_ERROR) {
        return false;
    }
    if (j->state != AT_FIRST_KEY && j->state != AT_FIRST_VALUE) {
        return j->state != AT_FAULT;
    }
    outer = j->depth - 1;
    from = j->start;
    while (j->depth > outer) {
        if (asg_json_next(j) == ASG_JSON_ERROR) {
            return false;
        }
    }
    set_token(j, from, j->end, 0);
    return true;
}

bool asg_json_int(const asg_json_t *j, int64_t *out)
{
    return asg_str_i64(j->token, out);
}
