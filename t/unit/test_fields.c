/*
 * The tables of fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/fields.h"

static const asg_field_t *find(asg_object_t object, asg_api_t api,
    const char *name)
{
    return asg_field_find(object, api, asg_str_z(name));
}

static void each_api_has_a_name(void **state)
{
    (void) state;
    assert_string_equal(asg_api_name(ASG_API_CHAT), "chat/completions");
    assert_string_equal(asg_api_name(ASG_API_COMPLETIONS), "completions");
    assert_string_equal(asg_api_name(ASG_API_EMBEDDINGS), "embeddings");
    assert_string_equal(asg_api_name(ASG_API_GATEWAY), "gateway/chat");
    assert_string_equal(asg_api_name(ASG_API_MESSAGES), "messages");
    assert_string_equal(asg_api_name(ASG_API_COUNT_TOKENS),
                        "messages/count_tokens");
    assert_string_equal(asg_api_name(ASG_API_COUNT), "unknown");
}

static void a_field_belongs_to_its_apis_only(void **state)
{
    static const struct {
        const char *name;
        unsigned apis;
    } rows[] = {
        {"model", 15}, {"user", 15}, {"messages", 9}, {"prompt", 2},
        {"input", 4}, {"max_tokens", 11}, {"stream", 11}, {"tools", 9},
        {"data_class", 8}, {"best_of", 2}, {"dimensions", 4},
        {"metadata", 9}, {"web_search_options", 0}, {"api_base", 0},
        {"x", 0},
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (unsigned api = 0; api < ASG_API_MESSAGES; api++) {
            const asg_field_t *f = find(ASG_OBJECT_TOP, (asg_api_t) api,
                                        rows[i].name);
            bool known = f != NULL && f->value != 0
                         && f->note != ASG_NOTE_UNKNOWN;

            assert_int_equal(known, rows[i].apis >> api & 1);
        }
    }
}

static void the_messages_api_has_a_table_of_its_own(void **state)
{
    static const struct {
        const char *name;
        bool messages;
        bool count;
    } rows[] = {
        {"model", true, true}, {"system", true, true},
        {"max_tokens", true, false}, {"metadata", true, false},
        {"stream", true, false}, {"thinking", true, true},
        {"tools", true, true}, {"n", false, false}, {"user", false, false},
        {"mcp_servers", false, false}, {"inference_geo", false, false},
        {"api_base", false, false}, {"stream_options", false, false},
    };

    (void) state;
    assert_int_equal(asg_field_top(ASG_API_GATEWAY), ASG_OBJECT_TOP);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (unsigned count = 0; count < 2; count++) {
            asg_api_t api = count ? ASG_API_COUNT_TOKENS : ASG_API_MESSAGES;
            const asg_field_t *f = find(asg_field_top(api), api, rows[i].name);
            bool known = f != NULL && f->value != 0
                         && f->note != ASG_NOTE_UNKNOWN;

            assert_int_equal(known, count ? rows[i].count : rows[i].messages);
        }
    }
}

static void a_name_can_mean_another_kind_in_another_api(void **state)
{
    (void) state;
    assert_int_equal(find(ASG_OBJECT_TOP, ASG_API_CHAT, "logprobs")->value,
                     ASG_FIELD_BOOLEAN);
    assert_int_equal(
        find(ASG_OBJECT_TOP, ASG_API_COMPLETIONS, "logprobs")->value,
        ASG_FIELD_INTEGER);
}

static void patterns_fit_a_front_or_an_end(void **state)
{
    (void) state;
    assert_int_equal(find(ASG_OBJECT_METADATA, 0, "user_api_key")->value, 0);
    assert_int_equal(find(ASG_OBJECT_METADATA, 0, "user_api_key_x")->value, 0);
    assert_int_equal(find(ASG_OBJECT_METADATA, 0, "my_fallbacks")->value, 0);
    assert_int_equal(find(ASG_OBJECT_METADATA, 0, "user_api")->value,
                     ASG_FIELD_STRING | ASG_FIELD_TEXT);
    assert_int_equal(find(ASG_OBJECT_METADATA, 0, "fallbacks_x")->value,
                     ASG_FIELD_STRING | ASG_FIELD_TEXT);
    assert_int_equal(find(ASG_OBJECT_METADATA, 0, "")->value,
                     ASG_FIELD_STRING | ASG_FIELD_TEXT);
    assert_null(find(ASG_OBJECT_MESSAGE, 0, ""));
    assert_null(find(ASG_OBJECT_MESSAGE, 0, "role*"));
}

/* what core/request relies on */
static void check_line(const asg_field_t *f, bool first_is_catch_all)
{
    bool holds = (f->value | f->items)
                 & (ASG_FIELD_OBJECT | ASG_FIELD_LIST);

    assert_false(first_is_catch_all);
    assert_int_equal(strlen(f->name), f->len);
    assert_true(f->len > 0 && f->apis != 0);
    assert_true(f->inside < ASG_OBJECT_COUNT);
    if (f->value & ASG_FIELD_OBJECT) {
        assert_int_not_equal(f->inside, ASG_OBJECT_NOTHING);
    }
    if (f->items & ASG_FIELD_OBJECT) {
        assert_int_not_equal(f->inside, ASG_OBJECT_NOTHING);
    }
    if (!holds) {
        assert_int_equal(f->inside, ASG_OBJECT_NOTHING);
    }
    if (f->value & ASG_FIELD_REQUIRED) {
        assert_false(asg_field_is_pattern(f));
    }
    if (f->words != NULL) {
        assert_true((f->value | f->items) & ASG_FIELD_STRING);
        assert_non_null(f->words[0]);
    }
}

static void the_tables_keep_their_own_rules(void **state)
{
    (void) state;
    for (unsigned o = ASG_OBJECT_OPAQUE + 1; o < ASG_OBJECT_COUNT; o++) {
        const asg_field_t *f;
        bool ended = false;
        unsigned i = 0;

        for (; (f = asg_field_at((asg_object_t) o, i)) != NULL; i++) {
            check_line(f, ended);
            ended = strcmp(f->name, "*") == 0;
        }
        assert_true(i > 0 && i <= ASG_OBJECT_FIELDS_MAX);
    }
    assert_null(asg_field_at(ASG_OBJECT_OPAQUE, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_api_has_a_name),
        cmocka_unit_test(a_field_belongs_to_its_apis_only),
        cmocka_unit_test(the_messages_api_has_a_table_of_its_own),
        cmocka_unit_test(a_name_can_mean_another_kind_in_another_api),
        cmocka_unit_test(patterns_fit_a_front_or_an_end),
        cmocka_unit_test(the_tables_keep_their_own_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
