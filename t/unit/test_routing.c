/* catalog/routing.h: the routing file in LiteLLM's vocabulary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/routing.h"

#define FILE_NAME "routing.yaml"

static struct ctl_arena arena;
static struct ctl_findings findings;

static int begin(void **state)
{
    (void) state;
    ctl_arena_reset(&arena);
    ctl_arena_init(&arena, 16u * 1024 * 1024);
    ctl_findings_init(&findings, &arena);
    return 0;
}

static int end(void **state)
{
    (void) state;
    ctl_arena_reset(&arena);
    return 0;
}

static const struct ctl_routing *parse(const char *text)
{
    const struct ctl_routing *r = ctl_routing_parse(FILE_NAME,
                                                    asg_str_z(text),
                                                    &findings);

    if (r == NULL) {
        fail_msg("%s", findings.items[0].text);
    }
    return r;
}

static void refused(const char *text, const char *with)
{
    begin(NULL);
    if (ctl_routing_parse(FILE_NAME, asg_str_z(text), &findings) != NULL) {
        fail_msg("accepted: %s", text);
    }
    if (strstr(findings.items[0].text, with) == NULL) {
        fail_msg("%s says %s, not %s", text, findings.items[0].text, with);
    }
}

static void targets_are(const struct ctl_routing_rule *rule,
    const char *const *names)
{
    const struct ctl_routing_target *t;

    assert_non_null(rule);
    for (t = rule->targets; *names != NULL; names++, t = t->next) {
        assert_non_null(t);
        assert_string_equal(t->name, *names);
    }
    assert_null(t);
}
#define TARGETS(rule, ...) \
    targets_are(rule, (const char *const []) {__VA_ARGS__, NULL})

static void all_rules_keep_their_order(void **state)
{
    const struct ctl_routing *r = parse(
        "model_alias_map:\n  gpt-4: default\n  gpt-4o: default\n"
        "models:\n  default:\n    candidates:\n"
        "      - model: model:default/gpt-5.1\n      - router\n"
        "fallbacks:\n  - default: [claude, openai]\n  - other: [x]\n"
        "timeout: 30\nstream_timeout: 90s\n");

    (void) state;
    TARGETS(ctl_routing_find(r->aliases, "gpt-4"), "default");
    TARGETS(ctl_routing_find(r->aliases, "gpt-4o"), "default");
    TARGETS(ctl_routing_find(r->models, "default"), "model:default/gpt-5.1",
            "router");
    TARGETS(ctl_routing_find(r->fallbacks, "default"), "claude", "openai");
    TARGETS(ctl_routing_find(r->fallbacks, "other"), "x");
    assert_null(ctl_routing_find(r->fallbacks, "x"));
    assert_int_equal(r->timeout_ms, 30000);
    assert_int_equal(r->stream_timeout_ms, 90000);
    assert_int_equal(ctl_routing_find(r->fallbacks, "default")->line, 10);
    assert_int_equal(findings.n, 0);
}

static void the_places_of_a_litellm_file_are_read(void **state)
{
    const struct ctl_routing *r = parse(
        "router_settings:\n  fallbacks:\n"
        "    - {\"default\": [\"claude\", \"openai\"]}\n"
        "  num_retries: 2\n  timeout: 30\n"
        "general_settings:\n  model_alias_map:\n    \"gpt-4\": \"default\"\n");

    (void) state;
    TARGETS(ctl_routing_find(r->fallbacks, "default"), "claude", "openai");
    TARGETS(ctl_routing_find(r->aliases, "gpt-4"), "default");
    assert_int_equal(r->timeout_ms, 30000);
    assert_int_equal(findings.nerrors, 0);
    assert_int_equal(findings.n, 1);
    assert_true(findings.items[0].warning);
    assert_non_null(strstr(findings.items[0].text,
                           FILE_NAME ":4: \"num_retries\""));
}

static void what_does_not_act_yet_is_accepted_with_a_warning(void **state)
{
    (void) state;
    parse("cooldown_time: 5\nallowed_fails: 3\nstrategy: simple-shuffle\n"
          "context_window_fallbacks: [{a: [b]}]\n"
          "models: {m: {strategy: x, candidates: [{model: a, weight: 2}]}}\n");
    assert_int_equal(findings.nerrors, 0);
    assert_int_equal(findings.n, 6);
}

static void an_empty_or_missing_file_is_an_empty_routing(void **state)
{
    (void) state;
    assert_null(parse("")->aliases);
    assert_non_null(ctl_routing_load(NULL, &findings));
    assert_non_null(ctl_routing_load("/nonexistent/routing.yaml", &findings));
    assert_int_equal(findings.n, 0);
}

static void what_is_wrong_is_refused_with_its_line(void **state)
{
    (void) state;
    refused("a: 1\n", FILE_NAME ":1: unknown setting \"a\"");
    refused("router_settings:\n  router_settings: {}\n", ":2: unknown");
    refused("model_alias_map: [a]\n", "map of alias");
    refused("model_alias_map: {a: [b]}\n", "name of a model");
    refused("model_alias_map: {a: a}\n", "leads to itself");
    refused("model_alias_map:\n  'a b': c\n", FILE_NAME ":2:");
    refused("model_alias_map: {a: b}\ngeneral_settings:\n"
            "  model_alias_map: {a: c}\n", FILE_NAME ":3: \"a\" stands twice");
    refused("models: {a: {}}\n", "\"candidates\" is missing");
    refused("models: {a: b}\n", "candidates");
    refused("models: {a: {candidates: []}}\n", "list of candidates");
    refused("models: {a: {candidates: [{weight: 1}]}}\n", "\"model\"");
    refused("models: {a: {candidates: [{model: b, x: 1}]}}\n",
            "unknown field \"x\"");
    refused("models: {a: {candidates: [[b]]}}\n", "model: NAME");
    refused("fallbacks: x\n", "expects a list");
    refused("fallbacks: [x]\n", "expects {name");
    refused("fallbacks: [{a: []}]\n", "list of models");
    refused("timeout: -1\n", "a time");
    refused("timeout: 2h\n", "at most 1h");
    refused("model_list: []\n", "unknown setting \"model_list\"");
    refused("- a\n", "map of settings");
    refused("model_alias_map: {a: sk-abcdef0123456789abcdef}\n",
            "looks like a secret");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_rules_keep_their_order),
        TEST(the_places_of_a_litellm_file_are_read),
        TEST(what_does_not_act_yet_is_accepted_with_a_warning),
        TEST(an_empty_or_missing_file_is_an_empty_routing),
        TEST(what_is_wrong_is_refused_with_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
