/* catalog/manifest.h: what a service manifest may say, and what it means. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/manifest.h"
#include "core/record.h"
#include "reading.h"

#define FILE_NAME "x/service.yaml"
#define HEAD      "id: x\ninference:\n  kind: openai-compatible\n" \
                  "  base_url: http://127.0.0.1:8000/v1\n"
#define MODELS    "  models:\n    - ref: model:x/one\n"
#define PRICE     "      cost_in: 0.001\n      cost_out: 0.01\n"

static struct ctl_price_table table;

/* Of an arena of its own: it stays for all tests. */
static int load_table(void **state)
{
    static struct ctl_arena own;

    (void) state;
    ctl_arena_init(&own, 64u * 1024 * 1024);
    ctl_findings_init(&findings, &own);
    return ctl_price_table_load(&table, NULL, &findings) ? 0 : -1;
}

static const struct ctl_manifest *parse(const char *text)
{
    const struct ctl_manifest *m = ctl_manifest_parse(FILE_NAME,
        asg_str_z(text), "x", &table, &findings);

    if (m == NULL) {
        fail_msg("%s", findings.items[0].text);
    }
    return m;
}

static void refused(const char *text, const char *with)
{
    bool found = false;

    begin(NULL);
    if (ctl_manifest_parse(FILE_NAME, asg_str_z(text), "x", &table,
                           &findings) != NULL)
    {
        fail_msg("accepted: %s", text);
    }
    for (unsigned i = 0; i < findings.n; i++) {
        found = found || strstr(findings.items[i].text, with) != NULL;
    }
    if (!found) {
        fail_msg("%s says %s, not %s", text, findings.n > 0
                 ? findings.items[0].text : "nothing", with);
    }
    end(NULL);
}

static void a_short_manifest_has_the_defaults(void **state)
{
    const struct ctl_manifest *m = parse(HEAD MODELS PRICE);
    const struct ctl_model *one = &m->models[0];

    (void) state;
    assert_true(m->has_inference);
    assert_int_equal(m->kind, CTL_KIND_COMPATIBLE);
    assert_true(m->api_key_optional);
    assert_string_equal(m->auth_header, "Authorization");
    assert_string_equal(m->auth_scheme, "Bearer");
    assert_string_equal(m->path[ASG_API_CHAT], "/v1/chat/completions");
    assert_string_equal(m->path[ASG_API_EMBEDDINGS], "/v1/embeddings");
    assert_int_equal(m->connect_timeout_ms, 10000);
    assert_false(m->retry_after_send);
    assert_int_equal(m->nmodels, 1);
    assert_string_equal(one->ref, "model:x/one");
    assert_string_equal(one->route, "one");
    assert_string_equal(one->served, "one");
    assert_string_equal(one->max_tokens_field, "max_tokens");
    assert_true(one->send_user && one->send_stream_options);
    assert_int_equal(one->data_classes, 1 << ASG_DATA_PUBLIC
                     | 1 << ASG_DATA_INTERNAL | 1 << ASG_DATA_CONFIDENTIAL);
    assert_true(one->apis[ASG_API_CHAT] && one->apis[ASG_API_GATEWAY]
                && one->apis[ASG_API_COMPLETIONS]
                && one->apis[ASG_API_EMBEDDINGS]);
}

static void prices_are_exact_in_both_vocabularies(void **state)
{
    const asg_prices_t *c;

    (void) state;
    c = &parse(HEAD MODELS PRICE)->models[0].card.rates.base;
    assert_int_equal(c->in_pusd, 1000000);
    assert_int_equal(c->out_pusd, 10000000);
    assert_int_equal(c->cached_pusd, 1000000);
    assert_int_equal(c->cache_write_pusd, 1000000);
    assert_int_equal(c->reasoning_pusd, 10000000);
    c = &parse(HEAD MODELS
        "      input_cost_per_token: 5.0001e-07\n"
        "      output_cost_per_token: 1.5000300000000002e-06\n"
        "      cache_read_input_token_cost: 5e-08\n"
        "      cache_creation_input_token_cost: 1e-06\n"
        "      output_cost_per_reasoning_token: 2e-06\n"
        )->models[0].card.rates.base;
    assert_int_equal(c->in_pusd, 500010);
    assert_int_equal(c->out_pusd, 1500031);     /* rounded up */
    assert_int_equal(c->cached_pusd, 50000);
    assert_int_equal(c->cache_write_pusd, 1000000);
    assert_int_equal(c->reasoning_pusd, 2000000);
}

