/* core/rkey.h: names of Redis keys, ids, partitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rkey.h"

#define ID64  "0123456789012345678901234567890123456789012345678901234567890123"

static char name[ASG_RKEY_MAX];

static void is_name(size_t len, const char *expected)
{
    assert_string_equal(name, expected);
    assert_int_equal(len, strlen(expected));
}

static void every_name_is_as_the_formats_say(void **state)
{
    uint8_t digest[32];

    (void) state;
    memset(digest, 0xa5, sizeof(digest));
    is_name(asg_rkey_key(name, ASG_STR("p1"), digest),
        "{asg}:key:p1:a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
        "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
    is_name(asg_rkey_project(name, ASG_STR("proj-2026-0001")),
            "{asg}:project:proj-2026-0001");
    is_name(asg_rkey_meta(name, 0), "{p00}:m");
    is_name(asg_rkey_meta(name, 9), "{p09}:m");
    is_name(asg_rkey_meta(name, 15), "{p15}:m");
    is_name(asg_rkey_budget(name, 7, ASG_STR("p.proj-2026-0001")),
            "{p07}:b:p.proj-2026-0001");
    is_name(asg_rkey_rates(name, 7, ASG_STR("k.y")), "{p07}:r:k.y");
    is_name(asg_rkey_open(name, 7, ASG_STR("k.y")), "{p07}:o:k.y");
    is_name(asg_rkey_hold(name, 10, ASG_STR("h0123.2")), "{p10}:h:h0123.2");
    is_name(asg_rkey_expiry(name, 1), "{p01}:x");
    is_name(asg_rkey_told(name, 3, 17), "{p03}:a:17");
    is_name(asg_rkey_stream(name, 2, UINT64_MAX),
            "{p02}:u:18446744073709551615");
}

static void the_longest_names_fit(void **state)
{
    static const uint8_t digest[32];

    (void) state;
    assert_int_equal(asg_rkey_key(name, ASG_STR(ID64), digest),
                     10 + 64 + 1 + 64);
    assert_int_equal(asg_rkey_project(name, ASG_STR(ID64)), 14 + 64);
    assert_int_equal(asg_rkey_budget(name, 1, ASG_STR("p." ID64)), 8 + 66);
    assert_int_equal(asg_rkey_hold(name, 1, ASG_STR(ID64)), 8 + 64);
}

static void an_argument_out_of_its_grammar_names_nothing(void **state)
{
    static const uint8_t digest[32];

    (void) state;
    is_name(asg_rkey_project(name, ASG_STR("")), "");
    is_name(asg_rkey_project(name, ASG_STR("a:b")), "");
    is_name(asg_rkey_project(name, ASG_STR(ID64 "x")), "");
    is_name(asg_rkey_budget(name, 1, ASG_STR("p.a,b")), "");
    is_name(asg_rkey_budget(name, 1, ASG_STR("p." ID64 "x")), "");
    is_name(asg_rkey_hold(name, 1, ASG_STR("h}1")), "");
    is_name(asg_rkey_hold(name, 16, ASG_STR("h1")), "");
    is_name(asg_rkey_meta(name, 16), "");
    is_name(asg_rkey_expiry(name, 100), "");
    is_name(asg_rkey_stream(name, UINT32_MAX, 1), "");
    is_name(asg_rkey_key(name, ASG_STR("p 1"), digest), "");
}

static void an_id_is_1_to_64_word_characters(void **state)
{
    (void) state;
    assert_true(asg_id_is_valid(ASG_STR("a")));
    assert_true(asg_id_is_valid(ASG_STR("AZaz09._-")));
    assert_true(asg_id_is_valid(ASG_STR(ID64)));
    assert_false(asg_id_is_valid(ASG_STR(ID64 "x")));
    assert_false(asg_id_is_valid(ASG_STR_NULL));
    for (int c = 1; c < 256; c++) {
        char text[2] = {'a', (char) c};
        bool is_word = c < 128 && strchr("0123456789abcdefghijklmnopqrstuvwxyz"
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-", c) != NULL;

        assert_int_equal(asg_id_is_valid((asg_str_t) {text, 2}), is_word);
    }
    assert_false(asg_id_is_valid(ASG_STR("a\0")));
}

/* Values of FNV-1a 64, of which the last hex digit is the partition. */
static void a_partition_is_the_fnv_1a_hash_modulo_16(void **state)
{
    (void) state;
    assert_int_equal(asg_partition_of(ASG_STR_NULL), 0x5);
    assert_int_equal(asg_partition_of(ASG_STR("a")), 0xc);
    assert_int_equal(asg_partition_of(ASG_STR("foobar")), 0x8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_as_the_formats_say),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(an_argument_out_of_its_grammar_names_nothing),
        cmocka_unit_test(an_id_is_1_to_64_word_characters),
        cmocka_unit_test(a_partition_is_the_fnv_1a_hash_modulo_16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
