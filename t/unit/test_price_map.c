/* catalog/price_map.h, price_table.h: maps of prices read exactly, and what
 * calls cost by the table that ships. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "catalog/price_table.h"
#include "reading.h"

#define FILE_NAME "map.json"

__extension__ typedef unsigned __int128 wide_t;

static struct ctl_price_map map;
static struct ctl_price_table table;

static const struct ctl_price *parse_one(const char *fields)
{
    char text[2048];

    begin(NULL);
    snprintf(text, sizeof(text), "{\"m\": {%s}}", fields);
    if (!ctl_price_map_parse(&map, FILE_NAME, asg_str_z(text), &findings)) {
        fail_msg("%s: %s", text, findings.items[0].text);
    }
    return map.n == 1 ? &map.items[0] : NULL;
}

static void refused(const char *text, const char *with)
{
    begin(NULL);
    if (ctl_price_map_parse(&map, FILE_NAME, asg_str_z(text), &findings)) {
        fail_msg("accepted: %s", text);
    }
    if (strstr(findings.items[0].text, with) == NULL) {
        fail_msg("%s says %s, not %s", text, findings.items[0].text, with);
    }
}

#define IN_OUT "\"input_cost_per_token\":1e-6,\"output_cost_per_token\":2e-6"

static void every_kind_and_tier_is_read(void **state)
{
    const struct ctl_price *p = parse_one(IN_OUT
        ",\"cache_read_input_token_cost\":1e-7"
        ",\"cache_creation_input_token_cost\":1.25e-6"
        ",\"cache_creation_input_token_cost_above_1hr\":2.5e-6"
        ",\"output_cost_per_reasoning_token\":3e-6"
        ",\"input_cost_per_audio_token\":4e-6"
        ",\"output_cost_per_audio_token\":5e-6"
        ",\"input_cost_per_token_above_200k_tokens\":6e-6"
        ",\"cache_creation_input_token_cost_above_1hr_above_200k_tokens\":7e-6"
        ",\"output_cost_per_token_priority\":8e-6"
        ",\"input_cost_per_token_above_200k_tokens_flex\":9e-6"
        ",\"cache_read_input_token_cost_batches\":1.1e-7");
    static const int64_t base[] = {1000000, 2000000, 100000, 1250000, 2500000,
                                   3000000, 4000000, 5000000};

    (void) state;
    assert_non_null(p);
    assert_int_equal(p->base[CTL_TIER_STANDARD].said, 0xff);
    assert_memory_equal(p->base[CTL_TIER_STANDARD].pusd, base, sizeof(base));
    assert_int_equal(p->above_tokens, 200000);
    assert_int_equal(p->above[CTL_TIER_STANDARD].said,
                     1u << CTL_PRICE_IN | 1u << CTL_PRICE_CACHE_WRITE_1H);
    assert_int_equal(p->above[0].pusd[CTL_PRICE_IN], 6000000);
    assert_int_equal(p->above[0].pusd[CTL_PRICE_CACHE_WRITE_1H], 7000000);
    assert_int_equal(p->base[CTL_TIER_PRIORITY].pusd[CTL_PRICE_OUT], 8000000);
    assert_int_equal(p->above[CTL_TIER_FLEX].pusd[CTL_PRICE_IN], 9000000);
    assert_int_equal(p->base[CTL_TIER_BATCH].pusd[CTL_PRICE_CACHED], 110000);
    assert_int_equal(map.fields_left_out, 0);
    assert_int_equal(map.lengths_merged, 0);
}

static void a_price_may_be_per_thousand_or_per_million(void **state)
{
    const struct ctl_price *p = parse_one(
        "\"input_cost_per_1k_tokens\":0.00125,"
        "\"output_cost_per_million_tokens\":10.0000001");

    (void) state;
    assert_int_equal(p->base[0].pusd[CTL_PRICE_IN], 1250000);
    assert_int_equal(p->base[0].pusd[CTL_PRICE_OUT], 10000001);
    refused("{\"m\":{\"input_cost_per_1k_tokens\":1,"
            "\"input_cost_per_token\":1,\"output_cost_per_token\":1}}",
            "\"m\" has in two units the price of in");
}

static void other_units_are_left_out_and_counted(void **state)
{
    (void) state;
    assert_non_null(parse_one(IN_OUT
        ",\"input_cost_per_image\":0.01,\"input_cost_per_second\":null"
        ",\"output_cost_per_character\":1e-6"
        ",\"search_context_cost_per_query\":{\"low\":0.03}"
        ",\"input_cost_per_token_above_0k_tokens\":1"
        ",\"input_cost_per_token_above_1hr\":1,\"max_tokens\":7"
        ",\"supported_endpoints\":[\"/v1/chat/completions\"]"));
    assert_int_equal(map.fields_left_out, 5);
}

static void a_model_without_a_whole_price_by_token_is_left_out(void **state)
{
    static const char *const without[] = {
        "", "\"input_cost_per_token\":1e-6", "\"output_cost_per_token\":1e-6",
        "\"input_cost_per_token\":0,\"output_cost_per_token\":0.0",
        IN_OUT ",\"mode\":\"image_generation\"",
        IN_OUT ",\"tiered_pricing\":[{\"range\":[0,1]}]",
        IN_OUT ",\"input_cost_per_request\":0.005",
        "\"output_cost_per_request_flex\":1e-30," IN_OUT,
        IN_OUT ",\"input_cost_per_request\":\"0\"",
        IN_OUT ",\"input_cost_per_request\":{\"low\":0.01}",
        "\"input_cost_per_token\":null,\"output_cost_per_token\":1e-6",
        "\"mode\":\"embedding\",\"output_cost_per_token\":0"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++) {
        if (parse_one(without[i]) != NULL || map.models_left_out != 1) {
            fail_msg("%s", without[i]);
        }
    }
    assert_true(parse_one("\"mode\":\"embedding\","
                          "\"input_cost_per_token\":1e-6")->embedding);
    assert_non_null(parse_one(IN_OUT ",\"mode\":\"responses\""));
    assert_non_null(parse_one(IN_OUT ",\"input_cost_per_request\":0.0"
                              ",\"output_cost_per_request\":null"));
}

static void what_is_no_model_is_passed_over(void **state)
{
    static const char text[] = "{\"_meta\":{\"input_cost_per_token\":\"a\"},\n"
        "\"sample_spec\":{\"input_cost_per_token\":\"how\"},\n"
        "\"a name\":{" IN_OUT "},\"b\":{" IN_OUT "}, \"a\" : {" IN_OUT "} }\n";

    (void) state;
    assert_true(ctl_price_map_parse(&map, FILE_NAME, ASG_STR(text),
                                    &findings));
    assert_int_equal(map.n, 2);
    assert_string_equal(map.items[0].name, "a");
    assert_string_equal(map.items[1].name, "b");
    assert_int_equal(map.items[0].line, 3);
    assert_int_equal(map.models_left_out, 1);
    assert_true(ctl_price_map_parse(&map, FILE_NAME, ASG_STR(" {} "),
                                    &findings));
    assert_int_equal(map.n, 0);
}

static void a_model_of_an_imported_map_whose_price_is_none_is_left_out(
    void **state)
{
    static const char *const unusable[] = {
        "\"input_cost_per_token\":\"1e-6\",\"output_cost_per_token\":1e-6",
        IN_OUT ",\"cache_read_input_token_cost\":{\"a\":[1]}",
        IN_OUT ",\"output_cost_per_reasoning_token\":true",
        "\"input_cost_per_token\":-1,\"output_cost_per_token\":\"x\"",
        IN_OUT ",\"input_cost_per_1k_tokens\":1"
    };
    char text[512];

    (void) state;
    for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
        begin(NULL);
        snprintf(text, sizeof(text),
                 "{\"good\":{" IN_OUT "},\n\"bad\":{%s}}", unusable[i]);
        assert_true(ctl_price_map_import(&map, FILE_NAME, asg_str_z(text),
                                         &findings));
        assert_int_equal(map.n, 1);
        assert_string_equal(map.items[0].name, "good");
        assert_int_equal(map.models_left_out, 1);
        assert_int_equal(map.models_unusable, 1);
        assert_int_equal(findings.nerrors, 0);
        assert_int_equal(findings.n, 1);
        assert_non_null(strstr(findings.items[0].text,
                               FILE_NAME ":2: \"bad\" is left out: it has "));
        refused(text, "\"bad\" has ");
    }
}

static void a_text_that_is_no_map_is_refused_with_its_line(void **state)
{
    (void) state;
    refused("", FILE_NAME ":1: expects a map");
    refused("[]", "expects a map");
    refused("{\n1:2}", FILE_NAME ":2: expects the name");
    refused("{\"a\"}", "expects \":\"");
    refused("{\"a", "does not end");
    refused("{\"a\":{}", "expects \",\" or \"}\"");
    refused("{\"a\":{},}", "expects the name");
    refused("{\"a\":{}} x", "behind its end");
    refused("{\"a\":7}", "must be a map of fields");
    refused("{\"a\":{\"b\":}}", "is no JSON");
    refused("{\"a\":{\"b\":1 \"c\":2}}", "is no JSON");
    refused("{\"_a\":{\"b\":tru}}", "is no JSON");
    refused("{\"a\":{\"b\":[1,{\"c\":\"}\"}]}, \"d\":\"\\", "must be a map");
    refused("{\"a\":{" IN_OUT "},\n\n\"a\":{" IN_OUT "}}", "stands twice");
    refused("{\"a\":{\"input_cost_per_token\":-1e-6}}", "\"a\" has a price");
    refused("{\"a\":{\"input_cost_per_token\":1001}}", "\"a\" has a price");
    refused("{\"a\":{\n\"input_cost_per_token\":\"1e-6\"}}",
            FILE_NAME ":1: \"a\" has a price that is no number");
    refused("{\"a\":{\"output_cost_per_token\":{}}}", "that is no number");
}

static void of_several_lengths_the_shortest_has_the_dearest_prices(void **state)
{
    const struct ctl_price *p = parse_one(IN_OUT
        ",\"input_cost_per_token_above_256k_tokens\":4e-6"
        ",\"input_cost_per_token_above_128k_tokens\":3e-6"
        ",\"output_cost_per_token_above_128k_tokens\":3e-6"
        ",\"cache_read_input_token_cost_above_128k_tokens\":1e-9");

    (void) state;
    assert_int_equal(map.lengths_merged, 1);
    assert_int_equal(p->above_tokens, 128000);
    assert_int_equal(p->above[0].pusd[CTL_PRICE_IN], 4000000);
    assert_int_equal(p->above[0].pusd[CTL_PRICE_OUT], 3000000);
    /* never below what shorter prompts cost */
    assert_int_equal(p->above[0].pusd[CTL_PRICE_CACHED], 1000000);
}

