/*
 * How much of a text that goes on a match could still need.
 *
 * A match ends in a run of signs that its rule knows.  So what the text ends
 * with is held back: its last word, a row of numbers, the head of a private key
 * as far as it came, an order as far as it came.
 */
#include "core/guard_lane.h"
#include "core/guard_rule.h"

#define KEY_HEAD_MAX  64        /* -----BEGIN … PRIVATE KEY----- */

static bool is_of_word(char c)
{
    return asg_rule_is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+'
        || c == '-' || c == '@';
}

static size_t word_start(asg_str_t text, size_t at, size_t least)
{
    while (at > least && is_of_word(text.data[at - 1])) {
        at--;
    }
    return at;
}

/* Numbers with one space between. */
static size_t row_start(asg_str_t text, size_t at, size_t least)
{
    while (at > least + 1 && text.data[at - 1] == ' '
           && asg_rule_is_digit(text.data[at - 2])
           && (at == text.len || asg_rule_is_digit(text.data[at])))
    {
        at = word_start(text, at - 1, least);
    }
    return at;
}

static bool is_of_kind(char c)
{
    return c == ' ' || asg_rule_is_digit(c) || (c >= 'A' && c <= 'Z');
}

/* May the end of the text be the beginning of a key's first line? */
static bool begins_key(asg_str_t text, size_t at)
{
    static const char head[] = "-----BEGIN ";
    size_t n = sizeof(head) - 1, dashes = 0;
    size_t left = text.len - at;

    if (left <= n) {
        return memcmp(text.data + at, head, left) == 0;
    }
    if (memcmp(text.data + at, head, n) != 0) {
        return false;
    }
    at += n;
    while (at < text.len && is_of_kind(text.data[at])) {
        at++;
    }
    while (at < text.len && text.data[at] == '-') {
        at++;
        dashes++;
    }
    return at == text.len && dashes <= 5;
}

static size_t key_start(asg_str_t text, size_t at, size_t least)
{
    size_t from = text.len > KEY_HEAD_MAX ? text.len - KEY_HEAD_MAX : 0;

    for (from = from > least ? from : least; from < at; from++) {
        if (text.data[from] == '-' && begins_key(text, from)) {
            return from;
        }
    }
    return at;
}

size_t asg_guard_settled(asg_str_t text, bool phrases)
{
    size_t least = text.len > ASG_GUARD_REACH ? text.len - ASG_GUARD_REACH : 0;
    size_t at = word_start(text, text.len, least);

    at = row_start(text, at, least);
    at = key_start(text, at, least);
    if (phrases) {
        size_t order = asg_rule_phrase_start(text, least);

        at = order < at ? order : at;
    }
    return at;
}
