/*
 * The JSON reader against two references: a naive recursive reader of the
 * grammar, and a quadratic search for repeated keys.  What is valid must read
 * the same again: with another seed, and written out anew.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

#define TEXT_MAX   65536
#define NAMES_MAX  64

static asg_json_t json;

/* --- the naive reader --- */

typedef struct {
    const uint8_t *p;
    const uint8_t *end;
} naive_t;

static int look(const naive_t *n)
{
    return n->p < n->end ? *n->p : -1;
}

static bool eat(naive_t *n, int c)
{
    bool is = look(n) == c;

    n->p += is;
    return is;
}

static void eat_space(naive_t *n)
{
    while (look(n) >= 0 && strchr(" \t\r\n", look(n)) != NULL && look(n) != 0) {
        n->p++;
    }
}

static bool eat_digits(naive_t *n)
{
    const uint8_t *from = n->p;

    while (look(n) >= '0' && look(n) <= '9') {
        n->p++;
    }
    return n->p > from;
}

static bool eat_number(naive_t *n)
{
    eat(n, '-');
    if (!eat(n, '0') && !eat_digits(n)) {
        return false;
    }
    if (eat(n, '.') && !eat_digits(n)) {
        return false;
    }
    if (eat(n, 'e') || eat(n, 'E')) {
        if (!eat(n, '+')) {
            eat(n, '-');
        }
        return eat_digits(n);
    }
    return true;
}

static long eat_unit(naive_t *n)
{
    char hex[5] = "";

    for (int i = 0; i < 4; i++) {
        int c = look(n);

        if (c <= 0 || strchr("0123456789abcdefABCDEF", c) == NULL) {
            return -1;
        }
        hex[i] = (char) c;
        n->p++;
    }
    return strtol(hex, NULL, 16);
}

static bool eat_escape(naive_t *n)
{
    long unit;

    if (!eat(n, 'u')) {
        int c = look(n);

        n->p += c >= 0;
        return c > 0 && strchr("\"\\/bfnrt", c) != NULL;
    }
    unit = eat_unit(n);
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (!eat(n, '\\') || !eat(n, 'u')) {
            return false;
        }
        unit = eat_unit(n);
        return unit >= 0xdc00 && unit <= 0xdfff;
    }
    return unit >= 0 && !(unit >= 0xdc00 && unit <= 0xdfff);
}

/* Decodes and compares with the smallest value of that length. */
static bool eat_utf8(naive_t *n)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = *n->p++;
    int len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    uint32_t point = lead & (0xff >> (len + 1));

    if (lead < 0xc0 || lead >= 0xf8) {
        return false;
    }
    for (int i = 1; i < len; i++) {
        int c = look(n);

        if (c < 0x80 || c > 0xbf) {
            return false;
        }
        point = point << 6 | (uint32_t) (c & 0x3f);
        n->p++;
    }
    return point >= smallest[len] && point <= 0x10ffff
        && (point < 0xd800 || point > 0xdfff);
}

static bool eat_string(naive_t *n)
{
    if (!eat(n, '"')) {
        return false;
    }
    while (!eat(n, '"')) {
        int c = look(n);

        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            n->p++;
            if (!eat_escape(n)) {
                return false;
            }
        } else if (c < 0x80) {
            n->p++;
        } else if (!eat_utf8(n)) {
            return false;
        }
    }
    return true;
}

static bool eat_word(naive_t *n, const char *word)
{
    for (; *word != '\0'; word++) {
        if (!eat(n, *word)) {
            return false;
        }
    }
    return true;
}

static bool eat_value(naive_t *n, int depth);

static bool eat_members(naive_t *n, bool is_object, int depth)
{
    int close = is_object ? '}' : ']';

    eat_space(n);
    if (eat(n, close)) {
        return true;
    }
    do {
        eat_space(n);
        if (is_object) {
            if (!eat_string(n)) {
                return false;
            }
            eat_space(n);
            if (!eat(n, ':')) {
                return false;
            }
            eat_space(n);
        }
        if (!eat_value(n, depth + 1)) {
            return false;
        }
        eat_space(n);
    } while (eat(n, ','));
    return eat(n, close);
}

static bool eat_value(naive_t *n, int depth)
{
    if (depth > ASG_JSON_DEPTH_MAX + 1) {
        return false;           /* the reader said so before */
    }
    switch (look(n)) {
    case '{':
    case '[':
        return eat_members(n, *n->p++ == '{', depth);
    case '"':
        return eat_string(n);
    case 't':
        return eat_word(n, "true");
    case 'f':
        return eat_word(n, "false");
    case 'n':
        return eat_word(n, "null");
    default:
        return eat_number(n);
    }
}

static bool naive_accepts(asg_str_t text)
{
    naive_t n = {(const uint8_t *) text.data,
                 (const uint8_t *) text.data + text.len};

    eat_space(&n);
    if (!eat_value(&n, 0)) {
        return false;
    }
    eat_space(&n);
    return n.p == n.end;
}

/* --- repeated keys --- */

typedef struct {
    unsigned object;
    size_t len;
    char text[ASG_JSON_KEY_BYTES];
} name_t;

