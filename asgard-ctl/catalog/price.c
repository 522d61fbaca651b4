/*
 * Prices said kind by kind, and the card that they come to.
 */
#include "catalog/price.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PUSD_PER_TEXT 1000000           /* pico-USD a token: a USD a million */

static const struct ctl_price_spelling spellings[CTL_PRICE_KINDS] = {
    [CTL_PRICE_IN] = {"cost_in", "input_cost_per_token", "in"},
    [CTL_PRICE_OUT] = {"cost_out", "output_cost_per_token", "out"},
    [CTL_PRICE_CACHED] = {"cost_cached", "cache_read_input_token_cost",
                          "cached"},
    [CTL_PRICE_CACHE_WRITE] = {"cost_cache_write",
        "cache_creation_input_token_cost", "cache_write"},
    [CTL_PRICE_CACHE_WRITE_1H] = {"cost_cache_write_1h",
        "cache_creation_input_token_cost_above_1hr", "cache_write_1h"},
    [CTL_PRICE_REASONING] = {"cost_reasoning",
        "output_cost_per_reasoning_token", "reasoning"},
    [CTL_PRICE_AUDIO_IN] = {"cost_audio_in", "input_cost_per_audio_token",
                            "audio_in"},
    [CTL_PRICE_AUDIO_OUT] = {"cost_audio_out", "output_cost_per_audio_token",
                             "audio_out"}
};


const struct ctl_price_spelling *
ctl_price_spelling(enum ctl_price_kind kind)
{
    return &spellings[kind];
}


bool
ctl_price_spelled(asg_str_t name, enum ctl_price_kind *kind, int64_t *per)
{
    const struct ctl_price_spelling *s;
    unsigned i;

    for (i = 0; i < CTL_PRICE_KINDS; i++) {
        s = &spellings[i];
        *kind = (enum ctl_price_kind) i;
        *per = asg_str_eq_z(name, s->per_1000) ? 1000
               : asg_str_eq_z(name, s->per_token) ? 1
               : asg_str_eq_z(name, s->per_million) ? 1000000 : 0;
        if (*per > 0) {
            return true;
        }
    }

    return false;
}


bool
ctl_prices_say(const struct ctl_prices *p, enum ctl_price_kind kind)
{
    return (p->said >> kind & 1) != 0;
}


void
ctl_prices_set(struct ctl_prices *p, enum ctl_price_kind kind, int64_t pusd)
{
    p->pusd[kind] = pusd;
    p->said |= 1u << kind;
}


unsigned
ctl_prices_overlay(struct ctl_prices *p, const struct ctl_prices *with)
{
    unsigned replaced = p->said & with->said, kind;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (ctl_prices_say(with, kind)) {
            ctl_prices_set(p, kind, with->pusd[kind]);
        }
    }

    return replaced;
}


static int64_t
dearer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}


/* A price of its own stays one. */
static int64_t
own_price(int64_t below, int64_t kind)
{
    return below > 0 ? dearer(below, kind) : 0;
}


static int64_t
said_or(const struct ctl_prices *p, enum ctl_price_kind kind,
    int64_t otherwise)
{
    return ctl_prices_say(p, kind) ? p->pusd[kind] : otherwise;
}


static void
base_take(const struct ctl_prices *p, asg_prices_t *out)
{
    out->in_pusd = said_or(p, CTL_PRICE_IN, 0);
    out->out_pusd = said_or(p, CTL_PRICE_OUT, 0);
    out->cached_pusd = said_or(p, CTL_PRICE_CACHED, out->in_pusd);
    out->cache_write_pusd = said_or(p, CTL_PRICE_CACHE_WRITE, out->in_pusd);
    out->reasoning_pusd = said_or(p, CTL_PRICE_REASONING, out->out_pusd);
    out->cache_write_1h_pusd = said_or(p, CTL_PRICE_CACHE_WRITE_1H, 0);
    out->audio_in_pusd = said_or(p, CTL_PRICE_AUDIO_IN, 0);
    out->audio_out_pusd = said_or(p, CTL_PRICE_AUDIO_OUT, 0);
}


