/*
 * What is said of a model's prices, and the card that it comes to.
 *
 * A price is an integer of pico-USD per token (core/price.h).  What was not
 * said is known as such until the card is made, so that one source may overlay
 * another kind by kind.  The defaults stand here once: what is not said costs
 * as the kind that it is a part of.
 */
#ifndef CTL_PRICE_H
#define CTL_PRICE_H

#include "core/price.h"

enum ctl_price_kind {
    CTL_PRICE_IN, CTL_PRICE_OUT, CTL_PRICE_CACHED, CTL_PRICE_CACHE_WRITE,
    CTL_PRICE_CACHE_WRITE_1H, CTL_PRICE_REASONING, CTL_PRICE_AUDIO_IN,
    CTL_PRICE_AUDIO_OUT, CTL_PRICE_KINDS
};

struct ctl_prices {
    int64_t pusd[CTL_PRICE_KINDS];
    unsigned said;                      /* bit 1 << enum ctl_price_kind */
};

bool ctl_prices_say(const struct ctl_prices *p, enum ctl_price_kind kind);
void ctl_prices_set(struct ctl_prices *p, enum ctl_price_kind kind,
    int64_t pusd);
/* What `with` says replaces what `p` says; the kinds that it did replace. */
unsigned ctl_prices_overlay(struct ctl_prices *p,
    const struct ctl_prices *with);

/* A price in its three vocabularies. */
struct ctl_price_spelling {
    const char *per_1000;
    const char *per_token;
    const char *per_million;
};

const struct ctl_price_spelling *ctl_price_spelling(enum ctl_price_kind kind);
/* The kind that `name` spells, and by how many tokens. */
bool ctl_price_spelled(asg_str_t name, enum ctl_price_kind *kind,
    int64_t *per);

/* The card's prices; `above` counts where above_tokens is not 0. */
void ctl_prices_rates(const struct ctl_prices *base,
    const struct ctl_prices *above, int64_t above_tokens, asg_rates_t *out);
/* What `above` says is never below `base`, and a price of audio that `base`
 * does not have is none. */
void ctl_prices_settle(const struct ctl_prices *base,
    struct ctl_prices *above);
int64_t ctl_price_of(const asg_prices_t *p, enum ctl_price_kind kind);

/* As a manifest calls it (cost_cached without its "cost_"). */
const char *ctl_price_kind_name(enum ctl_price_kind kind);

#define CTL_PRICE_TEXT 32
/* USD per million tokens, exact, without zeros at the end; `out`. */
const char *ctl_price_text(int64_t pusd, char out[CTL_PRICE_TEXT]);

#endif
