/* Addresses, numbers and secrets: what a match of each rule is. */
#include "core/guard_rule.h"

#define LOCAL_MAX     64        /* of an address, before its @ */
#define DOMAIN_MAX    253
#define LABEL_MAX     63
#define TOKEN_MAX     255
#define KEY_KIND_MAX  40        /* between BEGIN and PRIVATE KEY */

static bool is_upper_or_digit(char c)
{
    return asg_rule_is_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool is_local(char c)
{
    return asg_rule_is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+'
        || c == '-';
}

static bool is_token(char c)
{
    return asg_rule_is_alnum(c) || c == '_';
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Up to `max` bytes of a kind from `at` on. */
static size_t run_of(asg_str_t text, size_t at, size_t max, bool (*is)(char))
{
    size_t n = 0;

    max = least(max, text.len - at);
    while (n < max && is(text.data[at + n])) {
        n++;
    }
    return n;
}

/* --- addresses --- */

/* Where the local part begins; `at` if there is none. */
static size_t local_start(asg_str_t text, size_t at)
{
    size_t max = least(at, LOCAL_MAX), n = 0;

    while (n < max && is_local(text.data[at - 1 - n])) {
        n++;
    }
    while (n > 0 && !asg_rule_is_alnum(text.data[at - n])
           && text.data[at - n] != '_')
    {
        n--;
    }
    return at - n;
}

static bool is_top_label(asg_str_t text, size_t at, size_t n)
{
    char after;

    if (n < 2 || n > LABEL_MAX) {
        return false;
    }
    after = at + n < text.len ? text.data[at + n] : ' ';
    return !asg_rule_is_alnum(after);
}

/* The end of the longest name of a host at `at`; 0: there is none. */
static size_t domain_end(asg_str_t text, size_t at)
{
    size_t end = 0, from = at;

    while (at < text.len && at - from < DOMAIN_MAX) {
        size_t letters = run_of(text, at, LABEL_MAX, asg_rule_is_letter);
        size_t n = letters;

        while (n < LABEL_MAX && at + n < text.len
               && (asg_rule_is_alnum(text.data[at + n])
                   || text.data[at + n] == '-'))
        {
            n++;
        }
        if (at > from && is_top_label(text, at, letters)) {
            end = at + letters;
        }
        if (n == 0 || at + n >= text.len || text.data[at + n] != '.') {
            break;
        }
        at += n + 1;
    }
    return end;
}

bool asg_rule_email(asg_str_t text, size_t at, asg_hit_t *hit)
{
    hit->rule = ASG_RULE_PII_EMAIL;
    hit->start = local_start(text, at);
    if (hit->start == at) {
        return false;
    }
    hit->end = domain_end(text, at + 1);
    return hit->end != 0;
}

/* --- numbers --- */

static bool begins_number(asg_str_t text, size_t at)
{
    char before = at > 0 ? text.data[at - 1] : ' ';

    if (asg_rule_is_alnum(before)) {
        return false;
    }
    /* the fraction of another number */
    return before != '.' || at < 2 || !asg_rule_is_digit(text.data[at - 2]);
}

static bool ends_number(asg_str_t text, size_t at)
{
    return at >= text.len || !asg_rule_is_alnum(text.data[at]);
}

/* Digits as `shape` has them ('d'), parted by `gap` where it has a '-'; the
 * offset after them, 0: others stand there. */
static size_t shaped(asg_str_t text, size_t at, const char *shape, char gap)
{
    for (; *shape != '\0'; shape++, at++) {
        if (at >= text.len
            || (*shape == 'd' ? !asg_rule_is_digit(text.data[at])
                              : text.data[at] != gap))
        {
            return 0;
        }
    }
    return at;
}

static unsigned number_at(asg_str_t text, size_t at, size_t n)
{
    unsigned value = 0;

    for (size_t i = 0; i < n; i++) {
        value = value * 10 + (unsigned) (text.data[at + i] - '0');
    }
    return value;
}

/* As the administration gives them out: no 000, 666 or 9xx in front, no zeros
 * alone in a group. */
static bool is_ssn(asg_str_t text, size_t at, size_t end)
{
    unsigned area = number_at(text, at, 3);
    bool goes_on = end + 1 < text.len && text.data[end] == '-'
        && asg_rule_is_digit(text.data[end + 1]);

    return area != 0 && area != 666 && area < 900
        && number_at(text, at + 4, 2) != 0 && number_at(text, at + 7, 4) != 0
        && !goes_on && (at == 0 || text.data[at - 1] != '-');
}

static bool passes_luhn(asg_str_t text, size_t at, size_t end)
{
    unsigned sum = 0;
    bool twice = false;

    while (end > at) {
        char c = text.data[--end];

        if (asg_rule_is_digit(c)) {
            unsigned digit = (unsigned) (c - '0') << twice;

            sum += digit > 9 ? digit - 9 : digit;
            twice = !twice;
        }
    }
    return sum % 10 == 0;
}

/* The end of what is written as cards are: sixteen digits, or the fifteen of
 * those that begin with 34 or 37. */
static size_t card_shape(asg_str_t text, size_t at)
{
    char gap = at + 4 < text.len ? text.data[at + 4] : '\0';
    bool is_short = text.data[at] == '3'
        && (text.data[at + 1] == '4' || text.data[at + 1] == '7');
    size_t end;

    if (gap == ' ' || gap == '-') {
        end = shaped(text, at, "dddd-dddd-dddd-dddd", gap);
        return end == 0 && is_short
            ? shaped(text, at, "dddd-dddddd-ddddd", gap) : end;
    }
    end = shaped(text, at, "dddddddddddddddd", '\0');
    return end == 0 && is_short ? shaped(text, at, "ddddddddddddddd", '\0')
                                : end;
}

/* Numbers that are given to cards, by their first four digits (ISO/IEC 7812):
 * the times of a clock, for one, are not among them. */
static bool is_issued(asg_str_t text, size_t at)
{
    unsigned first = number_at(text, at, 4);

    return (first >= 4000 && first <= 6999) || (first >= 2221 && first <= 2720)
        || (first >= 3528 && first <= 3589) || first / 100 == 34
        || first / 100 == 37;
}

/* Four digits at `at`, and no fifth; `at` may be before the text. */
static bool is_group(asg_str_t text, size_t at)
{
    return at < text.len && shaped(text, at, "dddd", '\0') != 0
        && (at == 0 || !asg_rule_is_digit(text.data[at - 1]))
        && (at + 4 == text.len || !asg_rule_is_digit(text.data[at + 4]));
}

/* Groups that are a piece of a longer row, as of a table. */
static bool is_in_row(asg_str_t text, size_t at, size_t end)
{
    char gap = text.data[at + 4];

    if (asg_rule_is_digit(gap)) {
        return false;
    }
    return (at >= 5 && text.data[at - 1] == gap && is_group(text, at - 5))
        || (end < text.len && text.data[end] == gap
            && is_group(text, end + 1));
}

static bool is_card(asg_str_t text, size_t at, size_t end)
{
    return end != 0 && ends_number(text, end) && is_issued(text, at)
        && passes_luhn(text, at, end) && !is_in_row(text, at, end);
}

bool asg_rule_number(asg_str_t text, size_t at, asg_hit_t *hit)
{
    if (text.len - at < 4 || !asg_rule_is_digit(text.data[at])
        || !begins_number(text, at))
    {
        return false;
    }
    hit->start = at;
    if (text.data[at + 3] == '-') {
        hit->rule = ASG_RULE_PII_SSN;
        hit->end = shaped(text, at, "ddd-dd-dddd", '-');
        return hit->end != 0 && ends_number(text, hit->end)
            && is_ssn(text, at, hit->end);
    }
    hit->rule = ASG_RULE_PII_CREDIT_CARD;
    hit->end = card_shape(text, at);
    return is_card(text, at, hit->end);
}

/* --- secrets --- */

bool asg_rule_aws_key(asg_str_t text, size_t at, asg_hit_t *hit)
{
    hit->rule = ASG_RULE_SECRET_AWS_ACCESS_KEY;
    hit->start = at;
    hit->end = at + 20;
    if (!asg_rule_stands(text, at, "AKIA") && !asg_rule_stands(text, at, "ASIA")
        && !asg_rule_stands(text, at, "ABIA")
        && !asg_rule_stands(text, at, "ACCA"))
    {
        return false;
    }
    /* within a longer run it is base32 or the like */
    return (at == 0 || !is_upper_or_digit(text.data[at - 1]))
        && run_of(text, at, 21, is_upper_or_digit) == 20;
}

bool asg_rule_github_token(asg_str_t text, size_t at, asg_hit_t *hit)
{
    static const char kinds[] = "pousr";
    size_t n;

    hit->rule = ASG_RULE_SECRET_GITHUB_PAT;
    hit->start = at;
    if (text.len - at < 4 || text.data[at] != 'g' || text.data[at + 1] != 'h'
        || memchr(kinds, text.data[at + 2], 5) == NULL
        || text.data[at + 3] != '_')
    {
        return false;
    }
    n = run_of(text, at + 4, TOKEN_MAX, asg_rule_is_alnum);
    hit->end = at + 4 + n;
    return n >= 36;
}

bool asg_rule_github_pat(asg_str_t text, size_t at, asg_hit_t *hit)
{
    size_t n;

    if (at < 6 || !asg_rule_stands(text, at - 6, "github_pat_")) {
        return false;
    }
    hit->rule = ASG_RULE_SECRET_GITHUB_PAT;
    hit->start = at - 6;
    n = run_of(text, at + 5, TOKEN_MAX, is_token);
    hit->end = at + 5 + n;
    return n >= 40;
}

static bool is_kind(char c)
{
    return is_upper_or_digit(c) || c == ' ';
}

bool asg_rule_private_key(asg_str_t text, size_t at, asg_hit_t *hit)
{
    size_t n;

    if (at < 3 || !asg_rule_stands(text, at - 3, "-----BEGIN ")) {
        return false;
    }
    hit->rule = ASG_RULE_SECRET_PRIVATE_KEY;
    hit->start = at - 3;
    at += 8;
    n = run_of(text, at, KEY_KIND_MAX, is_kind);
    hit->end = at + n + 5;
    if (n >= 6 && asg_rule_stands(text, at + n - 6, " BLOCK")) {
        n -= 6;
    }
    return n >= 11 && asg_rule_stands(text, at + n - 11, "PRIVATE KEY")
        && asg_rule_stands(text, hit->end - 5, "-----");
}
