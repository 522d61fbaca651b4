/* core/catalog.h: the snapshot verified, parsed and searched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/catalog_headers.h"
#include "core/record.h"
#include "core/seal.h"

#define ENDPOINT                                                            \
    "{\"id\":\"openai\",\"provider\":\"openai\",\"kind\":\"openai\","         \
    "\"scheme\":\"https\",\"host\":\"api.openai.com\",\"port\":443,"          \
    "\"host_header\":\"api.openai.com\",\"tls_name\":\"api.openai.com\","     \
    "\"ca_file\":null,\"auth_header\":\"Authorization\","                    \
    "\"auth_scheme\":\"Bearer\",\"key\":{\"seal\":\"s1\",\"version\":17,"     \
    "\"nonce\":\"000102030405060708090a0b\","                               \
    "\"data\":\"aa00112233445566778899aabbccddeeff\"},"                     \
    "\"connect_timeout_ms\":10000,\"first_byte_timeout_ms\":600000,"        \
    "\"idle_timeout_ms\":300000,\"retry_after_send\":1}"
#define ECHO                                                                \
    "{\"id\":\"echo\",\"provider\":\"echo\",\"kind\":\"echo\",\"scheme\":"     \
    "\"http\",\"host\":\"\",\"port\":0,\"host_header\":null,\"tls_name\":"    \
    "null,\"ca_file\":null,\"auth_header\":null,\"auth_scheme\":null,"       \
    "\"key\":null,\"connect_timeout_ms\":1,\"first_byte_timeout_ms\":1,"     \
    "\"idle_timeout_ms\":1}"
#define CARD(id, free, price)                                               \
    "\"card\":{\"id\":\"" id "\",\"version\":2,\"free\":" free ","            \
    "\"in_pusd\":" price ",\"out_pusd\":" price ",\"cached_pusd\":0,"        \
    "\"cache_write_pusd\":0,\"reasoning_pusd\":0,\"request_tokens\":16,"     \
    "\"message_tokens\":8,\"tool_tokens\":64,\"image_tokens\":0,"           \
    "\"file_tokens\":0,\"audio_tokens\":0}"
#define MODEL(ref, route, endpoint, free, price)                            \
    "{\"ref\":\"" ref "\",\"route\":\"" route "\",\"provider\":\"p\","        \
    "\"created\":1763719200,\"data_classes\":[\"public\",\"internal\"],"     \
    "\"context\":272000,\"max_output_tokens\":128000,"                      \
    "\"default_max_tokens\":0,\"max_tokens_field\":\"max_tokens\","          \
    "\"send_user\":1,\"send_stream_options\":0,"                            \
    "\"allow_fields\":[\"verbosity\"],\"endpoint\":\"" endpoint "\","        \
    "\"served\":\"s\",\"paths\":{\"chat\":\"/v1/chat/completions\"},"        \
    CARD(ref, free, price) "}"
#define GPT     MODEL("model:default/gpt-5.1", "gpt-5.1", "openai", "0", "5")
#define ECHO_M  MODEL("model:default/echo", "echo", "echo", "1", "0")
#define NAMES                                                               \
    "{\"name\":\"model:default/gpt-5.1\",\"candidates\":[0]},"               \
    "{\"name\":\"gpt-5.1\",\"candidates\":[0,1]},"                           \
    "{\"name\":\"gpt-4o\",\"alias\":1,\"candidates\":[0]},"                   \
    "{\"name\":\"echo\",\"candidates\":[1]}"
#define BODY                                                                \
    "{\"format\":1,\"version\":17,\"created\":1763719200,"                   \
    "\"max_age_s\":86400,\"endpoints\":[" ENDPOINT ", " ECHO "],"            \
    "\"models\":[" GPT "," ECHO_M "],\"names\":[" NAMES "]}"

#define HEADER  "{\"name\":\"x-a\",\"value\":\"{project}\"}"
#define NINE    HEADER "," HEADER "," HEADER "," HEADER "," HEADER "," \
                HEADER "," HEADER "," HEADER "," HEADER

static asg_json_t json;
static asg_catalog_t catalog;
static void *memory;
static asg_keyfile_t keys;

/* The memory has exactly the size that was asked for. */
static asg_err_t parse(asg_str_t body)
{
    size_t size = asg_catalog_size(&json, body);

    free(memory);
    memory = malloc(size > 0 ? size : 1);
    assert_non_null(memory);
    return asg_catalog_parse(&json, body, memory, size, &catalog);
}

