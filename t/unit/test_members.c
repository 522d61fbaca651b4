/*
 * core/members.h: a struct filled by a table, and every way to refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/members.h"

typedef struct {
    asg_str_t name, note;
    int64_t count;
    uint64_t version;
    bool flag;
    unsigned items;
} thing_t;

static asg_json_t json = {.seed = 1};
static thing_t thing;
static char room[16];

static asg_err_t read_items(asg_json_t *j, asg_buf_t *scratch, void *out)
{
    thing_t *t = out;
    asg_json_event_t event = asg_json_next(j);

    (void) scratch;
    if (event != ASG_JSON_ARRAY) {
        return ASG_ERR_SYNTAX;
    }
    while ((event = asg_json_next(j)) == ASG_JSON_NUMBER) {
        t->items++;
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : ASG_ERR_SYNTAX;
}

static const asg_member_t members[] = {
    ASG_MEMBER(STRING, "name", thing_t, name),
    ASG_MEMBER_MAYBE(STRING_OR_NULL, "note", thing_t, note),
    ASG_MEMBER_MAYBE(COUNT, "count", thing_t, count),
    ASG_MEMBER_MAYBE(VERSION, "version", thing_t, version),
    ASG_MEMBER_MAYBE(FLAG, "flag", thing_t, flag),
    ASG_MEMBER_MAYBE_BY(read_items, "items")
};

static asg_err_t read_with(const char *text, asg_buf_t *scratch)
{
    memset(&thing, 0, sizeof(thing));
    thing.count = 77;
    return asg_members_read_text(&json, asg_str_z(text), scratch,
                                 ASG_MEMBERS(members), &thing);
}

static asg_err_t take(const char *text)
{
    return read_with(text, NULL);
}

static void any_order_fills_the_struct(void **state)
{
    (void) state;
    assert_int_equal(take(" {\"flag\":1,\"items\":[1,2,3],\"later\":{\"a\":[]},"
                          "\"version\":9223372036854775807,\"note\":null,"
                          "\"name\":\"n\"} "), ASG_OK);
    assert_true(asg_str_eq_z(thing.name, "n") && thing.flag);
    assert_int_equal(thing.items, 3);
    assert_true(thing.version == INT64_MAX);
    assert_null(thing.note.data);
    assert_int_equal(thing.count, 77);      /* absent: as it was */
    assert_int_equal(take("{\"name\":\"\"}"), ASG_OK);
    assert_int_equal(thing.name.len, 0);
}

static void what_is_wrong_has_its_name(void **state)
{
    (void) state;
    assert_int_equal(take("{}"), ASG_ERR_MISSING);
    assert_int_equal(take("{\"note\":\"x\"}"), ASG_ERR_MISSING);
    assert_int_equal(take("{\"name\":null}"), ASG_ERR_SYNTAX);
    assert_int_equal(take("{\"name\":1}"), ASG_ERR_SYNTAX);
    assert_int_equal(take("{\"name\":\"n\",\"count\":\"1\"}"), ASG_ERR_SYNTAX);
    assert_int_equal(take("{\"name\":\"n\",\"count\":null}"), ASG_ERR_SYNTAX);
    assert_int_equal(take("{\"name\":\"n\",\"count\":-1}"), ASG_ERR_RANGE);
    assert_int_equal(take("{\"name\":\"n\",\"count\":1.0}"), ASG_ERR_RANGE);
    assert_int_equal(take("{\"name\":\"n\",\"flag\":2}"), ASG_ERR_RANGE);
    assert_int_equal(take("{\"name\":\"n\",\"version\":9223372036854775808}"),
                     ASG_ERR_RANGE);
    assert_int_equal(take("{\"name\":\"n\",\"items\":{}}"), ASG_ERR_SYNTAX);
    assert_int_equal(take("{\"name\":\"n\",\"name\":\"m\"}"), ASG_ERR_SYNTAX);
    assert_int_equal(take("{\"name\":\"n\"} x"), ASG_ERR_SYNTAX);
    assert_int_equal(take("{\"name\":\"n\""), ASG_ERR_SYNTAX);
    assert_int_equal(take("[]"), ASG_ERR_SYNTAX);
    assert_int_equal(take(""), ASG_ERR_SYNTAX);
}

static void a_bound_of_the_reader_is_a_limit(void **state)
{
    char text[4096] = "{\"name\":\"n\",\"later\":";
    size_t len = strlen(text);

    (void) state;
    memset(text + len, '[', sizeof(text) - len - 1);
    assert_int_equal(take(text), ASG_ERR_LIMIT);
}

static void an_escape_needs_room_to_be_resolved(void **state)
{
    static const char text[] = "{\"name\":\"a\\u00e4b\"}";
    asg_buf_t scratch;

    (void) state;
    assert_int_equal(take(text), ASG_ERR_SYNTAX);
    asg_buf_init(&scratch, room, sizeof(room));
    asg_buf_z(&scratch, "kept");
    assert_int_equal(read_with(text, &scratch), ASG_OK);
    assert_true(asg_str_eq_z(thing.name, "a\xc3\xa4" "b"));
    assert_memory_equal(room, "kept", 4);
    asg_buf_init(&scratch, room, 3);
    assert_int_equal(read_with(text, &scratch), ASG_ERR_SPACE);
}

static void another_format_is_told_from_no_format(void **state)
{
    (void) state;
    assert_int_equal(asg_members_check_format(&json,
        ASG_STR("{\"x\":[1],\"f\":3}"), 3), ASG_OK);
    assert_int_equal(asg_members_check_format(&json,
        ASG_STR("{\"f\":4}"), 3), ASG_ERR_VERSION);
    assert_int_equal(asg_members_check_format(&json,
        ASG_STR("{\"format\":3}"), 3), ASG_ERR_MISSING);
    assert_int_equal(asg_members_check_format(&json,
        ASG_STR("{\"f\":\"3\"}"), 3), ASG_ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_fills_the_struct),
        cmocka_unit_test(what_is_wrong_has_its_name),
        cmocka_unit_test(a_bound_of_the_reader_is_a_limit),
        cmocka_unit_test(an_escape_needs_room_to_be_resolved),
        cmocka_unit_test(another_format_is_told_from_no_format)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
