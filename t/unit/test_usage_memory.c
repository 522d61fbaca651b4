/*
 * What a stream costs its reader: whole events are read where they lie, of one
 * that came cut there is a copy, and what need not be replaced leaves as it
 * came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer.h"

#define CUT 30

static const char plain[] = "data: {\"id\":\"1\"}\n\nevent: ping\ndata: {}\n\n"
    "data: {\"model\":\"mine\"}\r\n\r\ndata: [DONE]\n\n";
static const char other[] = "data: {\"model\":\"theirs\",\"a\":1}\n\n";

static asg_answer_t answer;
static const char *given;
static size_t given_len;
static unsigned calls;

static int note(void *data, const char *bytes, size_t len)
{
    (void) data;
    given = bytes;
    given_len = len;
    calls++;
    return 0;
}

static char *grow(void *data, char *old, size_t used, size_t size)
{
    (void) data, (void) used;
    return realloc(old, size);
}

static char *no_memory(void *data, char *old, size_t used, size_t size)
{
    (void) data, (void) old, (void) used, (void) size;
    return NULL;
}

static int begin(void **state)
{
    (void) state;
    calls = 0;
    asg_answer_init(&answer, ASG_STR("mine"), false, 0, NULL);
    answer.grow = grow;
    return 0;
}

static int end(void **state)
{
    (void) state;
    free(answer.line);
    return 0;
}

static int feed(const char *text, size_t len)
{
    return asg_answer_feed(&answer, text, len, note, NULL);
}

static void what_need_not_be_replaced_leaves_as_it_came(void **state)
{
    (void) state;
    assert_int_equal(feed(plain, strlen(plain)), 0);
    assert_int_equal(calls, 1);
    assert_ptr_equal(given, plain);
    assert_int_equal(given_len, strlen(plain));
}

static void whole_events_are_not_kept(void **state)
{
    (void) state;
    assert_int_equal(feed(other, strlen(other)), 0);
    assert_int_equal(calls, 3);         /* before the name, it, after it */
    assert_null(answer.line);
}

static void of_a_cut_event_there_is_a_copy(void **state)
{
    (void) state;
    assert_int_equal(feed(other, CUT), 0);
    assert_int_equal(calls, 0);
    assert_non_null(answer.line);
    assert_true(answer.line_size >= CUT && answer.line_size <= 2 * CUT);
    assert_memory_equal(answer.line, other, CUT);
}

static void a_cut_event_without_memory_stops_the_feed(void **state)
{
    (void) state;
    answer.grow = no_memory;
    assert_int_equal(feed(other, CUT), ASG_ANSWER_NO_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_need_not_be_replaced_leaves_as_it_came),
        TEST(whole_events_are_not_kept),
        TEST(of_a_cut_event_there_is_a_copy),
        TEST(a_cut_event_without_memory_stops_the_feed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