static int forget(void **state)
{
    (void) state;
    free(memory);
    memory = NULL;
    return 0;
}

static const char *with(const char *text, const char *from, const char *to)
{
    static char out[2 * sizeof(BODY)];
    const char *at = strstr(text, from);

    assert_non_null(at);
    snprintf(out, sizeof(out), "%.*s%s%s", (int) (at - text), text, to,
             at + strlen(from));
    return out;
}

static void a_snapshot_becomes_arrays(void **state)
{
    const asg_endpoint_t *e;
    const asg_model_t *m;

    (void) state;
    assert_int_equal(parse(ASG_STR(BODY)), ASG_OK);
    assert_int_equal(catalog.version, 17);
    assert_int_equal(catalog.max_age_s, 86400);
    assert_int_equal(catalog.nendpoints, 2);
    e = &catalog.endpoints[0];
    assert_true(e->tls && e->has_key && e->port == 443);
    assert_int_equal(e->key_version, 17);
    assert_true(asg_str_eq_z(e->auth_scheme, "Bearer"));
    assert_null(e->ca_file.data);
    assert_true(e->retry_after_send);
    assert_false(catalog.endpoints[1].retry_after_send);
    assert_int_equal(catalog.endpoints[1].kind, ASG_KIND_ECHO);
    assert_false(catalog.endpoints[1].has_key);
    assert_int_equal(catalog.nmodels, 2);
    m = &catalog.models[0];
    assert_int_equal(m->endpoint, 0);
    assert_int_equal(catalog.models[1].endpoint, 1);
    assert_int_equal(m->data_classes,
                     1 << ASG_DATA_PUBLIC | 1 << ASG_DATA_INTERNAL);
    assert_true(m->send_user && !m->send_stream_options);
    assert_int_equal(m->nallow, 1);
    assert_true(asg_str_eq_z(m->allow[0], "verbosity"));
    assert_true(asg_str_eq(m->path[ASG_API_GATEWAY], m->path[ASG_API_CHAT]));
    assert_null(m->path[ASG_API_EMBEDDINGS].data);
    assert_int_equal(m->card.rates.base.in_pusd, 5);
    assert_int_equal(m->card_version, 2);
}

static void an_endpoint_may_have_headers_of_its_own(void **state)
{
    const asg_endpoint_t *e;

    (void) state;
    assert_int_equal(parse(asg_str_z(with(BODY, "\"retry_after_send\":1",
        "\"headers\":[" HEADER ",{\"value\":\"b c\",\"name\":\"X-B\"}]"))),
        ASG_OK);
    e = &catalog.endpoints[0];
    assert_int_equal(e->nheaders, 2);
    assert_true(asg_str_eq_z(e->headers[0].name, "x-a"));
    assert_true(asg_str_eq_z(e->headers[1].value, "b c"));
    assert_int_equal(catalog.endpoints[1].nheaders, 0);
    assert_true(asg_str_eq_z(asg_catalog_header_value(e->headers[0].value,
                             ASG_STR("proj-1")), "proj-1"));
    assert_true(asg_str_eq_z(asg_catalog_header_value(e->headers[1].value,
                             ASG_STR("proj-1")), "b c"));
    assert_false(asg_catalog_header_name_is_free(ASG_STR("AUTHORIZATION")));
    assert_false(asg_catalog_header_name_is_free(ASG_STR("Content-Length")));
    assert_false(asg_catalog_header_name_is_free(ASG_STR("")));
    assert_true(asg_catalog_header_name_is_free(ASG_STR("hosts")));
}

