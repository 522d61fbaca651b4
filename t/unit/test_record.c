/* core/record.h: key and project records, as in docs/formats.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/record.h"

#define KEY_HEAD  "{\"f\":1,\"v\":7,\"key\":\"k-1\",\"pepper\":\"p1\","      \
    "\"prefix\":\"asg_0123abcd\",\"name\":\"ci\",\"project\":\"proj-1\","
#define KEY_TAIL  ",\"aliases\":null" KEY_END
#define KEY_END   ",\"budget\":1,\"expires\":5,\"revoked\":0}"
#define KEY       KEY_HEAD "\"models\":null" KEY_TAIL
#define PROJECT   "{\"f\":1,\"v\":3,\"project\":\"proj-1\",\"part\":7,"      \
    "\"state\":\"active\",\"killed\":0,\"data_class\":\"internal\","        \
    "\"aliases\":null}"

static asg_json_t json;
static asg_key_record_t key;
static asg_project_record_t project;

static asg_err_t read_key(const char *text)
{
    return asg_record_key_read(&json, asg_str_z(text), &key);
}

static asg_err_t read_project(const char *text)
{
    return asg_record_project_read(&json, asg_str_z(text), &project);
}

/* `text` with the first `from` replaced by `to`. */
static const char *with(const char *text, const char *from, const char *to)
{
    static char out[1024];
    const char *at = strstr(text, from);

    assert_non_null(at);
    snprintf(out, sizeof(out), "%.*s%s%s", (int) (at - text), text, to,
             at + strlen(from));
    return out;
}

static void a_key_record_is_read_and_written_the_same(void **state)
{
    char text[2 * sizeof(KEY)];
    asg_buf_t out;

    (void) state;
    assert_int_equal(read_key(KEY), ASG_OK);
    assert_int_equal(key.version, 7);
    assert_string_equal(key.key_id, "k-1");
    assert_string_equal(key.project_id, "proj-1");
    assert_string_equal(key.prefix, "asg_0123abcd");
    assert_int_equal(key.expires, 5);
    assert_true(key.budgeted && key.all_models && !key.revoked);
    asg_buf_init(&out, text, sizeof(text));
    assert_int_equal(asg_record_key_write(&out, &key, ASG_STR("p1"),
                                          ASG_STR("ci")), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out), KEY));
    asg_buf_init(&out, text, sizeof(KEY) - 2);
    assert_int_equal(asg_record_key_write(&out, &key, ASG_STR("p1"),
                                          ASG_STR("ci")), ASG_ERR_SPACE);
}

static void a_model_list_allows_what_it_names(void **state)
{
    static const char list[] = KEY_HEAD
        "\"models\":[\"model:default/a\",\"b\\u002d\\\"c\"]" KEY_TAIL;
    char text[2 * sizeof(list)];
    asg_buf_t out;
    asg_str_t none = ASG_STR("z");

    (void) state;
    assert_int_equal(read_key(list), ASG_OK);
    assert_false(key.all_models);
    assert_true(asg_record_allows(&key, ASG_STR("model:default/a"), none));
    assert_true(asg_record_allows(&key, none, ASG_STR("b-\"c")));
    assert_false(asg_record_allows(&key, none, none));
    assert_false(asg_record_allows(&key, none, ASG_STR("b-\"")));
    assert_false(asg_record_allows(&key, none, ASG_STR("")));
    assert_false(asg_record_allows(&key, ASG_STR_NULL, ASG_STR_NULL));
    asg_buf_init(&out, text, sizeof(text));
    assert_int_equal(asg_record_key_write(&out, &key, ASG_STR("p1"),
                                          ASG_STR("ci")), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out),
                             with(list, "\\u002d", "-")));

    assert_int_equal(read_key(KEY_HEAD "\"models\":[]" KEY_TAIL), ASG_OK);
    assert_false(asg_record_allows(&key, none, none));
    assert_int_equal(read_key(KEY), ASG_OK);
    assert_true(asg_record_allows(&key, none, none));
}

