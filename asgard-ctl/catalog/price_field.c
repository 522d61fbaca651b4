/*
 * A field's name: what it prices, by how many tokens, and behind that for which
 * context length and tier, in any order:
 *     input_cost_per_token_above_200k_tokens_priority
 */
#include "catalog/price_field.h"

#include <string.h>

#define LENGTH_UNIT 1000                /* the k of _above_200k_tokens */

struct stem {
    const char *name;
    enum ctl_price_kind kind;
    int64_t per;
};

/* The first of a kind is how it is written. */
static const struct stem stems[] = {
    {"input_cost_per_token", CTL_PRICE_IN, 1},
    {"input_cost_per_1k_tokens", CTL_PRICE_IN, 1000},
    {"input_cost_per_million_tokens", CTL_PRICE_IN, 1000000},
    {"output_cost_per_token", CTL_PRICE_OUT, 1},
    {"output_cost_per_1k_tokens", CTL_PRICE_OUT, 1000},
    {"output_cost_per_million_tokens", CTL_PRICE_OUT, 1000000},
    {"cache_read_input_token_cost", CTL_PRICE_CACHED, 1},
    {"cache_creation_input_token_cost", CTL_PRICE_CACHE_WRITE, 1},
    {"cache_creation_input_token_cost_above_1hr", CTL_PRICE_CACHE_WRITE_1H,
     1},
    {"output_cost_per_reasoning_token", CTL_PRICE_REASONING, 1},
    {"input_cost_per_audio_token", CTL_PRICE_AUDIO_IN, 1},
    {"output_cost_per_audio_token", CTL_PRICE_AUDIO_OUT, 1}
};

static const char *const tiers[CTL_TIERS] = {
    "", "_priority", "_flex", "_batches"
};


/* Takes `z` off the front of the rest of a name. */
static bool
take(asg_str_t *rest, const char *z)
{
    size_t n = strlen(z);

    if (rest->len < n || memcmp(rest->data, z, n) != 0) {
        return false;
    }
    rest->data += n;
    rest->len -= n;

    return true;
}


/* The longest that the name begins with. */
static const struct stem *
stem_take(asg_str_t *rest)
{
    const struct stem *best = NULL;
    asg_str_t tried, after = *rest;
    size_t i;

    for (i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
        tried = *rest;
        if (take(&tried, stems[i].name)
            && (best == NULL || tried.len < after.len))
        {
            best = &stems[i];
            after = tried;
        }
    }
    *rest = after;

    return best;
}


static bool
length_take(asg_str_t *rest, int64_t *tokens)
{
    asg_str_t number;
    uint64_t n;

    if (*tokens != 0 || !take(rest, "_above_")) {
        return false;
    }
    number = (asg_str_t) {rest->data, 0};
    while (number.len < rest->len && rest->data[number.len] != 'k') {
        number.len++;
    }
    rest->data += number.len;
    rest->len -= number.len;
    if (!take(rest, "k_tokens") || !asg_str_u64(number, &n) || n == 0
        || n > (uint64_t) ASG_TOKENS_MAX / LENGTH_UNIT)
    {
        return false;
    }
    *tokens = (int64_t) n * LENGTH_UNIT;

    return true;
}


static bool
tier_take(asg_str_t *rest, enum ctl_price_tier *tier)
{
    unsigned i;

    for (i = CTL_TIER_STANDARD + 1; i < CTL_TIERS; i++) {
        if (*tier == CTL_TIER_STANDARD && take(rest, tiers[i])) {
            *tier = (enum ctl_price_tier) i;
            return true;
        }
    }

    return false;
}


bool
ctl_price_field_read(asg_str_t name, struct ctl_price_field *out)
{
    const struct stem *stem = stem_take(&name);

    if (stem == NULL) {
        return false;
    }
    *out = (struct ctl_price_field) {stem->kind, CTL_TIER_STANDARD, stem->per,
                                     0};
    while (name.len > 0) {
        if (!tier_take(&name, &out->tier)
            && !length_take(&name, &out->above_tokens))
        {
            return false;
        }
    }

    return true;
}


static bool
has(asg_str_t name, const char *word)
{
    size_t i, n = strlen(word);

    for (i = 0; i + n <= name.len; i++) {
        if (memcmp(name.data + i, word, n) == 0) {
            return true;
        }
    }

    return false;
}


bool
ctl_price_field_is_cost(asg_str_t name)
{
    return has(name, "cost");
}


bool
ctl_price_field_is_of_request(asg_str_t name)
{
    return has(name, "cost_per_request");
}


const char *
ctl_price_map_field(enum ctl_price_kind kind)
{
    size_t i = 0;

    while (stems[i].kind != kind) {
        i++;
    }

    return stems[i].name;
}


const char *
ctl_price_tier_name(enum ctl_price_tier tier)
{
    static const char *const names[CTL_TIERS] = {
        "standard", "priority", "flex", "batch"
    };

    return names[tier];
}
