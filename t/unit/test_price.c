/* core/price.h: cost, bound and hold of a call; prices as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/price.h"

static const asg_card_t card = {
    .rates.base = {
        .in_pusd = 1000000, .out_pusd = 10000000, .cached_pusd = 100000,
        .cache_write_pusd = 1250000, .reasoning_pusd = 12000000
    },
    .request_tokens = 16, .message_tokens = 8, .tool_tokens = 64,
    .image_tokens = 16384
};

static asg_nusd_t cost_of(asg_card_t c, asg_tokens_t t)
{
    asg_nusd_t n = -77;

    return asg_price_cost(&c.rates, &t, &n) == ASG_OK ? n : -1;
}

/* Of text that is neither cached nor thought. */
static asg_tokens_t plain(int32_t prompt, int32_t completion)
{
    return (asg_tokens_t) {.prompt = prompt, .completion = completion};
}

static void ten_and_twenty_tokens_cost_what_the_card_says(void **state)
{
    (void) state;
    assert_int_equal(cost_of(card, plain(10, 20)), 210000);
    assert_int_equal(cost_of(card, (asg_tokens_t) {0}), 0);
}

static void parts_are_charged_at_their_own_price_and_not_twice(void **state)
{
    asg_tokens_t t = {
        .prompt = 10, .completion = 10, .cached = 5, .cache_write = 2,
        .reasoning = 4
    };

    (void) state;
    /* 3 fresh, 5 cached, 2 written; 6 visible, 4 of reasoning */
    assert_int_equal(cost_of(card, t),
                     3 * 1000 + 5 * 100 + 2 * 1250 + 6 * 10000 + 4 * 12000);
}

static void a_cost_is_rounded_up_once_over_the_sum(void **state)
{
    asg_card_t c = {.rates.base = {.in_pusd = 1, .out_pusd = 1}};

    (void) state;
    assert_int_equal(cost_of(c, (asg_tokens_t) {.prompt = 1}), 1);
    assert_int_equal(cost_of(c, plain(500, 500)), 1);
    assert_int_equal(cost_of(c, plain(500, 501)), 2);
    assert_int_equal(cost_of(c, (asg_tokens_t) {0}), 0);
}

static void an_impossible_count_is_out_of_range(void **state)
{
    static const asg_tokens_t bad[] = {
        {.prompt = -1}, {.completion = -1}, {.prompt = 5, .cached = -1},
        {.prompt = 5, .cache_write = -1}, {.completion = 5, .reasoning = -1},
        {.prompt = 5, .cached = 6}, {.prompt = 5, .cache_write = 6},
        {.prompt = 5, .cached = 3, .cache_write = 3},
        {.completion = 5, .reasoning = 6},
        {.prompt = 5, .cache_write = 2, .cache_write_1h = 3},
        {.prompt = 5, .cache_write = 2, .cache_write_1h = -1},
        {.prompt = 5, .audio_in = 6}, {.prompt = 5, .audio_in = -1},
        {.completion = 5, .audio_out = 6}, {.completion = 5, .audio_out = -1},
        {.prompt = ASG_TOKENS_MAX + 1}, {.completion = ASG_TOKENS_MAX + 1},
        {.completion = INT32_MAX}, {.prompt = INT32_MIN}
    };
    asg_nusd_t n = 77;

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(asg_price_cost(&card.rates, &bad[i], &n),
                         ASG_ERR_RANGE);
    }
    assert_int_equal(n, 77);
}

static void a_card_outside_its_bounds_prices_nothing(void **state)
{
    asg_card_t c = card;

    (void) state;
    c.rates.base.cached_pusd = -1;
    assert_int_equal(cost_of(c, (asg_tokens_t) {0}), -1);
    c.rates.base.cached_pusd = ASG_PUSD_MAX + 1;
    assert_int_equal(cost_of(c, (asg_tokens_t) {0}), -1);
    c.rates.base.cached_pusd = ASG_PUSD_MAX;
    assert_int_equal(cost_of(c, (asg_tokens_t) {0}), 0);
}