static asg_err_t read_list(unsigned n, const char *name)
{
    static char text[8192];
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));
    asg_buf_z(&b, KEY_HEAD "\"models\":[");
    for (unsigned i = 0; i < n; i++) {
        asg_buf_z(&b, i > 0 ? "," : "");
        asg_buf_json(&b, asg_str_z(name));
    }
    asg_buf_z(&b, "]" KEY_TAIL);
    assert_true(asg_buf_ok(&b));
    return asg_record_key_read(&json, asg_buf_view(&b), &key);
}

static void a_model_list_is_bounded(void **state)
{
    char name[251];

    (void) state;
    assert_int_equal(read_list(ASG_RECORD_MODELS_MAX, "m"), ASG_OK);
    assert_int_equal(read_list(ASG_RECORD_MODELS_MAX + 1, "m"), ASG_ERR_LIMIT);
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    /* nine of them are more than the record holds */
    assert_int_equal(read_list(8, name), ASG_OK);
    assert_int_equal(read_list(9, name), ASG_ERR_LIMIT);
}

static void a_bad_key_record_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
        asg_err_t rc;
    } cases[] = {
        {"\"f\":1", "\"f\":2", ASG_ERR_VERSION},
        {"\"f\":1,", "", ASG_ERR_MISSING},
        {"\"v\":7,", "", ASG_ERR_MISSING},
        {"\"v\":7", "\"v\":-7", ASG_ERR_RANGE},
        {"\"v\":7", "\"v\":7.0", ASG_ERR_RANGE},
        {"\"v\":7", "\"v\":\"7\"", ASG_ERR_SYNTAX},
        {"\"v\":7", "\"v\":7,\"v\":8", ASG_ERR_SYNTAX},
        {"\"key\":\"k-1\",", "", ASG_ERR_MISSING},
        {"k-1", "", ASG_ERR_RANGE},
        {"k-1", "k:1", ASG_ERR_RANGE},
        {"k-1", "k\\u002d1", ASG_ERR_SYNTAX},
        {"\"k-1\"", "null", ASG_ERR_SYNTAX},
        {"asg_0123abcd", "asg_0123abcde", ASG_ERR_RANGE},
        {"\"models\":null,", "", ASG_ERR_MISSING},
        {"null", "\"all\"", ASG_ERR_SYNTAX},
        {"null", "[1]", ASG_ERR_SYNTAX},
        {"null", "[\"\"]", ASG_ERR_RANGE},
        {"null", "[\"a\\nb\"]", ASG_ERR_RANGE},
        {"\"budget\":1", "\"budget\":2", ASG_ERR_RANGE},
        {"\"budget\":1", "\"budget\":true", ASG_ERR_SYNTAX},
        {"\"revoked\":0", "\"revoked\":null", ASG_ERR_SYNTAX},
        {",\"revoked\":0", "", ASG_ERR_MISSING},
        {"\"expires\":5", "\"expires\":9223372036854775808", ASG_ERR_RANGE},
        {"}", "", ASG_ERR_SYNTAX}, {"}", "}}", ASG_ERR_SYNTAX},
        {"{\"f\"", "[\"f\"", ASG_ERR_SYNTAX}
    };
    asg_key_record_t before;

    (void) state;
    memset(&key, 0x5a, sizeof(key));
    before = key;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *text = with(KEY, cases[i].from, cases[i].to);

        if (read_key(text) != cases[i].rc) {
            fail_msg("%s", text);
        }
        assert_memory_equal(&key, &before, sizeof(key));
    }
    /* members of a newer writer are no reason to refuse */
    assert_int_equal(read_key(with(KEY, "}", ",\"new\":[{\"f\":9}]}")),
                     ASG_OK);
}

static void a_long_record_is_refused_unread(void **state)
{
    static char text[ASG_RECORD_BYTES_MAX + 1];

    (void) state;
    memset(text, ' ', sizeof(text));
    memcpy(text, PROJECT, strlen(PROJECT));
    assert_int_equal(asg_record_project_read(&json,
        (asg_str_t) {text, sizeof(text) - 1}, &project), ASG_OK);
    assert_int_equal(asg_record_project_read(&json,
        (asg_str_t) {text, sizeof(text)}, &project), ASG_ERR_LIMIT);
}

