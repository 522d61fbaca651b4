/*
 * core/catalog_parse.c through core/catalog.h: no member of a snapshot can go,
 * change its kind or point beside its list, and memory is used to the byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/catalog.h"

/* One member a line, so that each can be taken out or changed. */
static const char *const body[] = {
    "{\"format\":2,\"version\":1,\"created\":2,\"max_age_s\":3,",
    "\"endpoints\":[{",
    "\"id\":\"e\",", "\"provider\":\"p\",", "\"kind\":\"openai\",",
    "\"scheme\":\"https\",", "\"host\":\"h.example\",", "\"port\":443,",
    "\"host_header\":\"h.example\",", "\"tls_name\":\"h.example\",",
    "\"ca_file\":null,", "\"auth_header\":\"Authorization\",",
    "\"auth_scheme\":\"Bearer\",", "\"key\":null,",
    "\"connect_timeout_ms\":1,", "\"first_byte_timeout_ms\":2,",
    "\"idle_timeout_ms\":3,",
    "\"z\":0}],\"models\":[{",
    "\"ref\":\"model:a/b\",", "\"route\":\"b\",", "\"provider\":\"p\",",
    "\"served\":\"s\",", "\"endpoint\":\"e\",", "\"created\":1,",
    "\"data_classes\":[\"public\"],", "\"context\":100,",
    "\"max_output_tokens\":10,", "\"default_max_tokens\":0,",
    "\"max_tokens_field\":\"max_tokens\",", "\"send_user\":1,",
    "\"send_stream_options\":0,",
    "\"paths\":{\"chat\":\"/v1/chat/completions\"},",
    "\"card\":{",
    "\"id\":\"c\",", "\"version\":2,", "\"free\":0,", "\"in_pusd\":1,",
    "\"out_pusd\":2,", "\"cached_pusd\":0,", "\"cache_write_pusd\":0,",
    "\"reasoning_pusd\":0,", "\"request_tokens\":1,",
    "\"message_tokens\":1,", "\"tool_tokens\":1,", "\"image_tokens\":1,",
    "\"file_tokens\":1,", "\"audio_tokens\":1,",
    "\"z\":0},\"z\":0}],\"names\":[{",
    "\"name\":\"b\",", "\"candidates\":[0],",
    "\"z\":0}]}"
};

#define LINES (sizeof(body) / sizeof(body[0]))

static asg_json_t json = {.seed = 1};
static asg_catalog_t catalog;

/* The body with another text in the place of line `at`. */
static const char *written(size_t at, const char *instead)
{
    static char text[8192];
    size_t len = 0;

    for (size_t i = 0; i < LINES; i++) {
        const char *part = i == at ? instead : body[i];

        assert_true(len + strlen(part) < sizeof(text));
        memcpy(text + len, part, strlen(part) + 1);
        len += strlen(part);
    }
    return text;
}

/* In memory of exactly the size; `less` of it. */
static asg_err_t parse(const char *text, size_t less)
{
    size_t size = asg_catalog_size(&json, asg_str_z(text));
    char *memory = malloc(size + 1);
    asg_err_t rc;

    assert_non_null(memory);
    memset(memory, 0x5a, size + 1);
    rc = asg_catalog_parse(&json, asg_str_z(text), memory, size - less,
                           &catalog);
    assert_int_equal(memory[size], 0x5a);
    free(memory);
    return rc;
}

static size_t line_of(const char *member)
{
    size_t i = 0;

    while (i < LINES && strstr(body[i], member) != body[i]) {
        i++;
    }
    assert_true(i < LINES);
    return i;
}

static bool is_member(const char *text)
{
    return text[0] == '"' && text[strlen(text) - 1] == ',';
}

static void memory_is_used_to_the_byte(void **state)
{
    (void) state;
    assert_int_equal(parse(written(LINES, ""), 0), ASG_OK);
    assert_int_equal(catalog.nmodels, 1);
    assert_int_equal(parse(written(LINES, ""), 1), ASG_ERR_SPACE);
}

