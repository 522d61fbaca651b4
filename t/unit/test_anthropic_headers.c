/* core/anthropic_headers.h: what of a client's headers goes to a provider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/anthropic_headers.h"

static void a_version_is_a_date(void **state)
{
    static const char *const bad[] = {
        "", "2023-06-1", "2023-06-011", "2023/06/01", "v023-06-01",
        "2023-06-01\r", " 2023-06-01", "2023-06-0\xff"
    };

    (void) state;
    assert_true(asg_anthropic_version_is_valid(ASG_STR("2023-06-01")));
    assert_false(asg_anthropic_version_is_valid(ASG_STR_NULL));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(asg_anthropic_version_is_valid(asg_str_z(bad[i])));
    }
}

static void a_beta_is_a_word(void **state)
{
    char text[ASG_ANTHROPIC_BETA_MAX + 1];

    (void) state;
    memset(text, 'a', sizeof(text));
    assert_true(asg_anthropic_beta_is_valid(
        (asg_str_t) {text, sizeof(text) - 1}));
    assert_false(asg_anthropic_beta_is_valid(
        (asg_str_t) {text, sizeof(text)}));
    assert_true(asg_anthropic_beta_is_valid(ASG_STR("context-1m-2025-08-07")));
    assert_false(asg_anthropic_beta_is_valid(ASG_STR("")));
    assert_false(asg_anthropic_beta_is_valid(ASG_STR("a,b")));
    assert_false(asg_anthropic_beta_is_valid(ASG_STR("A")));
}

static void become(const char *list, const char *should)
{
    static const asg_str_t allowed[] = {
        {"one-1", 5}, {"two-2", 5}, {"one", 3}
    };
    char text[ASG_ANTHROPIC_BETA_TEXT];
    unsigned sent = 0;
    asg_buf_t out;

    asg_buf_init(&out, text, sizeof(text));
    asg_anthropic_betas(&out, asg_str_z(list), allowed, 3, &sent);
    assert_true(asg_buf_ok(&out));
    if (!asg_str_eq_z(asg_buf_view(&out), should)) {
        fail_msg("'%.*s' of '%s'", (int) out.len, text, list);
    }
}

static void of_a_list_those_pass_that_are_allowed(void **state)
{
    unsigned sent = 0;
    asg_buf_t none;
    char nothing[1];

    (void) state;
    become("", "");
    become(",, ,", "");
    become("other", "");
    become("one-1", "one-1");
    become(" two-2 ,\tother, one-1,two-2", "two-2,one-1");
    become("one-1x,xone-1,one,ONE-1", "one");
    asg_buf_init(&none, nothing, 0);
    asg_anthropic_betas(&none, ASG_STR("one"), NULL, 0, &sent);
    assert_int_equal(none.len, 0);
}

static void several_lines_are_one_list(void **state)
{
    static const asg_str_t allowed[] = {{"one", 3}, {"two", 3}};
    char text[ASG_ANTHROPIC_BETA_TEXT];
    unsigned sent = 0;
    asg_buf_t out;

    (void) state;
    asg_buf_init(&out, text, sizeof(text));
    asg_anthropic_betas(&out, ASG_STR("two"), allowed, 2, &sent);
    asg_anthropic_betas(&out, ASG_STR(""), allowed, 2, &sent);
    asg_anthropic_betas(&out, ASG_STR("two,one"), allowed, 2, &sent);
    assert_true(asg_str_eq_z(asg_buf_view(&out), "two,one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_a_date),
        cmocka_unit_test(a_beta_is_a_word),
        cmocka_unit_test(of_a_list_those_pass_that_are_allowed),
        cmocka_unit_test(several_lines_are_one_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
