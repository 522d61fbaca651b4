/* connect/random.h: secrets of the length and the characters that are stated,
 * each another one, all characters as likely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connect/random.h"

static struct ctl_arena arena;
static struct ctl_config config = {.kek_file = (char *) (uintptr_t) "f"};
static const struct ctl_connect with = {.config = &config};

static struct ctl_step_in in_of(enum ctl_act action, const char *spec,
    const char *outputs)
{
    return (struct ctl_step_in) {
        .arena = &arena, .action = action, .spec = spec, .outputs = outputs,
        .config = "{\"length\": 20, \"alphabet\": \"hex\"}",
        .secret_outputs = "[\"value\"]"
    };
}

/* The one value that a step made; wiped by the caller. */
static struct ctl_secret made(const char *spec, struct ctl_step_out *out)
{
    struct ctl_step_in in = in_of(CTL_ACT_MAKE, spec, "{}");

    memset(out, 0, sizeof(*out));
    ctl_random_step(&with, &in, out);
    assert_int_equal(out->verdict, CTL_STEP_DONE);
    assert_int_equal(out->nsecrets, 1);
    assert_string_equal(out->secrets[0].output, "value");
    assert_false(out->secrets[0].pending);
    return out->secrets[0].value;
}

static void a_value_is_of_the_length_and_the_characters_that_are_stated(
    void **state)
{
    static const struct {
        const char *spec;
        size_t len;
        const char *characters, *outputs;
    } cases[] = {
        {"{}", 20, "0123456789abcdef",
            "{\"length\": 20, \"alphabet\": \"hex\"}"},
        {"{\"length\": 16, \"alphabet\": \"digits\"}", 16, "0123456789",
            "{\"length\": 16, \"alphabet\": \"digits\"}"},
        {"{\"length\": 1024}", 1024, "0123456789abcdef",
            "{\"length\": 1024, \"alphabet\": \"hex\"}"}
    };
    struct ctl_step_out out;

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ctl_secret value = made(cases[i].spec, &out);

        assert_int_equal(value.len, cases[i].len);
        for (size_t at = 0; at < value.len; at++) {
            assert_non_null(strchr(cases[i].characters, value.bytes[at]));
        }
        assert_string_equal(out.outputs, cases[i].outputs);
        ctl_secret_wipe(&value);
    }
}

/* Of 102,400 characters of 94 each comes 1,089 times; 300 off is nine
 * deviations.  A plain modulo would be a third off. */
static void each_character_is_as_likely(void **state)
{
    unsigned times[256] = {0}, kinds = 0;
    struct ctl_step_out out;

    (void) state;
    for (unsigned i = 0; i < 100; i++) {
        struct ctl_secret value = made(
            "{\"length\": 1024, \"alphabet\": \"printable\"}", &out);

        for (size_t at = 0; at < value.len; at++) {
            times[(unsigned char) value.bytes[at]]++;
        }
        ctl_secret_wipe(&value);
        ctl_arena_reset(&arena);
    }
    for (unsigned c = 0; c < 256; c++) {
        assert_true(times[c] == 0 || (c > ' ' && c < 127));
        assert_true(times[c] == 0 || (times[c] > 789 && times[c] < 1389));
        kinds += times[c] > 0;
    }
    assert_int_equal(kinds, 94);
}

static void no_value_comes_twice(void **state)
{
    struct ctl_secret value[2];
    struct ctl_step_out out;

    (void) state;
    value[0] = made("{}", &out);
    value[1] = made("{}", &out);
    assert_memory_not_equal(value[0].bytes, value[1].bytes, value[0].len);
    ctl_secret_wipe(&value[0]);
    ctl_secret_wipe(&value[1]);
}

static void what_is_made_again_as_it_is_keeps_its_value(void **state)
{
    static const char was[] = "{\"value\": {\"secret_ref\": {}},"
        " \"length\": 20, \"alphabet\": \"hex\"}";
    static const struct {
        enum ctl_act action;
        const char *spec;
        unsigned values;
    } cases[] = {
        {CTL_ACT_MAKE, "{}", 0}, {CTL_ACT_MAKE, "{\"length\": 21}", 1},
        {CTL_ACT_MAKE, "{\"alphabet\": \"digits\"}", 1},
        {CTL_ACT_ROTATE, "{}", 1}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ctl_step_in in = in_of(cases[i].action, cases[i].spec, was);
        struct ctl_step_out out = {.nsecrets = 0};

        ctl_random_step(&with, &in, &out);
        assert_int_equal(out.verdict, CTL_STEP_DONE);
        assert_int_equal(out.nsecrets, cases[i].values);
        for (unsigned n = 0; n < out.nsecrets; n++) {
            ctl_secret_wipe(&out.secrets[n].value);
        }
    }
}

static void what_is_no_length_or_alphabet_makes_nothing(void **state)
{
    static const char *const wrong[] = {
        "{\"length\": 15}", "{\"length\": 1025}", "{\"length\": -16}",
        "{\"length\": 1e2}", "{\"length\": \"20\"}", "{\"length\": true}",
        "{\"alphabet\": \"latin\"}", "{\"alphabet\": \"\"}",
        "{\"alphabet\": 5}", "{\"alphabet\": [\"hex\"]}"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ctl_step_in in = in_of(CTL_ACT_MAKE, wrong[i], "{}");
        struct ctl_step_out out = {.nsecrets = 0};

        assert_non_null(ctl_random_wrong(wrong[i]));
        ctl_random_step(&with, &in, &out);
        assert_int_equal(out.verdict, CTL_STEP_FINAL);
        assert_int_equal(out.nsecrets, 0);
        assert_non_null(ctl_random_unarmed(&with, wrong[i], &arena));
    }
    assert_null(ctl_random_unarmed(&with, "{}", &arena));
}

static void without_a_key_for_secrets_it_is_not_armed(void **state)
{
    struct ctl_config none = {.kek_file = NULL};
    const struct ctl_connect without = {.config = &none};

    (void) state;
    assert_non_null(ctl_random_unarmed(&without, "{}", &arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_value_is_of_the_length_and_the_characters_that_are_stated),
        cmocka_unit_test(each_character_is_as_likely),
        cmocka_unit_test(no_value_comes_twice),
        cmocka_unit_test(what_is_made_again_as_it_is_keeps_its_value),
        cmocka_unit_test(what_is_no_length_or_alphabet_makes_nothing),
        cmocka_unit_test(without_a_key_for_secrets_it_is_not_armed)
    };
    int failed;

    ctl_arena_init(&arena, 1024 * 1024);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    ctl_arena_reset(&arena);
    return failed;
}
