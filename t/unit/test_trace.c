/*
 * Trace ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/trace.h"

static void a_clients_id_has_1_to_64_plain_characters(void **state)
{
    static const char *const good[] = {
        "a", "Z", "0", ".", "_", "-", "tr_0123", "00-4bf92f-01",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    static const char *const bad[] = {
        "", " a", "a b", "a\n", "a/b", "a:b", "\"", "{", "[", "@", "`", "\xc3",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    (void) state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_true(asg_trace_is_valid(asg_str_z(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(asg_trace_is_valid(asg_str_z(bad[i])));
    }
    assert_false(asg_trace_is_valid(ASG_STR_NULL));
    assert_false(asg_trace_is_valid(ASG_STR("a\0b")));
}

static void ours_is_tr_and_32_hex_and_valid(void **state)
{
    uint8_t bytes[16] = {0x00, 0x01, 0xab, 0xff, [15] = 0x7e};
    char out[ASG_TRACE_MAX + 1];

    (void) state;
    assert_int_equal(asg_trace_make(bytes, out), 35);
    assert_string_equal(out, "tr_0001abff00000000000000000000007e");
    assert_true(asg_trace_is_valid(asg_str_z(out)));
}

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void a_traceparent_is_of_version_00_and_names_both_ids(void **state)
{
    static const char *const bad[] = {
        "", PARENT "-", " " PARENT,
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7\r01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };

    (void) state;
    assert_true(asg_traceparent_is_valid(ASG_STR(PARENT)));
    assert_true(asg_traceparent_is_valid(
        ASG_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(asg_traceparent_is_valid(asg_str_z(bad[i])));
    }
    assert_false(asg_traceparent_is_valid(ASG_STR_NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_id_has_1_to_64_plain_characters),
        cmocka_unit_test(ours_is_tr_and_32_hex_and_valid),
        cmocka_unit_test(a_traceparent_is_of_version_00_and_names_both_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
