/* catalog/catalog.h and compile.h: from files and variables to a snapshot that
 * the gateway's own reader accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiling.h"

static const struct ctl_module *module(const char *id)
{
    for (unsigned i = 0; i < catalog.nmodules; i++) {
        if (strcmp(catalog.modules[i].id, id) == 0) {
            return &catalog.modules[i];
        }
    }
    fail_msg("no module %s", id);
    return NULL;
}

static void the_gateway_reads_what_is_compiled(void **state)
{
    const asg_model_t *m;
    const asg_endpoint_t *e;

    (void) state;
    service("far", ONE("far", "openai-compatible",
        "  base_url: https://[2001:db8::1]:8443/v1/\n"
        "  api_key_env: FAR_KEY\n  auth_header: x-api-key\n"
        "  ca_file: /etc/ca.pem\n  first_byte_timeout: 5s\n"
        "  retry_after_send: true\n  public_only: true\n  query: v=1\n"
        "  headers: {x-a: \"{project}\"}\n", "one"));
    service("echo", ONE("echo", "echo", "", "echo")
        "      token_bounds: {image: 1, file: 2, audio: 3, toolset: 4, "
        "value: 5, byte: 6, reasoning: 7}\n"
        "      cost_audio_in: 0.03\n      cost_audio_out: 0.04\n"
        "      cost_cache_write_1h: 0.002\n      long_context: {above_tokens: "
        "9, cost_in: 0.005, cost_audio_out: 0.06}\n");
    variables("FAR_KEY=" SECRET "\n");
    put("routing.yaml", "stream_timeout: 7\ntimeout: 9\n");
    must_load();
    compile();
    assert_int_equal(snapshot.nmodels, 2);
    m = model("model:far/one", 0);
    e = &snapshot.endpoints[m->endpoint];
    str_is(e->host, "2001:db8::1");
    str_is(e->host_header, "[2001:db8::1]:8443");
    assert_true(e->tls && e->has_key);
    str_is(e->auth_header, "x-api-key");
    str_is(e->auth_scheme, "");
    str_is(e->ca_file, "/etc/ca.pem");
    assert_int_equal(e->port, 8443);
    assert_int_equal(e->first_byte_timeout_ms, 5000);
    assert_int_equal(e->idle_timeout_ms, 7000);
    assert_true(e->retry_after_send && e->public_only);
    /* a reader that knew no such rule would not keep it */
    assert_non_null(strstr(text.data, "{\"format\":4,"));
    str_is(m->path[ASG_API_CHAT], "/v1/chat/completions?v=1");
    assert_int_equal(e->nheaders, 1);
    str_is(e->headers[0].name, "x-a");
    str_is(e->headers[0].value, "{project}");
    assert_int_equal(m->card.rates.base.in_pusd, 1000000);
    assert_int_equal(m->card_version, 3);
    str_is(m->card_id, "model:far/one");
    assert_int_equal(m->card.rates.above_tokens, 0);
    m = model("echo", 0);
    /* every number of the card arrives */
    assert_memory_equal(&m->card, &module("echo")->manifest->models[0].card,
                        sizeof(asg_card_t));
    assert_int_equal(m->card.reasoning_tokens, 7);
    assert_int_equal(m->card.rates.above.audio_out_pusd, 60000000);
    assert_int_equal(snapshot.endpoints[m->endpoint].kind, ASG_KIND_ECHO);
    assert_int_equal(snapshot.endpoints[m->endpoint].first_byte_timeout_ms,
                     9000);
    assert_false(snapshot.endpoints[m->endpoint].retry_after_send);
    assert_false(snapshot.endpoints[m->endpoint].public_only);
}

