/* core/tier.h: at which tier a call may be served, what it holds and costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/tier.h"

#define STANDARD  ASG_TIER_BIT(ASG_TIER_STANDARD)
#define FLEX      ASG_TIER_BIT(ASG_TIER_FLEX)
#define PRIORITY  ASG_TIER_BIT(ASG_TIER_PRIORITY)
#define CALLS     200000

static asg_card_t standard, flex, priority;

static void what_a_request_may_be_served_at(void **state)
{
    static const struct {
        const char *asked;
        bool flex, priority, any;
        unsigned allowed;
    } cases[] = {
        {NULL, true, true, false, STANDARD},
        {"auto", true, true, false, STANDARD},
        {NULL, true, true, true, STANDARD | FLEX | PRIORITY},
        {"auto", false, true, true, STANDARD | PRIORITY},
        {NULL, false, false, true, STANDARD},
        {"default", true, true, true, STANDARD},
        {"flex", true, true, false, STANDARD | FLEX},
        {"flex", false, true, true, STANDARD},
        {"priority", true, true, false, STANDARD | PRIORITY},
        {"priority", true, false, true, 0}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        asg_tier_cards_t cards = {{0}};
        asg_str_t asked = cases[i].asked != NULL ? asg_str_z(cases[i].asked)
            : ASG_STR_NULL;

        cards.card[ASG_TIER_STANDARD] = &standard;
        cards.card[ASG_TIER_FLEX] = cases[i].flex ? &flex : NULL;
        cards.card[ASG_TIER_PRIORITY] = cases[i].priority ? &priority : NULL;
        if (asg_tiers_allowed(asked, &cards, cases[i].any)
            != cases[i].allowed)
        {
            fail_msg("case %zu", i);
        }
    }
}

static void a_providers_word_is_read(void **state)
{
    (void) state;
    assert_int_equal(asg_tier_parse(ASG_STR("default")), ASG_TIER_STANDARD);
    assert_int_equal(asg_tier_parse(ASG_STR("standard")), ASG_TIER_STANDARD);
    assert_int_equal(asg_tier_parse(ASG_STR("flex")), ASG_TIER_FLEX);
    assert_int_equal(asg_tier_parse(ASG_STR("priority")), ASG_TIER_PRIORITY);
    assert_int_equal(asg_tier_parse(ASG_STR("scale")), ASG_TIER_OTHER);
    assert_int_equal(asg_tier_parse(ASG_STR("")), ASG_TIER_OTHER);
    assert_int_equal(asg_tier_parse(ASG_STR("flexible")), ASG_TIER_OTHER);
}

static void what_was_not_allowed_is_charged_at_the_dearest(void **state)
{
    (void) state;
    assert_int_equal(asg_tier_charged(STANDARD | FLEX, ASG_TIER_FLEX,
                                      ASG_TIER_STANDARD), ASG_TIER_FLEX);
    assert_int_equal(asg_tier_charged(STANDARD | FLEX, ASG_TIER_PRIORITY,
                                      ASG_TIER_STANDARD), ASG_TIER_STANDARD);
    assert_int_equal(asg_tier_charged(STANDARD | PRIORITY, ASG_TIER_UNSAID,
                                      ASG_TIER_PRIORITY), ASG_TIER_PRIORITY);
    assert_int_equal(asg_tier_charged(STANDARD | PRIORITY, ASG_TIER_OTHER,
                                      ASG_TIER_PRIORITY), ASG_TIER_PRIORITY);
}

/* --- the hold covers whatever the answer may say --- */

static int64_t up_to(int64_t most)
{
    return most > 0 ? random() % (most + 1) : 0;
}

static void prices_make(asg_prices_t *p)
{
    p->in_pusd = 1 + up_to(5000000);
    p->out_pusd = 1 + up_to(50000000);
    p->cached_pusd = up_to(6000000);
    p->cache_write_pusd = up_to(8000000);
    p->reasoning_pusd = up_to(60000000);
    p->cache_write_1h_pusd = up_to(1) * up_to(9000000);
    p->audio_in_pusd = up_to(1) * up_to(90000000);
    p->audio_out_pusd = 1 + up_to(90000000);
}

