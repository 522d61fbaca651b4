/* The ways in which a secret may be spelt. */
#include "core/leak_spell.h"

#include <stdint.h>

#define CLOSING '\xff'

typedef struct {
    char *spelt;
    size_t len;
    asg_leak_spelling_t *spellings;
    unsigned count;
} spell_t;

static void put(spell_t *s, char c)
{
    s->spelt[s->len++] = c;
}

static void begin(spell_t *s, unsigned of, unsigned bits)
{
    s->spellings[s->count] = (asg_leak_spelling_t) {
        .from = s->len, .of = of, .bits = bits};
}

static void close_spelling(spell_t *s)
{
    s->spellings[s->count++].to = s->len;
    put(s, CLOSING);
}

static void spell_plain(spell_t *s, asg_str_t secret)
{
    begin(s, 1, 8);
    memcpy(s->spelt + s->len, secret.data, secret.len);
    s->len += secret.len;
    close_spelling(s);
}

static void spell_backwards(spell_t *s, asg_str_t secret)
{
    begin(s, 1, 8);
    for (size_t i = secret.len; i > 0; i--) {
        put(s, secret.data[i - 1]);
    }
    close_spelling(s);
}

static void spell_hex(spell_t *s, asg_str_t secret)
{
    static const char digits[] = "0123456789abcdef";

    begin(s, 2, 8);
    for (size_t i = 0; i < secret.len; i++) {
        uint8_t c = (uint8_t) secret.data[i];

        put(s, digits[c >> 4]);
        put(s, digits[c & 15]);
    }
    close_spelling(s);
}

/* With `before` bytes of others before it in a group of three. */
static void spell_base64(spell_t *s, asg_str_t secret, unsigned before)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "abcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned skip = before * 8 % 6;     /* bits of a group that others share */
    uint32_t bits = 0;
    unsigned have = 0;

    begin(s, 1, 6);
    skip = skip > 0 ? 6 - skip : 0;
    for (size_t i = 0; i < secret.len; i++) {
        bits = bits << 8 | (uint8_t) secret.data[i];
        have += 8;
        if (i == 0) {
            have -= skip;
        }
        while (have >= 6) {
            have -= 6;
            put(s, alphabet[bits >> have & 63]);
        }
    }
    close_spelling(s);
}

unsigned asg_leak_spell(asg_str_t secret, char *spelt,
    asg_leak_spelling_t spellings[ASG_LEAK_SPELLINGS])
{
    spell_t s = {.spelt = spelt, .spellings = spellings};

    spell_plain(&s, secret);
    if (secret.len <= ASG_LEAK_CODED_MAX) {
        spell_backwards(&s, secret);
        spell_hex(&s, secret);
        for (unsigned before = 0; before < 3; before++) {
            spell_base64(&s, secret, before);
        }
    }
    return s.count;
}

size_t asg_leak_spelling_chars(const asg_leak_spelling_t *s, size_t n)
{
    /* of the bits that fall before a whole character 4 at most are lost */
    return s->bits == 6 ? (8 * n - 4) / 6 : n * s->of;
}