#define LONG(more)                                                          \
    "      cost_cached: 0.0001\n      cost_cache_write_1h: 0.002\n"            \
    "      long_context:\n        above_tokens: 200000\n" more

/* The bound is 1,000 USD a token, in whichever unit a price is said. */
static void a_price_is_bounded_by_what_a_token_costs(void **state)
{
    const struct ctl_model *m;

    (void) state;
    m = &parse(HEAD MODELS "      price: {in: 1500, out: 1000000000}\n")
        ->models[0];
    assert_int_equal(m->card.rates.base.in_pusd, INT64_C(1500000000));
    assert_int_equal(m->card.rates.base.out_pusd, ASG_PUSD_MAX);
    m = &parse(HEAD MODELS "      cost_in: 1001\n      cost_out: 1000000\n")
        ->models[0];
    assert_int_equal(m->card.rates.base.out_pusd, ASG_PUSD_MAX);
    refused(HEAD MODELS "      price: {in: 1, out: 1000000001}\n",
            "\"out\" is not a price in the range");
    refused(HEAD MODELS "      cost_in: 1\n      cost_out: 1000001\n",
            "\"cost_out\" is not a price in the range");
    refused(HEAD MODELS "      input_cost_per_token: 1001\n"
            "      output_cost_per_token: 1\n",
            "\"input_cost_per_token\" is not a price in the range");
    refused(HEAD MODELS "      cost_in: -1\n      cost_out: 1\n",
            "a number such as 0.00125");
}

static void a_long_context_tier_is_no_cheaper_in_anything(void **state)
{
    const asg_rates_t *r;

    (void) state;
    r = &parse(HEAD MODELS PRICE LONG("        cost_in: 0.002\n"))
        ->models[0].card.rates;
    assert_int_equal(r->above_tokens, 200000);
    assert_int_equal(r->base.cached_pusd, 100000);
    assert_int_equal(r->above.in_pusd, 2000000);
    assert_int_equal(r->above.out_pusd, 10000000);      /* not said: as below */
    assert_int_equal(r->above.cached_pusd, 2000000);    /* as its kind there */
    assert_int_equal(r->above.cache_write_1h_pusd, 2000000);
    assert_int_equal(r->above.audio_in_pusd, 0);
    r = &parse(HEAD MODELS PRICE LONG("        input_cost_per_token: 2e-6\n"
        "        output_cost_per_token: 2e-5\n"
        "        cache_read_input_token_cost: 2e-7\n"
        "        cache_creation_input_token_cost_above_1hr: 4e-6\n"))
        ->models[0].card.rates;
    assert_int_equal(r->above.out_pusd, 20000000);
    assert_int_equal(r->above.reasoning_pusd, 20000000);
    assert_int_equal(r->above.cached_pusd, 200000);
    assert_int_equal(r->above.cache_write_1h_pusd, 4000000);
    refused(HEAD MODELS PRICE LONG("        cost_in: 0.0005\n"),
            "price below the one of shorter");
    refused(HEAD MODELS PRICE LONG("        cost_in: 0.002\n"
                                   "        cost_audio_in: 0.01\n"),
            "or one that those do not have");
    refused(HEAD MODELS PRICE LONG("        cost_out: 1\n"),
            "\"cost_in\" beside it");
    refused(HEAD MODELS PRICE "      long_context: {cost_in: 1}\n",
            "above_tokens");
}

static void audio_with_a_bound_has_a_price(void **state)
{
    const asg_card_t *c;

    (void) state;
    refused(HEAD MODELS PRICE "      token_bounds: {audio: 9000}\n",
            "has no price: \"cost_audio_in\"");
    c = &parse(HEAD MODELS PRICE "      token_bounds: {audio: 9000}\n"
        "      cost_audio_in: 0.04\n      cost_audio_out: 0.08\n")
        ->models[0].card;
    assert_int_equal(c->audio_tokens, 9000);
    assert_int_equal(c->rates.base.audio_in_pusd, 40000000);
    assert_int_equal(c->rates.base.audio_out_pusd, 80000000);
    refused(HEAD MODELS PRICE "      token_bounds: {byte: 0}\n",
            "no token for a byte");
}

