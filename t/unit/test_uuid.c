/* core/uuid.h: a UUID comes out as it went in, what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/uuid.h"

static bool comes_back(const char *text)
{
    uint8_t bytes[ASG_UUID_BYTES];
    char again[ASG_UUID_CHARS];

    if (!asg_uuid_pack(asg_str_z(text), bytes)) {
        return false;
    }
    asg_uuid_text(bytes, again);
    assert_memory_equal(again, text, sizeof(again));
    return true;
}

static void a_uuid_comes_out_as_it_went_in(void **state)
{
    (void) state;
    assert_true(comes_back("0189f7ea-12ab-4cde-8f01-23456789abcd"));
    assert_true(comes_back("00000000-0000-0000-0000-000000000000"));
    assert_true(comes_back("ffffffff-ffff-ffff-ffff-ffffffffffff"));
}

static void its_bytes_are_the_digits_in_order(void **state)
{
    static const uint8_t expected[ASG_UUID_BYTES] = {0x01, 0x23, 0x45, 0x67,
        0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32,
        0x10};
    uint8_t bytes[ASG_UUID_BYTES];

    (void) state;
    assert_true(asg_uuid_pack(ASG_STR("01234567-89ab-cdef-fedc-ba9876543210"),
                              bytes));
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void any_other_id_is_none(void **state)
{
    (void) state;
    assert_false(comes_back(""));
    assert_false(comes_back("key-1"));
    assert_false(comes_back("0189f7ea-12ab-4cde-8f01-23456789abc"));
    assert_false(comes_back("0189f7ea-12ab-4cde-8f01-23456789abcde"));
    assert_false(comes_back("0189F7EA-12ab-4cde-8f01-23456789abcd"));
    assert_false(comes_back("0189f7ea-12ab-4cde-8f01-23456789abcg"));
    assert_false(comes_back("0189f7ea_12ab-4cde-8f01-23456789abcd"));
    assert_false(comes_back("0189f7ea-12ab-4cde-8f0-123456789abcd"));
    assert_false(comes_back("0189f7ea12ab4cde8f0123456789abcd0000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_comes_out_as_it_went_in),
        cmocka_unit_test(its_bytes_are_the_digits_in_order),
        cmocka_unit_test(any_other_id_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