/* --- what calls cost by the table that ships --- */

static int begin_table(void **state)
{
    begin(state);
    if (!ctl_price_table_load(&table, NULL, &findings)) {
        fail_msg("%s", findings.items[0].text);
    }
    return 0;
}

static asg_rates_t rates_of(const struct ctl_price *p)
{
    asg_rates_t rates;

    ctl_prices_rates(&p->base[0], &p->above[0], p->above_tokens, &rates);
    return rates;
}

static void amounts_are_what_a_hand_computes(void **state)
{
    static const struct {
        const char *name;
        asg_tokens_t tokens;
        int64_t nusd;
    } rows[] = {
        /* 600 at 1.25, 400 at 0.125, 500 at 10 USD a million */
        {"gpt-5.1", {.prompt = 1000, .cached = 400, .completion = 500,
                     .reasoning = 200}, 5800000},
        /* as many tokens as the length allows: 2.5 a million */
        {"gpt-5.4", {.prompt = 272000}, 680000000},
        /* above it: 200,000 at 5, 100,000 at 0.5, 1,000 at 22.5 */
        {"gpt-5.4", {.prompt = 300000, .cached = 100000, .completion = 1000},
         1072500000},
        /* 2,000 at 3.75, 1,000 at 6, 2,000 at 0.3, 5,000 at 3, 100 at 15 */
        {"claude-sonnet-4-20250514", {.prompt = 10000, .cache_write = 3000,
         .cache_write_1h = 1000, .cached = 2000, .completion = 100},
         30600000},
        /* 700 at 0.3, 300 of audio at 1, 100 at 2.5 */
        {"gemini/gemini-2.5-flash", {.prompt = 1000, .audio_in = 300,
         .completion = 100, .reasoning = 60}, 760000},
        {"text-embedding-3-small", {.prompt = 12345}, 246900},
        {"amazon.nova-micro-v1:0", {.prompt = 1}, 35},
        /* 9.999990000000002 a million, a token at 9.999991 */
        {"databricks/databricks-gpt-5", {.completion = 1}, 10000},
        {"databricks/databricks-gpt-5", {.completion = 1000000}, 9999991000}
    };
    const struct ctl_price *p;
    asg_rates_t rates;
    asg_nusd_t cost;

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        p = ctl_price_table_find(&table, rows[i].name);
        assert_non_null(p);
        rates = rates_of(p);
        assert_int_equal(asg_price_cost(&rates, &rows[i].tokens, &cost),
                         ASG_OK);
        if (cost != rows[i].nusd) {
            fail_msg("%s: row %zu costs %jd", rows[i].name, i,
                     (intmax_t) cost);
        }
    }
}

