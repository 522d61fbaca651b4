/* core/alias.h: names of one's own for models, packed and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/alias.h"

static asg_err_t reads(const char *json, const char *expected)
{
    static asg_json_t reader;
    char text[ASG_ALIASES_BYTES];
    asg_buf_t out;
    asg_err_t rc;

    asg_buf_init(&out, text, sizeof(text));
    asg_json_begin(&reader, asg_str_z(json), 1);
    rc = asg_alias_read(&reader, &out);
    if (rc == ASG_OK) {
        assert_true(asg_str_eq_z(asg_buf_view(&out), expected));
    }
    return rc;
}

static void writes(const char *packed, const char *expected)
{
    char text[2 * ASG_ALIASES_BYTES];
    asg_buf_t out;

    asg_buf_init(&out, text, sizeof(text));
    asg_alias_write(&out, asg_str_z(packed));
    assert_true(asg_str_eq_z(asg_buf_view(&out), expected));
}

static void an_object_is_packed_and_written_again(void **state)
{
    (void) state;
    assert_int_equal(reads("null", ""), ASG_OK);
    assert_int_equal(reads("{}", ""), ASG_OK);
    assert_int_equal(reads("{\"fast\":\"gpt\",\"a\\u0062\":\"c\"}",
                           "fast\ngpt\nab\nc\n"), ASG_OK);
    writes("", "null");
    writes("fast\ngpt\nab\nc\n", "{\"fast\":\"gpt\",\"ab\":\"c\"}");
    writes("q\"\nt\\\n", "{\"q\\\"\":\"t\\\\\"}");
}

static void what_is_no_name_is_refused(void **state)
{
    (void) state;
    assert_int_not_equal(reads("[]", ""), ASG_OK);
    assert_int_not_equal(reads("{\"a\":1}", ""), ASG_OK);
    assert_int_not_equal(reads("{\"\":\"b\"}", ""), ASG_OK);
    assert_int_not_equal(reads("{\"a\":\"\"}", ""), ASG_OK);
    assert_int_not_equal(reads("{\"a\\n\":\"b\"}", ""), ASG_OK);
    assert_int_not_equal(reads("{\"a\":\"b\\u0000\"}", ""), ASG_OK);
    assert_int_not_equal(reads("{\"a\":\"b\",\"a\":\"c\"}", ""), ASG_OK);
    assert_int_not_equal(reads("{\"a\":\"b\"", ""), ASG_OK);
}

static void a_name_is_found_whole(void **state)
{
    asg_str_t packed = ASG_STR("fast\ngpt\nfaster\nclaude\n");

    (void) state;
    assert_true(asg_str_eq_z(asg_alias_find(packed, ASG_STR("fast")), "gpt"));
    assert_true(asg_str_eq_z(asg_alias_find(packed, ASG_STR("faster")),
                             "claude"));
    assert_null(asg_alias_find(packed, ASG_STR("fas")).data);
    assert_null(asg_alias_find(packed, ASG_STR("gpt")).data);
    assert_null(asg_alias_find(ASG_STR(""), ASG_STR("fast")).data);
}

static void a_name_stands_once(void **state)
{
    char text[64];
    asg_buf_t list;

    (void) state;
    asg_buf_init(&list, text, sizeof(text));
    assert_true(asg_alias_add(&list, ASG_STR("a"), ASG_STR("b")));
    assert_false(asg_alias_add(&list, ASG_STR("a"), ASG_STR("c")));
    assert_false(asg_alias_add(&list, ASG_STR(""), ASG_STR("c")));
    assert_false(asg_alias_add(&list, ASG_STR("d\n"), ASG_STR("c")));
    assert_true(asg_str_eq_z(asg_buf_view(&list), "a\nb\n"));
}

static void what_does_not_fit_changes_nothing(void **state)
{
    char text[8], name[ASG_ALIAS_NAME_MAX + 1];
    asg_buf_t list;

    (void) state;
    asg_buf_init(&list, text, sizeof(text));
    assert_true(asg_alias_add(&list, ASG_STR("a"), ASG_STR("b")));
    assert_false(asg_alias_add(&list, ASG_STR("long"), ASG_STR("er")));
    assert_true(asg_alias_add(&list, ASG_STR("c"), ASG_STR("d")));
    assert_true(asg_str_eq_z(asg_buf_view(&list), "a\nb\nc\nd\n"));
    memset(name, 'n', sizeof(name));
    assert_true(asg_alias_is_model_name((asg_str_t) {name, sizeof(name) - 1}));
    assert_false(asg_alias_is_model_name((asg_str_t) {name, sizeof(name)}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_packed_and_written_again),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(a_name_is_found_whole),
        cmocka_unit_test(a_name_stands_once),
        cmocka_unit_test(what_does_not_fit_changes_nothing)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
