/*
 * USD as LiteLLM writes them: what a double prints as, 3.1415 or 2e-06.
 */
#include "core/litellm.h"

#define NANO_DIGITS   9
#define EXPONENT_MAX  400               /* beyond what a double has */

/* digits × 10^exponent, as it is read. */
typedef struct {
    const char *at, *end;
    int64_t value;                      /* of the digits taken */
    int64_t exponent;
    bool rest;                          /* digits that were not taken: not 0 */
    bool any;
} number_t;

static bool is_digit(const number_t *n)
{
    return n->at < n->end && *n->at >= '0' && *n->at <= '9';
}

/* A value is full before it could pass the largest amount tenfold. */
static void take_digits(number_t *n, bool is_fraction)
{
    for (; is_digit(n); n->at++) {
        n->any = true;
        if (n->value > ASG_NUSD_MAX / 10) {
            n->rest |= *n->at != '0';
            n->exponent += !is_fraction;
            continue;
        }
        n->value = n->value * 10 + (*n->at - '0');
        n->exponent -= is_fraction;
    }
}

static bool take_exponent(number_t *n)
{
    int64_t value = 0;
    bool minus, any = false;

    if (n->at == n->end || (*n->at != 'e' && *n->at != 'E')) {
        return true;
    }
    n->at++;
    minus = n->at < n->end && *n->at == '-';
    n->at += n->at < n->end && (*n->at == '-' || *n->at == '+');
    for (; is_digit(n); n->at++) {
        any = true;
        value = value > EXPONENT_MAX ? value : value * 10 + (*n->at - '0');
    }
    n->exponent += minus ? -value : value;
    return any;
}

static asg_err_t scale(const number_t *n, asg_nusd_t *out)
{
    int64_t value = n->value, exponent = n->exponent + NANO_DIGITS;
    bool rest = n->rest;

    for (; exponent > 0 && value > 0; exponent--) {
        if (value > ASG_NUSD_MAX / 10) {
            return ASG_ERR_RANGE;
        }
        value *= 10;
    }
    for (; exponent < 0 && value > 0; exponent++) {
        rest |= value % 10 != 0;
        value /= 10;
    }
    value += rest;
    if (value > ASG_NUSD_MAX) {
        return ASG_ERR_RANGE;
    }
    *out = value;
    return ASG_OK;
}

asg_err_t asg_litellm_usd(asg_str_t number, asg_nusd_t *out)
{
    number_t n = {.at = number.data};

    if (number.len == 0) {
        return ASG_ERR_SYNTAX;
    }
    n.end = n.at + number.len;
    take_digits(&n, false);
    if (!n.any) {
        return ASG_ERR_SYNTAX;
    }
    if (n.at < n.end && *n.at == '.') {
        n.at++;
        n.any = false;
        take_digits(&n, true);
    }
    if (!n.any || !take_exponent(&n) || n.at != n.end) {
        return ASG_ERR_SYNTAX;
    }
    return scale(&n, out);
}
