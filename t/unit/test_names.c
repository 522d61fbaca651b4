/* catalog/names.c and wildcard.h: public names and their candidates, by the
 * manifests and the routing file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiling.h"

static void the_first_that_registers_a_name_has_it(void **state)
{
    (void) state;
    service("a", ONE("a", "echo", "", "same"));
    service("b", ONE("b", "echo", "", "same"));
    must_load();
    assert_true(finding("\"same\" is taken by"));
    compile();
    str_is(model("same", 0)->ref, "model:a/same");
    str_is(model("model:b/same", 0)->ref, "model:b/same");
}

static void routing_gives_ordered_candidates(void **state)
{
    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "echo", "", "two"));
    service("c", ONE("c", "echo", "", "three"));
    put("routing.yaml", "model_alias_map: {gpt-4: default, again: gpt-4}\n"
        "models:\n  default: {candidates: [{model: two}, "
        "{model: model:a/one}]}\n  one: {candidates: [one, two]}\n"
        "fallbacks: [{default: [three, two]}, {three: [one]}]\n");
    must_load();
    compile();
    str_is(model("default", 0)->route, "two");
    str_is(model("default", 1)->route, "one");
    str_is(model("default", 2)->route, "three");
    assert_int_equal(asg_catalog_find(&snapshot, ASG_STR("again"))
                     ->ncandidates, 3);
    assert_true(asg_catalog_find(&snapshot, ASG_STR("gpt-4"))->alias);
    str_is(model("one", 1)->route, "two");
    str_is(model("three", 1)->route, "one");
    assert_int_equal(asg_catalog_find(&snapshot, ASG_STR("model:c/three"))
                     ->ncandidates, 1);
}

static const asg_public_name_t *public_name(const char *name)
{
    const asg_public_name_t *n = asg_catalog_find(&snapshot, asg_str_z(name));

    if (n == NULL) {
        fail_msg("no name %s", name);
    }
    return n;
}

static void each_fallback_is_a_group_with_its_own_strategy(void **state)
{
    const asg_public_name_t *n;

    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "echo", "", "two"));
    service("c", ONE("c", "echo", "", "three"));
    service("d", ONE("d", "echo", "", "long"));
    put("routing.yaml", "num_retries: 4\nmodels:\n"
        "  m: {candidates: [{model: two, weight: 7}, three]}\n"
        "  pool: {strategy: sticky, timeout: 3, allowed_fails: 8,"
        " cooldown_time: 9, num_retries: 1, candidates: [one, two]}\n"
        "model_alias_map: {other: m}\nfallbacks: [{m: [pool]}]\n"
        "context_window_fallbacks: [{m: [long]}]\n");
    must_load();
    compile();
    n = public_name("m");
    assert_int_equal(n->ngroups, 3);
    assert_int_equal(n->groups[0].n, 2);
    assert_int_equal(n->groups[0].strategy, ASG_STRATEGY_WEIGHTED);
    assert_int_equal(n->groups[0].retries, 4);
    assert_int_equal(n->groups[0].allowed_fails, 3);
    assert_int_equal(n->groups[0].cooldown_ms, 5000);
    assert_int_equal(n->weights[0], 7);
    assert_int_equal(n->weights[1], 1);
    /* `two` stands in the first group */
    assert_int_equal(n->groups[1].n, 1);
    assert_int_equal(n->groups[1].strategy, ASG_STRATEGY_STICKY);
    assert_int_equal(n->groups[1].retries, 1);
    assert_int_equal(n->groups[1].allowed_fails, 8);
    assert_int_equal(n->groups[1].cooldown_ms, 9000);
    assert_int_equal(n->groups[1].first_byte_timeout_ms, 3000);
    assert_false(n->groups[1].on_context);
    assert_true(n->groups[2].on_context);
    assert_int_equal(public_name("other")->ngroups, 3);
    assert_int_equal(public_name("one")->ngroups, 1);
    assert_int_equal(public_name("one")->groups[0].retries, 4);
}