static void betas_are_few_plain_words(void **state)
{
    static const struct {
        const char *list;
        asg_err_t rc;
    } rows[] = {
        {"[]", ASG_OK}, {"[\"a-1\"]", ASG_OK},
        {"[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\","
         "\"k\",\"l\",\"m\",\"n\",\"o\",\"p\"]", ASG_OK},
        {"[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\","
         "\"k\",\"l\",\"m\",\"n\",\"o\",\"p\",\"q\"]", ASG_ERR_LIMIT},
        {"[\"a,b\"]", ASG_ERR_RANGE}, {"[\"\"]", ASG_ERR_RANGE},
        {"[\"a\\u0062\"]", ASG_ERR_RANGE}, {"[1]", ASG_ERR_SYNTAX},
        {"\"a\"", ASG_ERR_SYNTAX}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[256];
        asg_err_t rc;

        snprintf(text, sizeof(text), "\"id\":\"e\",\"anthropic_beta\":%s,",
                 rows[i].list);
        rc = parse(written(line_of("\"id\":\"e\","), text), 0);
        if (rc != rows[i].rc) {
            fail_msg("%d instead of %d: %s", rc, rows[i].rc, rows[i].list);
        }
    }
}

static void no_member_can_be_absent(void **state)
{
    unsigned tried = 0;

    (void) state;
    for (size_t i = 0; i < LINES; i++) {
        if (is_member(body[i])) {
            if (parse(written(i, ""), 0) != ASG_ERR_MISSING) {
                fail_msg("%s", body[i]);
            }
            tried++;
        }
    }
    assert_int_equal(tried, 45);
}

static void no_member_can_be_of_another_kind(void **state)
{
    static const char *const values[] = {"true", "-1", "1.5", "[[]]",
        "{\"chat\":1}", "\"\\n\"", "99999999999999999999"};
    char member[128];

    (void) state;
    for (size_t i = 0; i < LINES; i++) {
        for (size_t k = 0; is_member(body[i]) && k < 7; k++) {
            int name = (int) (strchr(body[i], ':') - body[i]);

            snprintf(member, sizeof(member), "%.*s:%s,", name, body[i],
                     values[k]);
            if (parse(written(i, member), 0) == ASG_OK) {
                fail_msg("%s", member);
            }
        }
    }
}

static asg_err_t with(const char *member, const char *value)
{
    char text[512];

    snprintf(text, sizeof(text), "%s:%s,", member, value);
    return parse(written(line_of(member), text), 0);
}

static void an_index_points_into_its_list(void **state)
{
    (void) state;
    assert_int_equal(with("\"candidates\"", "[1]"), ASG_ERR_RANGE);
    assert_int_equal(with("\"candidates\"", "[]"), ASG_ERR_RANGE);
    assert_int_equal(with("\"candidates\"", "[4294967296]"), ASG_ERR_RANGE);
    assert_int_equal(with("\"endpoint\"", "\"f\""), ASG_ERR_RANGE);
}

static void numbers_and_names_have_bounds(void **state)
{
    (void) state;
    assert_int_equal(with("\"port\"", "0"), ASG_ERR_RANGE);
    assert_int_equal(with("\"port\"", "65535"), ASG_OK);
    assert_int_equal(with("\"port\"", "65536"), ASG_ERR_RANGE);
    assert_int_equal(with("\"idle_timeout_ms\"", "0"), ASG_ERR_RANGE);
    assert_int_equal(with("\"idle_timeout_ms\"", "3600000"), ASG_OK);
    assert_int_equal(with("\"idle_timeout_ms\"", "3600001"), ASG_ERR_RANGE);
    assert_int_equal(with("\"name\"", "\"\""), ASG_ERR_RANGE);
    assert_int_equal(with("\"data_classes\"", "[\"public\",\"other\"]"),
                     ASG_ERR_SYNTAX);
    assert_int_equal(with("\"kind\"", "\"other\""), ASG_ERR_SYNTAX);
    assert_int_equal(with("\"scheme\"", "\"ftp\""), ASG_ERR_SYNTAX);
    assert_int_equal(with("\"paths\"", "{\"chat\":\"v1\"}"), ASG_ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_used_to_the_byte),
        cmocka_unit_test(betas_are_few_plain_words),
        cmocka_unit_test(no_member_can_be_absent),
        cmocka_unit_test(no_member_can_be_of_another_kind),
        cmocka_unit_test(an_index_points_into_its_list),
        cmocka_unit_test(numbers_and_names_have_bounds)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
