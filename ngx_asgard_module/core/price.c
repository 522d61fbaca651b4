/* What a call costs, and what it can cost at most. */
#include "core/price.h"

#define PUSD_PER_NUSD     1000
#define PRICE_TEXT_MAX    64
#define TOKEN_BYTES       4             /* of a text, mostly */
#define MEDIA_ESTIMATE    2048          /* tokens that one mostly has at most */
#define EXPONENT_MAX      9999          /* far outside every accepted price */
#define MANTISSA_DIGITS   30
#define PUSD_EXPONENT     12            /* a USD is 10^12 pico-USD */

_Static_assert(2 * ASG_TOKENS_MAX <= INT32_MAX, "asg_tokens_t holds two");

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

static bool prices_are_sane(const asg_prices_t *p)
{
    return is_price(p->in_pusd) && is_price(p->out_pusd)
        && is_price(p->cached_pusd) && is_price(p->cache_write_pusd)
        && is_price(p->reasoning_pusd) && is_price(p->cache_write_1h_pusd)
        && is_price(p->audio_in_pusd) && is_price(p->audio_out_pusd);
}

/* More tokens never cost less, whatever kinds they are of. */
static bool prices_rise(const asg_prices_t *from, const asg_prices_t *to)
{
    return to->in_pusd >= from->in_pusd && to->out_pusd >= from->out_pusd
        && to->cached_pusd >= from->cached_pusd
        && to->cache_write_pusd >= from->cache_write_pusd
        && to->reasoning_pusd >= from->reasoning_pusd
        && to->cache_write_1h_pusd >= from->cache_write_1h_pusd
        && to->audio_in_pusd >= from->audio_in_pusd
        && to->audio_out_pusd >= from->audio_out_pusd
        && (to->audio_in_pusd > 0) == (from->audio_in_pusd > 0)
        && (to->audio_out_pusd > 0) == (from->audio_out_pusd > 0);
}

bool asg_price_rates_are_sane(const asg_rates_t *rates)
{
    return prices_are_sane(&rates->base) && is_count(rates->above_tokens)
        && (rates->above_tokens == 0
            || (prices_are_sane(&rates->above)
                && prices_rise(&rates->base, &rates->above)));
}

bool asg_price_card_is_sane(const asg_card_t *card)
{
    return asg_price_rates_are_sane(&card->rates)
        && is_count(card->request_tokens) && is_count(card->message_tokens)
        && is_count(card->tool_tokens) && is_count(card->image_tokens)
        && is_count(card->file_tokens) && is_count(card->audio_tokens)
        && is_count(card->toolset_tokens) && is_count(card->value_tokens)
        && is_count(card->byte_tokens) && is_count(card->reasoning_tokens)
        && is_count(card->typed_tool_tokens);
}

static bool tokens_are_sane(const asg_tokens_t *t)
{
    return is_count(t->prompt) && is_count(t->completion)
        && is_count(t->cached) && is_count(t->cache_write)
        && is_count(t->reasoning) && is_count(t->cache_write_1h)
        && is_count(t->audio_in) && is_count(t->audio_out)
        && t->cached + t->cache_write <= t->prompt
        && t->cache_write_1h <= t->cache_write
        && t->audio_in <= t->prompt
        && t->reasoning <= t->completion && t->audio_out <= t->completion;
}