static void the_largest_sum_does_not_overflow(void **state)
{
    asg_card_t c = {
        .rates.base = {.in_pusd = ASG_PUSD_MAX, .out_pusd = ASG_PUSD_MAX}
    };
    asg_tokens_t all = {.prompt = ASG_TOKENS_MAX,
                        .completion = ASG_TOKENS_MAX};
    asg_nusd_t n = 77;

    (void) state;
    assert_int_equal(asg_price_cost(&c.rates, &all, &n), ASG_ERR_RANGE);
    c = (asg_card_t) {
        .rates.base = {.in_pusd = 1, .out_pusd = ASG_NUSD_MAX / 1000000000}
    };
    assert_int_equal(cost_of(c, (asg_tokens_t) {.completion = 1000000000}),
                     9007199000000);
    c.rates.base.out_pusd = ASG_PUSD_MAX;
    assert_int_equal(cost_of(c, plain(740991, 9007)),
                     9007000000000741);
    assert_int_equal(cost_of(c, (asg_tokens_t) {.completion = 9008}), -1);
    assert_int_equal(asg_price_hold(&c, ASG_TOKENS_MAX, ASG_TOKENS_MAX,
                                    ASG_TOKENS_MAX, &n), ASG_ERR_RANGE);
    assert_int_equal(n, 77);
}

static void a_prompt_is_bound_by_its_bytes_and_its_frame(void **state)
{
    asg_parts_t parts = {
        .bytes = 1000, .messages = 3, .tools = 2, .images = 1
    };
    int64_t tokens = 77;

    (void) state;
    assert_int_equal(asg_price_prompt_bound(&card, &parts, &tokens), ASG_OK);
    assert_int_equal(tokens, 1000 + 16 + 3 * 8 + 2 * 64 + 16384);
}

static void a_part_without_a_bound_is_missing(void **state)
{
    asg_parts_t files = {.bytes = 1, .files = 1};
    asg_parts_t audios = {.bytes = 1, .audios = 1};
    asg_parts_t images = {.bytes = 1, .images = 1};
    asg_card_t bare = {0};
    int64_t n = 77;

    (void) state;
    assert_int_equal(asg_price_prompt_bound(&card, &files, &n),
                     ASG_ERR_MISSING);
    assert_int_equal(asg_price_prompt_bound(&card, &audios, &n),
                     ASG_ERR_MISSING);
    assert_int_equal(asg_price_prompt_bound(&bare, &images, &n),
                     ASG_ERR_MISSING);
    assert_int_equal(n, 77);
    images = (asg_parts_t) {.bytes = 5, .messages = 1, .tools = 1};
    assert_int_equal(asg_price_prompt_bound(&bare, &images, &n), ASG_OK);
    assert_int_equal(n, 5);
}

static void a_prompt_bound_outside_the_counts_is_out_of_range(void **state)
{
    asg_parts_t parts = {.bytes = ASG_TOKENS_MAX - 16};
    asg_card_t c = card;
    int64_t n = 77;

    (void) state;
    assert_int_equal(asg_price_prompt_bound(&card, &parts, &n), ASG_OK);
    assert_int_equal(n, ASG_TOKENS_MAX);
    parts.bytes++;
    assert_int_equal(asg_price_prompt_bound(&card, &parts, &n), ASG_ERR_RANGE);
    parts.bytes = -1;
    assert_int_equal(asg_price_prompt_bound(&card, &parts, &n), ASG_ERR_RANGE);
    parts = (asg_parts_t) {.images = ASG_TOKENS_MAX, .tools = ASG_TOKENS_MAX};
    assert_int_equal(asg_price_prompt_bound(&card, &parts, &n), ASG_ERR_RANGE);
    c.message_tokens = -8;
    parts = (asg_parts_t) {.messages = 1};
    assert_int_equal(asg_price_prompt_bound(&c, &parts, &n), ASG_ERR_RANGE);
    assert_int_equal(n, ASG_TOKENS_MAX);
}

static const asg_card_t two_tiers = {
    .rates = {
        .base = {
            .in_pusd = 3000, .out_pusd = 15000, .cached_pusd = 1000,
            .cache_write_pusd = 4000, .reasoning_pusd = 15000,
            .cache_write_1h_pusd = 6000, .audio_in_pusd = 9000,
            .audio_out_pusd = 30000
        },
        .above_tokens = 100,
        .above = {
            .in_pusd = 6000, .out_pusd = 22000, .cached_pusd = 2000,
            .cache_write_pusd = 8000, .reasoning_pusd = 22000,
            .cache_write_1h_pusd = 12000, .audio_in_pusd = 18000,
            .audio_out_pusd = 60000
        }
    }
};

static void a_long_prompt_is_dearer_as_a_whole(void **state)
{
    asg_tokens_t t = {.prompt = 100, .completion = 10, .cached = 40};

    (void) state;
    assert_int_equal(cost_of(two_tiers, t), 60 * 3 + 40 * 1 + 10 * 15);
    t.prompt++;
    assert_int_equal(cost_of(two_tiers, t), 61 * 6 + 40 * 2 + 10 * 22);
}

