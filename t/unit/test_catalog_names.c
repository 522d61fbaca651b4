/* core/catalog_names.c: the public names of a snapshot, the candidates behind
 * each, and how one of them is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/catalog_outline.h"

static asg_json_t json = {.seed = 1};
static asg_model_t models[3];
static asg_public_name_t names[8];
static asg_catalog_t catalog;

static asg_err_t reads(const char *list)
{
    memset(names, 0, sizeof(names));
    memset(models, 0, sizeof(models));
    for (unsigned i = 0; i < 3; i++) {
        static const char *const refs[] = {"ref:a", "ref:b", "ref:c"};
        static const char *const routes[] = {"a", "b", "c"};

        models[i].ref = asg_str_z(refs[i]);
        models[i].route = asg_str_z(routes[i]);
    }
    memset(&catalog, 0, sizeof(catalog));
    catalog.models = models;
    catalog.nmodels = 3;
    catalog.names = names;
    return asg_catalog_read_names(&json, asg_str_z(list), &catalog);
}

static void a_name_without_groups_tries_each_candidate_once(void **state)
{
    (void) state;
    assert_int_equal(reads("[{\"name\":\"n\",\"candidates\":[2,0]}]"), ASG_OK);
    assert_int_equal(catalog.nnames, 1);
    assert_int_equal(names[0].ncandidates, 2);
    assert_int_equal(names[0].candidates[0], 2);
    assert_int_equal(names[0].ngroups, 2);
    assert_int_equal(names[0].groups[0].n, 1);
    assert_int_equal(names[0].weights[1], 1);
}

static void groups_share_out_the_candidates_in_order(void **state)
{
    (void) state;
    assert_int_equal(reads("[{\"name\":\"n\",\"candidates\":[0,1,2],"
        "\"groups\":[{\"n\":1},{\"n\":2,\"strategy\":\"weighted\","
        "\"weights\":[3,1],\"retries\":2,\"cooldown_ms\":500,"
        "\"on_context\":1}]}]"), ASG_OK);
    assert_int_equal(names[0].ngroups, 2);
    assert_int_equal(names[0].groups[0].strategy, ASG_STRATEGY_ORDERED);
    assert_int_equal(names[0].groups[1].retries, 2);
    assert_int_equal(names[0].groups[1].cooldown_ms, 500);
    assert_true(names[0].groups[1].on_context);
    assert_int_equal(names[0].weights[0], 1);
    assert_int_equal(names[0].weights[1], 3);
    assert_int_equal(names[0].weights[2], 1);
}

static void a_ref_is_told_from_an_alias(void **state)
{
    (void) state;
    assert_int_equal(reads("[{\"name\":\"ref:a\",\"candidates\":[0]},"
        "{\"name\":\"b\",\"candidates\":[1]},"
        "{\"name\":\"ref:c\",\"alias\":1,\"candidates\":[2]}]"), ASG_OK);
    assert_int_equal(catalog.nnames, 3);
    for (unsigned i = 0; i < 3; i++) {
        bool ref = asg_str_eq_z(names[i].name, "ref:a");

        assert_true(names[i].ref == ref);
        assert_true(names[i].alias == !ref);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const bad[] = {
        "[{\"candidates\":[0]}]",
        "[{\"name\":\"\",\"candidates\":[0]}]",
        "[{\"name\":\"n\",\"candidates\":[]}]",
        "[{\"name\":\"n\",\"candidates\":[3]}]",
        "[{\"name\":\"n\",\"candidates\":[-1]}]",
        "[{\"name\":\"n\",\"candidates\":[0.5]}]",
        "[{\"name\":\"n\",\"candidates\":[0],\"groups\":[{\"n\":2}]}]",
        "[{\"name\":\"n\",\"candidates\":[0,1],\"groups\":[{\"n\":1}]}]",
        "[{\"name\":\"n\",\"candidates\":[0],\"groups\":[{\"n\":0}]}]",
        "[{\"name\":\"n\",\"candidates\":[0],\"groups\":[{\"n\":1,"
            "\"on_context\":1}]}]",
        "[{\"name\":\"n\",\"candidates\":[0],\"groups\":[{\"n\":1,"
            "\"strategy\":\"luck\"}]}]",
        "[{\"name\":\"n\",\"candidates\":[0],\"groups\":[{\"n\":1,"
            "\"weights\":[1,1]}]}]",
        "[{\"name\":\"n\",\"candidates\":[0],\"groups\":[{\"n\":1,"
            "\"weights\":[0]}]}]",
        "[{\"name\":\"n\",\"candidates\":[0],\"groups\":[{\"n\":1,"
            "\"retries\":11}]}]",
        "[{\"name\":\"n\",\"candidates\":[0]},"
            "{\"name\":\"n\",\"candidates\":[1]}]"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (reads(bad[i]) == ASG_OK) {
            fail_msg("%s", bad[i]);
        }
    }
}

static void a_name_has_no_control_character(void **state)
{
    char text[257];

    (void) state;
    memset(text, 'n', sizeof(text));
    assert_true(asg_catalog_is_name((asg_str_t) {text, 256}));
    assert_false(asg_catalog_is_name((asg_str_t) {text, 257}));
    assert_false(asg_catalog_is_name(ASG_STR("")));
    assert_false(asg_catalog_is_name(ASG_STR("a\nb")));
    assert_false(asg_catalog_is_name(ASG_STR("a\x7f")));
    assert_true(asg_catalog_is_name(ASG_STR("model:x/\xc3\xa9 *")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_without_groups_tries_each_candidate_once),
        cmocka_unit_test(groups_share_out_the_candidates_in_order),
        cmocka_unit_test(a_ref_is_told_from_an_alias),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_name_has_no_control_character)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