static int64_t dearer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t fewer(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static const asg_prices_t *prices_of(const asg_rates_t *rates, int64_t prompt)
{
    return rates->above_tokens > 0 && prompt > rates->above_tokens
        ? &rates->above : &rates->base;
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

/* Each token of the prompt once: written, audio, cached, and what is left. */
static wide_t prompt_cost(const asg_prices_t *p, const asg_tokens_t *t)
{
    int64_t rest = t->prompt - t->cache_write;
    int64_t audio = p->audio_in_pusd > 0 ? fewer(t->audio_in, rest) : 0;
    int64_t cached = fewer(t->cached, rest - audio);

    return price_of(t->cache_write - t->cache_write_1h, p->cache_write_pusd)
        + price_of(t->cache_write_1h,
                   dearer(p->cache_write_pusd, p->cache_write_1h_pusd))
        + price_of(audio, p->audio_in_pusd)
        + price_of(cached, p->cached_pusd)
        + price_of(rest - audio - cached, p->in_pusd);
}

static wide_t completion_cost(const asg_prices_t *p, const asg_tokens_t *t)
{
    int64_t rest = t->completion - t->reasoning;
    int64_t audio = p->audio_out_pusd > 0 ? fewer(t->audio_out, rest) : 0;

    return price_of(t->reasoning, p->reasoning_pusd)
        + price_of(audio, p->audio_out_pusd)
        + price_of(rest - audio, p->out_pusd);
}

asg_err_t asg_price_cost(const asg_rates_t *rates,
    const asg_tokens_t *tokens, asg_nusd_t *cost_nusd)
{
    const asg_prices_t *p;

    if (!asg_price_rates_are_sane(rates) || !tokens_are_sane(tokens)) {
        return ASG_ERR_RANGE;
    }
    p = prices_of(rates, tokens->prompt);
    return round_up(prompt_cost(p, tokens) + completion_cost(p, tokens),
                    cost_nusd);
}

asg_part_t asg_price_unbound(const asg_card_t *card, const asg_parts_t *parts)
{
    if (parts->images > 0 && card->image_tokens == 0) {
        return ASG_PART_IMAGE;
    }
    if (parts->files > 0 && card->file_tokens == 0) {
        return ASG_PART_FILE;
    }
    if (parts->audios > 0 && card->audio_tokens == 0) {
        return ASG_PART_AUDIO;
    }
    if (parts->typed_tools > 0 && card->typed_tool_tokens == 0) {
        return ASG_PART_TYPED_TOOL;
    }
    /* as many tokens as of text, at a price that nobody said */
    if (parts->voices > 0 && card->rates.base.audio_out_pusd == 0
        && card->rates.base.out_pusd > 0)
    {
        return ASG_PART_VOICE;
    }
    return ASG_PART_NONE;
}

typedef struct {
    int64_t count;
    int64_t tokens;             /* each */
} part_t;

/* Adds up to ten products of two counts: at most 10 * 10^18, which fits. */
static bool add_part(part_t part, uint64_t *sum)
{
    if (!is_count(part.count) || !is_count(part.tokens)) {
        return false;
    }
    *sum += (uint64_t) part.count * (uint64_t) part.tokens;
    return true;
}

/* What may be text; -1: out of range. */
static int64_t text_bytes(const asg_parts_t *parts)
{
    return is_count(parts->bytes) && is_count(parts->media_bytes)
        ? parts->bytes - parts->media_bytes : -1;
}

asg_err_t asg_price_prompt_bound(const asg_card_t *card,
    const asg_parts_t *parts, int64_t *tokens)
{
    const part_t list[] = {
        /* no token is shorter than a byte of a text that stays as it is */
        {text_bytes(parts), dearer(card->byte_tokens, 1)},
        {1, card->request_tokens},
        {parts->messages, card->message_tokens},
        {parts->tools > 0, card->toolset_tokens},
        {parts->tools, card->tool_tokens},
        {parts->values, card->value_tokens},
        {parts->images, card->image_tokens},
        {parts->files, card->file_tokens},
        {parts->audios, card->audio_tokens},
        {parts->typed_tools, card->typed_tool_tokens}
    };
    uint64_t sum = 0;

    if (asg_price_unbound(card, parts) != ASG_PART_NONE) {
        return ASG_ERR_MISSING;
    }
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (!add_part(list[i], &sum)) {
            return ASG_ERR_RANGE;
        }
    }
    if (sum > (uint64_t) ASG_TOKENS_MAX) {
        return ASG_ERR_RANGE;
    }
    *tokens = (int64_t) sum;
    return ASG_OK;
}

int64_t asg_price_prompt_estimate(const asg_card_t *card,
    const asg_parts_t *parts, int64_t bound)
{
    const int64_t bytes = text_bytes(parts);
    const part_t list[] = {
        {bytes < 0 ? bytes : (bytes + TOKEN_BYTES - 1) / TOKEN_BYTES, 1},
        {parts->images, fewer(card->image_tokens, MEDIA_ESTIMATE)},
        {parts->files, fewer(card->file_tokens, MEDIA_ESTIMATE)},
        {parts->audios, fewer(card->audio_tokens, MEDIA_ESTIMATE)}
    };
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (!add_part(list[i], &sum)) {
            return bound;
        }
    }
    return sum < (uint64_t) bound ? (int64_t) sum : bound;
}

static int64_t dearest_in(const asg_prices_t *p)
{
    return dearer(dearer(p->in_pusd, p->cached_pusd),
                  dearer(dearer(p->cache_write_pusd, p->cache_write_1h_pusd),
                         p->audio_in_pusd));
}

static int64_t dearest_out(const asg_prices_t *p)
{
    return dearer(dearer(p->out_pusd, p->reasoning_pusd), p->audio_out_pusd);
}

asg_err_t asg_price_hold(const asg_card_t *card, int64_t prompt_tokens,
    int64_t output_tokens, int64_t n, asg_nusd_t *hold_nusd)
{
    const asg_prices_t *p;

    if (!asg_price_card_is_sane(card) || !is_count(prompt_tokens)
        || !is_count(output_tokens) || !is_count(n) || n == 0)
    {
        return ASG_ERR_RANGE;
    }
    /* no kind is cheaper above: the tier of the longest prompt is dearest */
    p = prices_of(&card->rates, prompt_tokens);
    /* 10^9 * 10^9 * 10^15 fits 128 bits */
    return round_up(price_of(prompt_tokens, dearest_in(p))
                    + price_of(output_tokens, dearest_out(p)) * (wide_t) n,
                    hold_nusd);
}

asg_err_t asg_price_bound(const asg_card_t *card, const asg_parts_t *parts,
    int64_t limit_tokens, int64_t n, asg_bound_t *out)
{
    asg_bound_t b = {0};
    int64_t each;
    asg_err_t err = asg_price_prompt_bound(card, parts, &b.prompt);

    if (err != ASG_OK) {
        return err;
    }
    if (!is_count(limit_tokens) || !is_count(parts->predicted_bytes)
        || !is_count(card->reasoning_tokens))
    {
        return ASG_ERR_RANGE;
    }
    /* a guess is tokens of its text, thrown away and yet charged as output */
    each = limit_tokens + card->reasoning_tokens
        + parts->predicted_bytes * dearer(card->byte_tokens, 1);
    err = asg_price_hold(card, b.prompt, each, n, &b.hold_nusd);
    if (err != ASG_OK) {
        return err;
    }
    b.output = each * n;
    *out = b;
    return ASG_OK;
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
    if (per != 1 && per != 1000 && per != 1000000) {
        return ASG_ERR_RANGE;
    }
    d.exponent += PUSD_EXPONENT;
    for (; per > 1; per /= 10) {
        d.exponent--;
    }
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
