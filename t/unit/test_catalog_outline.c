/*
 * core/catalog_outline.h: where the parts of a snapshot stand, and what is not
 * one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/catalog_outline.h"

#define NUMBERS "\"format\":2,\"version\":7,\"created\":8,\"max_age_s\":9"
#define LISTS   "\"endpoints\":[],\"models\":[],\"names\":[]"

static asg_json_t json = {.seed = 1};
static asg_outline_t outline;

static asg_err_t outlined(const char *text)
{
    return asg_outline_read(&json, asg_str_z(text), &outline);
}

static void a_body_has_its_parts_in_any_order(void **state)
{
    (void) state;
    assert_int_equal(outlined(" {\"names\": [ {\"a]\":\"}\\\"\"} , {} ],\n"
        "\"later\":{\"x\":[1,{}]}," NUMBERS ",\"models\":[ ],"
        "\"endpoints\":[[1,2],\"a,b\",null]} "), ASG_OK);
    assert_int_equal(outline.version, 7);
    assert_int_equal(outline.created, 8);
    assert_int_equal(outline.max_age_s, 9);
    assert_int_equal(outline.nendpoints, 3);
    assert_int_equal(outline.nmodels, 0);
    assert_int_equal(outline.nnames, 2);
    assert_true(asg_str_eq_z(outline.models, "[ ]"));
}

static void elements_come_one_at_a_time(void **state)
{
    static const char *const should[] = {"[1,2]", "\"a,b\"", "null",
        "{\"}\":1}"};
    asg_str_t rest = ASG_STR("[[1,2],\"a,b\" , null,{\"}\":1} ]");
    asg_str_t element;

    (void) state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(asg_outline_next(&rest, &element));
        assert_true(asg_str_eq_z(element, should[i]));
    }
    assert_false(asg_outline_next(&rest, &element));
    rest = ASG_STR("[]");
    assert_false(asg_outline_next(&rest, &element));
}

static void what_is_wrong_has_its_name(void **state)
{
    (void) state;
    assert_int_equal(outlined("{" NUMBERS "," LISTS "}"), ASG_OK);
    assert_int_equal(outlined("{" NUMBERS ",\"endpoints\":[],\"models\":[]}"),
                     ASG_ERR_MISSING);
    assert_int_equal(outlined("{\"format\":2,\"version\":7,\"created\":8,"
                              LISTS "}"), ASG_ERR_MISSING);
    assert_int_equal(outlined("{\"format\":99,\"version\":7,\"created\":8,"
                              "\"max_age_s\":9," LISTS "}"), ASG_ERR_VERSION);
    assert_int_equal(outlined("{\"format\":0,\"version\":7,\"created\":8,"
                              "\"max_age_s\":9," LISTS "}"), ASG_ERR_VERSION);
    assert_int_equal(outlined("{\"format\":2,\"version\":-1,\"created\":8,"
                              "\"max_age_s\":9," LISTS "}"), ASG_ERR_RANGE);
    assert_int_equal(outlined("{\"format\":2,\"version\":1,\"created\":8,"
                              "\"max_age_s\":0," LISTS "}"), ASG_ERR_RANGE);
    assert_int_equal(outlined("{\"format\":\"2\",\"version\":1,\"created\":8,"
                              "\"max_age_s\":1," LISTS "}"), ASG_ERR_SYNTAX);
}

static void every_beginning_is_refused(void **state)
{
    static const char whole[] = "{" NUMBERS ",\"endpoints\":[{\"a\":\"b\"}],"
        "\"models\":[1 ],\"names\":[\"\\\"\"]}";
    asg_str_t body = {whole, sizeof(whole) - 1};
    static const asg_outline_t none;

    (void) state;
    assert_int_equal(asg_outline_read(&json, body, &outline), ASG_OK);
    outline = none;
    while (body.len-- > 0) {
        /* exactly as long: a reader would be seen beyond it */
        char *copy = malloc(body.len + 1);

        assert_non_null(copy);
        memcpy(copy, whole, body.len);
        assert_int_not_equal(asg_outline_read(&json,
            (asg_str_t) {copy, body.len}, &outline), ASG_OK);
        assert_memory_equal(&outline, &none, sizeof(none));
        free(copy);
    }
}

static void parts_stand_once_and_apart(void **state)
{
    static const char *const wrong[] = {
        "{" NUMBERS "," LISTS ",\"names\":[]}",
        "{" NUMBERS "," LISTS "} x",
        "{" NUMBERS "," LISTS ",}",
        "{" NUMBERS " " LISTS "}",
        "{" NUMBERS "," LISTS ",\"later\":[1,,2]}",
        "{" NUMBERS "," LISTS ",\"na\\u006des\":[]}",
        "{" NUMBERS ",\"endpoints\":[1,],\"models\":[],\"names\":[]}",
        "{" NUMBERS ",\"endpoints\":{},\"models\":[],\"names\":[]}",
        "[]", "{}x", "",
    };

    (void) state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (outlined(wrong[i]) == ASG_OK) {
            fail_msg("%s", wrong[i]);
        }
    }
}

static asg_err_t with_endpoints(unsigned n)
{
    char text[4096];
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));
    asg_buf_z(&b, "{" NUMBERS ",\"models\":[],\"names\":[],\"endpoints\":[0");
    while (--n > 0) {
        asg_buf_z(&b, ",0");
    }
    asg_buf_z(&b, "]}");
    return asg_outline_read(&json, asg_buf_view(&b), &outline);
}

static void there_is_a_bound_to_a_list_and_to_the_whole(void **state)
{
    (void) state;
    assert_int_equal(with_endpoints(ASG_CATALOG_ENDPOINTS_MAX), ASG_OK);
    assert_int_equal(outline.nendpoints, ASG_CATALOG_ENDPOINTS_MAX);
    assert_int_equal(with_endpoints(ASG_CATALOG_ENDPOINTS_MAX + 1),
                     ASG_ERR_LIMIT);
    assert_int_equal(asg_outline_read(&json, (asg_str_t) {"{}",
        (size_t) ASG_CATALOG_BYTES_MAX + 1}, &outline), ASG_ERR_LIMIT);
}

static void names_are_sorted_and_stand_once(void **state)
{
    asg_public_name_t n[3] = {{.name = ASG_STR("b")}, {.name = ASG_STR("ab")},
        {.name = ASG_STR("a")}};

    (void) state;
    assert_true(asg_catalog_sort(n, 3));
    for (unsigned i = 0; i < 3; i++) {
        asg_catalog_t c = {.names = n, .nnames = 3};

        assert_ptr_equal(asg_catalog_find(&c, n[i].name), &n[i]);
    }
    n[0].name = ASG_STR("b");
    n[2].name = ASG_STR("b");
    assert_false(asg_catalog_sort(n, 3));
    assert_true(asg_catalog_sort(n, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_has_its_parts_in_any_order),
        cmocka_unit_test(elements_come_one_at_a_time),
        cmocka_unit_test(what_is_wrong_has_its_name),
        cmocka_unit_test(every_beginning_is_refused),
        cmocka_unit_test(parts_stand_once_and_apart),
        cmocka_unit_test(there_is_a_bound_to_a_list_and_to_the_whole),
        cmocka_unit_test(names_are_sorted_and_stand_once)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
