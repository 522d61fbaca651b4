/*
 * core/answer_texts.h: which pieces of a stream are one text, and which texts
 * are of one choice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer_texts.h"

#define TEXTS_MAX  16

static asg_answer_text_t texts[TEXTS_MAX];
static size_t ntexts;

static void take(void *data, const asg_answer_text_t *text)
{
    (void) data;
    assert_true(ntexts < TEXTS_MAX);
    texts[ntexts++] = *text;
}

static void read_event(asg_api_t api, const char *event, bool is_stream)
{
    asg_answer_texts(asg_answer_texts_of(api), asg_str_z(event), is_stream,
                     take, NULL);
}

static bool is_text(size_t i, const char *z)
{
    return i < ntexts && texts[i].raw.data != NULL
        && asg_str_eq_z(texts[i].raw, z);
}

static void pieces_of_one_text_have_one_lane(void **state)
{
    (void) state;
    ntexts = 0;
    read_event(ASG_API_CHAT, "{\"choices\":[{\"index\":0,\"delta\":{"
               "\"content\":\"a\"}}]}", true);
    read_event(ASG_API_CHAT, "{\"choices\":[{\"delta\":{\"content\":\"b\"},"
               "\"index\":0}]}", true);
    read_event(ASG_API_CHAT, "{\"choices\":[{\"index\":1,\"delta\":{"
               "\"content\":\"c\"}}]}", true);
    read_event(ASG_API_CHAT, "{\"choices\":[{\"index\":0,\"delta\":{"
               "\"refusal\":\"d\"}}]}", true);
    assert_true(ntexts == 4 && is_text(0, "a") && is_text(1, "b")
                && is_text(2, "c") && is_text(3, "d"));
    assert_true(texts[0].lane == texts[1].lane);
    assert_true(texts[0].group == texts[1].group);
    assert_true(texts[2].lane != texts[0].lane);
    assert_true(texts[2].group != texts[0].group);
    assert_true(texts[3].lane != texts[0].lane);
    assert_true(texts[3].group == texts[0].group);
}

static void calls_of_tools_are_texts_of_their_own(void **state)
{
    (void) state;
    ntexts = 0;
    read_event(ASG_API_CHAT, "{\"choices\":[{\"index\":0,\"delta\":{"
               "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"x\""
               "}},{\"index\":1,\"function\":{\"arguments\":\"y\"}}]}}]}",
               true);
    assert_true(ntexts == 2 && is_text(0, "x") && is_text(1, "y"));
    assert_int_equal(texts[0].kind, ASG_TEXT_JSON);
    assert_true(texts[0].lane != texts[1].lane);
    assert_true(texts[0].group == texts[1].group);
}

static void the_end_of_a_choice_is_told(void **state)
{
    (void) state;
    ntexts = 0;
    read_event(ASG_API_CHAT, "{\"choices\":[{\"index\":2,\"delta\":{"
               "\"content\":\"a\"},\"finish_reason\":null}]}", true);
    assert_int_equal(ntexts, 1);
    read_event(ASG_API_CHAT, "{\"choices\":[{\"index\":2,\"delta\":{},"
               "\"finish_reason\":\"stop\"}]}", true);
    assert_int_equal(ntexts, 2);
    assert_null(texts[1].raw.data);
    assert_true(texts[1].group == texts[0].group);
}

static void what_is_no_text_is_not_told(void **state)
{
    (void) state;
    ntexts = 0;
    read_event(ASG_API_CHAT, "{\"id\":\"a\",\"model\":\"b\",\"object\":\"c\","
               "\"choices\":[{\"index\":0,\"message\":{\"role\":\"d\","
               "\"content\":null}}]}", false);
    assert_int_equal(ntexts, 0);
    read_event(ASG_API_CHAT, "{\"unheard_of\":{\"e\":[\"f\"]},\"choices\":[]}",
               false);
    assert_int_equal(ntexts, 3);            /* names, and the string */
    assert_true(is_text(0, "unheard_of") && is_text(1, "e")
                && is_text(2, "f"));
    assert_true(texts[0].is_whole && texts[1].is_whole && texts[2].is_whole);
}

static void every_route_but_of_none_has_a_shape(void **state)
{
    (void) state;
    for (unsigned api = 0; api < ASG_API_COUNT; api++) {
        asg_shape_t shape = asg_answer_texts_of((asg_api_t) api);
        unsigned n = 0;

        assert_true(shape != ASG_SHAPE_NOTHING && shape < ASG_SHAPE_COUNT);
        while (asg_answer_member_at(shape, n) != NULL) {
            n++;
        }
        assert_true(n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_one_text_have_one_lane),
        cmocka_unit_test(calls_of_tools_are_texts_of_their_own),
        cmocka_unit_test(the_end_of_a_choice_is_told),
        cmocka_unit_test(what_is_no_text_is_not_told),
        cmocka_unit_test(every_route_but_of_none_has_a_shape)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