static void a_projects_own_card_is_found_by_model_and_project(void **state)
{
    const asg_project_card_t *own;
    const asg_model_t *m;

    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "echo", "", "two")
        "      project_prices: {p2: {in: 7}, p1: {in: 5, out: 6}}\n");
    must_load();
    assert_int_equal(catalog.models[1].ncards, 2);
    catalog.models[1].cards[0].version = 8;
    compile();
    assert_int_equal(snapshot.ncards, 2);
    assert_non_null(strstr(text.data, "{\"format\":3,"));
    m = model("two", 0);
    own = asg_catalog_project_card(&snapshot, m, ASG_STR("p1"));
    assert_non_null(own);
    str_is(own->card_id, "model:b/two@p1");
    assert_int_equal(own->card_version, 8);
    assert_memory_equal(&own->card,
        &module("b")->manifest->models[0].projects[0].card,
        sizeof(asg_card_t));
    assert_int_equal(own->card.rates.base.in_pusd, 5000000);
    own = asg_catalog_project_card(&snapshot, m, ASG_STR("p2"));
    assert_int_equal(own->card.rates.base.in_pusd, 7000000);
    assert_null(asg_catalog_project_card(&snapshot, m, ASG_STR("p")));
    assert_null(asg_catalog_project_card(&snapshot, m, ASG_STR("p3")));
    assert_null(asg_catalog_project_card(&snapshot, model("one", 0),
                                         ASG_STR("p1")));
}

static void a_tier_is_the_projects_own_or_everybodys(void **state)
{
    const asg_model_t *m;

    (void) state;
    service("a", ONE("a", "echo", "", "one")
        "      tier_prices: {flex: {in: 1, out: 1}}\n"
        "      project_prices: {p1: {in: 7, flex: {out: 2}}, p2: {in: 3}}\n");
    must_load();
    compile();
    /* a reader of 4 would charge p1 at flex as it does at standard */
    assert_non_null(strstr(text.data, "{\"format\":5,"));
    m = model("one", 0);
    str_is(asg_catalog_tier_card(&snapshot, m, ASG_TIER_FLEX, ASG_STR("p1"))
           ->card_id, "model:a/one#flex@p1");
    str_is(asg_catalog_tier_card(&snapshot, m, ASG_TIER_FLEX, ASG_STR("p2"))
           ->card_id, "model:a/one#flex");
    assert_null(asg_catalog_tier_card(&snapshot, m, ASG_TIER_PRIORITY,
                                      ASG_STR("p1")));
    assert_null(asg_catalog_tier_card(&snapshot, m, ASG_TIER_STANDARD,
                                      ASG_STR("p1")));
}

static void a_key_is_sealed_for_its_endpoint_alone(void **state)
{
    uint8_t nonce[ASG_SEAL_NONCE_BYTES], sealed[256], plain[256];
    char storage[256];
    const asg_endpoint_t *e;
    asg_buf_t aad;
    asg_str_t data;

    (void) state;
    service("a", ONE("a", "openai-compatible", "  base_url: http://h:81\n"
                     "  api_key_env: A_KEY\n", "m"));
    variables("A_KEY=" SECRET "\n");
    must_load();
    compile();
    assert_null(strstr(text.data, SECRET));
    e = &snapshot.endpoints[0];
    data = (asg_str_t) {(char *) sealed, e->key_data_hex.len / 2};
    assert_true(asg_hex_decode(e->key_nonce_hex, nonce, sizeof(nonce)));
    assert_true(asg_hex_decode(e->key_data_hex, sealed, data.len));
    asg_buf_init(&aad, storage, sizeof(storage));
    asg_buf_z(&aad, "asgard key 1|http|h|81|17");
    assert_int_equal(asg_seal_decrypt(&keys.seals[0], asg_buf_view(&aad),
                                      nonce, data, plain), ASG_OK);
    assert_memory_equal(plain, SECRET, sizeof(SECRET) - 1);
    asg_buf_init(&aad, storage, sizeof(storage));
    asg_buf_z(&aad, "asgard key 1|http|evil|81|17");
    assert_int_equal(asg_seal_decrypt(&keys.seals[0], asg_buf_view(&aad),
                                      nonce, data, plain), ASG_ERR_AUTH);
}

static void base_and_path_join_without_doubling(void **state)
{
    static const char *const bases[] = {
        "http://x", "http://x/v1", "http://x/v1/"
    };
    char lines[128];

    (void) state;
    service("s", ONE("s", "openai-compatible", "  base_url_env: S_URL\n"
                     "  completions_path: /e/{model}/run\n", "m"));
    for (size_t i = 0; i < 3; i++) {
        snprintf(lines, sizeof(lines), "S_URL=%s\n", bases[i]);
        variables(lines);
        must_load();
        compile();
        str_is(model("m", 0)->path[ASG_API_CHAT], "/v1/chat/completions");
        str_is(model("m", 0)->path[ASG_API_EMBEDDINGS], "/v1/embeddings");
        free(memory);
        memory = NULL;
    }
    variables("S_URL=http://x\n");
    must_load();
    compile();
    str_is(model("m", 0)->path[ASG_API_COMPLETIONS], "/e/m/run");
}

