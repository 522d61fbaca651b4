/* core/price.h and core/request.h together: no call costs more than was held
 * for it.  Random cards, random requests built of random parts, random usage
 * within what those parts can really cost; beside them a naive model that
 * counts by itself. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/price.h"
#include "core/request.h"

#define REQUESTS    60000
#define USAGES      20          /* of one request: 1.2 million in all */
#define BODY_MAX    65536
#define SCALE       1000        /* pico-USD in a nano-USD */

__extension__ typedef unsigned __int128 wide_t;

static asg_request_reader_t reader = {.seed = 7};
static asg_request_t request;
static asg_refusal_t why;
static char body_text[BODY_MAX];
static uint64_t dice, seed;

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice % sides;
}

static bool often(void)
{
    return roll(4) != 0;
}

/* Small and large ones alike. */
static int64_t any_size(unsigned bits)
{
    return (int64_t) roll(UINT64_C(1) << roll(bits + 1));
}

/* --- cards --- */

static asg_prices_t any_prices(void)
{
    return (asg_prices_t) {
        .in_pusd = any_size(27), .out_pusd = any_size(29),
        .cached_pusd = any_size(27), .cache_write_pusd = any_size(28),
        .reasoning_pusd = any_size(29),
        .cache_write_1h_pusd = often() ? any_size(28) : 0,
        .audio_in_pusd = often() ? 1 + any_size(28) : 0,
        .audio_out_pusd = often() ? 1 + any_size(30) : 0
    };
}

static asg_prices_t dearer_prices(asg_prices_t p)
{
    p.in_pusd += any_size(27);
    p.out_pusd += any_size(28);
    p.cached_pusd += any_size(26);
    p.cache_write_pusd += any_size(27);
    p.reasoning_pusd += any_size(28);
    p.cache_write_1h_pusd += any_size(27);
    p.audio_in_pusd += p.audio_in_pusd > 0 ? any_size(27) : 0;
    p.audio_out_pusd += p.audio_out_pusd > 0 ? any_size(28) : 0;
    return p;
}

static asg_card_t any_card(void)
{
    asg_card_t c = {
        .rates.base = any_prices(),
        .request_tokens = any_size(10), .message_tokens = any_size(8),
        .tool_tokens = any_size(10), .toolset_tokens = any_size(12),
        .value_tokens = any_size(6), .byte_tokens = any_size(3),
        .image_tokens = often() ? 1 + any_size(14) : 0,
        .file_tokens = often() ? 1 + any_size(20) : 0,
        .audio_tokens = often() ? 1 + any_size(17) : 0,
        .reasoning_tokens = roll(4) == 0 ? any_size(12) : 0,
        .typed_tool_tokens = any_size(12)
    };

    if (often()) {
        c.rates.above_tokens = 1 + any_size(12);
        c.rates.above = dearer_prices(c.rates.base);
    }
    return c;
}

/* --- requests, and what they can cost by the naive model --- */

typedef struct {
    asg_buf_t b;
    const asg_card_t *card;
    int64_t tokens;             /* of the prompt, at most */
    int64_t guess;              /* tokens of a predicted answer */
    bool any_tool;
    bool unbound;               /* a part that nobody gave a bound */
} draft_t;

static void put(draft_t *d, const char *text)
{
    asg_buf_z(&d->b, text);
}

static int64_t per_byte(const draft_t *d)
{
    return d->card->byte_tokens > 1 ? d->card->byte_tokens : 1;
}

/* A string; returns the tokens of what it spells: one for each byte, or as
 * many as the card says that a tokenizer makes of it. */
static int64_t put_string(draft_t *d, unsigned max)
{
    static const struct {
        const char *json;
        unsigned bytes;
    } chars[] = {
        {"a", 1}, {" ", 1}, {"\\n", 1}, {"\\\"", 1}, {"\\u0041", 1},
        {"\\u00e9", 2}, {"\xc3\xa9", 2}, {"\\uFDFA", 3}, {"\xef\xb7\xba", 3},
        {"\\ud83d\\ude00", 4}, {"\xf0\x9f\x98\x80", 4}, {"<|im_start|>", 12}
    };
    int64_t bytes = 0;

    put(d, "\"");
    for (uint64_t n = roll(max + 1); n > 0; n--) {
        size_t i = roll(sizeof(chars) / sizeof(chars[0]));

        put(d, chars[i].json);
        bytes += chars[i].bytes;
    }
    put(d, "\"");
    return bytes * per_byte(d);
}