static void a_model_without_a_price_must_say_that_it_is_free(void **state)
{
    (void) state;
    refused(HEAD MODELS, ":6: \"ref\" has no price");
    refused(HEAD MODELS "      cost_in: 0.001\n", "has no price");
    refused(HEAD MODELS "      cost_in: 0\n      cost_out: 0\n",
            "has no price");
    refused(HEAD MODELS PRICE "      free: true\n", "yet there is a price");
    refused(HEAD MODELS PRICE "      input_cost_per_token: 1\n",
            "say the same");
    refused(HEAD MODELS "      cost_in: -1\n      cost_out: 1\n",
            "\"cost_in\" expects a number");
    assert_true(parse(HEAD MODELS "      free: true\n")->models[0].free);
    parse(HEAD MODELS "      apis: [embeddings]\n      cost_in: 0.1\n");
}

#define NAMED(more) "  models:\n    - ref: model:x/gpt-5.4\n" more

static void a_model_has_the_price_of_the_table(void **state)
{
    const struct ctl_model *m;

    (void) state;
    m = &parse(HEAD NAMED(""))->models[0];
    assert_string_equal(m->priced.table, "gpt-5.4");
    assert_int_equal(m->priced.said, 0);
    assert_int_equal(m->card.rates.base.in_pusd, 2500000);
    assert_int_equal(m->card.rates.base.cached_pusd, 250000);
    assert_int_equal(m->card.rates.above_tokens, 272000);
    assert_int_equal(m->card.rates.above.out_pusd, 22500000);
    /* under the name of the module first, and by the served name */
    m = &parse("id: x\ninference:\n  kind: openai\n"
               NAMED("      route: x1\n      served: gpt-5\n"))->models[0];
    assert_string_equal(m->priced.table, "gpt-5");
    m = &parse(HEAD MODELS "      price: {table: gemini/gemini-2.5-pro}\n")
        ->models[0];
    assert_string_equal(m->priced.table, "gemini/gemini-2.5-pro");
    assert_int_equal(m->card.rates.above_tokens, 200000);
    refused(HEAD MODELS "      price: {table: gpt-0}\n",
            ":7: \"table\" names what the table of prices does not have");
    refused(HEAD MODELS "      price: {table: text-embedding-3-small}\n",
            "has no price");
    refused(HEAD MODELS PRICE "      price: {table: gpt-0}\n", ":9: \"table");
    refused(HEAD NAMED("      free: true\n      price: {table: gpt-5}\n"),
            "yet there is a price");
    assert_true(parse(HEAD NAMED("      free: true\n"))->models[0].free);
}

static void what_the_manifest_says_replaces_the_table(void **state)
{
    const struct ctl_model *m;

    (void) state;
    /* both prices said: nothing of the table is mixed in */
    m = &parse(HEAD NAMED("      cost_in: 1\n      cost_out: 2\n"))
        ->models[0];
    assert_null(m->priced.table);
    assert_int_equal(m->card.rates.above_tokens, 0);
    assert_int_equal(m->card.rates.base.cached_pusd, 1000000000);
    /* one kind, in USD per million tokens; the others from the table */
    m = &parse(HEAD NAMED("      price: {cached: 0.5}\n"))->models[0];
    assert_string_equal(m->priced.table, "gpt-5.4");
    assert_int_equal(m->card.rates.base.cached_pusd, 500000);
    assert_int_equal(m->priced.said, 1u << CTL_PRICE_CACHED);
    assert_int_equal(m->priced.replaced, 1u << CTL_PRICE_CACHED);
    m = &parse(HEAD MODELS "      price: {table: gpt-5, in: 1, out: 2,\n"
               "              reasoning: 3}\n")->models[0];
    assert_int_equal(m->card.rates.base.in_pusd, 1000000);
    assert_int_equal(m->card.rates.base.reasoning_pusd, 3000000);
    assert_int_equal(m->card.rates.base.cached_pusd, 125000);
    assert_int_equal(m->priced.replaced,
                     1u << CTL_PRICE_IN | 1u << CTL_PRICE_OUT);
    m = &parse(HEAD MODELS "      price: {in: 1, out: 2.5}\n")->models[0];
    assert_int_equal(m->card.rates.base.out_pusd, 2500000);
    refused(HEAD NAMED("      cost_in: 0.02\n"),
            "has a price below the one of shorter");
    refused(HEAD NAMED("      cost_in: 1\n      price: {in: 1}\n"),
            "\"cost_in\" and \"in\" say the same");
    m = &parse(HEAD NAMED("      cost_in: 0.02\n      long_context:\n"
        "        above_tokens: 100000\n        cost_in: 0.03\n"))->models[0];
    assert_int_equal(m->card.rates.above_tokens, 100000);
    assert_int_equal(m->card.rates.above.in_pusd, 30000000);
    /* nothing of the table's own length */
    assert_int_equal(m->card.rates.above.out_pusd, 15000000);
}