#define OWN(project, model, price)                                         \
    "{\"project\":\"" project "\",\"model\":" model ","                      \
    CARD("own", "0", price) "}"

static asg_err_t parse_with_cards(const char *cards)
{
    char list[4096];

    snprintf(list, sizeof(list), "\"project_cards\":[%s],\"names\":", cards);
    return parse(asg_str_z(with(BODY, "\"names\":", list)));
}

static void a_project_may_have_a_card_of_its_own(void **state)
{
    const asg_project_card_t *own;

    (void) state;
    assert_int_equal(parse_with_cards(OWN("p1", "0", "7") "," OWN("p2", "0",
                     "8") "," OWN("p1", "1", "9")), ASG_OK);
    assert_int_equal(catalog.ncards, 3);
    own = asg_catalog_project_card(&catalog, &catalog.models[1],
                                   ASG_STR("p1"));
    assert_int_equal(own->card.rates.base.in_pusd, 9);
    assert_int_equal(own->card_version, 2);
    assert_true(asg_str_eq_z(own->card_id, "own"));
    assert_null(asg_catalog_project_card(&catalog, &catalog.models[1],
                                         ASG_STR("p2")));
    assert_int_equal(parse_with_cards(""), ASG_OK);
    assert_int_equal(parse_with_cards(OWN("p2", "0", "7") ","
                     OWN("p1", "0", "7")), ASG_ERR_RANGE);
    assert_int_equal(parse_with_cards(OWN("p1", "0", "7") ","
                     OWN("p1", "0", "7")), ASG_ERR_RANGE);
    assert_int_equal(parse_with_cards(OWN("p1", "2", "7")), ASG_ERR_RANGE);
    assert_int_equal(parse_with_cards(OWN("p1", "0", "0")), ASG_ERR_RANGE);
    assert_int_equal(parse_with_cards(OWN("", "0", "7")), ASG_ERR_RANGE);
    assert_int_equal(parse_with_cards("{\"project\":\"p\"}"),
                     ASG_ERR_MISSING);
    assert_int_equal(parse_with_cards("7"), ASG_ERR_SYNTAX);
}

#define ABOVE(cached, tokens, more)                                         \
    "\"cached_pusd\":" cached ",\"cache_write_1h_pusd\":7,\"above\":{"       \
    "\"tokens\":" tokens ",\"in_pusd\":6,\"out_pusd\":8,\"cached_pusd\":1," \
    "\"cache_write_pusd\":0,\"reasoning_pusd\":0,"                          \
    "\"cache_write_1h_pusd\":9,\"audio_in_pusd\":0" more "}"

static asg_err_t parse_with_cached(const char *to)
{
    return parse(asg_str_z(with(BODY, "\"cached_pusd\":0", to)));
}

static asg_err_t parse_with_groups(const char *groups)
{
    char to[512];

    snprintf(to, sizeof(to), "\"candidates\":[0,1],\"groups\":[%s]}", groups);
    return parse(asg_str_z(with(BODY, "\"candidates\":[0,1]}", to)));
}

static void candidates_without_groups_are_tried_as_they_stand(void **state)
{
    const asg_public_name_t *n;

    (void) state;
    assert_int_equal(parse(ASG_STR(BODY)), ASG_OK);
    n = asg_catalog_find(&catalog, ASG_STR("gpt-5.1"));
    assert_int_equal(n->ngroups, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(n->groups[i].n, 1);
        assert_int_equal(n->groups[i].strategy, ASG_STRATEGY_ORDERED);
        assert_int_equal(n->groups[i].retries, 0);
        assert_int_equal(n->groups[i].cooldown_ms, 0);
        assert_int_equal(n->weights[i], 1);
    }
}