/* Base64: as many bytes as tokens only where nothing else bounds them. */
static void put_payload(draft_t *d)
{
    for (uint64_t n = roll(300); n > 0; n--) {
        put(d, "QUJD");
    }
}

static void needs_bound(draft_t *d, int64_t bound)
{
    d->tokens += bound;
    d->unbound = d->unbound || bound == 0;
}

/* A schema.  A backend may print it anew, with space around each value. */
static int64_t put_tree(draft_t *d, unsigned depth)
{
    int64_t tokens = 1 * per_byte(d) + d->card->value_tokens;
    bool is_list = roll(2);
    uint64_t n = roll(4);

    if (depth == 0 || roll(3) == 0) {
        put(d, "1");
        return tokens;
    }
    put(d, is_list ? "[" : "{");
    for (uint64_t i = 0; i < n; i++) {
        char key[16];

        put(d, i > 0 ? "," : "");
        if (!is_list) {
            snprintf(key, sizeof(key), "\"k%u\":", (unsigned) i);
            put(d, key);
            tokens += 5 * per_byte(d) + d->card->value_tokens;
        }
        tokens += put_tree(d, depth - 1) + per_byte(d) * (i > 0);
    }
    put(d, is_list ? "]" : "}");
    return tokens + per_byte(d) + d->card->value_tokens;
}

static void put_tool(draft_t *d)
{
    put(d, "{\"type\":\"function\",\"function\":{\"name\":");
    d->tokens += put_string(d, 8) + d->card->tool_tokens;
    put(d, ",\"description\":");
    d->tokens += put_string(d, 20);
    put(d, ",\"parameters\":{\"p\":");
    d->tokens += put_tree(d, 4);
    put(d, "}}}");
    d->any_tool = true;
}

static void put_tool_calls(draft_t *d)
{
    put(d, ",\"tool_calls\":[");
    for (uint64_t i = 0, n = 1 + roll(3); i < n; i++) {
        put(d, i > 0 ? ",{}" : "{}");
        d->tokens += d->card->tool_tokens;
    }
    put(d, ",{\"function\":{\"name\":\"f\",\"arguments\":\"[1,1,{}]\"}}]");
    d->tokens += d->card->tool_tokens + 9 * per_byte(d)
        + 6 * d->card->value_tokens;
    d->any_tool = true;
}