static void every_model_that_ships_can_be_charged(void **state)
{
    asg_rates_t rates;

    (void) state;
    assert_int_equal(table.shipped.n, 68);
    assert_int_equal(table.shipped.models_left_out, 0);
    assert_int_equal(table.shipped.fields_left_out, 0);
    for (unsigned i = 0; i < table.shipped.n; i++) {
        rates = rates_of(&table.shipped.items[i]);
        if (!asg_price_rates_are_sane(&rates)) {
            fail_msg("%s", table.shipped.items[i].name);
        }
    }
}

/* Through the map, at any number of digits: an amount is never below the exact
 * price rounded up, and above it by less than a pico-dollar a token. */
static void an_amount_is_never_below_the_exact_price(void **state)
{
    char fields[128];
    const struct ctl_price *p;
    asg_rates_t rates;
    asg_nusd_t cost;
    wide_t exact, scale;
    int64_t digits;
    int exponent;

    (void) state;
    srand(20260601);
    for (int i = 0; i < 3000; i++) {
        asg_tokens_t t = {.prompt = rand() % 1000000};

        digits = 1 + ((int64_t) rand() * 65536 + rand()) % 1000000000000;
        exponent = 13 + rand() % 8;
        snprintf(fields, sizeof(fields), "\"output_cost_per_token\":1,"
                 "\"input_cost_per_token\":%jde-%d", (intmax_t) digits,
                 exponent);
        p = parse_one(fields);
        assert_non_null(p);
        rates = rates_of(p);
        assert_int_equal(asg_price_cost(&rates, &t, &cost), ASG_OK);
        scale = 1;
        for (int e = exponent; e > 9; e--) {
            scale *= 10;
        }
        exact = ((wide_t) digits * (wide_t) t.prompt + scale - 1) / scale;
        if ((wide_t) cost < exact
            || (wide_t) cost > exact + 1 + (wide_t) t.prompt / 1000)
        {
            fail_msg("%s: %d tokens cost %jd", fields, t.prompt,
                     (intmax_t) cost);
        }
    }
}

