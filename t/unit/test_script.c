/*
 * core/script: the embedded texts, and what is read out of replies and errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "core/script.h"

#define RUN_ID "0123456789abcdef0123456789abcdef01234567"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void every_script_is_embedded_under_its_sha1(void **state)
{
    static const char *const names[ASG_SCRIPT_COUNT] = {
        "reserve", "finish", "extend", "apply", "seed", "publish",
        "beat", "release"
    };
    (void) state;

    for (size_t s = 0; s < ASG_SCRIPT_COUNT; s++) {
        asg_str_t text = asg_script_text((asg_script_t) s);
        uint8_t sha[SHA_DIGEST_LENGTH];
        char hex[ASG_SCRIPT_SHA_CHARS + 1];
        asg_buf_t b;

        assert_true(asg_str_eq_z(asg_script_name((asg_script_t) s), names[s]));
        assert_true(text.len > 100);
        assert_memory_equal(text.data, "#!lua", 5);
        SHA1((const uint8_t *) text.data, text.len, sha);
        asg_buf_init(&b, hex, ASG_SCRIPT_SHA_CHARS);
        asg_buf_hex(&b, sha, sizeof(sha));
        assert_true(asg_buf_ok(&b));
        assert_true(asg_str_eq(asg_script_sha((asg_script_t) s),
                               asg_buf_view(&b)));
    }
}

static void only_reserve_is_refused_without_memory(void **state)
{
    static const char flag[] = "#!lua flags=allow-oom\n";
    (void) state;

    for (size_t s = 0; s < ASG_SCRIPT_COUNT; s++) {
        bool allowed = memcmp(asg_script_text((asg_script_t) s).data, flag,
                              sizeof(flag) - 1) == 0;

        assert_int_equal(allowed, s != ASG_SCRIPT_RESERVE);
    }
}

static void every_verdict_is_read_back_from_its_word(void **state)
{
    (void) state;
    for (int v = ASG_VERDICT_OK; v <= ASG_VERDICT_OLD; v++) {
        const char *word = asg_verdict_text((asg_verdict_t) v);

        assert_int_equal(asg_verdict_parse(asg_str_z(word)), v);
    }
    assert_string_equal(asg_verdict_text((asg_verdict_t) 99), "UNKNOWN");
    assert_string_equal(asg_verdict_text((asg_verdict_t) -1), "UNKNOWN");
}

static void an_unknown_word_is_no_verdict(void **state)
{
    static const char *const words[] = {
        "", "ok", "OKAY", "O", "UNKNOWN", "OK ", " OK", "OVERR"
    };
    (void) state;

    for (size_t i = 0; i < COUNT(words); i++) {
        assert_int_equal(asg_verdict_parse(asg_str_z(words[i])),
                         ASG_VERDICT_UNKNOWN);
    }
    assert_int_equal(asg_reply_verdict(NULL, 0), ASG_VERDICT_UNKNOWN);
    assert_int_equal(asg_verdict_parse(ASG_STR_NULL), ASG_VERDICT_UNKNOWN);
}

static void over_is_read_with_its_numbers(void **state)
{
    asg_str_t reply[] = {
        ASG_STR("OVER"), ASG_STR("p.x"), ASG_STR("1h"), ASG_STR("500"),
        ASG_STR("-3"), ASG_STR("9007199254740991"), ASG_STR("1763722800")
    };
    asg_reply_over_t over;
    (void) state;

    assert_int_equal(asg_reply_over(reply, 7, &over), ASG_OK);
    assert_true(asg_str_eq_z(over.budget, "p.x"));
    assert_true(asg_str_eq_z(over.window, "1h"));
    assert_false(over.unlimited);
    assert_int_equal(over.limit_nusd, 500);
    assert_int_equal(over.spent_nusd, -3);
    assert_int_equal(over.held_nusd, ASG_NUSD_MAX);
    assert_int_equal(over.resets_at_s, 1763722800);

    reply[3] = ASG_STR("-");
    reply[6] = ASG_STR("0");
    assert_int_equal(asg_reply_over(reply, 7, &over), ASG_OK);
    assert_true(over.unlimited);
    assert_int_equal(over.limit_nusd, 0);
    assert_int_equal(over.resets_at_s, 0);
}

static void over_of_a_zoned_window_names_its_zone(void **state)
{
    asg_str_t reply[] = {
        ASG_STR("OVER"), ASG_STR("k.x"), ASG_STR("1d"), ASG_STR("500"),
        ASG_STR("1"), ASG_STR("2"), ASG_STR("1774821600"),
        ASG_STR("Europe/Berlin")
    };
    asg_reply_over_t over;
    (void) state;

    assert_int_equal(asg_reply_over(reply, 8, &over), ASG_OK);
    assert_true(asg_str_eq_z(over.zone, "Europe/Berlin"));
    assert_int_equal(asg_reply_over(reply, 7, &over), ASG_OK);
    assert_true(asg_str_eq_z(over.zone, "UTC"));
    reply[7] = ASG_STR("Berlin");
    assert_int_equal(asg_reply_over(reply, 8, &over), ASG_ERR_SYNTAX);
}

static void over_of_another_shape_is_refused_untouched(void **state)
{
    static const struct { size_t at; const char *text; } bad[] = {
        {0, "OK"}, {1, ""}, {2, ""}, {2, "12345678901234567"}, {3, ""},
        {3, "x"}, {3, "-1"}, {3, "9007199254740992"}, {4, ""}, {4, "1.5"},
        {5, "9223372036854775808"}, {6, "-1"}, {6, "x"}
    };
    asg_reply_over_t over, before;
    (void) state;

    memset(&over, 7, sizeof(over));
    memcpy(&before, &over, sizeof(over));
    for (size_t i = 0; i < COUNT(bad); i++) {
        asg_str_t reply[] = {
            ASG_STR("OVER"), ASG_STR("p.x"), ASG_STR("1h"), ASG_STR("500"),
            ASG_STR("1"), ASG_STR("2"), ASG_STR("3")
        };

        assert_int_equal(asg_reply_over(reply, 6, &over), ASG_ERR_SYNTAX);
        reply[bad[i].at] = asg_str_z(bad[i].text);
        assert_int_equal(asg_reply_over(reply, 7, &over), ASG_ERR_SYNTAX);
    }
    assert_memory_equal(&over, &before, sizeof(over));
}

static void a_hold_is_read_from_ok_and_dup_only(void **state)
{
    asg_str_t reply[] = {
        ASG_STR("OK"), ASG_STR("p.x:total:0"), ASG_STR("1763722800")
    };
    asg_reply_hold_t hold = {.expires_s = 0};
    (void) state;

    assert_int_equal(asg_reply_hold(reply, 3, &hold), ASG_OK);
    assert_true(asg_str_eq_z(hold.pins, "p.x:total:0"));
    assert_int_equal(hold.expires_s, 1763722800);
    reply[0] = ASG_STR("DUP");
    assert_int_equal(asg_reply_hold(reply, 3, &hold), ASG_OK);
    assert_int_equal(asg_reply_hold(reply, 2, &hold), ASG_ERR_SYNTAX);
    reply[0] = ASG_STR("LATE");
    assert_int_equal(asg_reply_hold(reply, 3, &hold), ASG_ERR_SYNTAX);
    reply[0] = ASG_STR("OK");
    reply[2] = ASG_STR("-1");
    assert_int_equal(asg_reply_hold(reply, 3, &hold), ASG_ERR_SYNTAX);
    reply[1] = ASG_STR("");
    assert_int_equal(asg_reply_hold(reply, 3, &hold), ASG_ERR_SYNTAX);
    assert_int_equal(hold.expires_s, 1763722800);
}

static void a_stream_id_is_read_from_ok_late_and_gone_only(void **state)
{
    static const char *const bad[] = {"", "5", "5-", "-5", "a-1", "5-1-2"};
    asg_str_t reply[] = {ASG_STR("LATE"), ASG_STR("1763722800123-7")};
    asg_str_t id = ASG_STR_NULL;
    (void) state;

    assert_int_equal(asg_reply_event(reply, 2, &id), ASG_OK);
    assert_true(asg_str_eq_z(id, "1763722800123-7"));
    assert_int_equal(asg_reply_event(reply, 1, &id), ASG_ERR_SYNTAX);
    for (size_t i = 0; i < COUNT(bad); i++) {
        reply[1] = asg_str_z(bad[i]);
        assert_int_equal(asg_reply_event(reply, 2, &id), ASG_ERR_SYNTAX);
    }
    reply[0] = ASG_STR("GONE");
    assert_int_equal(asg_reply_event(reply, 1, &id), ASG_ERR_SYNTAX);
    reply[1] = ASG_STR("1-1");
    assert_int_equal(asg_reply_event(reply, 2, &id), ASG_OK);
    reply[0] = ASG_STR("LIVE");
    assert_int_equal(asg_reply_event(reply, 2, &id), ASG_ERR_SYNTAX);
}

static void an_expiry_is_read_from_ok_and_live_only(void **state)
{
    asg_str_t reply[] = {ASG_STR("LIVE"), ASG_STR("12")};
    int64_t expires = 0;
    (void) state;

    assert_int_equal(asg_reply_expires(reply, 2, &expires), ASG_OK);
    assert_int_equal(expires, 12);
    reply[1] = ASG_STR("x");
    assert_int_equal(asg_reply_expires(reply, 2, &expires), ASG_ERR_SYNTAX);
    reply[1] = ASG_STR("13");
    reply[0] = ASG_STR("DUP");
    assert_int_equal(asg_reply_expires(reply, 2, &expires), ASG_ERR_SYNTAX);
    assert_int_equal(expires, 12);
}

static void a_fence_is_an_epoch_and_a_run_id(void **state)
{
    static const char *const bad[] = {
        "", ":", "3", "3:", ":" RUN_ID, "0:" RUN_ID, "03:" RUN_ID,
        "-1:" RUN_ID, "9007199254740992:" RUN_ID, "3:" RUN_ID "0",
        "3:0123456789ABCDEF0123456789abcdef01234567", "3:x"
    };
    asg_str_t reply[] = {ASG_STR("FENCE"), ASG_STR("3:" RUN_ID)};
    asg_fence_t fence = {.epoch = 0};
    (void) state;

    assert_int_equal(asg_reply_fence(reply, 2, &fence), ASG_OK);
    assert_int_equal(fence.epoch, 3);
    assert_true(asg_str_eq_z(fence.run_id, RUN_ID));
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(asg_fence_parse(asg_str_z(bad[i]), &fence),
                         ASG_ERR_SYNTAX);
    }
    reply[1] = ASG_STR("");
    assert_int_equal(asg_reply_fence(reply, 2, &fence), ASG_ERR_MISSING);
    reply[0] = ASG_STR("OK");
    assert_int_equal(asg_reply_fence(reply, 2, &fence), ASG_ERR_SYNTAX);
    assert_int_equal(fence.epoch, 3);
}

static void an_error_is_clean_only_when_it_proves_that_nothing_ran(void **s)
{
    static const struct {
        const char *text;
        asg_script_error_t error;
        bool clean;
    } cases[] = {
        {"NOSCRIPT No matching script. Please use EVAL.",
         ASG_SCRIPT_ERROR_NOSCRIPT, true},
        {"BUSY Redis is busy running a script. You can only call SCRIPT KILL"
         " or SHUTDOWN NOSAVE.", ASG_SCRIPT_ERROR_BUSY, true},
        {"OOM allow-oom flag is not set on the script, can not run it when"
         " used memory > 'maxmemory'", ASG_SCRIPT_ERROR_OOM, true},
        {"READONLY You can't write against a read only replica.",
         ASG_SCRIPT_ERROR_READONLY, true},
        {"LOADING Redis is loading the dataset in memory",
         ASG_SCRIPT_ERROR_LOADING, true},
        {"MASTERDOWN Link with MASTER is down", ASG_SCRIPT_ERROR_MASTERDOWN,
         true},
        {"MISCONF Redis is configured to save RDB snapshots",
         ASG_SCRIPT_ERROR_MISCONF, true},
        {"NOREPLICAS Not enough good replicas to write.",
         ASG_SCRIPT_ERROR_NOREPLICAS, true},
        {"NOAUTH Authentication required.", ASG_SCRIPT_ERROR_NOAUTH, true},
        {"NOPERM this user has no permissions", ASG_SCRIPT_ERROR_NOPERM,
         true},
        {"OOM", ASG_SCRIPT_ERROR_OOM, true},
        {"OOM command not allowed script: 0123, on @user_script:9.",
         ASG_SCRIPT_ERROR_OOM, false},
        {"ERR Error running script", ASG_SCRIPT_ERROR_OTHER, false},
        {"WRONGTYPE Operation against a key", ASG_SCRIPT_ERROR_OTHER, false},
        {"OOMX", ASG_SCRIPT_ERROR_OTHER, false},
        {"ERR NOSCRIPT", ASG_SCRIPT_ERROR_OTHER, false},
        {"", ASG_SCRIPT_ERROR_OTHER, false}
    };
    (void) s;

    for (size_t i = 0; i < COUNT(cases); i++) {
        asg_str_t text = asg_str_z(cases[i].text);

        assert_int_equal(asg_script_error(text), cases[i].error);
        assert_int_equal(asg_script_error_is_clean(text), cases[i].clean);
    }
    assert_int_equal(asg_script_error(ASG_STR_NULL), ASG_SCRIPT_ERROR_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_script_is_embedded_under_its_sha1),
        cmocka_unit_test(only_reserve_is_refused_without_memory),
        cmocka_unit_test(every_verdict_is_read_back_from_its_word),
        cmocka_unit_test(an_unknown_word_is_no_verdict),
        cmocka_unit_test(over_is_read_with_its_numbers),
        cmocka_unit_test(over_of_a_zoned_window_names_its_zone),
        cmocka_unit_test(over_of_another_shape_is_refused_untouched),
        cmocka_unit_test(a_hold_is_read_from_ok_and_dup_only),
        cmocka_unit_test(a_stream_id_is_read_from_ok_late_and_gone_only),
        cmocka_unit_test(an_expiry_is_read_from_ok_and_live_only),
        cmocka_unit_test(a_fence_is_an_epoch_and_a_run_id),
        cmocka_unit_test(an_error_is_clean_only_when_it_proves_that_nothing_ran)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