static void a_project_record_is_read_and_written_the_same(void **state)
{
    char text[2 * sizeof(PROJECT)];
    asg_buf_t out;

    (void) state;
    assert_int_equal(read_project(PROJECT), ASG_OK);
    assert_int_equal(project.version, 3);
    assert_string_equal(project.project_id, "proj-1");
    assert_int_equal(project.partition, 7);
    assert_int_equal(project.state, ASG_PROJECT_ACTIVE);
    assert_int_equal(project.data_class, ASG_DATA_INTERNAL);
    assert_false(project.killed);
    asg_buf_init(&out, text, sizeof(text));
    assert_int_equal(asg_record_project_write(&out, &project), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out), PROJECT));
    project.partition = ASG_PARTITIONS;
    assert_int_equal(asg_record_project_write(&out, &project), ASG_ERR_RANGE);
}

static void a_key_may_have_budgets_for_models(void **state)
{
    static const char with_budgets[] = "\"budget\":1,\"model_budgets\":"
        "{\"gpt-5.1\":\"m.0123456789abcdef\",\"a b\":\"m.1\"}";
    const char *text = with(KEY, "\"budget\":1", with_budgets);
    char written[ASG_RECORD_BYTES_MAX];
    asg_str_t rest, name, budget;
    asg_buf_t out;

    (void) state;
    assert_int_equal(asg_record_key_read(&json, asg_str_z(text), &key),
                     ASG_OK);
    rest = asg_record_key_budgets(&key);
    assert_true(asg_alias_next(&rest, &name, &budget));
    assert_true(asg_str_eq_z(name, "gpt-5.1"));
    assert_true(asg_str_eq_z(budget, "m.0123456789abcdef"));
    asg_buf_init(&out, written, sizeof(written));
    assert_int_equal(asg_record_key_write(&out, &key, ASG_STR("p1"),
                                          ASG_STR("ci")), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out), text));
    assert_int_equal(asg_record_key_read(&json, asg_str_z(with(KEY,
        "\"budget\":1", "\"budget\":1,\"model_budgets\":{\"x\":\"m:1\"}")),
        &key), ASG_ERR_RANGE);
}

/* The budget of the group is named beside it; either may be missing. */
static void a_project_may_be_in_a_group(void **state)
{
    static const char with_group[] = "\"data_class\":\"internal\",\"fit\":1,"
        "\"group\":\"platform\",\"group_budget\":\"g.0123456789abcdef\","
        "\"end_users\":\"e.0123456789abcdef\"";
    const char *text = with(PROJECT, "\"data_class\":\"internal\"",
                            with_group);
    char written[ASG_RECORD_BYTES_MAX];
    asg_buf_t out;

    (void) state;
    assert_int_equal(read_project(text), ASG_OK);
    assert_true(project.fits);
    assert_string_equal(project.group, "platform");
    assert_string_equal(project.group_budget, "g.0123456789abcdef");
    assert_string_equal(project.end_users, "e.0123456789abcdef");
    asg_buf_init(&out, written, sizeof(written));
    assert_int_equal(asg_record_project_write(&out, &project), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out), text));
    assert_int_equal(read_project(with(PROJECT, "\"killed\"",
        "\"group_budget\":\"g.0123456789abcdef0\",\"killed\"")),
        ASG_ERR_RANGE);
    assert_int_equal(read_project(PROJECT), ASG_OK);
    assert_string_equal(project.group, "");
}

static void a_bad_project_record_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
        asg_err_t rc;
    } cases[] = {
        {"\"f\":1", "\"f\":0", ASG_ERR_VERSION},
        {"\"part\":7", "\"part\":16", ASG_ERR_RANGE},
        {"\"part\":7", "\"part\":4294967303", ASG_ERR_RANGE},
        {"active", "Active", ASG_ERR_SYNTAX},
        {"\"killed\":0,", "", ASG_ERR_MISSING},
        {"internal", "secret", ASG_ERR_SYNTAX},
        {"proj-1", "a b", ASG_ERR_RANGE}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *text = with(PROJECT, cases[i].from, cases[i].to);

        if (read_project(text) != cases[i].rc) {
            fail_msg("%s", text);
        }
    }
}