static void groups_say_how_candidates_are_called(void **state)
{
    const asg_public_name_t *n;

    (void) state;
    assert_int_equal(parse_with_groups(
        "{\"n\":1,\"strategy\":\"weighted\",\"weights\":[7],\"retries\":2,"
        "\"allowed_fails\":3,\"cooldown_ms\":5000,"
        "\"first_byte_timeout_ms\":30000,\"idle_timeout_ms\":60000},"
        "{\"n\":1,\"on_context\":1,\"later\":{}}"), ASG_OK);
    n = asg_catalog_find(&catalog, ASG_STR("gpt-5.1"));
    assert_int_equal(n->ngroups, 2);
    assert_int_equal(n->groups[0].strategy, ASG_STRATEGY_WEIGHTED);
    assert_int_equal(n->weights[0], 7);
    assert_int_equal(n->weights[1], 1);
    assert_int_equal(n->groups[0].retries, 2);
    assert_int_equal(n->groups[0].allowed_fails, 3);
    assert_int_equal(n->groups[0].cooldown_ms, 5000);
    assert_int_equal(n->groups[0].first_byte_timeout_ms, 30000);
    assert_int_equal(n->groups[0].idle_timeout_ms, 60000);
    assert_true(n->groups[1].on_context);
    assert_int_equal(n->groups[1].strategy, ASG_STRATEGY_ORDERED);
}

static void groups_that_cannot_be_are_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"n\":1}", "{\"n\":3}", "{\"n\":1},{\"n\":2}", "{\"n\":0},{\"n\":2}",
        "{\"n\":17}", "{\"n\":2,\"strategy\":\"fast\"}",
        "{\"n\":2,\"weights\":[1]}", "{\"n\":2,\"weights\":[0,1]}",
        "{\"n\":2,\"weights\":[1,1001]}", "{\"n\":2,\"weights\":[1,1,1]}",
        "{\"n\":2,\"retries\":11}", "{\"n\":2,\"allowed_fails\":1000001}",
        "{\"n\":2,\"cooldown_ms\":3600001}",
        "{\"n\":2,\"first_byte_timeout_ms\":3600001}",
        "{\"n\":2,\"idle_timeout_ms\":3600001}",
        "{\"n\":2,\"on_context\":1}"
    };
    static const char *const unreadable[] = {
        "1", "{}", "{\"n\":\"2\"}", "{\"n\":2,\"weights\":{}}",
        "{\"n\":2,\"weights\":[\"1\"]}", "{\"n\":2,\"on_context\":true}"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        if (parse_with_groups(wrong[i]) != ASG_ERR_RANGE) {
            fail_msg("%s", wrong[i]);
        }
    }
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(*unreadable); i++) {
        asg_err_t rc = parse_with_groups(unreadable[i]);

        if (rc != ASG_ERR_SYNTAX && rc != ASG_ERR_MISSING) {
            fail_msg("%s: %d", unreadable[i], rc);
        }
    }
}

/* A writer of format 1 knew no tier, one of format 2 may have none; of one
 * that is there nothing may be left out. */
static void a_card_may_have_a_long_context_tier(void **state)
{
    const asg_card_t *c;

    (void) state;
    assert_int_equal(parse(asg_str_z(with(BODY, "\"format\":1",
                                          "\"format\":2"))), ASG_OK);
    c = &catalog.models[0].card;
    assert_int_equal(c->rates.above_tokens, 0);
    assert_int_equal(c->byte_tokens, 0);
    assert_int_equal(parse_with_cached("\"cached_pusd\":0,\"above\":null"),
                     ASG_OK);
    assert_int_equal(parse_with_cached(
        ABOVE("0", "200", ",\"audio_out_pusd\":0")), ASG_OK);
    c = &catalog.models[0].card;
    assert_int_equal(c->rates.base.cache_write_1h_pusd, 7);
    assert_int_equal(c->rates.above_tokens, 200);
    assert_int_equal(c->rates.above.in_pusd, 6);
    assert_int_equal(c->rates.above.out_pusd, 8);
    assert_int_equal(c->rates.above.cached_pusd, 1);
    assert_int_equal(c->rates.above.cache_write_1h_pusd, 9);
    assert_int_equal(parse_with_cached(
        ABOVE("0", "0", ",\"audio_out_pusd\":0")), ASG_ERR_RANGE);
    assert_int_equal(parse_with_cached(
        ABOVE("2", "200", ",\"audio_out_pusd\":0")), ASG_ERR_RANGE);
    assert_int_equal(parse_with_cached(ABOVE("0", "200", "")),
                     ASG_ERR_MISSING);
    assert_int_equal(parse_with_cached("\"cached_pusd\":0,\"above\":[]"),
                     ASG_ERR_SYNTAX);
}