static void shipped(const char *id)
{
    char path[512], content[8192];
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/services/%s/service.yaml", ASG_TOP, id);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(content, 1, sizeof(content) - 1, f);
    content[n] = '\0';
    fclose(f);
    service(id, content);
}

static void state_is(const char *id, enum ctl_module_state state,
    const char *reason)
{
    const struct ctl_module *m = module(id);

    if (m->state != state
        || (reason != NULL && strcmp(m->reason, reason) != 0))
    {
        fail_msg("%s is %s: %s", id, ctl_module_state_name(m->state),
                 m->reason != NULL ? m->reason : "");
    }
}

static void modules_are_active_when_their_variables_are_set(void **state)
{
    const asg_model_t *claude;

    (void) state;
    shipped("openai");
    shipped("litellm");
    shipped("databricks");
    shipped("echo");
    shipped("anthropic");
    variables("OPENAI_MASTER_KEY=\nANTHROPIC_MASTER_KEY=\n"
              "DATABRICKS_HOST=dbc-1.cloud.databricks.com\n");
    must_load();
    state_is("openai", CTL_MODULE_INACTIVE, "OPENAI_MASTER_KEY is not set");
    state_is("litellm", CTL_MODULE_INACTIVE, "LITELLM_BASE_URL is not set");
    state_is("databricks", CTL_MODULE_INACTIVE,
             "DATABRICKS_TOKEN is not set");
    state_is("anthropic", CTL_MODULE_INACTIVE,
             "ANTHROPIC_MASTER_KEY is not set");
    state_is("echo", CTL_MODULE_ACTIVE, NULL);
    variables("OPENAI_MASTER_KEY=k\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n"
              "ANTHROPIC_MASTER_KEY=ant7f3c9a1be25d4480c6a2\n"
              "LITELLM_BASE_URL=http://litellm:4000\n"
              "DATABRICKS_TOKEN=dapi7f3c9a1be25d4480c6a2\n"
              "DATABRICKS_HOST=dbc-1.cloud.databricks.com\n");
    must_load();
    state_is("openai", CTL_MODULE_ACTIVE, NULL);
    state_is("litellm", CTL_MODULE_ACTIVE, NULL);
    state_is("databricks", CTL_MODULE_ACTIVE, NULL);
    state_is("anthropic", CTL_MODULE_ACTIVE, NULL);
    compile();
    claude = model("model:anthropic/claude-sonnet", 0);
    str_is(claude->path[ASG_API_CHAT], "/v1/messages");
    str_is(claude->path[ASG_API_MESSAGES], "/v1/messages");
    str_is(claude->path[ASG_API_COUNT_TOKENS], "/v1/messages/count_tokens");
    assert_null(model("model:default/gpt-5.1", 0)
                ->path[ASG_API_MESSAGES].data);
    assert_true(claude->structured_output);
    assert_int_equal(snapshot.endpoints[claude->endpoint].kind,
                     ASG_KIND_ANTHROPIC);
    str_is(snapshot.endpoints[claude->endpoint].anthropic_version,
           "2023-06-01");
    assert_false(snapshot.endpoints[claude->endpoint].refuse_unsupported);
    assert_false(snapshot.endpoints[module("litellm")->endpoint].has_key);
    str_is(snapshot.endpoints[module("openai")->endpoint].host, "127.0.0.1");
    str_is(model("model:databricks/llama-3-3-70b", 0)->path[ASG_API_CHAT],
           "/serving-endpoints/databricks-meta-llama-3-3-70b-instruct"
           "/invocations");
    assert_non_null(asg_catalog_find(&snapshot,
                                     ASG_STR("model:default/gpt-5.1")));
    variables("OPENAI_MASTER_KEY=\"k y\"\nLITELLM_BASE_URL=litellm:x:4\n");
    must_load();
    state_is("openai", CTL_MODULE_INACTIVE, "OPENAI_MASTER_KEY holds a byte "
             "that a header cannot carry");
    state_is("litellm", CTL_MODULE_INACTIVE,
             "LITELLM_BASE_URL is not an http or https URL");
}

