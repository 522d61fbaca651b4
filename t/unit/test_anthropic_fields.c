/* core/anthropic_fields.h: numbers compared as they are written, which a double
 * would not tell apart, and the table of the members of a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/anthropic_fields.h"

#define SPELLINGS 5

/* Each line is one number, each line is above the one before. */
static const char *const numbers[][SPELLINGS] = {
    {"-1e99999"}, {"-2.5", "-25e-1", "-0.25E+1", "-2.50"}, {"-1", "-1.0"},
    {"-1e-400"}, {"0", "-0", "0.000", "0e7", "-0.0E-3"}, {"1e-400"},
    {"0.949999999999999999999999"}, {"0.95", "95e-2", "0.0095E2", "0.9500"},
    {"0.950000000000000000000001"}, {"1", "1.0", "10e-1", "0.1e1", "1E+0"},
    {"1.00000000000000000000000000001"}, {"1.5", "15e-1"}, {"2", "2.000"},
    {"9007199254740992"}, {"9007199254740993", "9007199254740993.0"},
    {"1e400", "10e399"}, {"1e401"}
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static int compare(const char *a, const char *b)
{
    return asg_anthropic_compare((asg_str_t) {a, strlen(a)},
                                 (asg_str_t) {b, strlen(b)});
}

static void compare_lines(size_t i, size_t j)
{
    int wanted = i < j ? -1 : i > j;

    for (size_t k = 0; k < SPELLINGS && numbers[i][k]; k++) {
        for (size_t l = 0; l < SPELLINGS && numbers[j][l]; l++) {
            int got = compare(numbers[i][k], numbers[j][l]);

            if ((got > 0) - (got < 0) != wanted) {
                fail_msg("%s and %s: %d", numbers[i][k], numbers[j][l], got);
            }
        }
    }
}

static void numbers_compare_by_what_they_are(void **state)
{
    (void) state;
    for (size_t i = 0; i < NUMBERS; i++) {
        for (size_t j = 0; j < NUMBERS; j++) {
            compare_lines(i, j);
        }
    }
}

/* Larger exponents count as one: no overflow, and the sign still holds. */
static void an_exponent_without_end_has_its_side(void **state)
{
    (void) state;
    assert_true(compare("1e99999999999999999999", "1e400") > 0);
    assert_true(compare("1e-99999999999999999999", "1e-400") < 0);
    assert_true(compare("1e-99999999999999999999", "0") > 0);
    assert_true(compare("-1e99999999999999999999", "0") < 0);
}

static bool is_neutral(asg_anthropic_field_t field, const char *value)
{
    return asg_anthropic_field_is_neutral(field,
                                          (asg_str_t) {value, strlen(value)});
}

static void a_row_is_found_by_its_name_alone(void **state)
{
    (void) state;
    for (int i = 0; i < ASG_ANTHROPIC_COUNT; i++) {
        const char *name = asg_anthropic_field_name((asg_anthropic_field_t) i);

        assert_int_equal(asg_anthropic_field_find(
                             (asg_str_t) {name, strlen(name)}), i);
    }
    assert_int_equal(asg_anthropic_field_find(ASG_STR("mode")),
                     ASG_ANTHROPIC_COUNT);
    assert_int_equal(asg_anthropic_field_find(ASG_STR("models")),
                     ASG_ANTHROPIC_COUNT);
    /* as JSON may spell it */
    assert_int_equal(asg_anthropic_field_find(ASG_STR("\\u006dodel")),
                     ASG_ANTHROPIC_MODEL);
}

static void what_asks_for_nothing_is_known_in_any_spelling(void **state)
{
    (void) state;
    assert_true(is_neutral(ASG_ANTHROPIC_N, "1"));
    assert_true(is_neutral(ASG_ANTHROPIC_N, "10e-1"));
    assert_false(is_neutral(ASG_ANTHROPIC_N, "2"));
    assert_true(is_neutral(ASG_ANTHROPIC_FREQUENCY, "-0.0"));
    assert_false(is_neutral(ASG_ANTHROPIC_FREQUENCY, "1e-400"));
    assert_true(is_neutral(ASG_ANTHROPIC_LOGPROBS, "false"));
    assert_false(is_neutral(ASG_ANTHROPIC_LOGPROBS, "true"));
    assert_true(is_neutral(ASG_ANTHROPIC_LOGIT_BIAS, "{ }"));
    assert_false(is_neutral(ASG_ANTHROPIC_LOGIT_BIAS, "{\"1\": 0}"));
    assert_true(is_neutral(ASG_ANTHROPIC_MODALITIES, "[\"text\"]"));
    assert_false(is_neutral(ASG_ANTHROPIC_MODALITIES,
                            "[\"text\", \"audio\"]"));
    assert_false(is_neutral(ASG_ANTHROPIC_SEED, "0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_compare_by_what_they_are),
        cmocka_unit_test(an_exponent_without_end_has_its_side),
        cmocka_unit_test(a_row_is_found_by_its_name_alone),
        cmocka_unit_test(what_asks_for_nothing_is_known_in_any_spelling)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