static void a_project_may_pay_something_else(void **state)
{
    const struct ctl_model *m = &parse(HEAD NAMED("      project_prices:\n"
        "        proj-2026-0002: {out: 30}\n"
        "        proj-2026-0001: {in: 6, cached: 0.1}\n"))->models[0];
    const asg_rates_t *r;

    (void) state;
    /* the table's entry has two tiers, which come first */
    assert_int_equal(m->nprojects, 4);
    assert_string_equal(m->projects[2].project, "proj-2026-0001");
    r = &m->projects[2].card.rates;
    assert_int_equal(r->base.in_pusd, 6000000);
    assert_int_equal(r->base.out_pusd, 15000000);
    assert_int_equal(r->base.cached_pusd, 100000);
    /* the model's 5 of long prompts is no cheaper than 6 */
    assert_int_equal(r->above_tokens, 272000);
    assert_int_equal(r->above.in_pusd, 6000000);
    assert_int_equal(m->projects[3].card.rates.base.out_pusd, 30000000);
    assert_int_equal(m->projects[3].card.rates.above.out_pusd, 30000000);
    assert_int_equal(m->card.rates.base.in_pusd, 2500000);
    refused(HEAD NAMED("      project_prices: {proj-1: {}}\n"), "and a price");
    refused(HEAD NAMED("      project_prices: {'a b': {in: 1}}\n"),
            ":7: \"project_prices\" expects the id of a project");
    refused(HEAD NAMED("      project_prices: {p: {in: 0, out: 0}}\n"),
            "has no price");
    refused(HEAD NAMED("      project_prices: {p: {cost_in: 0}}\n"),
            "unknown field \"cost_in\"");
    refused(HEAD MODELS "      free: true\n      project_prices: "
            "{p: {in: 1}}\n", "yet there is a price");
}

static void a_project_may_pay_something_else_at_a_tier(void **state)
{
    const struct ctl_model *m = &parse(HEAD NAMED("      project_prices:\n"
        "        p1: {in: 9, priority: {out: 70}}\n"
        "        p2: {long_context: {in: 8}}\n"))->models[0];

    (void) state;
    assert_int_equal(m->nprojects, 5);
    assert_string_equal(m->projects[1].project, "#priority");
    assert_string_equal(m->projects[2].project, "#priority@p1");
    assert_string_equal(m->projects[3].project, "p1");
    /* over the model's tier, never over the project's standard */
    assert_int_equal(m->projects[2].card.rates.base.in_pusd,
                     m->projects[1].card.rates.base.in_pusd);
    assert_int_equal(m->projects[2].card.rates.base.out_pusd, 70000000);
    assert_int_equal(m->projects[3].card.rates.base.in_pusd, 9000000);
    assert_int_equal(m->projects[4].card.rates.base.in_pusd, 2500000);
    assert_int_equal(m->projects[4].card.rates.above.in_pusd, 8000000);
    refused(HEAD NAMED("      project_prices: {p: {long_context: {in: 2}}}\n"),
            ":7: \"long_context\" has a price below");
    refused(HEAD MODELS PRICE "      project_prices: "
            "{p: {long_context: {in: 900}}}\n", "nothing says how long");
    refused(HEAD MODELS PRICE "      project_prices: {p: {flex: {in: 1}}}\n",
            "for a tier that the model has no price of");
    refused(HEAD MODELS PRICE
            "      project_prices: {p: {flex: {in: 0, out: 0}}}\n",
            "has no price left");
    refused(HEAD NAMED("      project_prices: {p: {batch: {in: 1}}}\n"),
            "unknown field \"batch\"");
}

