/* The members of a chat request, by what becomes of them at Anthropic. */
#include "core/anthropic_fields.h"

#include <string.h>

#include "core/view.h"

#define EXPONENT_MAX 100000     /* what is larger compares as this */

typedef enum {
    NEUTRAL_NEVER, NEUTRAL_ZERO, NEUTRAL_ONE, NEUTRAL_FALSE, NEUTRAL_EMPTY,
    NEUTRAL_TEXT
} neutral_t;

static const struct {
    const char *name;
    asg_anthropic_rule_t rule;
    neutral_t neutral;
} rows[ASG_ANTHROPIC_COUNT] = {
#define ROW(id, name, rule, neutral) \
    {name, ASG_ANTHROPIC_##rule, NEUTRAL_##neutral},
#include "core/anthropic_fields.def"
#undef ROW
};

asg_anthropic_field_t asg_anthropic_field_find(asg_str_t key)
{
    unsigned i = 0;

    while (i < ASG_ANTHROPIC_COUNT && !asg_view_spells(key, rows[i].name)) {
        i++;
    }
    return (asg_anthropic_field_t) i;
}

const char *asg_anthropic_field_name(asg_anthropic_field_t field)
{
    return rows[field].name;
}

asg_anthropic_rule_t asg_anthropic_field_rule(asg_anthropic_field_t field)
{
    return rows[field].rule;
}

static bool is_text_alone(asg_str_t list)
{
    asg_view_t view = asg_view_open(list);
    asg_str_t item;

    while (asg_view_item(&view, &item)) {
        if (!asg_view_spells(asg_view_text(item), "text")) {
            return false;
        }
    }
    return true;
}

static bool is_empty(asg_str_t value)
{
    asg_view_t view = asg_view_open(value);
    asg_str_t first;

    return !asg_view_item(&view, &first);
}

bool asg_anthropic_field_is_neutral(asg_anthropic_field_t field,
    asg_str_t value)
{
    switch (rows[field].neutral) {
    case NEUTRAL_ZERO:
        return asg_anthropic_compare(value, ASG_STR("0")) == 0;
    case NEUTRAL_ONE:
        return asg_anthropic_compare(value, ASG_STR("1")) == 0;
    case NEUTRAL_FALSE:
        return asg_str_eq_z(value, "false");
    case NEUTRAL_EMPTY:
        return is_empty(value);
    case NEUTRAL_TEXT:
        return is_text_alone(value);
    default:
        return false;
    }
}

/* --- numbers, without a floating point --- */

/* 0.d1d2d3… × 10^exponent, with d1 not 0; zero has no digits. */
typedef struct {
    bool negative;
    int64_t exponent;
    const char *digits;         /* a dot among them is passed over */
    const char *end;
} decimal_t;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int64_t read_exponent(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    int64_t n = 0;

    p += p < end && (*p == '-' || *p == '+');
    for (; p < end && is_digit(*p); p++) {
        n = n < EXPONENT_MAX ? n * 10 + (*p - '0') : n;
    }
    n = n < EXPONENT_MAX ? n : EXPONENT_MAX;
    return negative ? -n : n;
}

static decimal_t read_decimal(asg_str_t text)
{
    const char *p = text.data;
    const char *end = text.len > 0 ? p + text.len : p;
    decimal_t d = {.negative = p < end && *p == '-'};
    bool after_dot = false;

    p += d.negative;
    for (; p < end && (is_digit(*p) || *p == '.'); p++) {
        if (*p == '.') {
            after_dot = true;
            continue;
        }
        if (d.digits == NULL && *p != '0') {
            d.digits = p;
        }
        if (d.digits == NULL) {
            d.exponent -= after_dot;
        } else {
            d.exponent += !after_dot;
        }
    }
    d.end = p;
    if (p < end) {
        d.exponent += read_exponent(p + 1, end);
    }
    return d;
}

/* The next digit; zeros without end behind the last. */
static char next_digit(decimal_t *d)
{
    if (d->digits < d->end && *d->digits == '.') {
        d->digits++;
    }
    return d->digits < d->end ? *d->digits++ : '0';
}

/* Of two that are not zero, without their signs. */
static int compare_sizes(decimal_t a, decimal_t b)
{
    if (a.exponent != b.exponent) {
        return a.exponent < b.exponent ? -1 : 1;
    }
    while (a.digits < a.end || b.digits < b.end) {
        int difference = next_digit(&a) - next_digit(&b);

        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

static int sign_of(const decimal_t *d)
{
    return d->digits == NULL ? 0 : d->negative ? -1 : 1;
}

int asg_anthropic_compare(asg_str_t a, asg_str_t b)
{
    decimal_t x = read_decimal(a);
    decimal_t y = read_decimal(b);
    int sign = sign_of(&x);

    if (sign != sign_of(&y) || sign == 0) {
        return sign - sign_of(&y);
    }
    return sign * compare_sizes(x, y);
}
