/*
 * Refusals as the gateway tells them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/refused.h"

#define FIELDS 14

static const char *const whole[FIELDS] = {
    "k", "6f1c2a3b-0000-4000-8000-000000000001", "p", "proj-2026-0001",
    "c", "project_killed", "n", "3", "t", "tr_1", "s", "1790000000000",
    "u", "1790000000900"
};

static asg_err_t parse(const char *const *texts, size_t n, asg_refused_t *out)
{
    asg_str_t fields[ASG_REFUSED_FIELDS_MAX + 2];

    for (size_t i = 0; i < n; i++) {
        fields[i] = asg_str_z(texts[i]);
    }
    return asg_refused_parse(fields, n, out);
}

static void a_whole_entry_is_read(void **state)
{
    asg_refused_t r;

    (void) state;
    assert_int_equal(parse(whole, FIELDS, &r), ASG_OK);
    assert_true(asg_str_eq_z(r.code, "project_killed"));
    assert_true(asg_str_eq_z(r.project, "proj-2026-0001"));
    assert_true(asg_str_eq_z(r.trace, "tr_1"));
    assert_int_equal(r.count, 3);
    assert_int_equal(r.until_ms - r.since_ms, 900);
}

static void traces_of_others_may_stand_there(void **state)
{
    static const struct {
        const char *more;
        asg_err_t err;
    } cases[] = {
        {"tr_2", ASG_OK}, {"tr_2,tr_3", ASG_OK}, {"", ASG_ERR_SYNTAX},
        {"tr_2,", ASG_ERR_SYNTAX}, {",tr_2", ASG_ERR_SYNTAX},
        {"tr_2,,tr_3", ASG_ERR_SYNTAX}, {"tr 2", ASG_ERR_SYNTAX}
    };
    const char *texts[FIELDS + 2];
    char many[3 * ASG_REFUSED_MORE_MAX];
    asg_refused_t r;

    (void) state;
    memcpy(texts, whole, sizeof(whole));
    texts[FIELDS] = "m";
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        texts[FIELDS + 1] = cases[i].more;
        assert_int_equal(parse(texts, FIELDS + 2, &r), cases[i].err);
    }
    memset(many, 't', sizeof(many));
    for (size_t i = 1; i < sizeof(many); i += 2) {
        many[i] = ',';
    }
    texts[FIELDS + 1] = many;
    many[2 * ASG_REFUSED_MORE_MAX - 1] = '\0';
    assert_int_equal(parse(texts, FIELDS + 2, &r), ASG_OK);
    assert_true(asg_str_eq_z(r.more, many));
    many[2 * ASG_REFUSED_MORE_MAX - 1] = ',';
    many[2 * ASG_REFUSED_MORE_MAX + 1] = '\0';
    assert_int_equal(parse(texts, FIELDS + 2, &r), ASG_ERR_SYNTAX);
    assert_int_equal(parse(whole, FIELDS, &r), ASG_OK);
    assert_int_equal(r.more.len, 0);
}

static void one_that_lacks_a_field_is_none(void **state)
{
    (void) state;
    for (size_t gone = 0; gone < FIELDS; gone += 2) {
        const char *texts[FIELDS];
        asg_refused_t r;

        memcpy(texts, whole, sizeof(whole));
        texts[gone] = "x";
        assert_int_equal(parse(texts, FIELDS, &r), ASG_ERR_SYNTAX);
    }
}

static void one_with_a_bad_value_is_none(void **state)
{
    static const struct {
        size_t at;
        const char *value;
    } bad[] = {
        {1, ""}, {1, "a b"}, {3, "p\n"}, {5, ""}, {5, "Code"}, {5, "a-b"},
        {7, "0"}, {7, "-1"}, {7, "1e3"}, {7, ""}, {9, ""}, {9, "a b"},
        {11, "100000000000000"}, {13, "1789999999999"}, {12, "k"}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *texts[FIELDS];
        asg_refused_t r = {.count = 7};

        memcpy(texts, whole, sizeof(whole));
        texts[bad[i].at] = bad[i].value;
        assert_int_equal(parse(texts, FIELDS, &r), ASG_ERR_SYNTAX);
        assert_int_equal(r.count, 7);
    }
}

static void more_fields_than_there_may_be_are_none(void **state)
{
    const char *texts[ASG_REFUSED_FIELDS_MAX + 2];
    asg_refused_t r;

    (void) state;
    for (size_t i = 0; i < ASG_REFUSED_FIELDS_MAX + 2; i++) {
        texts[i] = i < FIELDS ? whole[i] : "x";
    }
    assert_int_equal(parse(texts, ASG_REFUSED_FIELDS_MAX, &r), ASG_OK);
    assert_int_equal(parse(texts, ASG_REFUSED_FIELDS_MAX + 2, &r),
                     ASG_ERR_SYNTAX);
    assert_int_equal(parse(texts, FIELDS - 1, &r), ASG_ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_entry_is_read),
        cmocka_unit_test(traces_of_others_may_stand_there),
        cmocka_unit_test(one_that_lacks_a_field_is_none),
        cmocka_unit_test(one_with_a_bad_value_is_none),
        cmocka_unit_test(more_fields_than_there_may_be_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