static void every_field_of_the_contract_is_known(void **state)
{
    const struct ctl_manifest *m = parse(
        "id: x\nname: X\ncategory: data\nstatus: deprecated\n"
        "description: d\ntags: [a, b]\ndocumentation: https://example.com\n"
        "classification_min: poc\nclassification_max: critical-path\n"
        "auto_approvable: true\nrequired_fields: [name, size]\n"
        "provisioner:\n  connector: terraform\n  config:\n"
        "    module: modules/x\n    cloud: aws\n    defaults: {a: \"${A}\"}\n"
        "secret_outputs: [password]\n"
        "cost:\n  model: usage\n  estimated_monthly_usd: 12.5\n"
        "  source: {type: aws-cost-explorer}\n"
        "variants:\n  field: size\n  options:\n    big:\n"
        "      estimated_monthly_usd: 730\n"
        "      classification_min: wide-operational\n"
        "      requires_approval: true\n"
        "long_running: true\n"
        "retry: {max_attempts: 5, base_secs: 60, cap_secs: 3600}\n"
        "access_levels: [read, write]\n"
        "grant: {module: modules/grant, principal_kind: role}\n"
        "principal_output: role_arn\nprincipal_kind: role\n");

    (void) state;
    assert_false(m->has_inference);
    assert_string_equal(m->status, "deprecated");
}

static void what_is_unknown_is_refused_by_name_and_line(void **state)
{
    (void) state;
    refused("id: x\nfoo: 1\n", FILE_NAME ":2: unknown field \"foo\"");
    refused(HEAD "  bogus: 1\n" MODELS PRICE, ":5: unknown field \"bogus\"");
    refused(HEAD MODELS PRICE "      cost: 1\n", ":9: unknown field \"cost\"");
    refused("id: x\nprovisioner: {connector: magic}\n", "expects one of");
    refused("id: x\ncost: {source: {type: magic}}\n", "expects one of");
    refused("id: x\nclassification_min: huge\n", "expects one of");
    refused("id: x\ninference: {kind: magic, models: []}\n",
            "expects one of openai, openai-compatible, echo, anthropic");
    refused("name: X\n", "the field \"id\" is missing");
    refused("id: y\n", "not the name of the folder");
    refused("id: X\n", "lower-case");
    refused("- id: x\n", "must be a map");
    refused("id: x\ntags: a\n", "expects a list");
    refused("id: x\nauto_approvable: yes\n", "true or false");
    refused("id: x\ninference: {kind: openai-compatible, models: "
            "[{ref: 'model:x/y', free: true}]}\n", "base_url");
}

/* Neither where it is expected least, nor in the message about it. */
static void names_of_secrets_are_no_secrets(void **state)
{
    static const char *const texts[] = {
        "id: x\ndocumentation: {api_key: OPENAI_MASTER_KEY}\n",
        "id: x\ndocumentation: {password: chosen in the console}\n",
        "id: x\nprovisioner: {inputs: {token: short}}\n",
        "id: x\ndescription: put token=$TOKEN0 or <password0> there\n",
        "id: x\nsecret_outputs: [password, client_secret]\n",
        "# api_key_env: the variable; a password: is never written here\n"
        "id: x\n"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        begin(NULL);
        ctl_manifest_parse(FILE_NAME, asg_str_z(texts[i]), "x", NULL,
                           &findings);
        for (unsigned j = 0; j < findings.n; j++) {
            assert_null(strstr(findings.items[j].text, "a secret"));
        }
        end(NULL);
    }
}

