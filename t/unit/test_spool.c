/* core/spool.h: lines of the witness, whole, torn and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/spool.h"

#define LINE(hold)                                                          \
    "{\"f\":1,\"ts\":\"2026-11-21T10:00:00.123Z\",\"hold\":\"" hold "\","    \
    "\"epoch\":3,\"part\":7,\"pins\":\"p.proj-1:total:0\","                  \
    "\"amount\":210000,\"verb\":\"s\",\"held\":500000,"                      \
    "\"call\":\"h01\",\"trace\":\"tr_1\",\"project\":\"proj-1\",\"pv\":3,"   \
    "\"key\":\"k-1\",\"prefix\":\"asg_0123abcd\",\"model\":\"m\","           \
    "\"rm\":\"m\",\"card\":\"m\",\"cv\":2,\"verdict\":\"ok\"}"

static asg_spool_lines_t lines;
static asg_spool_line_t spool;
static asg_json_t json;
static asg_err_t why;

static asg_spool_state_t judge(asg_str_t line, bool rest)
{
    static char text[ASG_EVENT_LINE];
    asg_buf_t scratch;

    asg_buf_init(&scratch, text, sizeof(text));
    return asg_spool_judge(&json, line, rest, &scratch, &spool, &why);
}

/* The lines of `text`, fed `step` bytes at a time, each with a '|' after it;
 * the rest behind a '~'. */
static const char *cut(const char *text, size_t step)
{
    static char got[512];
    asg_str_t piece, line, left = asg_str_z(text);
    size_t n = 0;

    asg_spool_lines_begin(&lines);
    while (left.len > 0) {
        piece = (asg_str_t) {left.data, left.len < step ? left.len : step};
        left.data += piece.len;
        left.len -= piece.len;
        while (asg_spool_lines_next(&lines, &piece, &line)) {
            n += (size_t) snprintf(got + n, sizeof(got) - n, "%.*s|",
                                   (int) line.len, line.data);
        }
    }
    if (asg_spool_lines_rest(&lines, &line)) {
        n += (size_t) snprintf(got + n, sizeof(got) - n, "~%.*s",
                               (int) line.len, line.data);
    }
    got[n] = '\0';
    return got;
}

static void lines_are_cut_the_same_whatever_the_pieces(void **state)
{
    (void) state;
    for (size_t step = 1; step < 9; step++) {
        assert_string_equal(cut("ab\n\nc\nde", step), "ab||c|~de");
        assert_int_equal(lines.number, 3);
        assert_string_equal(cut("ab\n", step), "ab|");
        assert_string_equal(cut("", step), "");
    }
}

static void a_rest_may_grow_to_a_line(void **state)
{
    asg_str_t piece = ASG_STR("a"), line;

    (void) state;
    asg_spool_lines_begin(&lines);
    assert_false(asg_spool_lines_next(&lines, &piece, &line));
    assert_true(asg_spool_lines_rest(&lines, &line));
    piece = ASG_STR("b\n");
    assert_true(asg_spool_lines_next(&lines, &piece, &line));
    assert_true(asg_str_eq_z(line, "ab"));
    assert_false(asg_spool_lines_rest(&lines, &line));
}

static void whole_lines_are_read(void **state)
{
    (void) state;
    assert_int_equal(judge(ASG_STR(LINE("h1")), false), ASG_SPOOL_WHOLE);
    assert_true(asg_str_eq_z(spool.hold, "h1"));
}

static void a_torn_line_is_not_damage(void **state)
{
    (void) state;
    assert_int_equal(judge(ASG_STR("{\"f\":1,\"ts\":"), true),
                     ASG_SPOOL_TORN);
    assert_int_equal(judge(ASG_STR("{\"f\":1,\"ts\":\"20" LINE("h2")), false),
                     ASG_SPOOL_BEHIND_TORN);
    assert_true(asg_str_eq_z(spool.hold, "h2"));
}

static void all_else_is_damage(void **state)
{
    (void) state;
    assert_int_equal(judge(ASG_STR(""), false), ASG_SPOOL_DAMAGED);
    assert_int_equal(judge(ASG_STR("{\"f\":1}"), false), ASG_SPOOL_DAMAGED);
    assert_int_equal(why, ASG_ERR_MISSING);
    assert_int_equal(judge(ASG_STR("{\"f\":2}"), false), ASG_SPOOL_DAMAGED);
    assert_int_equal(why, ASG_ERR_VERSION);
    assert_int_equal(judge(ASG_STR(LINE("h1") "x"), false),
                     ASG_SPOOL_DAMAGED);
    assert_int_equal(judge(ASG_STR("{\"f\":1,\"ts\":\"20{\"f\":1}"), false),
                     ASG_SPOOL_DAMAGED);
}

static void a_line_behind_empty_blocks_is_found(void **state)
{
    static char blocks[20000];
    asg_str_t piece = {blocks, sizeof(blocks)}, line;

    (void) state;
    asg_spool_lines_begin(&lines);
    assert_false(asg_spool_lines_next(&lines, &piece, &line));
    piece = ASG_STR(LINE("h3") "\n");
    assert_true(asg_spool_lines_next(&lines, &piece, &line));
    assert_int_equal(line.len, ASG_SPOOL_TEXT);
    assert_int_equal(judge(line, false), ASG_SPOOL_BEHIND_TORN);
    assert_true(asg_str_eq_z(spool.hold, "h3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_the_same_whatever_the_pieces),
        cmocka_unit_test(a_rest_may_grow_to_a_line),
        cmocka_unit_test(whole_lines_are_read),
        cmocka_unit_test(a_torn_line_is_not_damage),
        cmocka_unit_test(all_else_is_damage),
        cmocka_unit_test(a_line_behind_empty_blocks_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
