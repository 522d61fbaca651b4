/* core/leak_coded.h: bytes of a secret that are written as an escape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/leak_coded.h"

static const asg_leak_bytes_t *bytes_of(const char *secret)
{
    static asg_leak_bytes_t bytes;

    memset(&bytes, 0, sizeof(bytes));
    asg_leak_bytes_add(&bytes, asg_str_z(secret));
    return &bytes;
}

static void escapes_of_bytes_of_the_secret_are_read(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        char c;
    } all[] = {{"\\u0073k", 6, 's'}, {"\\u0053", 6, 'S'}, {"%73", 3, 's'},
               {"%6B", 3, 'k'}, {"%6b", 3, 'k'}, {"\\/", 2, '/'},
               {"\\\\/", 3, '/'}, {"\\\\u0073", 7, 's'},
               {"\\u002f", 6, '/'}, {"%2F", 3, '/'}};

    (void) state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        char c = 0;

        assert_int_equal(asg_leak_coded_byte(asg_str_z(all[i].text), 0,
                                             bytes_of("sk/9"), &c),
                         all[i].len);
        assert_int_equal(c, all[i].c);
    }
}

static void other_escapes_and_cut_ones_are_none(void **state)
{
    static const char *const all[] = {"\\n", "\\\"", "\\u0061", "%61", "%7",
        "%", "\\", "\\u", "\\u007", "\\\\", "\\\\u", "\\\\\\u0073",
        "\\\\u007", "\\u0173", "\\u7300", "%7g", "\\u00g3",
        "%zz", "s", "\\x73", "\\U0073"};

    (void) state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        char c;

        assert_int_equal(asg_leak_coded_byte(asg_str_z(all[i]), 0,
                                             bytes_of("sk9"), &c), 0);
    }
    assert_int_equal(asg_leak_coded_byte(ASG_STR("\\/"), 0, bytes_of("sk9"),
                                         (char[1]) {0}), 0);
}

static void the_next_is_found_from_any_place(void **state)
{
    asg_str_t text = ASG_STR("a\\nb%73c%zz\\u0073%41\\\\u006b%");
    static const size_t places[] = {4, 11, 20};
    const asg_leak_bytes_t *bytes = bytes_of("sk9");

    (void) state;
    for (size_t from = 0; from <= text.len; from++) {
        asg_leak_coded_t coded = {.text = text};
        size_t want = from == 21 ? 21 : text.len;   /* half of an escape */

        for (size_t i = 3; i > 0; i--) {
            want = from <= places[i - 1] ? places[i - 1] : want;
        }
        assert_int_equal(asg_leak_coded_next(&coded, bytes, from), want);
    }
}

static void a_text_without_any_is_looked_through_once(void **state)
{
    asg_leak_coded_t coded = {.text = ASG_STR("line\\nline\\n100% sure")};

    (void) state;
    for (size_t at = 0; at <= coded.text.len; at++) {
        assert_int_equal(asg_leak_coded_next(&coded, bytes_of("sk9"), at),
                         coded.text.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_of_bytes_of_the_secret_are_read),
        cmocka_unit_test(other_escapes_and_cut_ones_are_none),
        cmocka_unit_test(the_next_is_found_from_any_place),
        cmocka_unit_test(a_text_without_any_is_looked_through_once)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