static void names_and_numbers_go_both_ways(void **state)
{
    (void) state;
    for (unsigned i = 0; i < ASG_DATA_COUNT; i++) {
        asg_data_class_t c;

        assert_int_equal(asg_data_class_parse(
            asg_str_z(asg_data_class_name((asg_data_class_t) i)), &c), ASG_OK);
        assert_int_equal(c, i);
    }
    for (unsigned i = 0; i < 4; i++) {
        const char *name = asg_project_state_name((asg_project_state_t) i);

        assert_int_equal(read_project(with(PROJECT, "active", name)), ASG_OK);
        assert_int_equal(project.state, i);
        assert_int_equal(asg_project_is_live(project.state), i < 2);
    }
}

#define ALIASED(aliases)                                                    \
    "{\"f\":1,\"v\":3,\"project\":\"proj-1\",\"part\":7,"                     \
    "\"state\":\"active\",\"killed\":0,\"data_class\":\"internal\","         \
    "\"aliases\":" aliases "}"

static void a_project_has_names_of_its_own(void **state)
{
    static const char text[] =
        ALIASED("{\"default\":\"model:v/llama\",\"fa\\u0073t\":\"gpt\"}");
    asg_project_record_t record;
    char bytes[ASG_RECORD_BYTES_MAX];
    asg_str_t rest, name, target;
    asg_buf_t out;

    (void) state;
    assert_int_equal(asg_record_project_read(&json, asg_str_z(text), &record),
                     ASG_OK);
    rest = asg_record_aliases(&record);
    assert_true(asg_str_eq_z(asg_alias_find(rest, ASG_STR("default")),
                             "model:v/llama"));
    assert_true(asg_str_eq_z(asg_alias_find(rest, ASG_STR("fast")), "gpt"));
    assert_null(asg_alias_find(rest, ASG_STR("gpt")).data);
    assert_null(asg_alias_find(rest, ASG_STR("")).data);
    assert_true(asg_alias_next(&rest, &name, &target));
    assert_true(asg_alias_next(&rest, &name, &target));
    assert_true(asg_str_eq_z(name, "fast"));
    assert_false(asg_alias_next(&rest, &name, &target));
    asg_buf_init(&out, bytes, sizeof(bytes));
    assert_int_equal(asg_record_project_write(&out, &record), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out),
        ALIASED("{\"default\":\"model:v/llama\",\"fast\":\"gpt\"}")));
}

static void names_of_a_project_are_bounded(void **state)
{
    static const char *const wrong[] = {
        ALIASED("[]"), ALIASED("\"a\""), ALIASED("{\"a\":1}"),
        ALIASED("{\"a\":null}"), ALIASED("{\"\":\"b\"}"),
        ALIASED("{\"a\":\"\"}"), ALIASED("{\"a\":\"b\\nc\"}"),
        ALIASED("{\"a\":\"b\",\"a\":\"c\"}")
    };
    asg_project_record_t record = {0};
    char name[16], packed[ASG_ALIASES_BYTES];
    asg_buf_t aliases;
    unsigned n = 0;

    (void) state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        if (asg_record_project_read(&json, asg_str_z(wrong[i]), &record)
            == ASG_OK)
        {
            fail_msg("%s", wrong[i]);
        }
    }
    asg_buf_init(&aliases, packed, sizeof(packed));
    do {
        snprintf(name, sizeof(name), "n%u", n);
    } while (n++ < 1000 && asg_alias_add(&aliases, asg_str_z(name),
                                         ASG_STR("target")));
    assert_in_range(n, 80, 200);
    assert_in_range(aliases.len, ASG_ALIASES_BYTES - 16, ASG_ALIASES_BYTES);
    assert_false(asg_alias_add(&aliases, ASG_STR("n1"), ASG_STR("x")));
}