static void a_name_is_found_with_its_candidates(void **state)
{
    const asg_public_name_t *name;

    (void) state;
    assert_int_equal(parse(ASG_STR(BODY)), ASG_OK);
    name = asg_catalog_find(&catalog, ASG_STR("gpt-5.1"));
    assert_non_null(name);
    assert_int_equal(name->ncandidates, 2);
    assert_int_equal(name->candidates[1], 1);
    assert_true(name->alias && !name->ref);
    name = asg_catalog_find(&catalog, ASG_STR("model:default/gpt-5.1"));
    assert_true(name != NULL && name->ref && !name->alias);
    name = asg_catalog_find(&catalog, ASG_STR("gpt-4o"));
    assert_true(name != NULL && name->alias);
    assert_null(asg_catalog_find(&catalog, ASG_STR("gpt-4")));
    assert_null(asg_catalog_find(&catalog, ASG_STR("gpt-4oo")));
    assert_null(asg_catalog_find(&catalog, ASG_STR("")));
    assert_null(asg_catalog_find(&catalog, ASG_STR_NULL));
}

/* More members than the JSON reader takes in one document. */
static void a_large_catalog_is_read_and_every_name_found(void **state)
{
    enum { MODELS = 1500, NAME_COUNT = 5000 };
    size_t cap = 4u << 20;
    char *text = malloc(cap);
    char name[16];
    size_t n;

    (void) state;
    assert_non_null(text);
    n = (size_t) snprintf(text, cap, "{\"names\":[");
    for (unsigned i = 0; i < NAME_COUNT; i++) {
        n += (size_t) snprintf(text + n, cap - n,
                              "%s{\"name\":\"n%u\",\"candidates\":[%u]}",
                              i > 0 ? "," : "",
                              i * 7919 % NAME_COUNT, i % MODELS);
    }
    n += (size_t) snprintf(text + n, cap - n, "],\"models\":[");
    for (unsigned i = 0; i < MODELS; i++) {
        n += (size_t) snprintf(text + n, cap - n, "%s" GPT, i > 0 ? "," : "");
    }
    n += (size_t) snprintf(text + n, cap - n, "],\"endpoints\":[" ENDPOINT "],"
                          "\"format\":1,\"version\":1,\"created\":1,"
                          "\"max_age_s\":1}");
    assert_true(n < cap);
    assert_int_equal(parse((asg_str_t) {text, n}), ASG_OK);
    for (unsigned i = 0; i < NAME_COUNT; i++) {
        const asg_public_name_t *found;

        snprintf(name, sizeof(name), "n%u", i * 7919 % NAME_COUNT);
        found = asg_catalog_find(&catalog, asg_str_z(name));
        assert_non_null(found);
        assert_int_equal(found->candidates[0], i % MODELS);
    }
    free(text);
}