static void rates_make(asg_rates_t *r, int64_t above_tokens)
{
    int64_t *low = (int64_t *) &r->base, *high = (int64_t *) &r->above;

    memset(r, 0, sizeof(*r));
    prices_make(&r->base);
    r->above_tokens = above_tokens;
    for (size_t i = 0; above_tokens > 0
         && i < sizeof(r->base) / sizeof(*low); i++)
    {
        high[i] = low[i] > 0 ? low[i] + up_to(low[i]) : 0;
    }
}

/* Any usage within the bounds, its parts within their wholes. */
static asg_tokens_t tokens_make(const asg_bound_t *bound)
{
    asg_tokens_t t = {.prompt = (int32_t) up_to(bound->prompt),
                      .completion = (int32_t) up_to(bound->output)};

    t.cached = (int32_t) up_to(t.prompt);
    t.cache_write = (int32_t) up_to(t.prompt - t.cached);
    t.cache_write_1h = (int32_t) up_to(t.cache_write);
    t.audio_in = (int32_t) up_to(t.prompt - t.cached - t.cache_write);
    t.reasoning = (int32_t) up_to(t.completion);
    t.audio_out = (int32_t) up_to(t.completion - t.reasoning);
    return t;
}

static void the_hold_covers_whatever_tier_serves(void **state)
{
    static const char *const words[] = {NULL, "auto", "default", "flex",
                                        "priority"};
    unsigned below = 0, held = 0;

    (void) state;
    srandom(1);
    for (unsigned i = 0; i < CALLS; i++) {
        asg_tier_cards_t cards = {{0}};
        asg_parts_t parts = {.bytes = 1 + up_to(5000), .messages = 1};
        const char *word = words[up_to(4)];
        asg_tier_t dearest, charged;
        asg_bound_t bound;
        asg_nusd_t cost;
        asg_tokens_t tokens;
        unsigned allowed;
        int64_t above = up_to(1) * up_to(3000);

        memset(&standard, 0, sizeof(standard));
        standard.request_tokens = up_to(64);
        standard.message_tokens = up_to(8);
        flex = priority = standard;
        rates_make(&standard.rates, above);
        rates_make(&flex.rates, above);
        rates_make(&priority.rates, above);
        cards.card[ASG_TIER_STANDARD] = &standard;
        cards.card[ASG_TIER_FLEX] = up_to(1) ? &flex : NULL;
        cards.card[ASG_TIER_PRIORITY] = up_to(1) ? &priority : NULL;
        allowed = asg_tiers_allowed(word != NULL ? asg_str_z(word)
                                    : ASG_STR_NULL, &cards, up_to(1));
        if (allowed == 0) {
            assert_int_equal(asg_tiers_bound(&cards, allowed, &parts, 1, 1,
                                             &bound, &dearest),
                             ASG_ERR_MISSING);
            continue;
        }
        assert_int_equal(asg_tiers_bound(&cards, allowed, &parts,
                                         1 + up_to(2000), 1 + up_to(2),
                                         &bound, &dearest), ASG_OK);
        tokens = tokens_make(&bound);
        charged = asg_tier_charged(allowed,
            (asg_tier_t) up_to(ASG_TIER_COUNT - 1), dearest);
        assert_true((allowed & ASG_TIER_BIT(charged)) != 0);
        assert_int_equal(asg_price_cost(&cards.card[charged]->rates, &tokens,
                                        &cost), ASG_OK);
        if (cost > bound.hold_nusd) {
            fail_msg("call %u: costs %lld of %lld at tier %d", i,
                     (long long) cost, (long long) bound.hold_nusd, charged);
        }
        held++;
        below += charged != dearest;
    }
    /* it was not always the dearest that served */
    assert_true(held > CALLS / 2 && below > held / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_request_may_be_served_at),
        cmocka_unit_test(a_providers_word_is_read),
        cmocka_unit_test(what_was_not_allowed_is_charged_at_the_dearest),
        cmocka_unit_test(the_hold_covers_whatever_tier_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