static void a_write_for_an_hour_has_its_own_price(void **state)
{
    asg_tokens_t t = {.prompt = 10, .cache_write = 5, .cache_write_1h = 2};
    asg_card_t c = two_tiers;

    (void) state;
    assert_int_equal(cost_of(c, t), 5 * 3 + 3 * 4 + 2 * 6);
    c.rates.base.cache_write_1h_pusd = 0;       /* none: as the others */
    assert_int_equal(cost_of(c, t), 5 * 3 + 5 * 4);
}

static void audio_is_charged_as_audio_and_never_twice(void **state)
{
    asg_tokens_t t = {
        .prompt = 10, .completion = 8, .cached = 4, .audio_in = 3,
        .audio_out = 5, .reasoning = 1
    };
    asg_card_t c = two_tiers;

    (void) state;
    assert_int_equal(cost_of(c, t),
                     3 * 9 + 4 * 1 + 3 * 3 + 1 * 15 + 5 * 30 + 2 * 15);
    t.cached = 10;              /* some of the audio came from the cache */
    assert_int_equal(cost_of(c, t),
                     3 * 9 + 7 * 1 + 1 * 15 + 5 * 30 + 2 * 15);
    c.rates.base.audio_in_pusd = c.rates.base.audio_out_pusd = 0;
    c.rates.above_tokens = 0;
    assert_int_equal(cost_of(c, t), 10 * 1 + 8 * 15);
}

static void a_long_context_tier_may_not_be_cheaper(void **state)
{
    asg_card_t c = two_tiers;

    (void) state;
    assert_true(asg_price_card_is_sane(&c));
    c.rates.above.cached_pusd = 999;
    assert_false(asg_price_card_is_sane(&c));
    assert_int_equal(cost_of(c, (asg_tokens_t) {.prompt = 1}), -1);
    c = two_tiers;
    c.rates.above.audio_in_pusd = 0;
    assert_false(asg_price_card_is_sane(&c));
    c.rates.above_tokens = 0;   /* then it is none */
    assert_true(asg_price_card_is_sane(&c));
    c.rates.above_tokens = -1;
    assert_false(asg_price_card_is_sane(&c));
}

static asg_nusd_t hold_of(asg_card_t c, int64_t in, int64_t out, int64_t n)
{
    asg_nusd_t hold = -77;

    return asg_price_hold(&c, in, out, n, &hold) == ASG_OK ? hold : -1;
}

static void a_hold_takes_the_dearest_price_of_each_side(void **state)
{
    asg_card_t c = card;

    (void) state;
    assert_int_equal(hold_of(c, 10, 20, 1), 10 * 1250 + 20 * 12000);
    assert_int_equal(hold_of(c, 10, 20, 3), 10 * 1250 + 60 * 12000);
    c.rates.base.in_pusd = 2000000;
    c.rates.base.reasoning_pusd = 0;
    assert_int_equal(hold_of(c, 10, 20, 1), 10 * 2000 + 20 * 10000);
    c.rates.base.cached_pusd = 3000000;
    assert_int_equal(hold_of(c, 10, 0, 1), 10 * 3000);
    c = (asg_card_t) {.rates.base = {.in_pusd = 1, .out_pusd = 1}};
    assert_int_equal(hold_of(c, 1, 1, 1), 1);
    assert_int_equal(hold_of(c, 0, 0, 1), 0);
}

static void a_hold_reaches_into_the_long_context_tier(void **state)
{
    (void) state;
    assert_int_equal(hold_of(two_tiers, 100, 10, 2), 100 * 9 + 20 * 30);
    assert_int_equal(hold_of(two_tiers, 101, 10, 2), 101 * 18 + 20 * 60);
}