/* What a snapshot may not be changed to, and why. */
static const struct {
    const char *from, *to;
    asg_err_t rc;
} bad[] = {
    {"\"format\":1", "\"format\":99", ASG_ERR_VERSION},
    {"\"format\":1", "\"format\":0", ASG_ERR_VERSION},
    {"\"format\":1,", "", ASG_ERR_MISSING},
    {"\"version\":17", "\"version\":-1", ASG_ERR_RANGE},
    {"\"version\":17", "\"version\":1.5", ASG_ERR_SYNTAX},
    {"\"max_age_s\":86400", "\"max_age_s\":0", ASG_ERR_RANGE},
    {"\"max_age_s\":86400", "\"max_age_s\":1,\"max_age_s\":1",
        ASG_ERR_SYNTAX},
    {"\"max_age_s\":86400", "\"max_age_s\":1,\"x\":{\"a\":tru}",
        ASG_ERR_SYNTAX},
    {"{\"id\":\"openai\"", "{\"id\":\"echo\"", ASG_ERR_RANGE},
    {"{\"id\":\"openai\"", "{\"id\":\"o\\u0070\"", ASG_ERR_SYNTAX},
    {"\"kind\":\"openai\"", "\"kind\":\"azure\"", ASG_ERR_SYNTAX},
    {"\"kind\":\"openai\"", "\"kind\":\"echo\"", ASG_ERR_RANGE},
    /* without the version that it must have; and of one that has none */
    {"\"kind\":\"openai\"", "\"kind\":\"anthropic\"", ASG_ERR_RANGE},
    {"\"retry_after_send\":1",
     "\"retry_after_send\":1,\"anthropic_version\":\"v\"",
     ASG_ERR_RANGE},
    {"\"scheme\":\"https\"", "\"scheme\":\"ftp\"", ASG_ERR_SYNTAX},
    {"\"port\":443", "\"port\":65979", ASG_ERR_RANGE},
    {"\"port\":443", "\"port\":0", ASG_ERR_RANGE},
    {"\"host\":\"api", "\"host\":\"api x", ASG_ERR_RANGE},
    {"\"tls_name\":\"api.openai.com\"", "\"tls_name\":null",
        ASG_ERR_RANGE},
    {"000102", "00010", ASG_ERR_RANGE},
    {"aa0011", "zz0011", ASG_ERR_RANGE},
    {"\"aa00", "\"00", ASG_ERR_RANGE},
    {"10000,\"first", "0,\"first", ASG_ERR_RANGE},
    {"\"retry_after_send\":1", "\"retry_after_send\":2", ASG_ERR_RANGE},
    {"\"retry_after_send\":1", "\"headers\":[{\"name\":\"Host\","
        "\"value\":\"h\"}]", ASG_ERR_RANGE},
    {"\"retry_after_send\":1", "\"headers\":[{\"name\":\"x\","
        "\"value\":\"\"}]", ASG_ERR_RANGE},
    {"\"retry_after_send\":1", "\"headers\":[{\"name\":\"x\","
        "\"value\":\"a\\nb\"}]", ASG_ERR_SYNTAX},
    {"\"retry_after_send\":1", "\"headers\":[{\"name\":\"x:\","
        "\"value\":\"a\"}]", ASG_ERR_RANGE},
    {"\"retry_after_send\":1", "\"headers\":[{\"name\":\"x\"}]",
        ASG_ERR_MISSING},
    {"\"retry_after_send\":1", "\"headers\":{}", ASG_ERR_SYNTAX},
    {"\"retry_after_send\":1", "\"headers\":[" NINE "]", ASG_ERR_LIMIT},
    {"\"Bearer\"", "\"B\303\251\"", ASG_ERR_RANGE},
    {"\"internal\"]", "\"secret\"]", ASG_ERR_SYNTAX},
    {"272000", "1000000001", ASG_ERR_RANGE},
    {"\"max_tokens\"", "\"tokens\"", ASG_ERR_RANGE},
    {"\"send_user\":1", "\"send_user\":true", ASG_ERR_SYNTAX},
    {"\"endpoint\":\"openai\"", "\"endpoint\":\"none\"", ASG_ERR_RANGE},
    {"\"/v1/chat", "\"v1/chat", ASG_ERR_RANGE},
    {"\"/v1/chat", "\"/v1 /chat", ASG_ERR_RANGE},
    {"\"in_pusd\":5", "\"in_pusd\":-5", ASG_ERR_RANGE},
    {"\"in_pusd\":5", "\"in_pusd\":1000000000000001", ASG_ERR_RANGE},
    {"\"in_pusd\":5,", "", ASG_ERR_MISSING},
    {"\"free\":1", "\"free\":0", ASG_ERR_RANGE},
    {"[0,1]", "[0,2]", ASG_ERR_RANGE},
    {"[0,1]", "[-1]", ASG_ERR_RANGE},
    {"[0,1]", "[4294967296]", ASG_ERR_RANGE},
    {"[0,1]", "[]", ASG_ERR_RANGE},
    {"[0,1]", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", ASG_ERR_LIMIT},
    {"\"name\":\"gpt-4o\"", "\"name\":\"echo\"", ASG_ERR_RANGE},
    {"\"name\":\"gpt-4o\"", "\"name\":\"\"", ASG_ERR_RANGE},
    {"}, {", "} {", ASG_ERR_SYNTAX},
    {"\"models\":[", "\"models\":[,", ASG_ERR_SYNTAX},
    {"]}]}", "]},]}", ASG_ERR_SYNTAX},
    {"]}]}", "]}]}x", ASG_ERR_SYNTAX},
    {"]}]}", "]}]", ASG_ERR_SYNTAX},
    {"]}]}", "}]]}", ASG_ERR_SYNTAX}
};

static void a_bad_snapshot_is_refused(void **state)
{
    asg_catalog_t before;

    (void) state;
    memset(&catalog, 0x5a, sizeof(catalog));
    before = catalog;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *text = with(BODY, bad[i].from, bad[i].to);
        asg_err_t rc = parse(asg_str_z(text));

        /* a text without a size is refused by the parser for the same */
        if (rc != bad[i].rc) {
            fail_msg("%d for %s -> %s", rc, bad[i].from, bad[i].to);
        }
        assert_memory_equal(&catalog, &before, sizeof(catalog));
    }
}

