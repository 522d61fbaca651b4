/* core/event_lines.h: events of a stream, however its bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/event_lines.h"

struct seen {
    char text[4096];
    size_t len;
    unsigned most;              /* false from this event on; 0: never */
    unsigned n;
};

static bool note(void *data, asg_str_t event)
{
    struct seen *s = data;

    assert_true(s->len + event.len + 1 < sizeof(s->text));
    memcpy(s->text + s->len, event.data, event.len);
    s->len += event.len;
    s->text[s->len++] = '|';
    s->n++;
    return s->most == 0 || s->n < s->most;
}

/* Cut at every place, and each byte alone. */
static void reads(const char *text, const char *expected)
{
    size_t len = strlen(text);
    char *room = malloc(ASG_EVENT_LINES_MAX);

    assert_non_null(room);
    for (size_t cut = 0; cut <= len; cut++) {
        struct seen s = {.len = 0};
        asg_event_lines_t l;

        asg_event_lines_init(&l, room);
        assert_true(asg_event_lines_feed(&l, text, cut, note, &s));
        for (size_t i = cut; i < len; i++) {
            assert_true(asg_event_lines_feed(&l, text + i, 1, note, &s));
        }
        assert_int_equal(s.len, strlen(expected));
        assert_memory_equal(s.text, expected, s.len);
    }
    free(room);
}

static void events_end_with_a_blank_line(void **state)
{
    (void) state;
    reads("data: a\n\ndata: b\n\n", "a|b|");
    reads("data:a\r\n\r\ndata:b\r\n\r\n", "a|b|");
    reads("data: a\r\rdata: b\r\r", "a|b|");
    reads("data: a\n\n\n\ndata: b\n\n", "a|b|");
    reads("data:  a\n\n", " a|");
}

static void data_lines_of_one_event_are_joined(void **state)
{
    (void) state;
    reads("data: a\ndata: b\n\n", "a\nb|");
    reads("data: a\ndata\ndata:\n\n", "a\n\n|");
}

static void other_fields_and_comments_are_passed_over(void **state)
{
    (void) state;
    reads(": beat\n\nevent: x\ndata: a\nid: 7\n\n", "a|");
    reads("datax: a\n\ndat: b\n\n", "");
    reads("event: alone\n\n", "");
}

static void an_event_that_is_cut_off_is_none(void **state)
{
    (void) state;
    reads("data: a\n\ndata: b\n", "a|");
    reads("data: a", "");
}

static void the_reader_can_end_it(void **state)
{
    static char room[ASG_EVENT_LINES_MAX];
    struct seen s = {.most = 1};
    asg_event_lines_t l;

    (void) state;
    asg_event_lines_init(&l, room);
    assert_false(asg_event_lines_feed(&l, "data:a\n\ndata:b\n\n", 16, note,
                                      &s));
    assert_int_equal(s.n, 1);
}

static void an_event_has_a_bound(void **state)
{
    static char room[ASG_EVENT_LINES_MAX];
    struct seen s = {.len = 0};
    asg_event_lines_t l;
    size_t n;

    (void) state;
    asg_event_lines_init(&l, room);
    for (n = 0; n < ASG_EVENT_LINES_MAX; n++) {
        assert_true(asg_event_lines_feed(&l, "x", 1, note, &s));
    }
    assert_false(asg_event_lines_feed(&l, "x", 1, note, &s));
    asg_event_lines_init(&l, room);
    for (n = 0; n < ASG_EVENT_LINES_MAX; n++) {         /* each adds two */
        if (!asg_event_lines_feed(&l, "data:x\n", 7, note, &s)) {
            break;
        }
    }
    assert_true(n < ASG_EVENT_LINES_MAX / 2);
    assert_int_equal(s.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_end_with_a_blank_line),
        cmocka_unit_test(data_lines_of_one_event_are_joined),
        cmocka_unit_test(other_fields_and_comments_are_passed_over),
        cmocka_unit_test(an_event_that_is_cut_off_is_none),
        cmocka_unit_test(the_reader_can_end_it),
        cmocka_unit_test(an_event_has_a_bound)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
