/* core/money.h: amounts as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/money.h"

static void parses_as(const char *text, asg_nusd_t expected)
{
    asg_nusd_t n = -77;

    if (asg_money_parse(asg_str_z(text), &n) != ASG_OK || n != expected) {
        fail_msg("%s: %lld", text, (long long) n);
    }
}

static void fails_as(asg_str_t text, asg_err_t err)
{
    asg_nusd_t n = -77;

    if (asg_money_parse(text, &n) != err || n != -77) {
        print_error("%.*s\n", (int) text.len, text.len > 0 ? text.data : "");
        fail();
    }
}

static void plain_decimals_are_read_exactly(void **state)
{
    (void) state;
    parses_as("0", 0);
    parses_as("0.0", 0);
    parses_as("0.000000001", 1);
    parses_as("0.00021", 210000);
    parses_as("12.5", 12500000000);
    parses_as("12.500000000", 12500000000);
    parses_as("100", 100000000000);
    parses_as("9007199.254740991", ASG_NUSD_MAX);
}

static void everything_else_is_refused_as_syntax(void **state)
{
    static const char *const bad[] = {
        "", "1e3", "1E3", "-5", "+5", "NaN", " 5", "5 ", "1,000", "1_000",
        "00", "01", "00.5", ".5", "5.", ".", "1.2.3", "0x10", "1.-5",
        "0.0000000001", "1.1234567890", "Infinity", "$5"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fails_as(asg_str_z(bad[i]), ASG_ERR_SYNTAX);
    }
    fails_as(ASG_STR_NULL, ASG_ERR_SYNTAX);
    fails_as(ASG_STR("5\0"), ASG_ERR_SYNTAX);
}

static void an_amount_above_the_largest_is_out_of_range(void **state)
{
    (void) state;
    fails_as(ASG_STR("9007199.254740992"), ASG_ERR_RANGE);
    fails_as(ASG_STR("9007200"), ASG_ERR_RANGE);
    fails_as(ASG_STR("18446744073.709551616"), ASG_ERR_RANGE);
    fails_as(ASG_STR("99999999999999999999999999999999999999999"),
             ASG_ERR_RANGE);
    fails_as(ASG_STR("99999999999999999999999999999999999999999x"),
             ASG_ERR_SYNTAX);
}

static void formats_as(asg_nusd_t n, const char *expected)
{
    char text[ASG_MONEY_TEXT];

    assert_int_equal(asg_money_format(n, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void the_shortest_plain_decimal_is_written(void **state)
{
    (void) state;
    formats_as(0, "0");
    formats_as(1, "0.000000001");
    formats_as(210000, "0.00021");
    formats_as(12500000000, "12.5");
    formats_as(-3000000000, "-3");
    formats_as(-1, "-0.000000001");
    formats_as(100000000000, "100");
    formats_as(ASG_NUSD_MAX, "9007199.254740991");
    formats_as(-ASG_NUSD_MAX, "-9007199.254740991");
    formats_as(INT64_MIN, "-9223372036.854775808");
}

static void every_decimal_place_survives_the_round_trip(void **state)
{
    char text[ASG_MONEY_TEXT];
    asg_nusd_t back;

    (void) state;
    for (asg_nusd_t n = 1; n < ASG_NUSD_MAX / 10; n *= 10) {
        for (asg_nusd_t around = n - 1; around <= n * 9; around += n) {
            size_t len = asg_money_format(around, text);

            assert_int_equal(asg_money_parse((asg_str_t) {text, len}, &back),
                             ASG_OK);
            assert_int_equal(back, around);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_decimals_are_read_exactly),
        cmocka_unit_test(everything_else_is_refused_as_syntax),
        cmocka_unit_test(an_amount_above_the_largest_is_out_of_range),
        cmocka_unit_test(the_shortest_plain_decimal_is_written),
        cmocka_unit_test(every_decimal_place_survives_the_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