static void too_little_memory_is_refused(void **state)
{
    size_t size = asg_catalog_size(&json, ASG_STR(BODY));

    (void) state;
    memory = malloc(size);
    assert_non_null(memory);
    assert_int_equal(asg_catalog_parse(&json, ASG_STR(BODY), memory, size - 1,
                                       &catalog), ASG_ERR_SPACE);
    assert_int_equal(asg_catalog_size(&json, ASG_STR("{\"format\":1}")), 0);
}

/* --- head and MAC --- */

static size_t snapshot(char *out, size_t cap)
{
    static const char head[] = "ASGC1 s1 17 1763719200 ";
    uint8_t mac[ASG_SEAL_MAC_BYTES];
    asg_buf_t b;

    snprintf(keys.seals[0].id, sizeof(keys.seals[0].id), "s1");
    memset(keys.seals[0].secret, 7, ASG_SECRET_BYTES);
    keys.nseals = 1;
    asg_seal_mac(&keys.seals[0], ASG_STR("ASGC1 s1 17 1763719200\n"),
                 ASG_STR(BODY), mac);
    asg_buf_init(&b, out, cap);
    asg_buf_z(&b, head);
    asg_buf_hex(&b, mac, sizeof(mac));
    asg_buf_z(&b, "\n" BODY);
    assert_true(asg_buf_ok(&b));
    return b.len;
}