static void a_secret_is_refused_and_never_shown(void **state)
{
    static const char *const texts[] = {
        "id: x\ndescription: use sk-abcdef0123456789abcdef here\n",
        "id: x\ntags: [dapi0123456789abcdef0123456789abcdef]\n",
        HEAD "  api_key_env: sk-abcdef0123456789abcdef\n" MODELS PRICE,
        HEAD "  api_key: YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==\n" MODELS PRICE,
        "id: x\ngrant: {module: a, master_key: YWJjZGVmMDEyMzQ1Njc4OWFi}\n",
        "id: x\nsk-abcdef0123456789abcdef: 1\n",
        "id: x\ndescription: -----BEGIN PRIVATE KEY----- abcdef0123456789\n",
        "id: x\ndocumentation: {apiKey: 0123456789abcdef0123456789abcdef}\n",
        "id: x\ndocumentation: {client_secret: '0123456789abcdef!0123'}\n",
        "id: x\ndocumentation: {password: Tr0ub4dor&3horse}\n",
        "id: x\ndocumentation: {Access-Token: Tr0ub4dor}\n",
        "id: x\ndocumentation: {a: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e}\n",
        "id: x\ndescription: password=hunter2hunter2hunter2\n",
        "id: x\ndescription: 'ask for {\"apiKey\": \"0123456789abc\"}'\n",
        "# ghp_0123456789abcdef0123456789abcdef\nid: x\n",
        "id: x   # the old one was sk-0123456789abcdef0123\n",
        "id: x\n# password: hunter2hunter2\n"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        refused(texts[i], "looks like a secret");
        begin(NULL);
        ctl_manifest_parse(FILE_NAME, asg_str_z(texts[i]), "x", NULL,
                           &findings);
        for (unsigned j = 0; j < findings.n; j++) {
            assert_null(strstr(findings.items[j].text, "0123456789"));
            assert_null(strstr(findings.items[j].text, "YWJj"));
        }
        end(NULL);
    }
    parse("id: x\nprovisioner: {connector: stub}\n"
          "description: a task-oriented-desk-like-thing of sk-learn\n");
}

static void what_could_break_a_request_line_or_header_is_refused(void **state)
{
    (void) state;
    refused("id: x\ninference: {kind: openai, base_url: 'ftp://x', models: "
            "[{ref: 'model:x/y', free: true}]}\n", "http or https");
    refused("id: x\ninference: {kind: openai, base_url: 'http://u:p@h/', "
            "models: [{ref: 'model:x/y', free: true}]}\n", "http or https");
    refused(HEAD "  chat_path: v1\n" MODELS PRICE, "begins with");
    refused(HEAD "  chat_path: \"/a b\"\n" MODELS PRICE, "begins with");
    refused(HEAD "  chat_path: \"/a\\r\\nX: y\"\n" MODELS PRICE, "begins");
    refused(HEAD "  chat_path: /a?b\n" MODELS PRICE, "begins");
    refused(HEAD "  auth_header: \"A: b\"\n" MODELS PRICE, "header");
    refused(HEAD "  auth_scheme: \"B\\n\"\n" MODELS PRICE, "word");
    refused(HEAD "  ca_file: ca.pem\n" MODELS PRICE, "absolute");
    refused(HEAD "  api_key_env: not-a-name\n" MODELS PRICE, "variable");
    refused(HEAD "  models: [{ref: 'model:x/a\"b', free: true}]\n", "model:");
    refused(HEAD "  models: [{ref: 'model:x', free: true}]\n", "model:");
    refused(HEAD "  models: [{ref: 'group:x/y', free: true}]\n", "model:");
    refused(HEAD "  models: [{ref: 'model:x/y/z', free: true}]\n", "model:");
    refused(HEAD MODELS PRICE "      route: 'a b'\n", "route");
    refused(HEAD MODELS PRICE "      aliases: ['']\n", "not a name");
    refused(HEAD MODELS PRICE "      max_output_tokens: 10\n"
            "      default_max_tokens: 11\n", "above max_output_tokens");
    refused(HEAD "  models: []\n", "1 to 1,024");
    refused(HEAD "  connect_timeout: 2h\n" MODELS PRICE, "above an hour");
    refused(HEAD "  connect_timeout: soon\n" MODELS PRICE, "a time");
}

static void apis_follow_the_paths(void **state)
{
    const struct ctl_manifest *m;

    (void) state;
    m = parse(HEAD "  chat_path: /s/{model}/invocations\n"
              "  completions_path: null\n" MODELS PRICE);
    assert_string_equal(m->path[ASG_API_GATEWAY], "/s/{model}/invocations");
    assert_null(m->path[ASG_API_COMPLETIONS]);
    assert_false(m->models[0].apis[ASG_API_COMPLETIONS]);
    assert_true(m->models[0].apis[ASG_API_CHAT]);
    m = parse(HEAD MODELS PRICE "      apis: [embeddings]\n");
    assert_false(m->models[0].apis[ASG_API_CHAT]);
    assert_false(m->models[0].apis[ASG_API_GATEWAY]);
    assert_true(m->models[0].apis[ASG_API_EMBEDDINGS]);
    refused(HEAD "  chat_path: null\n" MODELS PRICE "      apis: [chat]\n",
            "no path");
}

