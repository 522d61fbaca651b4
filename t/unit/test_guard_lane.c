/*
 * core/guard_lane.h: a text of any length passes, its escapes resolved, and of
 * each byte it is known where it stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/guard_lane.h"

static asg_lane_t lane;
static asg_lane_map_t map;
static asg_lane_owner_t owner;
static unsigned hits, cuts;
static uint32_t first_cut, last_cut;

static void found(void *data, const asg_hit_t *hit)
{
    (void) data;
    assert_true(hit->end <= owner.lane->len);
    hits++;
    owner.hits++;
    if (hit->rule == ASG_RULE_SECRET_PRIVATE_KEY) {
        asg_lane_take_key(&owner, owner.lane, hit->end);
    }
}

static void cut(void *data, const asg_lane_byte_t *byte)
{
    (void) data;
    first_cut = cuts++ == 0 ? byte->at : first_cut;
    last_cut = byte->at;
}

static void begin(bool holds, asg_text_t kind)
{
    asg_action_t actions[ASG_RULE_MAX];

    asg_guard_actions_of_answers(actions);
    owner = (asg_lane_owner_t) {.found = found, .cut = cut};
    asg_guard_search_begin(&owner.search, NULL, actions);
    lane.map = holds ? &map : NULL;
    asg_lane_init(&lane, 1, 1, kind);
    hits = cuts = 0;
}

static void put(const char *raw, uint32_t at)
{
    asg_lane_put(&owner, &lane, asg_str_z(raw), at);
}

static void a_text_of_any_length_passes(void **state)
{
    (void) state;
    for (unsigned holds = 0; holds < 2; holds++) {
        begin(holds, ASG_TEXT_PLAIN);
        for (uint32_t i = 0; i < 500; i++) {
            put("some words, jane@example.com and more of them. ", 48 * i);
            assert_true(lane.len <= ASG_LANE_TEXT);
        }
        asg_lane_look_all(&owner, &lane);
        assert_int_equal(hits, 500);
    }
}

static void the_last_word_is_held_and_no_more(void **state)
{
    size_t index;

    (void) state;
    begin(true, ASG_TEXT_PLAIN);
    assert_false(asg_lane_holds(&lane, &index));
    put("write to jane", 100);
    asg_lane_look(&owner, &lane);
    assert_true(asg_lane_holds(&lane, &index));
    assert_int_equal(map.bytes[index].at, 109);
    put("@example.com ", 200);
    asg_lane_look(&owner, &lane);
    assert_false(asg_lane_holds(&lane, &index));
    assert_int_equal(hits, 1);
}

static void what_was_let_go_may_go_on(void **state)
{
    size_t index;

    (void) state;
    begin(true, ASG_TEXT_PLAIN);
    put("write to jane", 0);
    asg_lane_look_all(&owner, &lane);
    assert_false(asg_lane_holds(&lane, &index));
    put("@example.com ", 13);
    asg_lane_look(&owner, &lane);
    assert_int_equal(hits, 1);
}

static void escapes_are_resolved_and_stand_where_they_stood(void **state)
{
    (void) state;
    begin(true, ASG_TEXT_PLAIN);
    put("jane\\u0040example.com ", 10);
    asg_lane_look(&owner, &lane);
    assert_int_equal(hits, 1);
    assert_memory_equal(lane.text, "jane@e", 6);
    assert_int_equal(map.bytes[4].at, 14);
    assert_int_equal(map.bytes[4].width, 6);
    assert_int_equal(map.bytes[5].at, 20);
}

static void of_json_only_what_stands_in_strings_may_go(void **state)
{
    static const char raw[] = "{\\\"mail\\\":\\\"jane\\\",\\\"n\\\":7}";
    static const char plain[] = "{\"mail\":\"jane\",\"n\":7}";
    static const uint8_t is[] = {1, 2, 2, 2, 2, 2, 2, 1, 2, 0, 0, 0, 0, 2, 1,
                                 2, 2, 2, 1, 1, 1};

    (void) state;
    begin(true, ASG_TEXT_JSON);
    put(raw, 0);
    assert_int_equal(lane.len, sizeof(plain) - 1);
    assert_memory_equal(lane.text, plain, sizeof(plain) - 1);
    for (size_t i = 0; i < sizeof(is); i++) {
        assert_int_equal(map.bytes[i].is, is[i]);
    }
}

static void a_private_key_goes_to_its_last_line(void **state)
{
    static const char head[] = "-----BEGIN PRIVATE KEY-----";

    (void) state;
    begin(true, ASG_TEXT_PLAIN);
    put(head, 0);
    put("\\nMIIE", 27);
    asg_lane_look(&owner, &lane);
    put("vQ\\n-----END PRIVATE KEY----- and more", 40);
    asg_lane_look_all(&owner, &lane);
    assert_int_equal(hits, 1);
    assert_int_equal(first_cut, 27);
    assert_int_equal(last_cut, 40 + 4 + 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_of_any_length_passes),
        cmocka_unit_test(the_last_word_is_held_and_no_more),
        cmocka_unit_test(what_was_let_go_may_go_on),
        cmocka_unit_test(escapes_are_resolved_and_stand_where_they_stood),
        cmocka_unit_test(of_json_only_what_stands_in_strings_may_go),
        cmocka_unit_test(a_private_key_goes_to_its_last_line)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