static void put_media(draft_t *d)
{
    switch (roll(6)) {
    case 0:
        put(d, "{\"type\":\"image_url\",\"image_url\":"
               "{\"url\":\"https://example.com/huge.png\"}}");
        needs_bound(d, d->card->image_tokens);
        break;
    case 1:
        put(d, "{\"type\":\"image_url\",\"image_url\":"
               "\"data:image\\/png;base64,QUJD");
        put_payload(d);
        put(d, "\"}");
        needs_bound(d, d->card->image_tokens);
        break;
    case 2:
        put(d, "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"");
        put_payload(d);
        put(d, "\"}}");
        needs_bound(d, d->card->audio_tokens);
        break;
    case 3:
        put(d, "{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}");
        needs_bound(d, d->card->file_tokens);
        break;
    default:
        put(d, "{\"type\":\"text\",\"text\":");
        d->tokens += put_string(d, 40);
        put(d, "}");
    }
}

static void put_message(draft_t *d)
{
    d->tokens += d->card->message_tokens + 4 * per_byte(d);     /* its role */
    put(d, "{\"role\":\"user\",\"content\":");
    if (roll(3) != 0) {
        d->tokens += put_string(d, 60);
    } else {
        put(d, "[");
        for (uint64_t i = 0, n = 1 + roll(3); i < n; i++) {
            put(d, i > 0 ? "," : "");
            put_media(d);
        }
        put(d, "]");
    }
    if (roll(8) == 0) {
        put_tool_calls(d);
    }
    put(d, "}");
}

static void put_options(draft_t *d)
{
    if (roll(3) == 0) {
        put(d, ",\"tools\":[");
        for (uint64_t i = 0, n = 1 + roll(3); i < n; i++) {
            put(d, i > 0 ? "," : "");
            put_tool(d);
        }
        put(d, "]");
    }
    if (roll(8) == 0) {
        put(d, ",\"response_format\":{\"type\":\"json_schema\","
               "\"json_schema\":{\"schema\":{\"s\":");
        d->tokens += put_tree(d, 3) + d->card->tool_tokens;
        put(d, "}}}");
        d->any_tool = true;
    }
    if (roll(8) == 0) {
        put(d, ",\"prediction\":{\"type\":\"content\",\"content\":");
        d->guess = put_string(d, 200);
        put(d, "}");
    }
    if (roll(16) == 0) {
        put(d, roll(2) ? ",\"modalities\":[\"text\",\"audio\"]"
                       : ",\"audio\":{\"voice\":\"alloy\"}");
        d->unbound = d->unbound || (d->card->rates.base.audio_out_pusd == 0
                                    && d->card->rates.base.out_pusd > 0);
    }
}

static void put_chat(draft_t *d, int64_t limit, int64_t n)
{
    char head[96];

    snprintf(head, sizeof(head), "{\"model\":\"m\",\"max_tokens\":%" PRId64
             ",\"n\":%" PRId64 ",\"messages\":[", limit, n);
    put(d, head);
    for (uint64_t i = 0, count = 1 + roll(5); i < count; i++) {
        put(d, i > 0 ? "," : "");
        put_message(d);
    }
    put(d, "]");
    put_options(d);
    put(d, "}");
}

/* Texts, or lists of tokens, each with its own marks. */
static void put_inputs(draft_t *d)
{
    bool numbers = roll(2);

    put(d, "{\"model\":\"m\",\"input\":[");
    for (uint64_t i = 0, count = 1 + roll(6); i < count; i++) {
        put(d, i > 0 ? "," : "");
        d->tokens += d->card->message_tokens;
        if (numbers) {
            put(d, "[7,100257,0]");
            d->tokens += 3;
        } else {
            d->tokens += put_string(d, 30);
        }
    }
    put(d, "]}");
}

/* --- usage, and what it costs by the naive model --- */

static int32_t within(int64_t most)
{
    /* the corners are where a bound breaks */
    return (int32_t) (roll(3) == 0 ? most
                      : most - (int64_t) roll((uint64_t) most + 1));
}

static asg_tokens_t any_usage(int64_t prompt_max, int64_t output_max)
{
    asg_tokens_t t = {
        .prompt = within(prompt_max), .completion = within(output_max)
    };

    t.cached = often() ? within(t.prompt) : 0;
    t.cache_write = often() ? within(t.prompt - t.cached) : 0;
    t.cache_write_1h = often() ? within(t.cache_write) : 0;
    t.audio_in = often() ? within(t.prompt) : 0;
    t.reasoning = often() ? within(t.completion) : 0;
    t.audio_out = often() ? within(t.completion) : 0;
    return t;
}

typedef struct {
    int64_t tokens;
    int64_t pusd;
} kind_t;

/* Hands out `left` tokens to the kinds in turn. */
static wide_t hand_out(const kind_t *kinds, unsigned n, int64_t left)
{
    wide_t sum = 0;

    for (unsigned i = 0; i < n; i++) {
        int64_t tokens = kinds[i].tokens < left ? kinds[i].tokens : left;

        sum += (wide_t) tokens * (wide_t) kinds[i].pusd;
        left -= tokens;
    }
    return sum;
}

static wide_t exact_cost(const asg_rates_t *r, const asg_tokens_t *t)
{
    bool is_long = r->above_tokens != 0 && t->prompt > r->above_tokens;
    const asg_prices_t *p = is_long ? &r->above : &r->base;
    int64_t hour = p->cache_write_1h_pusd > p->cache_write_pusd
                   ? p->cache_write_1h_pusd : p->cache_write_pusd;
    const kind_t in[] = {
        {t->cache_write_1h, hour},
        {t->cache_write - t->cache_write_1h, p->cache_write_pusd},
        {p->audio_in_pusd != 0 ? t->audio_in : 0, p->audio_in_pusd},
        {t->cached, p->cached_pusd}, {t->prompt, p->in_pusd}
    };
    const kind_t out[] = {
        {t->reasoning, p->reasoning_pusd},
        {p->audio_out_pusd != 0 ? t->audio_out : 0, p->audio_out_pusd},
        {t->completion, p->out_pusd}
    };

    return hand_out(in, 5, t->prompt) + hand_out(out, 3, t->completion);
}

static void fail_here(const char *what)
{
    fail_msg("%s: seed %" PRIu64 ", body %s", what, seed, body_text);
}

static asg_nusd_t must_cost(const asg_card_t *card, const asg_tokens_t *t)
{
    asg_nusd_t cost = -1;
    wide_t exact = exact_cost(&card->rates, t);

    if (asg_price_cost(&card->rates, t, &cost) != ASG_OK) {
        fail_here("no cost of a usage within its bounds");
    }
    if ((wide_t) cost * SCALE < exact
        || (wide_t) cost * SCALE - exact >= SCALE)
    {
        fail_here("a cost is not the sum rounded up once");
    }
    return cost;
}

static void check_usage(const asg_card_t *card, const asg_bound_t *bound,
    asg_tokens_t t)
{
    asg_nusd_t cost = must_cost(card, &t);

    if (cost > bound->hold_nusd) {
        fail_here("a call costs more than was held for it");
    }
    if (t.prompt < ASG_TOKENS_MAX) {
        t.prompt++;
        if (must_cost(card, &t) < cost) {
            fail_here("one more token of the prompt makes a call cheaper");
        }
        t.prompt--;
    }
    t.completion++;
    if (must_cost(card, &t) < cost) {
        fail_here("one more token of the answer makes a call cheaper");
    }
}

/* --- the property --- */

static void try_one(const asg_card_t *card)
{
    draft_t d = {.card = card, .tokens = card->request_tokens};
    int64_t limit = 1 + any_size(14), n = 1 + any_size(3);
    asg_api_t api = roll(5) == 0 ? ASG_API_EMBEDDINGS : ASG_API_CHAT;
    asg_bound_t bound;

    asg_buf_init(&d.b, body_text, sizeof(body_text) - 1);
    if (api == ASG_API_CHAT) {
        put_chat(&d, limit, n);
    } else {
        put_inputs(&d);
        limit = 0;
        n = 1;
    }
    body_text[d.b.len] = '\0';
    d.tokens += d.any_tool ? card->toolset_tokens : 0;
    if (asg_request_scan(&reader, api, asg_buf_view(&d.b), &request, &why)
        != ASG_OK)
    {
        fail_here(why.param);
    }
    assert_int_equal(request.n, n);
    if (d.unbound) {
        if (asg_price_bound(card, &request.parts, limit, n, &bound)
            != ASG_ERR_MISSING)
        {
            fail_here("a part without a bound was let in");
        }
        return;
    }
    if (asg_price_bound(card, &request.parts, limit, n, &bound) != ASG_OK) {
        fail_here("a request has no bound");
    }
    for (unsigned i = 0; i < USAGES; i++) {
        check_usage(card, &bound,
                    any_usage(d.tokens, (limit + d.guess
                                           + card->reasoning_tokens) * n));
    }
}

static void no_call_costs_more_than_was_held_for_it(void **state)
{
    asg_card_t card = {0};

    (void) state;
    for (unsigned i = 0; i < REQUESTS; i++) {
        if (i % 4 == 0) {
            card = any_card();
            assert_true(asg_price_card_is_sane(&card));
        }
        try_one(&card);
    }
}

/* At the largest prices and counts a hold is refused, never wrapped. */
static void a_hold_that_cannot_be_written_is_refused(void **state)
{
    (void) state;
    for (unsigned i = 0; i < 200000; i++) {
        asg_card_t card = {
            .rates.base = {.in_pusd = any_size(50), .out_pusd = any_size(50)}
        };
        int64_t prompt = any_size(30), limit = any_size(30);
        int64_t n = 1 + any_size(7);
        asg_nusd_t hold = -1;
        wide_t exact;

        prompt = prompt > ASG_TOKENS_MAX ? ASG_TOKENS_MAX : prompt;
        limit = limit > ASG_TOKENS_MAX ? ASG_TOKENS_MAX : limit;
        if (!asg_price_card_is_sane(&card)) {
            continue;
        }
        exact = (wide_t) prompt * (wide_t) card.rates.base.in_pusd
            + (wide_t) limit * (wide_t) n * (wide_t) card.rates.base.out_pusd;
        if (asg_price_hold(&card, prompt, limit, n, &hold) == ASG_OK) {
            assert_true((wide_t) hold == (exact + SCALE - 1) / SCALE);
        } else {
            assert_true(exact > (wide_t) ASG_NUSD_MAX * SCALE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_call_costs_more_than_was_held_for_it),
        cmocka_unit_test(a_hold_that_cannot_be_written_is_refused),
    };
    const char *given = getenv("TEST_SEED");

    seed = given != NULL ? strtoull(given, NULL, 10)
                         : (uint64_t) time(NULL) * 2654435761u | 1;
    dice = seed != 0 ? seed : 1;
    printf("# TEST_SEED=%" PRIu64 "\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
