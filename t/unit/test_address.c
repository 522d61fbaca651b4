/* core/address.h: each range that is not public, at both of its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "core/address.h"

static bool is_internal(const char *text)
{
    bool six = strchr(text, ':') != NULL;
    uint8_t bytes[16];

    if (inet_pton(six ? AF_INET6 : AF_INET, text, bytes) != 1) {
        fail_msg("%s is no address", text);
    }
    return asg_address_is_internal(bytes, six ? 16 : 4);
}

static void check(const char *const *list, bool internal)
{
    for (; *list != NULL; list++) {
        if (is_internal(*list) != internal) {
            fail_msg("%s", *list);
        }
    }
}

static void what_is_not_public_is_internal(void **state)
{
    static const char *const four[] = {
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.255.255.255",
        "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0",
        "172.31.255.255", "192.168.0.0", "192.168.255.255", "198.18.0.0",
        "198.19.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
        "255.255.255.255", NULL
    };
    static const char *const six[] = {
        "::", "::1", "fc00::", "fdff:ffff::1", "fe80::1", "febf::1",
        "ff02::1", NULL
    };

    (void) state;
    check(four, true);
    check(six, true);
}

static void what_is_beside_a_range_is_public(void **state)
{
    static const char *const open[] = {
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
        "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
        "2606:4700::1111", "2001:4860:4860::8888", NULL
    };

    (void) state;
    check(open, false);
}

static void one_within_another_is_judged_by_that(void **state)
{
    static const char *const hidden[] = {
        "::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2002:a00:1::", NULL
    };
    static const char *const open[] = {
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::", NULL
    };

    (void) state;
    check(hidden, true);
    check(open, false);
}

static void of_another_length_nothing_is_public(void **state)
{
    static const uint8_t bytes[17] = {8, 8, 8, 8};

    (void) state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        if (len != 4 && len != 16) {
            assert_true(asg_address_is_internal(bytes, len));
        }
    }
    assert_false(asg_address_is_internal(bytes, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_public_is_internal),
        cmocka_unit_test(what_is_beside_a_range_is_public),
        cmocka_unit_test(one_within_another_is_judged_by_that),
        cmocka_unit_test(of_another_length_nothing_is_public)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
