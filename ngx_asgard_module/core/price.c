/* What a call costs, and what it can cost at most. */
#include "core/price.h"

#define PUSD_PER_NUSD     1000
#define PRICE_TEXT_MAX    64
#define EXPONENT_MAX      9999          /* far outside every accepted price */
#define MANTISSA_DIGITS   30
#define PUSD_EXPONENT     12            /* a USD is 10^12 pico-USD */

/* Sums of products do not fit 64 bits: 10^9 tokens at 10^15 pico-USD. */
__extension__ typedef unsigned __int128 wide_t;

static bool is_price(int64_t pusd)
{
    return pusd >= 0 && pusd <= ASG_PUSD_MAX;
}

static bool is_count(int64_t tokens)
{
    return tokens >= 0 && tokens <= ASG_TOKENS_MAX;
}

static bool card_is_sane(const asg_card_t *card)
{
    return is_price(card->in_pusd) && is_price(card->out_pusd)
        && is_price(card->cached_pusd) && is_price(card->cache_write_pusd)
        && is_price(card->reasoning_pusd);
}

static bool tokens_are_sane(const asg_tokens_t *t)
{
    return is_count(t->prompt) && is_count(t->completion)
        && is_count(t->cached) && is_count(t->cache_write)
        && is_count(t->reasoning)
        && t->cached + t->cache_write <= t->prompt
        && t->reasoning <= t->completion;
}

static wide_t price_of(int64_t tokens, int64_t pusd)
{
    return (wide_t) tokens * (wide_t) pusd;
}

/* The one place where a cost is rounded. */
static asg_err_t round_up(wide_t pusd, asg_nusd_t *nusd)
{
    wide_t n = (pusd + PUSD_PER_NUSD - 1) / PUSD_PER_NUSD;

    if (n > (wide_t) ASG_NUSD_MAX) {
        return ASG_ERR_RANGE;
    }
    *nusd = (asg_nusd_t) n;
    return ASG_OK;
}

asg_err_t asg_price_cost(const asg_card_t *card, const asg_tokens_t *tokens,
    asg_nusd_t *cost_nusd)
{
    int64_t fresh, visible;
    wide_t sum;

    if (!card_is_sane(card) || !tokens_are_sane(tokens)) {
        return ASG_ERR_RANGE;
    }
    fresh = tokens->prompt - tokens->cached - tokens->cache_write;
    visible = tokens->completion - tokens->reasoning;
    sum = price_of(fresh, card->in_pusd)
        + price_of(tokens->cached, card->cached_pusd)
        + price_of(tokens->cache_write, card->cache_write_pusd)
        + price_of(visible, card->out_pusd)
        + price_of(tokens->reasoning, card->reasoning_pusd);
    return round_up(sum, cost_nusd);
}

typedef struct {
    int64_t count;
    int64_t tokens;             /* each */
    bool needs_bound;
} part_t;

/* Adds up to seven products of two counts: at most 7 * 10^18, which fits. */
static asg_err_t add_part(part_t part, uint64_t *sum)
{
    if (!is_count(part.count) || !is_count(part.tokens)) {
        return ASG_ERR_RANGE;
    }
    if (part.needs_bound && part.count > 0 && part.tokens == 0) {
        return ASG_ERR_MISSING;
    }
    *sum += (uint64_t) part.count * (uint64_t) part.tokens;
    return ASG_OK;
}

asg_err_t asg_price_prompt_bound(const asg_card_t *card,
    const asg_parts_t *parts, int64_t *tokens)
{
    const part_t list[] = {
        {parts->bytes, 1, false},       /* no token is shorter than a byte */
        {1, card->request_tokens, false},
        {parts->messages, card->message_tokens, false},
        {parts->tools, card->tool_tokens, false},
        {parts->images, card->image_tokens, true},
        {parts->files, card->file_tokens, true},
        {parts->audios, card->audio_tokens, true}
    };
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        asg_err_t err = add_part(list[i], &sum);

        if (err != ASG_OK) {
            return err;
        }
    }
    if (sum > (uint64_t) ASG_TOKENS_MAX) {
        return ASG_ERR_RANGE;
    }
    *tokens = (int64_t) sum;
    return ASG_OK;
}