/* Its own names go before the project's, and may stand for one of those. */
static void a_key_has_names_of_its_own(void **state)
{
    static const char text[] = KEY_HEAD "\"models\":[\"a\",\"b\"],"
        "\"aliases\":{\"default\":\"one\",\"mine\":\"fast\"}" KEY_END;
    static const char *const means[][2] = {
        {"default", "one"}, {"mine", "gpt"}, {"fast", "gpt"}, {"a", NULL}
    };
    char bytes[ASG_RECORD_BYTES_MAX];
    asg_buf_t out;

    (void) state;
    assert_int_equal(read_project(
        ALIASED("{\"default\":\"two\",\"fast\":\"gpt\"}")), ASG_OK);
    /* whichever of the two lists comes first */
    assert_int_equal(read_key(KEY_HEAD "\"aliases\":{\"default\":\"one\","
        "\"mine\":\"fast\"},\"models\":[\"a\",\"b\"]" KEY_END), ASG_OK);
    assert_true(asg_record_allows(&key, ASG_STR("a"), ASG_STR("x")));
    assert_false(asg_record_allows(&key, ASG_STR("one"), ASG_STR("x")));
    for (size_t i = 0; i < sizeof(means) / sizeof(*means); i++) {
        asg_str_t is = asg_record_alias(&key, &project,
                                        asg_str_z(means[i][0]));

        if (means[i][1] == NULL ? is.data != NULL
            : !asg_str_eq_z(is, means[i][1]))
        {
            fail_msg("%s", means[i][0]);
        }
    }
    asg_buf_init(&out, bytes, sizeof(bytes));
    assert_int_equal(asg_record_key_write(&out, &key, ASG_STR("p1"),
                                          ASG_STR("ci")), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&out), text));
}

static void limits_are_read_and_written_where_there_are_any(void **state)
{
    char text[2 * sizeof(KEY)];
    const char *limited = with(KEY, "\"revoked\":0",
        "\"revoked\":0,\"rpm\":0,\"parallel\":3");
    asg_buf_t out;

    (void) state;
    assert_int_equal(read_key(KEY), ASG_OK);
    assert_int_equal(key.limits.set, 0);
    assert_int_equal(read_key(limited), ASG_OK);
    assert_true(asg_limits_has(&key.limits, ASG_LIMIT_REQUESTS));
    assert_false(asg_limits_has(&key.limits, ASG_LIMIT_TOKENS));
    assert_int_equal(key.limits.most[ASG_LIMIT_PARALLEL], 3);
    asg_buf_init(&out, text, sizeof(text));
    assert_int_equal(asg_record_key_write(&out, &key, ASG_STR("p1"),
                                          ASG_STR("ci")), ASG_OK);
    assert_true(asg_str_eq(asg_buf_view(&out), asg_str_z(limited)));
    assert_int_equal(read_key(with(KEY, "\"revoked\":0",
        "\"revoked\":0,\"tpm\":1000000001")), ASG_ERR_RANGE);
    assert_int_not_equal(read_key(with(KEY, "\"revoked\":0",
        "\"revoked\":0,\"tpm\":-1")), ASG_OK);
    assert_int_equal(read_project(with(PROJECT, "\"aliases\":null",
        "\"aliases\":null,\"tpm\":9")), ASG_OK);
    assert_int_equal(project.limits.most[ASG_LIMIT_TOKENS], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_read_and_written_where_there_are_any),
        cmocka_unit_test(a_key_record_is_read_and_written_the_same),
        cmocka_unit_test(a_model_list_allows_what_it_names),
        cmocka_unit_test(a_model_list_is_bounded),
        cmocka_unit_test(a_bad_key_record_is_refused),
        cmocka_unit_test(a_long_record_is_refused_unread),
        cmocka_unit_test(a_project_record_is_read_and_written_the_same),
        cmocka_unit_test(a_key_may_have_budgets_for_models),
        cmocka_unit_test(a_project_may_be_in_a_group),
        cmocka_unit_test(a_bad_project_record_is_refused),
        cmocka_unit_test(a_project_has_names_of_its_own),
        cmocka_unit_test(a_key_has_names_of_its_own),
        cmocka_unit_test(names_of_a_project_are_bounded),
        cmocka_unit_test(names_and_numbers_go_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
