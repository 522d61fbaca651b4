/*
 * Answers of LiteLLM: the verdict of each status and shape, amounts of money,
 * what a key, a page and readiness say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/litellm.h"

static asg_json_t json;

static asg_litellm_verdict_t verdict(unsigned status, const char *body)
{
    asg_str_t object;

    return asg_litellm_answer(&json, 1, status, asg_str_z(body), &object);
}

#define ERROR(type, param, code) "{\"error\":{\"message\":\"m\",\"type\":\"" \
    type "\",\"param\":" param ",\"code\":\"" code "\"}}"

static void the_verdict_follows_from_status_and_type(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        asg_litellm_verdict_t verdict;
    } all[] = {
        {200, "{\"token\":1}", ASG_LITELLM_DONE},
        {201, "{}", ASG_LITELLM_DONE},
        {200, "null", ASG_LITELLM_ABSENT},
        {200, "\"I'm alive!\"", ASG_LITELLM_DOUBT},
        {200, "<html>", ASG_LITELLM_DOUBT},
        {200, "", ASG_LITELLM_DOUBT},
        {200, "{} {}", ASG_LITELLM_DOUBT},
        {200, "{\"a\":1,\"a\":2}", ASG_LITELLM_DOUBT},
        {404, ERROR("not_found_error", "\"key\"", "404"), ASG_LITELLM_ABSENT},
        {404, ERROR("internal_server_error", "\"None\"", "404"),
            ASG_LITELLM_ABSENT},
        {404, "{\"error\":{\"code\":404}}", ASG_LITELLM_ABSENT},
        {404, "{\"detail\":{\"error\":\"e\"}}", ASG_LITELLM_ABSENT},
        {404, "{\"detail\":\"Not Found\"}", ASG_LITELLM_DOUBT},
        {404, "<html>404", ASG_LITELLM_DOUBT},
        {404, "{\"error\":\"404\"}", ASG_LITELLM_DOUBT},
        {400, ERROR("bad_request_error", "\"key_alias\"", "400"),
            ASG_LITELLM_TAKEN},
        {400, ERROR("bad_request_error", "\"key\"", "400"),
            ASG_LITELLM_TAKEN},
        {400, ERROR("bad_request_error", "null", "400"),
            ASG_LITELLM_REFUSED},
        {400, ERROR("no_db_connection", "\"key\"", "400"),
            ASG_LITELLM_NO_DATABASE},
        {503, ERROR("no_db_connection", "null", "503"), ASG_LITELLM_DOUBT},
        {400, ERROR("budget_exceeded", "null", "400"), ASG_LITELLM_BUDGET},
        {429, ERROR("budget_exceeded", "null", "429"), ASG_LITELLM_BUDGET},
        {429, ERROR("None", "null", "429"), ASG_LITELLM_DOUBT},
        {401, ERROR("auth_error", "\"None\"", "401"), ASG_LITELLM_DENIED},
        {401, ERROR("internal_error", "\"None\"", "401"), ASG_LITELLM_DOUBT},
        {401, "no JSON", ASG_LITELLM_DENIED},
        {403, "{\"detail\":\"no\"}", ASG_LITELLM_DENIED},
        {422, "{\"detail\":[{\"loc\":[],\"msg\":\"m\"}]}",
            ASG_LITELLM_REFUSED},
        {400, "{\"detail\":{\"error\":\"no database\"}}",
            ASG_LITELLM_REFUSED},
        {500, ERROR("internal_server_error", "\"None\"", "500"),
            ASG_LITELLM_DOUBT},
        {500, ERROR("not_found_error", "\"key\"", "404"), ASG_LITELLM_DOUBT},
        {500, "Internal Server Error", ASG_LITELLM_DOUBT},
        {302, "{}", ASG_LITELLM_DOUBT}, {0, "", ASG_LITELLM_DOUBT},
        {502, "<html>", ASG_LITELLM_DOUBT}, {199, "{}", ASG_LITELLM_DOUBT}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (verdict(all[i].status, all[i].body) != all[i].verdict) {
            fail_msg("%u %s is %s", all[i].status, all[i].body,
                asg_litellm_verdict_name(verdict(all[i].status,
                                                 all[i].body)));
        }
    }
}

static void usd_are_read_exactly_and_rounded_up(void **state)
{
    static const struct {
        const char *text;
        asg_nusd_t nusd;                /* -1: refused */
    } all[] = {
        {"0", 0}, {"0.0", 0}, {"25.0", 25000000000}, {"3.1415", 3141500000},
        {"2e-06", 2000}, {"2.5E+1", 25000000000}, {"1e-9", 1},
        {"1e-10", 1}, {"0.0000000001", 1}, {"1.0000000000000001", 1000000001},
        {"0.30000000000000004", 300000001}, {"1e-400", 1}, {"0e999", 0},
        {"9007199.254740991", 9007199254740991},
        {"9007199.2547409911", -1}, {"9007200", -1}, {"1e7", -1},
        {"1e999999999999", -1}, {"100000000000000000000000", -1},
        {"0.00000000000000000000000000000000000000001", 1},
        {"-1", -1}, {"", -1}, {".5", -1}, {"5.", -1}, {"1e", -1},
        {"1e+", -1}, {"1 ", -1}, {"NaN", -1}, {"\"1\"", -1}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        asg_nusd_t nusd = -1;
        asg_err_t err = asg_litellm_usd(asg_str_z(all[i].text), &nusd);

        if (nusd != all[i].nusd || (err == ASG_OK) != (nusd >= 0)) {
            fail_msg("%s is %lld", all[i].text, (long long) nusd);
        }
    }
}