/* What the tier does not say is as dear as its kind there. */
static void
above_take(const struct ctl_prices *p, const asg_prices_t *below,
    asg_prices_t *out)
{
    int64_t in = said_or(p, CTL_PRICE_IN, below->in_pusd);
    int64_t completion = said_or(p, CTL_PRICE_OUT, below->out_pusd);

    out->in_pusd = in;
    out->out_pusd = completion;
    out->cached_pusd = said_or(p, CTL_PRICE_CACHED,
                               dearer(below->cached_pusd, in));
    out->cache_write_pusd = said_or(p, CTL_PRICE_CACHE_WRITE,
                                    dearer(below->cache_write_pusd, in));
    out->cache_write_1h_pusd = said_or(p, CTL_PRICE_CACHE_WRITE_1H,
        own_price(below->cache_write_1h_pusd, in));
    out->reasoning_pusd = said_or(p, CTL_PRICE_REASONING,
        dearer(below->reasoning_pusd, completion));
    out->audio_in_pusd = said_or(p, CTL_PRICE_AUDIO_IN,
                                 own_price(below->audio_in_pusd, in));
    out->audio_out_pusd = said_or(p, CTL_PRICE_AUDIO_OUT,
        own_price(below->audio_out_pusd, completion));
}


void
ctl_prices_rates(const struct ctl_prices *base, const struct ctl_prices *above,
    int64_t above_tokens, asg_rates_t *out)
{
    memset(out, 0, sizeof(*out));
    base_take(base, &out->base);
    out->above_tokens = above_tokens;
    if (above_tokens > 0) {
        above_take(above, &out->base, &out->above);
    }
}


int64_t
ctl_price_of(const asg_prices_t *p, enum ctl_price_kind kind)
{
    switch (kind) {
    case CTL_PRICE_IN: return p->in_pusd;
    case CTL_PRICE_OUT: return p->out_pusd;
    case CTL_PRICE_CACHED: return p->cached_pusd;
    case CTL_PRICE_CACHE_WRITE: return p->cache_write_pusd;
    case CTL_PRICE_CACHE_WRITE_1H: return p->cache_write_1h_pusd;
    case CTL_PRICE_REASONING: return p->reasoning_pusd;
    case CTL_PRICE_AUDIO_IN: return p->audio_in_pusd;
    default: return p->audio_out_pusd;
    }
}


void
ctl_prices_settle(const struct ctl_prices *base, struct ctl_prices *above)
{
    asg_rates_t rates;
    unsigned kind;
    int64_t below;

    ctl_prices_rates(base, above, 0, &rates);
    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        below = ctl_price_of(&rates.base, kind);
        if (!ctl_prices_say(above, kind)) {
            continue;
        }
        if (kind >= CTL_PRICE_AUDIO_IN && below == 0) {
            above->said &= ~(1u << kind);
        } else if (above->pusd[kind] < below) {
            above->pusd[kind] = below;
        }
    }
}


const char *
ctl_price_kind_name(enum ctl_price_kind kind)
{
    static const char *const names[CTL_PRICE_KINDS] = {
        "in", "out", "cached", "cache_write", "cache_write_1h", "reasoning",
        "audio_in", "audio_out"
    };

    return names[kind];
}


const char *
ctl_price_text(int64_t pusd, char out[CTL_PRICE_TEXT])
{
    int len = snprintf(out, CTL_PRICE_TEXT, "%" PRId64 ".%06d",
                       pusd / PUSD_PER_TEXT, (int) (pusd % PUSD_PER_TEXT));

    while (len > 0 && out[len - 1] == '0') {
        out[--len] = '\0';
    }
    if (len > 0 && out[len - 1] == '.') {
        out[--len] = '\0';
    }

    return out;
}
