/* Service tiers: which price holds, which is charged. */
#include "core/tier.h"

static const struct {
    const char *word;
    asg_tier_t tier;
} words[] = {
    {"default", ASG_TIER_STANDARD}, {"standard", ASG_TIER_STANDARD},
    {"flex", ASG_TIER_FLEX}, {"priority", ASG_TIER_PRIORITY}
};

asg_tier_t asg_tier_parse(asg_str_t word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (asg_str_eq_z(word, words[i].word)) {
            return words[i].tier;
        }
    }
    return ASG_TIER_OTHER;
}

const char *asg_tier_mark(asg_tier_t tier)
{
    return tier == ASG_TIER_FLEX ? "#flex"
        : tier == ASG_TIER_PRIORITY ? "#priority" : NULL;
}

/* Of those that have a card. */
static unsigned priced(const asg_tier_cards_t *cards, unsigned tiers)
{
    unsigned found = 0;

    for (unsigned i = 0; i < ASG_TIER_COUNT; i++) {
        if (cards->card[i] != NULL) {
            found |= tiers & ASG_TIER_BIT(i);
        }
    }
    return found;
}

unsigned asg_tiers_allowed(asg_str_t asked, const asg_tier_cards_t *cards,
    bool any)
{
    const unsigned standard = ASG_TIER_BIT(ASG_TIER_STANDARD);
    unsigned wanted;

    if (asked.data == NULL || asg_str_eq_z(asked, "auto")) {
        return any ? priced(cards, ~0u) : standard;
    }
    /* a provider that has no room there serves at its standard */
    wanted = ASG_TIER_BIT(asg_tier_parse(asked));
    if (wanted == ASG_TIER_BIT(ASG_TIER_PRIORITY)
        && priced(cards, wanted) == 0)
    {
        return 0;
    }
    return standard | priced(cards, wanted);
}

asg_err_t asg_tiers_bound(const asg_tier_cards_t *cards, unsigned allowed,
    const asg_parts_t *parts, int64_t limit_tokens, int64_t n,
    asg_bound_t *out, asg_tier_t *dearest)
{
    asg_bound_t most = {.hold_nusd = -1};
    asg_tier_t which = ASG_TIER_STANDARD;

    for (unsigned i = 0; i < ASG_TIER_COUNT; i++) {
        asg_bound_t bound;
        asg_err_t err;

        if ((allowed & ASG_TIER_BIT(i)) == 0) {
            continue;
        }
        err = asg_price_bound(cards->card[i], parts, limit_tokens, n, &bound);
        if (err != ASG_OK) {
            return err;
        }
        if (bound.hold_nusd > most.hold_nusd) {
            most = bound;
            which = (asg_tier_t) i;
        }
    }
    if (most.hold_nusd < 0) {
        return ASG_ERR_MISSING;
    }
    *out = most;
    *dearest = which;
    return ASG_OK;
}

asg_tier_t asg_tier_charged(unsigned allowed, asg_tier_t said,
    asg_tier_t dearest)
{
    return (allowed & ASG_TIER_BIT(said)) != 0 ? said : dearest;
}