static void an_openai_model_takes_the_newer_field_by_itself(void **state)
{
    const struct ctl_manifest *m = parse("id: x\ninference:\n"
        "  kind: openai\n  api_key_env: X_KEY\n" MODELS PRICE
        "      max_output_tokens: 100\n      default_max_tokens: 50\n"
        "      send_user: false\n      allow_fields: [verbosity]\n"
        "      token_bounds: {image: 7, message: 9}\n");
    const struct ctl_model *one = &m->models[0];

    (void) state;
    assert_string_equal(m->base_url, "https://api.openai.com/v1");
    assert_false(m->api_key_optional);
    assert_string_equal(one->max_tokens_field, "max_completion_tokens");
    assert_int_equal(one->max_output_tokens, 100);
    assert_int_equal(one->default_max_tokens, 50);
    assert_false(one->send_user);
    assert_int_equal(one->nallow, 1);
    assert_int_equal(one->card.image_tokens, 7);
    assert_int_equal(one->card.message_tokens, 9);
    assert_int_equal(one->card.tool_tokens, 64);
    assert_int_equal(one->card.request_tokens, 64);
    assert_int_equal(one->card.toolset_tokens, 640);
    assert_int_equal(one->card.value_tokens, 4);
    assert_int_equal(one->card.byte_tokens, 1);
    assert_int_equal(one->card.reasoning_tokens, 0);
    assert_int_equal(one->card.typed_tool_tokens, 2048);
}

#define ANTHROPIC "id: x\ninference:\n  kind: anthropic\n"

static void the_kind_anthropic_has_defaults_of_its_own(void **state)
{
    const struct ctl_manifest *m = parse(ANTHROPIC MODELS PRICE);

    (void) state;
    assert_int_equal(m->kind, CTL_KIND_ANTHROPIC);
    assert_string_equal(m->base_url, "https://api.anthropic.com");
    assert_string_equal(m->auth_header, "x-api-key");
    assert_string_equal(m->auth_scheme, "");
    assert_string_equal(m->anthropic_version, "2023-06-01");
    assert_string_equal(m->path[ASG_API_CHAT], "/v1/messages");
    assert_string_equal(m->path[ASG_API_MESSAGES], "/v1/messages");
    assert_string_equal(m->path[ASG_API_COUNT_TOKENS],
                        "/v1/messages/count_tokens");
    assert_null(m->path[ASG_API_COMPLETIONS]);
    assert_null(m->path[ASG_API_EMBEDDINGS]);
    assert_int_equal(m->nbetas, 0);
    assert_false(m->api_key_optional);
    assert_false(m->refuse_unsupported);
    assert_false(m->models[0].structured_output);
    m = parse(ANTHROPIC "  unsupported: refuse\n"
              "  anthropic_version: \"2030-01-01\"\n" MODELS PRICE
              "      structured_output: true\n");
    assert_true(m->refuse_unsupported);
    assert_string_equal(m->anthropic_version, "2030-01-01");
    assert_true(m->models[0].structured_output);
}

static void what_only_anthropic_has_is_refused_elsewhere(void **state)
{
    (void) state;
    refused(HEAD "  unsupported: drop\n" MODELS PRICE,
            "is for the kind anthropic");
    refused(HEAD "  anthropic_version: \"2023-06-01\"\n" MODELS PRICE,
            "is for the kind anthropic");
    refused(HEAD "  anthropic_beta: [a]\n" MODELS PRICE,
            "is for the kind anthropic");
    refused(HEAD "  count_tokens_path: /c\n" MODELS PRICE,
            "is for the kind anthropic");
    refused(HEAD MODELS PRICE "      structured_output: true\n",
            "is for the kind anthropic");
    refused(ANTHROPIC "  unsupported: ignore\n" MODELS PRICE,
            "expects one of drop, refuse");
    refused(ANTHROPIC "  anthropic_version: \"a b\"\n" MODELS PRICE,
            "expects a date");
}