static void weights_are(const char *name, const unsigned *should, unsigned n)
{
    const asg_public_name_t *found = public_name(name);

    assert_int_equal(found->ncandidates, n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(found->weights[i], should[i]);
    }
}

static void a_list_in_a_list_has_its_part_of_the_weight(void **state)
{
    const asg_public_name_t *n;

    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "echo", "", "two"));
    service("c", ONE("c", "echo", "", "three"));
    service("d", ONE("d", "echo", "", "four"));
    put("routing.yaml", "models:\n"
        "  sole: {candidates: [{model: one, weight: 3}]}\n"
        "  m: {candidates: [{model: sole, weight: 4}, two]}\n"
        "  pool: {candidates: [one, two, three]}\n"
        "  half: {candidates: [pool, four]}\n"
        "  uneven: {candidates: [{model: one, weight: 5},"
        " {model: two, weight: 2}]}\n"
        "  most: {candidates: [{model: uneven, weight: 3}, four]}\n"
        "  deep: {candidates: [{model: half, weight: 2}, one]}\n"
        "  wide: {candidates: [{model: one, weight: 997},"
        " {model: two, weight: 2}]}\n"
        "  wider: {candidates: [{model: wide, weight: 1000}, three]}\n"
        "model_alias_map: {same: uneven, other: most}\n");
    must_load();
    compile();
    n = public_name("m");
    assert_int_equal(n->weights[0], 4);
    assert_int_equal(n->weights[1], 1);
    weights_are("half", (const unsigned[]) {1, 1, 1, 3}, 4);
    weights_are("most", (const unsigned[]) {15, 6, 7}, 3);
    weights_are("deep", (const unsigned[]) {1, 1, 1, 3}, 4);
    weights_are("same", (const unsigned[]) {5, 2}, 2);
    weights_are("other", (const unsigned[]) {15, 6, 7}, 3);
    /* not more than a weight may be, and no candidate is lost */
    n = public_name("wider");
    assert_in_range(n->weights[0], 900, ASG_ROUTE_WEIGHT_MAX);
    assert_int_equal(n->weights[2], 1);
}

static void default_fallbacks_are_of_names_that_have_none(void **state)
{
    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "echo", "", "two"));
    service("c", ONE("c", "echo", "", "three"));
    put("routing.yaml", "default_fallbacks: [three]\ndisable_cooldowns: true\n"
        "fallbacks: [{two: [one]}]\n"
        "model_group_alias: {x: {model: one, hidden: true}}\n");
    must_load();
    compile();
    str_is(model("one", 1)->route, "three");
    str_is(model("two", 1)->route, "one");
    assert_int_equal(public_name("two")->ncandidates, 2);
    assert_int_equal(public_name("three")->ncandidates, 1);
    assert_int_equal(public_name("one")->groups[0].cooldown_ms, 0);
    assert_true(public_name("x")->hidden);
    assert_false(public_name("one")->hidden);
}

static void routing_refused(const char *content, const char *with)
{
    put("routing.yaml", content);
    assert_false(load());
    if (!finding(with)) {
        fail_msg("%s: %s", content, catalog.findings.items[0].text);
    }
    nwritten--;
}

static void loops_and_unknown_names_refuse_the_routing(void **state)
{
    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    routing_refused("model_alias_map:\n  x: nobody\n",
                    "routing.yaml:2: \"nobody\" is not the name of any");
    routing_refused("model_alias_map: {x: y, y: x}\n", "leads to itself");
    routing_refused("models:\n  x: {candidates: [y]}\n"
                    "  y: {candidates: [x]}\n", "leads to itself");
    routing_refused("fallbacks:\n  - one: [one]\n",
                    "routing.yaml:2: \"one\" falls back to itself");
    routing_refused("model_alias_map: {x: one}\nfallbacks:\n  - one: [x]\n",
                    "routing.yaml:3: \"x\" falls back to itself, over \"one\"");
    routing_refused("fallbacks: [{nobody: [one]}]\n", "not the name");
    routing_refused("fallbacks: [{one: [nobody]}]\n", "not the name");
    routing_refused("context_window_fallbacks: [{nobody: [one]}]\n",
                    "not the name");
    routing_refused("default_fallbacks: [nobody]\n", "not the name");
    routing_refused("a: &x 1\n", "anchors");
    put("routing.yaml", "");
    must_load();
}

