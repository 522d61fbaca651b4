/* core/weak.h: what no secret may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/weak.h"

#define GOOD  "pJ7x0sVb2KqLw9Zt"

static void values_of_manuals_are_samples(void **state)
{
    static const char *const samples[] = {
        "sk-1234", "SK-1234", "1234", "changeme", "ChangeMe", "PASSWORD",
        "sk-password", "secret", "your-api-key", "xxxxxxxxxxxxxxxxxxxx",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "a", "redis", "sk-test"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        assert_true(asg_weak_is_sample(asg_str_z(samples[i])));
        assert_non_null(asg_weak_password(asg_str_z(samples[i])));
    }
}

static void what_only_holds_such_a_word_is_none(void **state)
{
    (void) state;
    assert_false(asg_weak_is_sample(ASG_STR("")));
    assert_false(asg_weak_is_sample(ASG_STR("sk-12340")));
    assert_false(asg_weak_is_sample(ASG_STR("changeme2")));
    assert_false(asg_weak_is_sample(ASG_STR("my-secret-of-1871")));
    assert_false(asg_weak_is_sample(ASG_STR(GOOD)));
}

static void a_password_is_long_and_of_many_characters(void **state)
{
    (void) state;
    assert_null(asg_weak_password(ASG_STR(GOOD)));
    assert_non_null(asg_weak_password((asg_str_t) {GOOD, 15}));
    assert_non_null(asg_weak_password(ASG_STR("")));
    assert_non_null(asg_weak_password(ASG_STR("abcdefgabcdefgabcdefg")));
    assert_null(asg_weak_password(ASG_STR("abcdefghabcdefgh")));
}

static void a_random_key_has_many_bytes_in_no_order(void **state)
{
    static const uint8_t random[32] = {
        0x3f, 0x91, 0x07, 0xc2, 0x5b, 0xee, 0x18, 0x74, 0xa9, 0x02, 0xd6, 0x4c,
        0x80, 0xf5, 0x3b, 0x67, 0x1e, 0xbb, 0x52, 0x9d, 0xe0, 0x2a, 0x86, 0x73,
        0x11, 0xcf, 0x48, 0x9a, 0xf1, 0x0d, 0x65, 0xb4
    };
    uint8_t key[32];

    (void) state;
    assert_false(asg_weak_key(random, sizeof(random)));
    for (unsigned step = 0; step < 256; step++) {
        for (unsigned i = 0; i < sizeof(key); i++) {
            key[i] = (uint8_t) (7 + i * step);
        }
        assert_true(asg_weak_key(key, sizeof(key)));
    }
    for (unsigned i = 0; i < sizeof(key); i++) {
        key[i] = random[i % 15];
    }
    assert_true(asg_weak_key(key, sizeof(key)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_manuals_are_samples),
        cmocka_unit_test(what_only_holds_such_a_word_is_none),
        cmocka_unit_test(a_password_is_long_and_of_many_characters),
        cmocka_unit_test(a_random_key_has_many_bytes_in_no_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