#define HASH "0123456789abcdef0123456789abcdef" \
             "0123456789abcdef0123456789abcdef"

static void a_key_says_what_it_spent_and_may_spend(void **state)
{
    asg_litellm_key_t key;

    (void) state;
    assert_int_equal(asg_litellm_key(ASG_STR("{\"token\":\"" HASH "\","
        "\"key_alias\":\"asgard-p-n-1\",\"spend\":0.25,\"max_budget\":2.5,"
        "\"blocked\":true,\"metadata\":{\"managed_by\":\"asgard\"}}"), &key),
        ASG_OK);
    assert_true(asg_str_eq_z(key.hash, HASH));
    assert_true(asg_str_eq_z(key.alias, "asgard-p-n-1"));
    assert_int_equal(key.spend_nusd, 250000000);
    assert_int_equal(key.max_nusd, 2500000000);
    assert_true(key.blocked && key.is_managed);
    assert_int_equal(asg_litellm_key(ASG_STR("{\"blocked\":null,"
        "\"max_budget\":null,\"metadata\":null,\"key_alias\":null}"), &key),
        ASG_OK);
    assert_int_equal(key.max_nusd, -1);
    assert_true(!key.blocked && !key.is_managed && key.alias.data == NULL);
    assert_int_equal(asg_litellm_key(ASG_STR("{\"token\":\"abc\"}"), &key),
                     ASG_ERR_SYNTAX);
    assert_int_equal(asg_litellm_key(ASG_STR("{\"spend\":\"1\"}"), &key),
                     ASG_ERR_SYNTAX);
    assert_int_equal(asg_litellm_key(ASG_STR("{\"max_budget\":1e9}"), &key),
                     ASG_ERR_RANGE);
    assert_int_equal(asg_litellm_key(ASG_STR_NULL, &key), ASG_ERR_SYNTAX);
}

static void a_page_says_how_many_there_are(void **state)
{
    asg_view_t items;
    asg_str_t item;
    int64_t pages;

    (void) state;
    assert_int_equal(asg_litellm_page(ASG_STR("{\"keys\":[{},{}],"
        "\"total_pages\":3}"), &items, &pages), ASG_OK);
    assert_int_equal(pages, 3);
    assert_true(asg_view_item(&items, &item) && asg_view_item(&items, &item));
    assert_false(asg_view_item(&items, &item));
    assert_int_equal(asg_litellm_page(ASG_STR("{\"keys\":[]}"), &items,
                                      &pages), ASG_ERR_SYNTAX);
    assert_int_equal(asg_litellm_page(ASG_STR("{\"keys\":{},"
        "\"total_pages\":1}"), &items, &pages), ASG_ERR_SYNTAX);
    assert_int_equal(asg_litellm_page(ASG_STR("{\"keys\":[],"
        "\"total_pages\":-1}"), &items, &pages), ASG_ERR_SYNTAX);
}

static void readiness_tells_a_missing_database_and_an_old_version(void **state)
{
    static const unsigned least[3] = {1, 96, 2};
    static const char *const young[] = {"1.96.2", "1.97.0", "v1.96.2-stable",
                                        "2.0.0", "1.100.0rc1"};
    static const char *const old[] = {"1.96.1", "1.9.9", "0.99.99", "", "v",
                                      "1", "1.96", "1..2", "x1.97.0", "1.x.1"};
    asg_litellm_ready_t ready;
    size_t i;

    (void) state;
    assert_int_equal(asg_litellm_ready(ASG_STR("{\"status\":\"healthy\","
        "\"db\":\"connected\",\"litellm_version\":\"1.93.0\"}"), &ready),
        ASG_OK);
    assert_true(ready.has_database && asg_str_eq_z(ready.version, "1.93.0"));
    assert_int_equal(asg_litellm_ready(ASG_STR("{\"db\":\"Not connected\"}"),
                                       &ready), ASG_OK);
    assert_true(!ready.has_database && ready.version.data == NULL);
    assert_int_equal(asg_litellm_ready(ASG_STR("{}"), &ready),
                     ASG_ERR_SYNTAX);
    for (i = 0; i < sizeof(young) / sizeof(*young); i++) {
        assert_true(asg_litellm_version_is(asg_str_z(young[i]), least));
    }
    for (i = 0; i < sizeof(old) / sizeof(*old); i++) {
        assert_false(asg_litellm_version_is(asg_str_z(old[i]), least));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_follows_from_status_and_type),
        cmocka_unit_test(usd_are_read_exactly_and_rounded_up),
        cmocka_unit_test(a_key_says_what_it_spent_and_may_spend),
        cmocka_unit_test(a_page_says_how_many_there_are),
        cmocka_unit_test(readiness_tells_a_missing_database_and_an_old_version)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