static void fallbacks_that_lead_back_refuse_the_routing(void **state)
{
    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "echo", "", "two"));
    service("c", ONE("c", "echo", "", "three"));
    routing_refused("fallbacks:\n  - one: [two]\n  - two: [one]\n",
        "routing.yaml:3: \"one\" falls back to itself, over \"two\"");
    routing_refused("context_window_fallbacks:\n  - one: [two]\n"
                    "  - two: [three]\n  - three: [one]\n",
        "routing.yaml:4: \"one\" falls back to itself, over \"three\"");
    routing_refused("model_alias_map: {x: two}\nfallbacks:\n"
                    "  - one: [x]\n  - two: [one]\n",
        "routing.yaml:4: \"one\" falls back to itself, over \"two\"");
    put("routing.yaml", "fallbacks: [{one: [two, three]}, {two: [three]}]\n"
                        "context_window_fallbacks: [{three: [one]}]\n");
    must_load();                        /* two ways to one end are no loop */
}

/* Of a name: the route that the first of its candidates has. */
static void name_is(const char *name, const char *route)
{
    str_is(model(name, 0)->route, route);
}

#define CATALOG_OF_DEFAULT \
    service("d", IN("d", "echo", "", "default", "one")); \
    service("e", IN("e", "openai", "  api_key_env: E_KEY\n", "default", \
            "two")); \
    service("f", IN("f", "echo", "", "far", "one")); \
    service("g", IN("g", "echo", "", "far", "three")); \
    service("h", ONE("h", "echo", "", "four"))

static void a_pattern_points_all_its_names_elsewhere(void **state)
{
    (void) state;
    CATALOG_OF_DEFAULT;
    put("routing.yaml",
        "model_alias_map: {'model:default/*': 'model:far/three'}\n");
    must_load();
    compile();
    name_is("model:default/one", "three");
    name_is("model:default/two", "three");      /* of an inactive module */
    name_is("model:far/one", "one");
    assert_true(public_name("model:default/two")->alias);
    assert_null(asg_catalog_find(&snapshot, ASG_STR("model:default/*")));
}

static void a_pattern_may_point_name_by_name(void **state)
{
    (void) state;
    CATALOG_OF_DEFAULT;
    put("routing.yaml", "models:\n  'model:default/*': {strategy: ordered, "
        "candidates: ['model:far/*', {model: model:d/x, weight: 3}]}\n"
        "model_alias_map: {model:d/x: model:far/one}\n"
        "fallbacks: [{'model:default/*': [model:h/four]}]\n");
    must_load();
    compile();
    name_is("model:default/one", "one");
    str_is(model("model:default/one", 0)->ref, "model:far/one");
    name_is("model:default/three", "three");    /* by what it stands for */
    assert_int_equal(public_name("model:default/three")->groups[0].strategy,
                     ASG_STRATEGY_ORDERED);
    assert_int_equal(public_name("model:default/three")->weights[1], 3);
    assert_int_equal(public_name("model:default/three")->ngroups, 2);
    name_is("model:default/two", "four");       /* only its fallback is there */
}

static void who_is_of_a_pattern_rescues_the_others_of_it(void **state)
{
    (void) state;
    CATALOG_OF_DEFAULT;
    put("routing.yaml", "fallbacks: [{'model:far/*': "
        "[model:far/one, model:h/four]}]\n"
        "context_window_fallbacks: [{'model:far/*': [model:far/one]}]\n");
    must_load();
    compile();
    assert_int_equal(public_name("model:far/one")->ngroups, 2);
    str_is(model("model:far/one", 1)->ref, "model:h/four");
    /* a model stands once among the candidates, as a fallback of the first */
    assert_int_equal(public_name("model:far/three")->ngroups, 3);
    str_is(model("model:far/three", 1)->ref, "model:far/one");
    routing_refused("fallbacks:\n  - model:far/one: [model:far/one]\n",
                    "routing.yaml:2: \"model:far/one\" falls back to itself");
    routing_refused("fallbacks:\n  - 'model:far/*': ['model:far/*']\n",
                    "routing.yaml:2: ");
}