static void a_price_is_written_exactly_per_million(void **state)
{
    char text[CTL_PRICE_TEXT];

    (void) state;
    assert_string_equal(ctl_price_text(1250000, text), "1.25");
    assert_string_equal(ctl_price_text(10000000, text), "10");
    assert_string_equal(ctl_price_text(0, text), "0");
    assert_string_equal(ctl_price_text(1, text), "0.000001");
    assert_string_equal(ctl_price_text(ASG_PUSD_MAX, text), "1000000000");
}

/* --- the operator's own --- */

static void the_operators_own_table_goes_before_the_shipped_one(void **state)
{
    char file[] = "/tmp/asgard-prices-XXXXXX";
    const char text[] = "{\"gpt-5.1\":{\"input_cost_per_token\":3e-6,"
                        "\"output_cost_per_token\":4e-6}}";
    const struct ctl_price *p;
    int fd = mkstemp(file);
    FILE *out = fdopen(fd, "w");

    (void) state;
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_true(ctl_price_table_load(&table, file, &findings));
    p = ctl_price_table_find(&table, "gpt-5.1");
    assert_true(p->own);
    assert_int_equal(p->base[0].pusd[CTL_PRICE_IN], 3000000);
    /* nothing of the other is mixed in */
    assert_false(ctl_prices_say(&p->base[0], CTL_PRICE_CACHED));
    assert_false(ctl_price_table_find(&table, "gpt-5")->own);
    assert_null(ctl_price_table_find(&table, "nobody"));
    assert_int_equal(truncate(file, 5), 0);
    assert_false(ctl_price_table_load(&table, file, &findings));
    remove(file);
    assert_true(ctl_price_table_load(&table, file, &findings));
    assert_null(table.own_file);
    assert_false(ctl_price_table_load(&table, "/tmp", &findings));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
#define OF_TABLE(f) cmocka_unit_test_setup_teardown(f, begin_table, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_and_tier_is_read),
        TEST(a_price_may_be_per_thousand_or_per_million),
        TEST(other_units_are_left_out_and_counted),
        TEST(a_model_without_a_whole_price_by_token_is_left_out),
        TEST(what_is_no_model_is_passed_over),
        TEST(a_model_of_an_imported_map_whose_price_is_none_is_left_out),
        TEST(a_text_that_is_no_map_is_refused_with_its_line),
        TEST(of_several_lengths_the_shortest_has_the_dearest_prices),
        OF_TABLE(amounts_are_what_a_hand_computes),
        OF_TABLE(every_model_that_ships_can_be_charged),
        TEST(an_amount_is_never_below_the_exact_price),
        TEST(a_price_is_written_exactly_per_million),
        TEST(the_operators_own_table_goes_before_the_shipped_one)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
