/* core/limits.h: limits as texts, and the replies that speak of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "core/money.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void a_limit_of_zero_is_not_the_lack_of_one(void **state)
{
    asg_limits_t limits = {.set = 0};
    char text[ASG_LIMITS_TEXT];

    (void) state;
    assert_int_equal(asg_limits_text(&limits, text), 5);
    assert_string_equal(text, "- - -");
    assert_true(asg_limits_put(&limits, ASG_LIMIT_TOKENS, -1));
    assert_false(asg_limits_has(&limits, ASG_LIMIT_TOKENS));
    assert_true(asg_limits_put(&limits, ASG_LIMIT_REQUESTS, 0));
    assert_true(asg_limits_put(&limits, ASG_LIMIT_PARALLEL, ASG_LIMIT_MAX));
    assert_int_equal(asg_limits_text(&limits, text), 14);
    assert_string_equal(text, "0 - 1000000000");
    assert_false(asg_limits_put(&limits, ASG_LIMIT_TOKENS, -2));
    assert_false(asg_limits_put(&limits, ASG_LIMIT_TOKENS, ASG_LIMIT_MAX + 1));
}

static void a_duration_is_written_as_openai_does(void **state)
{
    static const struct { int64_t ms; const char *text; } all[] = {
        {-1, "0s"}, {0, "0s"}, {7, "7ms"}, {999, "999ms"}, {1000, "1s"},
        {1005, "1.005s"}, {7660, "7.66s"}, {60000, "1m0s"}, {61500, "1m1.5s"},
        {ASG_NUSD_MAX, "150119987579m0.991s"}
    };
    char text[ASG_LIMIT_DURATION];

    (void) state;
    for (size_t i = 0; i < COUNT(all); i++) {
        size_t len = asg_limit_duration(all[i].ms, text);

        assert_string_equal(text, all[i].text);
        assert_int_equal(len, strlen(text));
    }
}

static void what_is_left_is_read(void **state)
{
    static const char *const bad[] = {
        "", "5 4 60000", "5 4 60000 - - - -", "5 4 60000 - - ", "5 4  - - -",
        "- 4 60000 - - -", "5 -1 60000 - - -", "5 4 x - - -",
        "5 4 9007199254740992 - - -"
    };
    asg_limits_room_t room;

    (void) state;
    assert_int_equal(asg_limits_room(ASG_STR("5 4 60000 - - -"), &room),
                     ASG_OK);
    assert_true(room.of[0].limited && !room.of[1].limited);
    assert_int_equal(room.of[0].limit, 5);
    assert_int_equal(room.of[0].left, 4);
    assert_int_equal(room.of[0].resets_ms, 60000);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(asg_limits_room(asg_str_z(bad[i]), &room),
                         ASG_ERR_SYNTAX);
    }
}

static void marks_are_of_as_many_scopes_as_were_asked_for(void **state)
{
    asg_str_t reply[] = {
        ASG_STR("OK"), ASG_STR("p.x:total:0"), ASG_STR("5"),
        ASG_STR("- - - 9 8 7"), ASG_STR(""), ASG_STR("1:2:3")
    };
    asg_limits_room_t room;
    asg_str_t marks[2];

    (void) state;
    assert_int_equal(asg_reply_limits(reply, 6, 2, &room, marks), ASG_OK);
    assert_int_equal(marks[0].len, 0);
    assert_true(asg_str_eq_z(marks[1], "1:2:3"));
    assert_int_equal(room.of[1].left, 8);
    assert_int_equal(asg_reply_limits(reply, 6, 1, &room, marks),
                     ASG_ERR_SYNTAX);
    assert_int_equal(asg_reply_limits(reply, 3, 2, &room, marks),
                     ASG_ERR_SYNTAX);
    reply[5] = ASG_STR("12345678901234567890123456789012345678901");
    assert_int_equal(asg_reply_limits(reply, 6, 2, &room, marks),
                     ASG_ERR_SYNTAX);
    reply[0] = ASG_STR("DUP");
    assert_int_equal(asg_reply_limits(reply, 6, 2, &room, marks),
                     ASG_ERR_SYNTAX);
}

static void a_refusal_says_whose_limit_and_when(void **state)
{
    asg_str_t reply[] = {
        ASG_STR("RATE"), ASG_STR("k.y"), ASG_STR("requests"), ASG_STR("5"),
        ASG_STR("6"), ASG_STR("1500"), ASG_STR("5 0 60000 - - -")
    };
    static const struct { size_t at; const char *text; } bad[] = {
        {0, "OVER"}, {1, "k."}, {2, "request"}, {3, "-"}, {4, ""}, {5, "-1"},
        {5, "Never"}, {6, "5 0"}
    };
    asg_reply_rate_t rate;

    (void) state;
    assert_int_equal(asg_reply_rate(reply, 7, &rate), ASG_OK);
    assert_true(asg_str_eq_z(rate.scope, "k.y"));
    assert_int_equal(rate.kind, ASG_LIMIT_REQUESTS);
    assert_int_equal(rate.limit, 5);
    assert_int_equal(rate.used, 6);
    assert_int_equal(rate.retry_ms, 1500);
    reply[5] = ASG_STR("never");
    assert_int_equal(asg_reply_rate(reply, 7, &rate), ASG_OK);
    assert_int_equal(rate.retry_ms, ASG_LIMIT_NEVER);
    reply[5] = ASG_STR("unknown");
    assert_int_equal(asg_reply_rate(reply, 7, &rate), ASG_OK);
    assert_int_equal(rate.retry_ms, ASG_LIMIT_UNKNOWN);
    assert_int_equal(asg_reply_rate(reply, 6, &rate), ASG_ERR_SYNTAX);
    for (size_t i = 0; i < COUNT(bad); i++) {
        asg_str_t was = reply[bad[i].at];

        reply[bad[i].at] = asg_str_z(bad[i].text);
        assert_int_equal(asg_reply_rate(reply, 7, &rate), ASG_ERR_SYNTAX);
        reply[bad[i].at] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_of_zero_is_not_the_lack_of_one),
        cmocka_unit_test(a_duration_is_written_as_openai_does),
        cmocka_unit_test(what_is_left_is_read),
        cmocka_unit_test(marks_are_of_as_many_scopes_as_were_asked_for),
        cmocka_unit_test(a_refusal_says_whose_limit_and_when)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
