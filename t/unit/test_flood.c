/* core/flood.h: how many credentials that are none an address may show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/flood.h"

#define NOW   UINT64_C(5000000000)
#define PER_S 10

static asg_flood_t flood;

static int forget(void **state)
{
    (void) state;
    memset(&flood, 0, sizeof(flood));
    return 0;
}

static uint64_t ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const uint8_t bytes[4] = {a, b, c, d};

    return asg_flood_address(bytes, sizeof(bytes));
}

/* How many of `n` at once are too many. */
static unsigned over(uint64_t address, unsigned n, uint64_t now_us)
{
    unsigned all = 0;

    for (unsigned i = 0; i < n; i++) {
        all += asg_flood_is_over(&flood, address, now_us, PER_S);
    }
    return all;
}

static void as_many_as_a_second_may_have_come_at_once(void **state)
{
    uint64_t address = ipv4(192, 0, 2, 1);

    (void) state;
    assert_int_equal(over(address, PER_S, NOW), 0);
    assert_int_equal(over(address, 1000, NOW), 1000);
    assert_int_equal(over(ipv4(192, 0, 2, 2), PER_S, NOW), 0);
}

static void each_is_forgiven_after_its_part_of_a_second(void **state)
{
    uint64_t address = ipv4(192, 0, 2, 1);

    (void) state;
    assert_int_equal(over(address, PER_S + 5, NOW), 5);
    assert_int_equal(over(address, 2, NOW + 1), 1);
    assert_int_equal(over(address, 1, NOW + 100000), 1);
    assert_int_equal(over(address, 2, NOW + 100001), 1);
    assert_int_equal(over(address, PER_S + 1, NOW + 1200000), 1);
    assert_int_equal(over(address, 2 * PER_S, NOW + 3600000000), PER_S);
}

static void a_rate_of_none_lets_any_number_come(void **state)
{
    (void) state;
    for (unsigned i = 0; i < 1000; i++) {
        assert_false(asg_flood_is_over(&flood, ipv4(1, 2, 3, 4), NOW, 0));
    }
    assert_int_equal(over(ipv4(1, 2, 3, 4), PER_S, NOW), 0);
}

static void a_rate_above_a_million_is_no_limit(void **state)
{
    (void) state;
    for (unsigned i = 0; i < 1000; i++) {
        assert_false(asg_flood_is_over(&flood, 7, NOW, 2000000));
    }
}

static void an_ipv6_network_is_one_and_the_next_another(void **state)
{
    uint8_t a[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, [15] = 1};
    uint8_t b[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 0xff, [15] = 9};
    uint8_t c[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 3, [15] = 1};

    (void) state;
    assert_true(asg_flood_address(a, 16) == asg_flood_address(b, 16));
    assert_true(asg_flood_address(a, 16) != asg_flood_address(c, 16));
}

static void ipv4_is_the_same_address_however_it_is_written(void **state)
{
    uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};
    uint8_t compatible[16] = {[12] = 192, 0, 2, 1};

    (void) state;
    assert_true(asg_flood_address(mapped, 16) == ipv4(192, 0, 2, 1));
    assert_true(asg_flood_address(compatible, 16) != ipv4(192, 0, 2, 1));
}

static void what_is_no_address_is_one_client_and_never_none(void **state)
{
    uint8_t zero[16] = {0};

    (void) state;
    assert_true(asg_flood_address(NULL, 0) != 0);
    assert_true(asg_flood_address(NULL, 0) == asg_flood_address(zero, 7));
    assert_true(asg_flood_address(zero, 16) != 0);
    assert_true(ipv4(0, 0, 0, 0) != 0);
    assert_true(ipv4(0, 0, 0, 1) != asg_flood_address(NULL, 0));
}

/* Who still floods keeps its place: the one forgiven first gives its own. */
static void a_flood_of_addresses_pushes_out_what_is_forgiven_first(void **state)
{
    uint64_t address = ipv4(192, 0, 2, 1);
    const uint64_t all = (uint64_t) 4 * ASG_FLOOD_SETS * ASG_FLOOD_WAYS;

    (void) state;
    assert_int_equal(over(address, PER_S, NOW), 0);
    for (uint64_t i = 0; i < all; i++) {
        assert_false(asg_flood_is_over(&flood, 1000000 + i, NOW, PER_S));
    }
    assert_int_equal(over(address, 1, NOW), 1);
}

static void no_set_of_places_is_all_addresses(void **state)
{
    unsigned used = 0;

    (void) state;
    for (uint64_t i = 0; i < 4 * ASG_FLOOD_SETS; i++) {
        (void) asg_flood_is_over(&flood, ipv4(10, 0, (uint8_t) (i >> 8),
                                              (uint8_t) i), NOW, PER_S);
    }
    for (unsigned i = 0; i < ASG_FLOOD_SETS; i++) {
        used += flood.places[i][0].address != 0;
    }
    assert_true(used > ASG_FLOOD_SETS * 9 / 10);
}

#define TEST(f) cmocka_unit_test_setup(f, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(as_many_as_a_second_may_have_come_at_once),
        TEST(each_is_forgiven_after_its_part_of_a_second),
        TEST(a_rate_of_none_lets_any_number_come),
        TEST(a_rate_above_a_million_is_no_limit),
        TEST(an_ipv6_network_is_one_and_the_next_another),
        TEST(ipv4_is_the_same_address_however_it_is_written),
        TEST(what_is_no_address_is_one_client_and_never_none),
        TEST(a_flood_of_addresses_pushes_out_what_is_forgiven_first),
        TEST(no_set_of_places_is_all_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