typedef struct {
    name_t names[NAMES_MAX];
    unsigned count;
    unsigned objects;
    unsigned object[ASG_JSON_DEPTH_MAX + 1];
} names_t;

static void unescape_name(name_t *name, asg_str_t raw)
{
    asg_buf_t b;

    asg_buf_init(&b, name->text, sizeof(name->text));
    assert(asg_json_unescape(raw, &b));
    name->len = b.len;
}

static bool is_known(const names_t *n, const name_t *name)
{
    for (unsigned i = 0; i < n->count; i++) {
        if (n->names[i].object == name->object && n->names[i].len == name->len
            && memcmp(n->names[i].text, name->text, name->len) == 0)
        {
            return true;
        }
    }
    return false;
}

static void note_event(names_t *n, asg_json_event_t event)
{
    name_t *name;

    if (event == ASG_JSON_OBJECT || event == ASG_JSON_ARRAY) {
        n->object[json.depth] = ++n->objects;
    }
    if (event == ASG_JSON_KEY && n->count < NAMES_MAX) {
        name = &n->names[n->count];
        name->object = n->object[json.depth];
        unescape_name(name, json.token);
        assert(!is_known(n, name));
        n->count++;
    }
}

static void check_duplicate(const names_t *n, asg_str_t text)
{
    static name_t name;
    unsigned depth = json.depth;
    size_t at = json.fault_at;

    if (n->count == NAMES_MAX) {
        return;
    }
    asg_json_begin(&json, (asg_str_t) {text.data + at, text.len - at}, 1);
    assert(asg_json_next(&json) == ASG_JSON_STRING);
    unescape_name(&name, json.token);
    name.object = n->object[depth];
    assert(is_known(n, &name));
}

/* --- reading again --- */

static char copy[3 * TEXT_MAX];

/* Writes the event as compact JSON. */
static void put_event(asg_buf_t *b, asg_json_event_t event)
{
    bool quoted = event == ASG_JSON_KEY || event == ASG_JSON_STRING;
    char last = b->len > 0 ? b->data[b->len - 1] : '[';
    bool closes = event == ASG_JSON_OBJECT_END || event == ASG_JSON_ARRAY_END;

    if (!closes && last != '[' && last != '{' && last != ':') {
        asg_buf_z(b, ",");
    }
    asg_buf_z(b, quoted ? "\"" : "");
    asg_buf_str(b, json.token);
    asg_buf_z(b, quoted ? "\"" : "");
    asg_buf_z(b, event == ASG_JSON_KEY ? ":" : "");
}

/* What a string says survives being written by asg_buf_json(). */
static void check_string(asg_str_t raw)
{
    static char plain[TEXT_MAX], quoted[6 * TEXT_MAX], again[TEXT_MAX];
    static asg_json_t other;
    asg_buf_t a, q, b;

    asg_buf_init(&a, plain, sizeof(plain));
    asg_buf_init(&q, quoted, sizeof(quoted));
    asg_buf_init(&b, again, sizeof(again));
    assert(asg_json_unescape(raw, &a));
    asg_buf_json(&q, asg_buf_view(&a));
    assert(asg_buf_ok(&q));
    asg_json_begin(&other, asg_buf_view(&q), 1);
    assert(asg_json_next(&other) == ASG_JSON_STRING);
    assert(asg_json_unescape(other.token, &b));
    assert(asg_str_eq(asg_buf_view(&a), asg_buf_view(&b)));
}

static void check_again(asg_str_t text, asg_str_t compact)
{
    static char second[sizeof(copy)];
    asg_json_event_t event;
    asg_buf_t b;

    asg_buf_init(&b, second, sizeof(second));
    asg_json_begin(&json, compact, 7);
    while ((event = asg_json_next(&json)) > ASG_JSON_END) {
        put_event(&b, event);
    }
    assert(event == ASG_JSON_END);
    assert(asg_str_eq(asg_buf_view(&b), compact));

    asg_json_begin(&json, text, 9);
    assert(asg_json_next(&json) != ASG_JSON_ERROR);
    assert(asg_json_skip(&json));
    assert(asg_json_next(&json) == ASG_JSON_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static names_t names;
    asg_str_t text = {(const char *) data, size};
    asg_json_event_t event;
    asg_buf_t b;

    if (size == 0 || size > TEXT_MAX) {
        return 0;
    }
    names.count = 0;
    names.objects = 0;
    asg_buf_init(&b, copy, sizeof(copy));
    asg_json_begin(&json, text, 0x5eed);
    while ((event = asg_json_next(&json)) > ASG_JSON_END) {
        assert(json.start < json.end && json.end <= size);
        note_event(&names, event);
        put_event(&b, event);
        if (event == ASG_JSON_STRING) {
            check_string(json.token);
        }
    }
    if (event == ASG_JSON_END) {
        assert(naive_accepts(text));
        assert(asg_buf_ok(&b));
        check_again(text, asg_buf_view(&b));
    } else if (json.fault == ASG_JSON_DUPLICATE) {
        check_duplicate(&names, text);
    } else if (json.fault == ASG_JSON_BAD) {
        assert(!naive_accepts(text));
    }
    return 0;
}
