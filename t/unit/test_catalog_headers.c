/* core/catalog_headers.h: which headers a manifest may add, and which are ours
 * or carry a secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/catalog_headers.h"

static void what_frames_or_proves_is_not_free(void **state)
{
    static const char *const taken[] = {
        "Host", "content-length", "Content-Type", "Transfer-Encoding",
        "connection", "TE", "Trailer", "Upgrade", "expect", "AUTHORIZATION",
        "Proxy-Authorization", "Cookie", "api-key", "X-Api-Key",
        "anthropic-version", "", "a b", "a:b", "a\r\nb", "caf\xc3\xa9", "a_b"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
        if (asg_catalog_header_name_is_free(asg_str_z(taken[i]))) {
            fail_msg("%s", taken[i]);
        }
    }
    assert_true(asg_catalog_header_name_is_free(ASG_STR("X-Objective")));
    assert_true(asg_catalog_header_name_is_free(ASG_STR("hosts")));
}

static void a_name_and_a_value_have_their_length(void **state)
{
    char text[257];

    (void) state;
    memset(text, 'x', sizeof(text));
    assert_true(asg_catalog_header_name_is_free((asg_str_t) {text, 64}));
    assert_false(asg_catalog_header_name_is_free((asg_str_t) {text, 65}));
    assert_true(asg_catalog_header_value_is_clean((asg_str_t) {text, 256}));
    assert_false(asg_catalog_header_value_is_clean((asg_str_t) {text, 257}));
    assert_false(asg_catalog_header_value_is_clean(ASG_STR("")));
}

static void a_value_ends_no_line(void **state)
{
    (void) state;
    assert_true(asg_catalog_header_value_is_clean(ASG_STR("a b; c=d")));
    assert_false(asg_catalog_header_value_is_clean(ASG_STR("a\r\nX: b")));
    assert_false(asg_catalog_header_value_is_clean(ASG_STR("a\tb")));
    assert_false(asg_catalog_header_value_is_clean(ASG_STR("a\"b")));
    assert_false(asg_catalog_header_value_is_clean(ASG_STR("a\\b")));
    assert_false(asg_catalog_header_value_is_clean(ASG_STR("\xc3\xa9")));
}

static asg_err_t reads(const char *json, asg_header_t *out, unsigned *n)
{
    static asg_json_t reader;

    *n = 0;
    asg_json_begin(&reader, asg_str_z(json), 1);
    return asg_catalog_headers_read(&reader, out, n);
}

static void a_list_is_read_or_refused_whole(void **state)
{
    asg_header_t list[ASG_CATALOG_HEADERS_MAX];
    char json[4096];
    asg_buf_t many;
    unsigned n;

    (void) state;
    assert_int_equal(reads("[]", list, &n), ASG_OK);
    assert_int_equal(n, 0);
    assert_int_equal(reads("[{\"name\":\"x-a\",\"value\":\"1\"},"
        "{\"name\":\"x-b\",\"value\":\"{project}\"}]", list, &n), ASG_OK);
    assert_int_equal(n, 2);
    assert_true(asg_str_eq_z(list[1].name, "x-b"));
    assert_int_equal(reads("[{\"name\":\"cookie\",\"value\":\"1\"}]", list,
                           &n), ASG_ERR_RANGE);
    assert_int_equal(reads("[{\"name\":\"x-a\",\"value\":\"\"}]", list, &n),
                     ASG_ERR_RANGE);
    assert_int_not_equal(reads("[{\"name\":\"x-a\"}]", list, &n), ASG_OK);
    assert_int_not_equal(reads("{}", list, &n), ASG_OK);
    asg_buf_init(&many, json, sizeof(json) - 1);
    for (unsigned i = 0; i <= ASG_CATALOG_HEADERS_MAX; i++) {
        asg_buf_z(&many, i > 0 ? "," : "[");
        asg_buf_z(&many, "{\"name\":\"x\",\"value\":\"1\"}");
    }
    asg_buf_z(&many, "]");
    json[many.len] = '\0';
    assert_int_equal(reads(json, list, &n), ASG_ERR_LIMIT);
}

static void the_project_stands_in_for_its_mark_alone(void **state)
{
    (void) state;
    assert_true(asg_str_eq_z(asg_catalog_header_value(ASG_STR("{project}"),
                ASG_STR("p1")), "p1"));
    assert_true(asg_str_eq_z(asg_catalog_header_value(ASG_STR("a {project}"),
                ASG_STR("p1")), "a {project}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_frames_or_proves_is_not_free),
        cmocka_unit_test(a_name_and_a_value_have_their_length),
        cmocka_unit_test(a_value_ends_no_line),
        cmocka_unit_test(a_list_is_read_or_refused_whole),
        cmocka_unit_test(the_project_stands_in_for_its_mark_alone)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