static void a_bound_counts_what_an_answer_may_have_beyond_its_limit(
    void **state)
{
    asg_parts_t parts = {.bytes = 100, .predicted_bytes = 30};
    asg_card_t c = two_tiers;
    asg_bound_t bound;

    (void) state;
    c.reasoning_tokens = 7;
    assert_int_equal(asg_price_bound(&c, &parts, 10, 2, &bound), ASG_OK);
    assert_int_equal(bound.prompt, 100);
    assert_int_equal(bound.output, 2 * (10 + 30 + 7));
    assert_int_equal(bound.hold_nusd, 100 * 9 + 94 * 30);
    c.byte_tokens = 3;
    assert_int_equal(asg_price_bound(&c, &parts, 10, 2, &bound), ASG_OK);
    assert_int_equal(bound.prompt, 300);
    assert_int_equal(bound.output, 2 * (10 + 90 + 7));
    parts.typed_tools = 2;
    assert_int_equal(asg_price_unbound(&c, &parts), ASG_PART_TYPED_TOOL);
    c.typed_tool_tokens = 1000;
    assert_int_equal(asg_price_bound(&c, &parts, 10, 2, &bound), ASG_OK);
    assert_int_equal(bound.prompt, 300 + 2 * 1000);
    parts.typed_tools = 0;
    parts.voices = 1;
    c.rates.base.audio_out_pusd = 0;
    assert_int_equal(asg_price_bound(&c, &parts, 10, 2, &bound),
                     ASG_ERR_MISSING);
    assert_int_equal(asg_price_unbound(&c, &parts), ASG_PART_VOICE);
    c.rates.base.out_pusd = 0;
    assert_int_equal(asg_price_unbound(&c, &parts), ASG_PART_NONE);
}

static void contents_of_media_count_by_their_own_bound(void **state)
{
    asg_parts_t parts = {
        .bytes = 100000, .media_bytes = 99000, .images = 1, .tools = 1,
        .values = 10
    };
    asg_card_t c = card;
    int64_t tokens;

    (void) state;
    c.toolset_tokens = 640;
    c.value_tokens = 4;
    assert_int_equal(asg_price_prompt_bound(&c, &parts, &tokens), ASG_OK);
    assert_int_equal(tokens, 1000 + 16 + 16384 + 64 + 640 + 40);
    parts.media_bytes = 100001;
    assert_int_equal(asg_price_prompt_bound(&c, &parts, &tokens),
                     ASG_ERR_RANGE);
}

static void a_prompt_is_estimated_by_its_text_and_its_media(void **state)
{
    asg_parts_t text = {.bytes = 1001};
    asg_parts_t inlined = {.bytes = 100000, .media_bytes = 99000, .images = 1};
    asg_parts_t by_url = {.bytes = 1000, .images = 1};
    asg_parts_t many = {.bytes = 1000, .images = 3, .files = 2, .audios = 1};
    asg_parts_t wrong = {.bytes = -1};
    asg_card_t c = card;

    (void) state;
    assert_int_equal(asg_price_prompt_estimate(&c, &text, 5000), 251);
    assert_int_equal(asg_price_prompt_estimate(&c, &text, 200), 200);
    c.image_tokens = 700;
    assert_int_equal(asg_price_prompt_estimate(&c, &inlined, 5000), 950);
    assert_int_equal(asg_price_prompt_estimate(&c, &by_url, 5000), 950);
    c.image_tokens = 16384;
    c.file_tokens = 100;
    c.audio_tokens = 5000;
    assert_int_equal(asg_price_prompt_estimate(&c, &many, 90000),
                     250 + 3 * 2048 + 2 * 100 + 2048);
    assert_int_equal(asg_price_prompt_estimate(&c, &wrong, 90000), 90000);
}

static void a_hold_refuses_counts_out_of_range(void **state)
{
    (void) state;
    assert_int_equal(hold_of(card, -1, 1, 1), -1);
    assert_int_equal(hold_of(card, 1, -1, 1), -1);
    assert_int_equal(hold_of(card, 1, 1, 0), -1);
    assert_int_equal(hold_of(card, 1, 1, -1), -1);
    assert_int_equal(hold_of(card, ASG_TOKENS_MAX + 1, 1, 1), -1);
}

/* However a measured usage within the bounds is split. */
static void a_cost_within_the_bounds_is_never_above_the_hold(void **state)
{
    asg_nusd_t hold = hold_of(card, 7, 6, 1);

    (void) state;
    for (int32_t cached = 0; cached <= 7; cached++) {
        for (int32_t reasoning = 0; reasoning <= 6; reasoning++) {
            asg_tokens_t t = {
                .prompt = 7, .completion = 6, .cached = cached,
                .cache_write = 7 - cached, .reasoning = reasoning
            };

            assert_true(cost_of(card, t) <= hold);
            t.cache_write = 0;
            assert_true(cost_of(card, t) <= hold);
        }
    }
}

static int64_t price(const char *text, int64_t per)
{
    int64_t n = -77;

    return asg_price_parse(asg_str_z(text), per, &n) == ASG_OK ? n : -1;
}