static int64_t dearer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

asg_err_t asg_price_hold(const asg_card_t *card, int64_t prompt_tokens,
    int64_t output_tokens, int64_t n, asg_nusd_t *hold_nusd)
{
    int64_t in, out;

    if (!card_is_sane(card) || !is_count(prompt_tokens)
        || !is_count(output_tokens) || !is_count(n) || n == 0)
    {
        return ASG_ERR_RANGE;
    }
    in = dearer(card->in_pusd, dearer(card->cached_pusd,
                                      card->cache_write_pusd));
    out = dearer(card->out_pusd, card->reasoning_pusd);
    /* 10^9 * 10^9 * 10^15 fits 128 bits */
    return round_up(price_of(prompt_tokens, in)
                    + price_of(output_tokens, out) * (wide_t) n, hold_nusd);
}

/* A decimal: mantissa * 10^exponent, and a bit more if `inexact`. */
typedef struct {
    wide_t mantissa;
    int digits;
    int exponent;
    bool inexact;
} decimal_t;

static bool is_digit(asg_str_t s, size_t at)
{
    return at < s.len && s.data[at] >= '0' && s.data[at] <= '9';
}

static void add_digit(decimal_t *d, char c)
{
    unsigned digit = (unsigned) (c - '0');

    if (d->digits == MANTISSA_DIGITS) {
        d->exponent++;
        d->inexact |= digit > 0;
        return;
    }
    d->mantissa = d->mantissa * 10 + digit;
    d->digits += d->mantissa > 0;
}

/* Reads digits and returns where they end. */
static size_t read_digits(decimal_t *d, asg_str_t s, size_t at)
{
    for (; is_digit(s, at); at++) {
        add_digit(d, s.data[at]);
    }
    return at;
}

static size_t read_exponent(decimal_t *d, asg_str_t s, size_t at)
{
    bool negative = at < s.len && s.data[at] == '-';
    int exponent = 0;

    at += negative || (at < s.len && s.data[at] == '+');
    for (; is_digit(s, at); at++) {
        if (exponent < EXPONENT_MAX) {
            exponent = exponent * 10 + (s.data[at] - '0');
        }
    }
    d->exponent += negative ? -exponent : exponent;
    return at;
}

/* The grammar of a JSON number without its sign. */
static bool read_decimal(asg_str_t s, decimal_t *d)
{
    size_t at = read_digits(d, s, 0);

    if (at == 0 || (at > 1 && s.data[0] == '0')) {
        return false;
    }
    if (at < s.len && s.data[at] == '.') {
        size_t from = at + 1;

        at = read_digits(d, s, from);
        if (at == from) {
            return false;
        }
        d->exponent -= (int) (at - from);
    }
    if (at < s.len && (s.data[at] | 0x20) == 'e') {
        at = read_exponent(d, s, at + 1);
        if (!is_digit(s, at - 1)) {
            return false;
        }
    }
    return at == s.len;
}

asg_err_t asg_price_parse(asg_str_t usd, int64_t per, int64_t *pusd)
{
    decimal_t d = {0};

    if (usd.len > PRICE_TEXT_MAX) {
        return ASG_ERR_LIMIT;
    }
    if (!read_decimal(usd, &d)) {
        return ASG_ERR_SYNTAX;
    }
    if (per != 1 && per != 1000) {
        return ASG_ERR_RANGE;
    }
    d.exponent += per == 1 ? PUSD_EXPONENT : PUSD_EXPONENT - 3;
    for (; d.exponent < 0 && d.mantissa > 0; d.exponent++) {
        d.inexact |= d.mantissa % 10 > 0;
        d.mantissa /= 10;
    }
    for (; d.exponent > 0 && d.mantissa > 0
           && d.mantissa <= (wide_t) ASG_PUSD_MAX; d.exponent--)
    {
        d.mantissa *= 10;
    }
    d.mantissa += d.inexact;
    if (d.mantissa > (wide_t) ASG_PUSD_MAX) {
        return ASG_ERR_RANGE;
    }
    *pusd = (int64_t) d.mantissa;
    return ASG_OK;
}