static void apis_name_what_the_backend_has(void **state)
{
    const struct ctl_manifest *m = parse(HEAD
        "  apis: [embeddings, chat/completions]\n" MODELS PRICE);

    (void) state;
    assert_null(m->path[ASG_API_COMPLETIONS]);
    assert_string_equal(m->path[ASG_API_CHAT], "/v1/chat/completions");
    assert_string_equal(m->path[ASG_API_GATEWAY], "/v1/chat/completions");
    assert_false(m->models[0].apis[ASG_API_COMPLETIONS]);
    assert_true(m->models[0].apis[ASG_API_EMBEDDINGS]);
    refused(HEAD "  apis: [completions]\n  completions_path: null\n" MODELS
            PRICE, "\"apis\" names one whose path is null");
    refused(HEAD "  apis: [messages]\n" MODELS PRICE, "for the kind anthropic");
    refused(HEAD "  apis: []\n" MODELS PRICE, "leaves nothing");
    refused(HEAD "  apis: [chat]\n" MODELS PRICE, "one of chat/completions");
    refused(HEAD "  apis: [embeddings]\n" MODELS "      apis: [chat]\n" PRICE,
            "names one that has no path");
}

static void what_goes_with_each_request_is_checked(void **state)
{
    const struct ctl_manifest *m = parse(HEAD "  query: api-version=1&a=b\n"
        "  api_key_env: A\n  inference_key_env: B\n"
        "  headers: {X-One: \"{project}\", x-two: a b}\n" MODELS PRICE);

    (void) state;
    assert_string_equal(m->query, "api-version=1&a=b");
    assert_string_equal(m->inference_key_env, "B");
    assert_int_equal(m->nheaders, 2);
    assert_true(asg_str_eq_z(m->headers[0].name, "X-One"));
    assert_true(asg_str_eq_z(m->headers[1].value, "a b"));
    refused(HEAD "  query: \"a=b c\"\n" MODELS PRICE, "\"query\" expects");
    refused(HEAD "  query: \"a#b\"\n" MODELS PRICE, "\"query\" expects");
    refused(HEAD "  inference_key_env: B\n" MODELS PRICE, "which is missing");
    refused(HEAD "  headers: {Host: a}\n" MODELS PRICE,
            ":5: \"Host\" is no header that may be set");
    refused(HEAD "  headers: {x-a: \"a\\r\\nb\"}\n" MODELS PRICE, "x-a");
    refused(HEAD "  headers: {x-a: [b]}\n" MODELS PRICE, "x-a");
    refused(HEAD "  headers: [b]\n" MODELS PRICE, "expects a map");
    refused(HEAD "  headers: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, "
            "i: 1}\n" MODELS PRICE, "more than 8");
}

static void the_shipped_manifests_are_right(void **state)
{
    DIR *dir = opendir(ASG_TOP "/services");
    struct dirent *entry;
    unsigned n = 0;
    char file[1024];

    (void) state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(file, sizeof(file), "%s/services/%s/service.yaml", ASG_TOP,
                 entry->d_name);
        if (ctl_manifest_load(file, entry->d_name, &table, NULL, &findings)
            == NULL)
        {
            fail_msg("%s", findings.items[0].text);
        }
        n++;
    }
    closedir(dir);
    assert_true(n >= 11);
    assert_int_equal(findings.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_short_manifest_has_the_defaults),
        TEST(prices_are_exact_in_both_vocabularies),
        TEST(a_price_is_bounded_by_what_a_token_costs),
        TEST(a_long_context_tier_is_no_cheaper_in_anything),
        TEST(audio_with_a_bound_has_a_price),
        TEST(a_model_without_a_price_must_say_that_it_is_free),
        TEST(a_model_has_the_price_of_the_table),
        TEST(what_the_manifest_says_replaces_the_table),
        TEST(a_project_may_pay_something_else),
        TEST(a_project_may_pay_something_else_at_a_tier),
        TEST(every_field_of_the_contract_is_known),
        TEST(what_is_unknown_is_refused_by_name_and_line),
        TEST(names_of_secrets_are_no_secrets),
        TEST(a_secret_is_refused_and_never_shown),
        TEST(what_could_break_a_request_line_or_header_is_refused),
        TEST(apis_follow_the_paths),
        TEST(an_openai_model_takes_the_newer_field_by_itself),
        TEST(the_kind_anthropic_has_defaults_of_its_own),
        TEST(what_only_anthropic_has_is_refused_elsewhere),
        TEST(apis_name_what_the_backend_has),
        TEST(what_goes_with_each_request_is_checked),
        TEST(the_shipped_manifests_are_right),
    };

    return cmocka_run_group_tests(tests, load_table, NULL);
}