static void a_price_is_read_per_token_thousand_and_million(void **state)
{
    (void) state;
    assert_int_equal(price("0.00125", 1000), 1250000);
    assert_int_equal(price("0.001", 1000), 1000000);
    assert_int_equal(price("5e-06", 1), 5000000);
    assert_int_equal(price("1.25E-6", 1), 1250000);
    assert_int_equal(price("0.0000025e0", 1), 2500000);
    assert_int_equal(price("1e+0", 1), 1000000000000);
    assert_int_equal(price("0", 1), 0);
    assert_int_equal(price("0e9999999999", 1), 0);
    assert_int_equal(price("0.000", 1000), 0);
    assert_int_equal(price("1000", 1), ASG_PUSD_MAX);
    assert_int_equal(price("1e6", 1000), ASG_PUSD_MAX);
    assert_int_equal(price("1.25", 1000000), 1250000);
    assert_int_equal(price("0.0000011", 1000000), 2);
    assert_int_equal(price("1e9", 1000000), ASG_PUSD_MAX);
}

static void digits_below_a_pico_dollar_are_rounded_up(void **state)
{
    (void) state;
    assert_int_equal(price("1e-12", 1), 1);
    assert_int_equal(price("1e-13", 1), 1);
    assert_int_equal(price("1e-9999999999", 1), 1);
    assert_int_equal(price("1.0000000000001", 1), 1000000000001);
    assert_int_equal(price("0.0000000014", 1000), 2);
    assert_int_equal(price(
        "1.00000000000000000000000000000000000000000000000001", 1),
        1000000000001);
    assert_int_equal(price(
        "1.00000000000000000000000000000000000000000000000000", 1),
        1000000000000);
}

static void price_fails(const char *text, int64_t per, asg_err_t err)
{
    int64_t n = 77;

    if (asg_price_parse(asg_str_z(text), per, &n) != err || n != 77) {
        fail_msg("%s", text);
    }
}

static void what_is_no_price_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "-1", "+1", ".5", "5.", "1e", "1e+", "1e-", "e5", "01", "00",
        "1.2.3", "1e5.5", " 1", "1 ", "NaN", "inf", "1,5", "0x1"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        price_fails(bad[i], 1, ASG_ERR_SYNTAX);
    }
    price_fails("1000.0000000000001", 1, ASG_ERR_RANGE);
    price_fails("1001", 1, ASG_ERR_RANGE);
    price_fails("1e309", 1, ASG_ERR_RANGE);
    price_fails("1e99999999999999999999", 1000, ASG_ERR_RANGE);
    price_fails("9999999999999999999999999999999999999999999999", 1,
                ASG_ERR_RANGE);
    price_fails("1", 0, ASG_ERR_RANGE);
    price_fails("1", 100, ASG_ERR_RANGE);
    price_fails("1", 10000000, ASG_ERR_RANGE);
    price_fails("0.00000000000000000000000000000000000000000000000000000000"
                "000000001", 1, ASG_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_and_twenty_tokens_cost_what_the_card_says),
        cmocka_unit_test(parts_are_charged_at_their_own_price_and_not_twice),
        cmocka_unit_test(a_cost_is_rounded_up_once_over_the_sum),
        cmocka_unit_test(an_impossible_count_is_out_of_range),
        cmocka_unit_test(a_card_outside_its_bounds_prices_nothing),
        cmocka_unit_test(the_largest_sum_does_not_overflow),
        cmocka_unit_test(a_prompt_is_bound_by_its_bytes_and_its_frame),
        cmocka_unit_test(a_part_without_a_bound_is_missing),
        cmocka_unit_test(a_prompt_bound_outside_the_counts_is_out_of_range),
        cmocka_unit_test(a_hold_takes_the_dearest_price_of_each_side),
        cmocka_unit_test(a_long_prompt_is_dearer_as_a_whole),
        cmocka_unit_test(a_write_for_an_hour_has_its_own_price),
        cmocka_unit_test(audio_is_charged_as_audio_and_never_twice),
        cmocka_unit_test(a_long_context_tier_may_not_be_cheaper),
        cmocka_unit_test(a_hold_reaches_into_the_long_context_tier),
        cmocka_unit_test(
            a_bound_counts_what_an_answer_may_have_beyond_its_limit),
        cmocka_unit_test(contents_of_media_count_by_their_own_bound),
        cmocka_unit_test(a_prompt_is_estimated_by_its_text_and_its_media),
        cmocka_unit_test(a_hold_refuses_counts_out_of_range),
        cmocka_unit_test(a_cost_within_the_bounds_is_never_above_the_hold),
        cmocka_unit_test(a_price_is_read_per_token_thousand_and_million),
        cmocka_unit_test(digits_below_a_pico_dollar_are_rounded_up),
        cmocka_unit_test(what_is_no_price_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
