/*
 * The walk over an answer's JSON: what is longer than one byte.
 *
 * Strings, numbers and words are taken in runs, each as far as the bytes at
 * hand go.
 */
#include <string.h>

#include "core/answer_walk.h"
#include "core/price.h"
#include "core/scan.h"

enum {
    NUM_MINUS, NUM_ZERO, NUM_INT, NUM_DOT, NUM_FRACTION, NUM_E, NUM_E_SIGN,
    NUM_EXPONENT
};

/* --- strings --- */

static void keep(asg_answer_scan_t *s, const char *bytes, size_t len)
{
    size_t room = sizeof(s->word) - 1 - s->word_len;

    if (len > room) {
        s->word_odd = true;     /* part of an id may be part of a secret */
        len = room;
    }
    memcpy(s->word + s->word_len, bytes, len);
    s->word_len += (unsigned) len;
}

static void count_text(asg_answer_scan_t *s, size_t len)
{
    s->content_bytes += len;
    s->text_bytes += asg_walk_is_own_text(s) ? len : 0;
}

/* Bytes of a string as they stand, no escape among them. */
static void text(asg_answer_scan_t *s, const char *bytes, size_t len)
{
    if (s->is_key && s->loud == 0) {
        if (asg_walk_level(s) == 1 || s->top == ROLE_CHOICES
            || s->top == ROLE_USAGE)
        {
            keep(s, bytes, len);
        }
    } else if (asg_walk_is_text(s)) {
        count_text(s, len);
    } else if (s->role == ROLE_ID || s->role == ROLE_OBJECT
               || s->role == ROLE_TIER)
    {
        keep(s, bytes, len);
    }
}

static void character(asg_answer_scan_t *s, uint32_t code)
{
    char byte = (char) code;

    if (code < 0x80) {
        s->word_odd = s->word_odd || code < 0x20;
        text(s, &byte, 1);
        return;
    }
    s->word_odd = true;
    if ((!s->is_key || s->loud != 0) && asg_walk_is_text(s)) {
        bool is_half = (code & 0xf800) == 0xd800;       /* 2 x 2 = 4 bytes */

        count_text(s, code < 0x800 || is_half ? 2 : 3);
    }
}

static void id_done(asg_answer_scan_t *s)
{
    for (size_t i = 0; i < s->word_len; i++) {
        uint8_t c = (uint8_t) s->word[i];

        if (c <= 0x20 || c >= 0x7f) {
            return;
        }
    }
    if (!s->word_odd) {
        memcpy(s->id, s->word, s->word_len);
        s->id[s->word_len] = '\0';
    }
}

static bool word_is(const asg_answer_scan_t *s, const char *word)
{
    return !s->word_odd && s->word_len == strlen(word)
        && memcmp(s->word, word, s->word_len) == 0;
}

/* `object`, or `type` in the other words. */
static void object_done(asg_answer_scan_t *s, size_t at)
{
    if (word_is(s, "error")) {
        s->error_at = s->is_error ? s->error_at : at;
        s->is_error = true;
    } else if (word_is(s, "message_stop")) {
        s->stop_mark = s->words == ASG_WORDS_MESSAGES;
    }
}

/* The closing quote is at `at`. */
static void string_done(asg_answer_scan_t *s, size_t at)
{
    if (s->is_key) {
        asg_walk_key_done(s, s->word, s->word_odd ? 0 : s->word_len);
        return;
    }
    if (s->role == ROLE_MODEL) {
        s->model.to = at + 1;
    } else if (s->role == ROLE_ID) {
        s->name.to = at + 1;
        id_done(s);
    } else if (s->role == ROLE_TIER) {
        s->tier = s->word_odd ? ASG_TIER_OTHER
            : asg_tier_parse((asg_str_t) {s->word, s->word_len});
    } else if (s->role == ROLE_CONTENT && s->content.from != 0
               && s->content.to == 0)
    {
        s->content.to = at + 1;
    } else if (s->role == ROLE_OBJECT) {
        object_done(s, at);
    }
    asg_walk_value_done(s, at + 1);
}

const char *asg_walk_string(asg_answer_scan_t *s, const char *p,
    const char *end, size_t at)
{
    const char *from = p;

    p = (const char *) asg_scan_raw((const uint8_t *) p, (const uint8_t *) end);
    if (s->is_key && s->loud == 0 && s->word_len == 0 && !s->word_odd
        && p < end && *p == '"')
    {
        asg_walk_key_done(s, from, (size_t) (p - from));
        return p + 1;
    }
    if (p > from) {
        text(s, from, (size_t) (p - from));
    }
    if (p == end) {
        return p;
    }
    if (*p == '"') {
        string_done(s, at + (size_t) (p - from));
    } else if (*p == '\\') {
        s->state = AT_ESCAPE;
    } else {
        asg_walk_fault(s);      /* a control character */
    }
    return p + 1;
}

