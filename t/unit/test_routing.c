/* catalog/routing.h: the routing file in LiteLLM's vocabulary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/routing.h"
#include "reading.h"

#define FILE_NAME "routing.yaml"

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
    assert_int_equal(r->how.timeout_ms, 30000);
    assert_int_equal(r->how.stream_timeout_ms, 90000);
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
    assert_int_equal(r->how.timeout_ms, 30000);
    assert_int_equal(r->how.retries, 2);
    assert_int_equal(findings.n, 0);
}

static void how_candidates_are_called_is_said_for_all_or_for_one(void **state)
{
    const struct ctl_routing *r = parse(
        "num_retries: 0\ncooldown_time: 7\nallowed_fails: 1\n"
        "routing_strategy: simple-shuffle\nmodels:\n  m:\n"
        "    strategy: least-busy\n    timeout: 3s\n    stream_timeout: 4s\n"
        "    num_retries: 5\n    cooldown_time: 500ms\n"
        "    allowed_fails: 9\n"
        "    candidates: [{model: a, weight: 20}, b]\n"
        "  n: {candidates: [a], cooldown_time: 0}\n");
    const struct ctl_routing_rule *m = ctl_routing_find(r->models, "m");
    const struct ctl_routing_rule *n = ctl_routing_find(r->models, "n");

    (void) state;
    assert_int_equal(findings.n, 0);
    assert_int_equal(r->how.strategy, ASG_STRATEGY_WEIGHTED);
    assert_int_equal(r->how.retries, 0);
    assert_int_equal(r->how.cooldown_ms, 7000);
    assert_int_equal(r->how.allowed_fails, 1);
    assert_int_equal(m->how.strategy, ASG_STRATEGY_LEAST_BUSY);
    assert_int_equal(m->how.timeout_ms, 3000);
    assert_int_equal(m->how.stream_timeout_ms, 4000);
    assert_int_equal(m->how.retries, 5);
    assert_int_equal(m->how.cooldown_ms, 500);
    assert_int_equal(m->how.allowed_fails, 9);
    assert_int_equal(m->targets->weight, 20);
    assert_int_equal(m->targets->next->weight, 1);
    assert_int_equal(n->how.strategy, CTL_ROUTING_UNSAID);
    assert_int_equal(n->how.retries, CTL_ROUTING_UNSAID);
    assert_int_equal(n->how.cooldown_ms, 0);    /* never */
}

static void litellms_words_for_strategies_are_known(void **state)
{
    (void) state;
    assert_int_equal(parse("routing_strategy: latency-based-routing\n")
                     ->how.strategy, ASG_STRATEGY_LOWEST_LATENCY);
    assert_int_equal(parse("routing_strategy: cost-based-routing\n")
                     ->how.strategy, ASG_STRATEGY_CHEAPEST);
    assert_int_equal(parse("routing_strategy: usage-based-routing-v2\n")
                     ->how.strategy, ASG_STRATEGY_LEAST_BUSY);
    assert_int_equal(parse("strategy: sticky\n")->how.strategy,
                     ASG_STRATEGY_STICKY);
}

static void an_alias_may_be_hidden(void **state)
{
    const struct ctl_routing *r = parse("model_group_alias:\n"
        "  a: {model: m, hidden: true}\n  b: {model: m}\n  c: m\n");

    (void) state;
    TARGETS(ctl_routing_find(r->aliases, "a"), "m");
    assert_true(ctl_routing_find(r->aliases, "a")->hidden);
    assert_false(ctl_routing_find(r->aliases, "b")->hidden);
    assert_false(ctl_routing_find(r->aliases, "c")->hidden);
}

static void fallbacks_may_be_of_all_or_of_long_prompts(void **state)
{
    const struct ctl_routing *r = parse("default_fallbacks: [a, b]\n"
        "context_window_fallbacks: [{m: [long]}]\ndisable_cooldowns: true\n");

    (void) state;
    TARGETS(r->on_any, "a", "b");
    TARGETS(ctl_routing_find(r->on_context, "m"), "long");
    assert_null(r->fallbacks);
    assert_true(r->no_cooldowns);
}

static void what_does_not_act_yet_is_accepted_with_a_warning(void **state)
{
    (void) state;
    parse("retry_after: 5\nenable_pre_call_checks: true\n"
          "content_policy_fallbacks: [{a: [b]}]\n");
    assert_int_equal(findings.nerrors, 0);
    assert_int_equal(findings.n, 3);
    assert_true(findings.items[0].warning);
}

static void a_rule_may_be_of_many_names(void **state)
{
    const struct ctl_routing *r = parse(
        "model_alias_map:\n  'model:default/*': 'model:a/*'\n"
        "  'gpt-*': default\n"
        "models: {'m/*': {candidates: [{model: 'a/*', weight: 2}, b]}}\n");

    (void) state;
    TARGETS(ctl_routing_find(r->aliases, "model:default/*"), "model:a/*");
    TARGETS(ctl_routing_find(r->aliases, "gpt-*"), "default");
    TARGETS(ctl_routing_find(r->models, "m/*"), "a/*", "b");
    refused("model_alias_map:\n  '*': a\n", FILE_NAME ":2:");
    refused("model_alias_map: {'a*b': c}\n", "none may have");
    refused("model_alias_map: {'a/**': c}\n", "none may have");
    refused("model_alias_map:\n  a: 'b/*'\n", ":2: expects the name");
    refused("model_alias_map: {'a/*': 'a/*'}\n", "leads to itself");
    refused("models: {a: {candidates: ['b/*']}}\n", "name of a model");
    refused("default_fallbacks: ['b/*']\n", "name of a model");
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
    refused("num_retries: 11\n", ":1: \"num_retries\" expects a number");
    refused("allowed_fails: x\n", "a number");
    refused("cooldown_time: x\n", "a time");
    refused("models: {a: {cooldown_time: x, candidates: [b]}}\n", "a time");
    refused("strategy: fast\n", "expects weighted");
    refused("strategy: [weighted]\n", "expects weighted");
    refused("disable_cooldowns: 3\n", "true or false");
    refused("default_fallbacks: {a: b}\n", "list of models");
    refused("context_window_fallbacks: x\n", "expects a list");
    refused("models: {a: {strategy: x, candidates: [b]}}\n", "weighted");
    refused("models: {a: {candidates: [{model: b, weight: 0}]}}\n",
            "from 1 to 1000");
    refused("models: {a: {candidates: [{model: b, weight: 1001}]}}\n",
            "from 1 to 1000");
    refused("model_group_alias: {a: {hidden: true}}\n", "\"model\"");
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
        TEST(how_candidates_are_called_is_said_for_all_or_for_one),
        TEST(litellms_words_for_strategies_are_known),
        TEST(an_alias_may_be_hidden),
        TEST(fallbacks_may_be_of_all_or_of_long_prompts),
        TEST(what_does_not_act_yet_is_accepted_with_a_warning),
        TEST(a_rule_may_be_of_many_names),
        TEST(an_empty_or_missing_file_is_an_empty_routing),
        TEST(what_is_wrong_is_refused_with_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
