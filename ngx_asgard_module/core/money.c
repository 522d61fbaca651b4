/* Amounts of money as integers and as text. */
#include "core/money.h"

#define NUSD_PER_USD     1000000000
#define FRACTION_DIGITS  9

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_end(asg_str_t s, size_t at)
{
    while (at < s.len && is_digit(s.data[at])) {
        at++;
    }
    return at;
}

/* Adds the digits [from, to) to `n`; stays at the first value above the
 * largest amount, so that it cannot overflow. */
static uint64_t add_digits(uint64_t n, asg_str_t s, size_t from, size_t to)
{
    for (size_t i = from; i < to && n <= (uint64_t) ASG_NUSD_MAX; i++) {
        n = n * 10 + (uint64_t) (s.data[i] - '0');
    }
    return n;
}

asg_err_t asg_money_parse(asg_str_t text, asg_nusd_t *out)
{
    size_t whole = digits_end(text, 0);
    size_t end = whole;
    size_t fraction = 0;
    uint64_t n;

    if (whole == 0 || (whole > 1 && text.data[0] == '0')) {
        return ASG_ERR_SYNTAX;
    }
    if (whole < text.len && text.data[whole] == '.') {
        end = digits_end(text, whole + 1);
        fraction = end - whole - 1;
        if (fraction == 0) {
            return ASG_ERR_SYNTAX;
        }
    }
    if (end != text.len || fraction > FRACTION_DIGITS) {
        return ASG_ERR_SYNTAX;
    }
    n = add_digits(0, text, 0, whole);
    n = add_digits(n, text, end - fraction, end);
    n = add_digits(n, ASG_STR("000000000"), fraction, FRACTION_DIGITS);
    if (n > (uint64_t) ASG_NUSD_MAX) {
        return ASG_ERR_RANGE;
    }
    *out = (asg_nusd_t) n;
    return ASG_OK;
}

size_t asg_money_format(asg_nusd_t amount_nusd, char text[ASG_MONEY_TEXT])
{
    uint64_t n = amount_nusd < 0 ? 0 - (uint64_t) amount_nusd
                                 : (uint64_t) amount_nusd;
    uint64_t fraction = n % NUSD_PER_USD;
    char digits[FRACTION_DIGITS];
    size_t width = FRACTION_DIGITS;
    asg_buf_t b;

    asg_buf_init(&b, text, ASG_MONEY_TEXT - 1);
    asg_buf_put(&b, "-", amount_nusd < 0);
    asg_buf_u64(&b, n / NUSD_PER_USD);
    if (fraction > 0) {
        for (size_t i = FRACTION_DIGITS; i > 0; i--) {
            digits[i - 1] = (char) ('0' + fraction % 10);
            fraction /= 10;
        }
        while (digits[width - 1] == '0') {
            width--;
        }
        asg_buf_put(&b, ".", 1);
        asg_buf_put(&b, digits, width);
    }
    text[b.len] = '\0';
    return b.len;
}