void asg_walk_escape(asg_answer_scan_t *s, char c)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *found = c != '\0' ? strchr(names, c) : NULL;

    if (c == 'u') {
        s->state = AT_HEX;
        s->hex = 0;
        s->hex_left = 4;
    } else if (found != NULL) {
        s->state = AT_STRING;
        character(s, (uint32_t) meanings[found - names]);
    } else {
        asg_walk_fault(s);
    }
}

void asg_walk_hex(asg_answer_scan_t *s, char c)
{
    unsigned digit;

    if (c >= '0' && c <= '9') {
        digit = (unsigned) (c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        digit = (unsigned) ((c | 0x20) - 'a') + 10;
    } else {
        asg_walk_fault(s);
        return;
    }
    s->hex = s->hex << 4 | digit;
    if (--s->hex_left == 0) {
        s->state = AT_STRING;
        character(s, s->hex);
    }
}

/* --- numbers and words --- */

void asg_walk_open_number(asg_answer_scan_t *s, char c)
{
    s->state = AT_NUMBER;
    s->number = c == '-' ? NUM_MINUS : c == '0' ? NUM_ZERO : NUM_INT;
    s->value_bad = c == '-';
    s->value_huge = false;
    s->value = c == '-' ? 0 : (uint64_t) (c - '0');
}

static void digit(asg_answer_scan_t *s, char c)
{
    switch (s->number) {
    case NUM_MINUS:
        s->number = c == '0' ? NUM_ZERO : NUM_INT;
        break;
    case NUM_ZERO:
        asg_walk_fault(s);      /* 01 */
        break;
    case NUM_INT:
        if (s->value > (uint64_t) ASG_TOKENS_MAX) {
            s->value_huge = s->value_huge || !s->value_bad;
            s->value_bad = true;        /* no use to count on */
        } else {
            s->value = s->value * 10 + (uint64_t) (c - '0');
        }
        break;
    case NUM_DOT:
        s->number = NUM_FRACTION;
        break;
    case NUM_E:
    case NUM_E_SIGN:
        s->number = NUM_EXPONENT;
        break;
    }
}

/* False: `c` is no part of the number, which ended before it. */
static bool number_part(asg_answer_scan_t *s, char c)
{
    bool is_whole = s->number == NUM_ZERO || s->number == NUM_INT;

    if (c >= '0' && c <= '9') {
        digit(s, c);
        return true;
    }
    if (c == '.' && is_whole) {
        s->number = NUM_DOT;
    } else if ((c | 0x20) == 'e' && (is_whole || s->number == NUM_FRACTION)) {
        s->number = NUM_E;
    } else if ((c == '+' || c == '-') && s->number == NUM_E) {
        s->number = NUM_E_SIGN;
    } else {
        return false;
    }
    s->value_bad = true;        /* 1.0 and 1e3 are no counts of tokens */
    return true;
}

static bool number_can_end(const asg_answer_scan_t *s)
{
    return s->number == NUM_ZERO || s->number == NUM_INT
        || s->number == NUM_FRACTION || s->number == NUM_EXPONENT;
}

const char *asg_walk_number(asg_answer_scan_t *s, const char *p,
    const char *end, size_t at)
{
    const char *from = p;

    if (s->number == NUM_INT && !asg_walk_is_count(s)) {
        while (p < end && *p >= '0' && *p <= '9') {
            p++;                /* its value is of no interest */
        }
    }
    while (p < end && s->state == AT_NUMBER && number_part(s, *p)) {
        p++;
    }
    if (p == end || s->state != AT_NUMBER) {
        return p;
    }
    if (!number_can_end(s)) {
        asg_walk_fault(s);
        return p;
    }
    if (asg_walk_is_count(s)) {
        asg_walk_count_done(s);
    }
    asg_walk_value_done(s, at + (size_t) (p - from));
    return p;
}

const char *asg_walk_literal(asg_answer_scan_t *s, const char *p,
    const char *end, size_t at)
{
    const char *from = p;

    while (p < end && *s->literal == *p) {
        s->literal++;
        p++;
        if (*s->literal == '\0') {
            s->done_mark = s->depth == 0;
            asg_walk_value_done(s, at + (size_t) (p - from));
            return p;
        }
    }
    if (p < end) {
        asg_walk_fault(s);
    }
    return p;
}