static void every_byte_of_a_snapshot_is_authenticated(void **state)
{
    static char text[2 * sizeof(BODY)];
    size_t len = snapshot(text, sizeof(text));
    uint64_t version = 0;
    int64_t created = 0;
    asg_str_t body;

    (void) state;
    assert_int_equal(asg_catalog_verify(&keys, (asg_str_t) {text, len},
                                        &version, &created, &body), ASG_OK);
    assert_int_equal(version, 17);
    assert_int_equal(created, 1763719200);
    assert_true(asg_str_eq_z(body, BODY));
    for (size_t i = 0; i < len; i++) {
        text[i] ^= 1;
        assert_int_not_equal(asg_catalog_verify(&keys, (asg_str_t) {text, len},
                             &version, &created, &body), ASG_OK);
        text[i] ^= 1;
    }
    for (size_t i = 0; i < len; i++) {
        assert_int_not_equal(asg_catalog_verify(&keys, (asg_str_t) {text, i},
                             &version, &created, &body), ASG_OK);
    }
}

static void what_is_wrong_with_a_head_is_said(void **state)
{
    static char text[2 * sizeof(BODY)];
    asg_str_t whole = {text, snapshot(text, sizeof(text))};
    uint64_t version;
    int64_t created;
    asg_str_t body;

    (void) state;
    text[whole.len - 1] = ' ';
    assert_int_equal(asg_catalog_verify(&keys, whole, &version, &created,
                                        &body), ASG_ERR_AUTH);
    keys.seals[0].id[1] = '2';
    assert_int_equal(asg_catalog_verify(&keys, whole, &version, &created,
                                        &body), ASG_ERR_MISSING);
    whole.len = ASG_CATALOG_BYTES_MAX + 1;
    assert_int_equal(asg_catalog_verify(&keys, whole, &version, &created,
                                        &body), ASG_ERR_LIMIT);
    assert_int_equal(asg_catalog_verify(&keys, ASG_STR("ASGC2 s1 1 1 00\n{}"),
                                        &version, &created, &body),
                     ASG_ERR_SYNTAX);
}

static void options_are_no_part_of_a_name(void **state)
{
    static const char *const cases[][2] = {
        {"echo:latency_ms=50,status=503", "echo"},
        {"model:default/echo:chunks=1", "model:default/echo"},
        {"model:default/gpt-5.1", "model:default/gpt-5.1"},
        {"llama3:8b", "llama3:8b"}, {"gpt", "gpt"}, {"", ""},
        {"echo:", "echo:"}, {"echo:=1", "echo:=1"}, {"a:b:c=d", "a:b"}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        asg_str_t base = asg_catalog_base_name(asg_str_z(cases[i][0]));

        assert_true(asg_str_eq_z(base, cases[i][1]));
    }
}

static void the_aad_names_the_endpoint(void **state)
{
    char text[80];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, text, sizeof(text));
    asg_catalog_key_aad(&b, "https", ASG_STR("api.openai.com"), 443, 17);
    assert_true(asg_str_eq_z(asg_buf_view(&b),
                             "asgard key 1|https|api.openai.com|443|17"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_snapshot_becomes_arrays, forget),
        cmocka_unit_test_teardown(a_project_may_have_a_card_of_its_own,
                                  forget),
        cmocka_unit_test_teardown(an_endpoint_may_have_headers_of_its_own,
                                  forget),
        cmocka_unit_test_teardown(a_card_may_have_a_long_context_tier, forget),
        cmocka_unit_test_teardown(
            candidates_without_groups_are_tried_as_they_stand, forget),
        cmocka_unit_test_teardown(groups_say_how_candidates_are_called,
                                  forget),
        cmocka_unit_test_teardown(groups_that_cannot_be_are_refused, forget),
        cmocka_unit_test_teardown(a_name_is_found_with_its_candidates, forget),
        cmocka_unit_test_teardown(
            a_large_catalog_is_read_and_every_name_found, forget),
        cmocka_unit_test_teardown(a_bad_snapshot_is_refused, forget),
        cmocka_unit_test_teardown(too_little_memory_is_refused, forget),
        cmocka_unit_test(every_byte_of_a_snapshot_is_authenticated),
        cmocka_unit_test(what_is_wrong_with_a_head_is_said),
        cmocka_unit_test(options_are_no_part_of_a_name),
        cmocka_unit_test(the_aad_names_the_endpoint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
