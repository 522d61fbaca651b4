/* cli/flat.h: JSON as names and values, and what a terminal must not get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/flat.h"

struct seen {
    char text[1024];
    asg_buf_t out;
};

static void note(void *data, asg_str_t name, asg_json_event_t kind,
    asg_str_t raw)
{
    struct seen *s = data;

    asg_buf_str(&s->out, name);
    asg_buf_z(&s->out, "=");
    cli_flat_text(kind, raw, &s->out);
    asg_buf_z(&s->out, "|");
}

static void shows(const char *json, const char *expected)
{
    struct seen s;

    asg_buf_init(&s.out, s.text, sizeof(s.text) - 1);
    assert_true(cli_flat_each(asg_str_z(json), 0, note, &s));
    s.text[s.out.len] = '\0';
    assert_string_equal(s.text, expected);
}

static void members_have_the_names_of_their_objects(void **state)
{
    (void) state;
    shows("{}", "");
    shows("{\"a\":1,\"b\":{\"c\":\"x\",\"d\":{\"e\":null}},\"f\":true}",
          "a=1|b.c=x|b.d.e=-|f=true|");
    shows("{\"a\":{},\"b\":[1,{\"c\":2}]}", "b=[1,{\"c\":2}]|");
}

static void amounts_stay_as_they_were_written(void **state)
{
    (void) state;
    shows("{\"a\":0.000000001,\"b\":9007199254740993}",
          "a=0.000000001|b=9007199254740993|");
}

static void text_does_not_command_a_terminal(void **state)
{
    (void) state;
    shows("{\"a\":\"\\u001b[31mred\\u0007\\u009b2J\"}", "a=?[31mred??2J|");
    shows("{\"a\":\"caf\xc3\xa9 \\ud83d\\ude00\\n\"}",
          "a=caf\xc3\xa9 \xf0\x9f\x98\x80\n|");
}

static void a_long_name_is_cut_and_deep_ones_stay_apart(void **state)
{
    char json[2048];
    char key[600];
    struct seen s;

    (void) state;
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    snprintf(json, sizeof(json), "{\"%s\":{\"%s\":1},\"z\":2}", key, key);
    asg_buf_init(&s.out, s.text, sizeof(s.text) - 1);
    assert_true(cli_flat_each(asg_str_z(json), 0, note, &s));
    s.text[s.out.len] = '\0';
    assert_non_null(strstr(s.text, "|z=2|"));
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const bad[] = {"", "[]", "1", "{\"a\":1", "{\"a\":}",
                                      "{\"a\":1}x", "{\"a\":{\"b\":1}"};
    struct seen s;

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        asg_buf_init(&s.out, s.text, sizeof(s.text));
        assert_false(cli_flat_each(asg_str_z(bad[i]), 0, note, &s));
    }
}

static void a_member_is_found_by_its_whole_name(void **state)
{
    asg_json_event_t kind;
    asg_str_t raw;

    (void) state;
    assert_true(cli_flat_find(ASG_STR("{\"a\":{\"b\":\"x\"}}"), 0, "a.b",
                              &kind, &raw));
    assert_true(kind == ASG_JSON_STRING && asg_str_eq_z(raw, "x"));
    assert_false(cli_flat_find(ASG_STR("{\"a\":{\"b\":1}}"), 0, "b", &kind,
                               &raw));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_have_the_names_of_their_objects),
        cmocka_unit_test(amounts_stay_as_they_were_written),
        cmocka_unit_test(text_does_not_command_a_terminal),
        cmocka_unit_test(a_long_name_is_cut_and_deep_ones_stay_apart),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(a_member_is_found_by_its_whole_name)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