static void the_nearest_of_patterns_has_a_name(void **state)
{
    (void) state;
    CATALOG_OF_DEFAULT;
    put("routing.yaml", "model_alias_map:\n"
        "  'model:*': model:far/three\n  'model:default/*': model:far/one\n"
        "  'model:default/tw*': model:default/one\n"
        "models: {model:default/one: {candidates: [model:default/one]}}\n");
    must_load();
    compile();
    str_is(model("model:default/one", 0)->ref, "model:default/one");
    str_is(model("model:default/two", 0)->ref, "model:default/one");
    name_is("model:far/one", "three");
    name_is("model:far/three", "three");        /* what is pointed at stays */
}

static void a_pattern_that_cannot_be_is_refused_with_its_line(void **state)
{
    (void) state;
    CATALOG_OF_DEFAULT;
    routing_refused("model_alias_map:\n  'none/*': model:far/one\n",
                    "routing.yaml:2: \"none/*\" is not the name of any");
    routing_refused("model_alias_map:\n  'model:default/*': 'model:g/*'\n",
                    "routing.yaml:2: \"model:g/one\" is not the name of any");
    routing_refused("model_alias_map:\n  'model:default/*': 'model:far/*'\n"
                    "  'model:far/*': 'model:default/*'\n",
                    "leads to itself");
    routing_refused("fallbacks: [{'none/*': [model:far/one]}]\n",
                    "is not the name of any");
}

static void a_candidate_that_is_not_active_is_left_out(void **state)
{
    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "openai", "  api_key_env: B_KEY\n", "two"));
    put("routing.yaml", "models: {m: {candidates: [two, one]}}\n"
                        "model_alias_map: {n: two}\n");
    must_load();
    assert_true(finding("not active"));
    compile();
    assert_int_equal(asg_catalog_find(&snapshot, ASG_STR("m"))->ncandidates,
                     1);
    assert_null(asg_catalog_find(&snapshot, ASG_STR("n")));
    assert_null(asg_catalog_find(&snapshot, ASG_STR("two")));
}

/* An endpoint each, and the gateway has places for them, and some to spare. */
static void more_modules_than_endpoints_are_refused(void **state)
{
    char id[16], content[256];

    (void) state;
    for (unsigned i = 0; i <= ASG_CATALOG_ENDPOINTS_MAX; i++) {
        snprintf(id, sizeof(id), "m%u", i);
        snprintf(content, sizeof(content), "id: %s\ninference:\n  kind: echo\n"
                 "  models:\n    - ref: model:%s/x\n      route: x%u\n"
                 "      cost_in: 0.001\n      cost_out: 0.01\n", id, id, i);
        if (i == ASG_CATALOG_ENDPOINTS_MAX) {
            put("routing.yaml", "");
            must_load();
        }
        service(id, content);
    }
    assert_false(load());
    assert_true(finding("more than 256 modules"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_that_registers_a_name_has_it),
        TEST(routing_gives_ordered_candidates),
        TEST(each_fallback_is_a_group_with_its_own_strategy),
        TEST(a_list_in_a_list_has_its_part_of_the_weight),
        TEST(default_fallbacks_are_of_names_that_have_none),
        TEST(loops_and_unknown_names_refuse_the_routing),
        TEST(fallbacks_that_lead_back_refuse_the_routing),
        TEST(a_pattern_points_all_its_names_elsewhere),
        TEST(a_pattern_may_point_name_by_name),
        TEST(who_is_of_a_pattern_rescues_the_others_of_it),
        TEST(the_nearest_of_patterns_has_a_name),
        TEST(a_pattern_that_cannot_be_is_refused_with_its_line),
        TEST(a_candidate_that_is_not_active_is_left_out),
        TEST(more_modules_than_endpoints_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
