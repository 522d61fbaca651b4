/* core/network.h: from which addresses a key may be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "core/network.h"

static asg_networks_t list;

static bool has(const char *address)
{
    uint8_t bytes[16];
    bool six = strchr(address, ':') != NULL;

    assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, address, bytes), 1);
    return asg_networks_have(&list, bytes, six ? 16 : 4);
}

static void a_network_has_its_addresses_and_no_others(void **state)
{
    (void) state;
    assert_int_equal(asg_networks_parse(ASG_STR(
        "10.1.0.0/16,192.0.2.7,2001:db8::/33,203.0.113.8/29"), &list), ASG_OK);
    assert_int_equal(list.n, 4);
    assert_true(has("10.1.255.255"));
    assert_false(has("10.2.0.0"));
    assert_true(has("192.0.2.7"));
    assert_false(has("192.0.2.6"));
    assert_true(has("203.0.113.15"));
    assert_false(has("203.0.113.16"));
    assert_true(has("2001:db8:7fff::1"));
    assert_false(has("2001:db8:8000::1"));
    assert_false(asg_networks_have(&list, (const uint8_t *) "", 0));
}

static void an_address_in_another_coat_is_the_same(void **state)
{
    (void) state;
    assert_int_equal(asg_networks_parse(ASG_STR("10.1.0.0/16"), &list),
                     ASG_OK);
    assert_true(has("::ffff:10.1.2.3"));
    assert_false(has("::ffff:10.2.2.3"));
    assert_int_equal(asg_networks_parse(ASG_STR("::ffff:10.1.0.0/112"),
                                        &list), ASG_OK);
    assert_true(has("10.1.2.3"));
    assert_int_equal(asg_networks_parse(ASG_STR("::/0"), &list), ASG_OK);
    assert_true(has("::1"));
    assert_false(has("10.1.2.3"));
}

static void it_is_written_so_that_it_reads_the_same(void **state)
{
    char text[ASG_NETWORKS_TEXT];
    asg_buf_t b;

    (void) state;
    assert_int_equal(asg_networks_parse(ASG_STR(
        "10.1.0.0/16,2001:db8::/33,::1,0.0.0.0/0"), &list), ASG_OK);
    asg_buf_init(&b, text, sizeof(text));
    asg_networks_write(&b, &list);
    assert_true(asg_str_eq_z(asg_buf_view(&b), "10.1.0.0/16,"
        "2001:db8:0:0:0:0:0:0/33,0:0:0:0:0:0:0:1/128,0.0.0.0/0"));
}

static void the_empty_list_has_nobody_to_judge(void **state)
{
    (void) state;
    assert_int_equal(asg_networks_parse(ASG_STR(""), &list), ASG_OK);
    assert_int_equal(list.n, 0);
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const bad[] = {
        ",", "10.1.0.0/16,", ",10.1.0.0/16", "10.1.0", "10.1.0.0/33",
        "10.1.0.0/", "10.1.0.0/x", "10.1.0.0/-1", "::1/129", "example.com",
        " 10.1.0.0/16", "10.1.0.0/16 ", "1.2.3.4/8/8", "fe80::1%eth0",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"
    };
    char many[17 * 8];

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (asg_networks_parse(asg_str_z(bad[i]), &list) != ASG_ERR_SYNTAX) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_int_equal(asg_networks_parse(ASG_STR("10.1.0.1/16"), &list),
                     ASG_ERR_RANGE);
    assert_int_equal(asg_networks_parse(ASG_STR("10.0.0.0\0/8"), &list),
                     ASG_ERR_SYNTAX);
    for (int i = 0; i < 17; i++) {
        memcpy(many + 8 * i, "1.2.3.4,", 8);
    }
    assert_int_equal(asg_networks_parse((asg_str_t) {many, 17 * 8 - 1}, &list),
                     ASG_ERR_LIMIT);
    assert_int_equal(asg_networks_parse((asg_str_t) {many, 16 * 8 - 1}, &list),
                     ASG_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_its_addresses_and_no_others),
        cmocka_unit_test(an_address_in_another_coat_is_the_same),
        cmocka_unit_test(it_is_written_so_that_it_reads_the_same),
        cmocka_unit_test(the_empty_list_has_nobody_to_judge),
        cmocka_unit_test(what_is_no_network_is_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