static void a_bad_manifest_is_refused_alone(void **state)
{
    (void) state;
    service("good", ONE("good", "echo", "", "m"));
    service("bad", "id: bad\nbogus: 1\n");
    must_load();
    state_is("bad", CTL_MODULE_REFUSED, NULL);
    assert_non_null(strstr(module("bad")->reason,
                           "/bad/service.yaml:2: unknown field \"bogus\""));
    state_is("good", CTL_MODULE_ACTIVE, NULL);
    assert_non_null(strstr(ctl_catalog_report(&catalog),
                           "\"id\":\"bad\",\"state\":\"refused\""));
    compile();
    assert_int_equal(snapshot.nmodels, 1);
}

/* A folder within the first is an overlay here: it holds no manifest itself. */
static void an_overlay_replaces_by_id_and_adds(void **state)
{
    char over[96], *folders[] = {dir, over, "/nonexistent"};
    struct ctl_catalog_sources from = {folders, 3, NULL, &backends, NULL};

    (void) state;
    service("a", ONE("a", "echo", "", "one"));
    service("b", ONE("b", "echo", "", "two"));
    snprintf(over, sizeof(over), "%s/over", dir);
    put("over/README", "");
    service("over/b", ONE("b", "echo", "", "other"));
    service("over/c", ONE("c", "echo", "", "three"));
    assert_true(ctl_catalog_load(&catalog, &arena, &from));
    assert_true(finding("/nonexistent: there is no such folder"));
    compile();
    assert_int_equal(snapshot.nmodels, 3);
    assert_non_null(asg_catalog_find(&snapshot, ASG_STR("one")));
    assert_non_null(asg_catalog_find(&snapshot, ASG_STR("other")));
    assert_non_null(asg_catalog_find(&snapshot, ASG_STR("three")));
    assert_null(asg_catalog_find(&snapshot, ASG_STR("two")));
    service("over/b", "id: b\nbogus: 1\n");
    assert_true(ctl_catalog_load(&catalog, &arena, &from));
    state_is("b", CTL_MODULE_REFUSED, NULL);
}

static void variables_are_read_as_people_write_them(void **state)
{
    (void) state;
    variables("# c\n\nA=1\nexport B = \"two words\" \r\nC='x'\nD=\nA=3\n"
              "nonsense\n9X=1\nBASH_FUNC_x%%=() { }\nE=a=b\n");
    str_is(ctl_backends_get(&backends, "A"), "3");
    str_is(ctl_backends_get(&backends, "B"), "two words");
    str_is(ctl_backends_get(&backends, "C"), "x");
    str_is(ctl_backends_get(&backends, "E"), "a=b");
    assert_null(ctl_backends_get(&backends, "D").data);
    assert_null(ctl_backends_get(&backends, "Z").data);
}

static void a_line_of_a_file_that_is_none_is_refused(void **state)
{
    struct ctl_backends b;
    struct ctl_error e;

    (void) state;
    assert_false(ctl_backends_read(&b, ASG_STR("A=1\n\nsecret\n"), "f.env",
                                   &e));
    assert_string_equal(e.text, "f.env:3: not KEY=VALUE");
    ctl_backends_finish(&b);
    assert_false(ctl_backends_read(&b, ASG_STR("9X=1"), "f.env", &e));
    assert_string_equal(e.text, "f.env:1: not KEY=VALUE");
    ctl_backends_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_gateway_reads_what_is_compiled),
        TEST(a_projects_own_card_is_found_by_model_and_project),
        TEST(a_tier_is_the_projects_own_or_everybodys),
        TEST(a_key_is_sealed_for_its_endpoint_alone),
        TEST(base_and_path_join_without_doubling),
        TEST(modules_are_active_when_their_variables_are_set),
        TEST(a_bad_manifest_is_refused_alone),
        TEST(an_overlay_replaces_by_id_and_adds),
        TEST(a_line_of_a_file_that_is_none_is_refused),
        TEST(variables_are_read_as_people_write_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
