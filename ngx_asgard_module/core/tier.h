/*
 * Service tiers: at which of its prices a call may be served, what it holds for
 * that, and which of them it is charged.
 *
 * A request names a tier, or leaves it to the provider; the answer says which
 * one served it.  Held is the dearest of those that may serve, so whatever the
 * answer says of them is covered; an answer that says none of them, or nothing,
 * is charged the dearest.
 */
#ifndef ASG_TIER_H
#define ASG_TIER_H

#include "core/price.h"

typedef enum {
    ASG_TIER_UNSAID = 0,
    ASG_TIER_STANDARD,
    ASG_TIER_FLEX,              /* slower, cheaper */
    ASG_TIER_PRIORITY,
    ASG_TIER_OTHER,             /* a word that has no price of its own */
    ASG_TIER_COUNT
} asg_tier_t;

#define ASG_TIER_BIT(tier)  (1u << (tier))

/* A card of each tier that has one; `card[ASG_TIER_STANDARD]` is always there,
 * and the bounds of all are the same. */
typedef struct {
    const asg_card_t *card[ASG_TIER_COUNT];
} asg_tier_cards_t;

/* A provider's word: "default" and "standard" are one. */
asg_tier_t asg_tier_parse(asg_str_t word);

/* As it stands for a project among the cards of a snapshot: no project is
 * called so.  NULL: it has none there. */
const char *asg_tier_mark(asg_tier_t tier);

/* Bits of the tiers that a request with this `service_tier` (null: none) may be
 * served at; `any`: one that leaves it to the provider may be served at each.
 * 0: it asks for one without a price. */
unsigned asg_tiers_allowed(asg_str_t asked, const asg_tier_cards_t *cards,
    bool any);

/* asg_price_bound() over all of them; *dearest is the one that holds most. */
ASG_MUST_CHECK asg_err_t asg_tiers_bound(const asg_tier_cards_t *cards,
    unsigned allowed, const asg_parts_t *parts, int64_t limit_tokens,
    int64_t n, asg_bound_t *out, asg_tier_t *dearest);

/* What a call is charged by, when its answer said `said`. */
asg_tier_t asg_tier_charged(unsigned allowed, asg_tier_t said,
    asg_tier_t dearest);

#endif
