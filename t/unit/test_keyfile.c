/* core/keyfile.h: named seal keys and peppers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/keyfile.h"

#define TAIL   "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_A  "fe" TAIL
#define HEX_B  "ff" TAIL

static asg_keyfile_t file;
static asg_keyfile_error_t error;

static asg_err_t parse(const char *text)
{
    return asg_keyfile_parse(asg_str_z(text), false, &file, &error);
}

static void fails(const char *text, asg_err_t err, unsigned line)
{
    asg_keyfile_t before;

    memset(&file, 0x5a, sizeof(file));
    before = file;
    if (parse(text) != err || error.line != line) {
        fail_msg("%s: line %u: %s", text, error.line, error.text);
    }
    assert_non_null(error.text);
    assert_null(strstr(error.text, "0203"));
    assert_memory_equal(&file, &before, sizeof(file));
}

static void keys_of_both_kinds_are_read_in_order(void **state)
{
    const asg_named_key_t *key;

    (void) state;
    assert_int_equal(parse("# keys\n\n  seal\ts2 " HEX_B "  # new\r\n"
                           "seal s1 " HEX_A "\npepper s1 " HEX_B), ASG_OK);
    assert_int_equal(file.nseals, 2);
    assert_int_equal(file.npeppers, 1);
    assert_string_equal(file.seals[0].id, "s2");
    key = asg_keyfile_seal(&file, ASG_STR("s1"));
    assert_ptr_equal(key, &file.seals[1]);
    assert_int_equal(key->secret[0], 0xfe);
    assert_int_equal(key->secret[31], 0x1f);
    key = asg_keyfile_pepper(&file, ASG_STR("s1"));
    assert_ptr_equal(key, &file.peppers[0]);
    assert_int_equal(key->secret[0], 0xff);
    assert_null(asg_keyfile_pepper(&file, ASG_STR("s2")));
    assert_null(asg_keyfile_seal(&file, ASG_STR("s")));
    assert_null(asg_keyfile_seal(&file, ASG_STR_NULL));
}

static void a_bad_line_is_named(void **state)
{
    (void) state;
    fails("salt s1 " HEX_A, ASG_ERR_SYNTAX, 1);
    fails("\nSEAL s1 " HEX_A, ASG_ERR_SYNTAX, 2);
    fails("seal", ASG_ERR_SYNTAX, 1);
    fails("seal s1", ASG_ERR_SYNTAX, 1);
    fails("seal " HEX_A, ASG_ERR_SYNTAX, 1);
    fails("seal s1 " HEX_A " x", ASG_ERR_SYNTAX, 1);
    fails("seal S1 " HEX_A, ASG_ERR_SYNTAX, 1);
    fails("seal s-1 " HEX_A, ASG_ERR_SYNTAX, 1);
    fails("seal 12345678901234567 " HEX_A, ASG_ERR_SYNTAX, 1);
    fails("seal s1 0" HEX_A, ASG_ERR_SYNTAX, 1);
    fails("seal s1 " HEX_A "00", ASG_ERR_SYNTAX, 1);
    fails("seal s1 0102", ASG_ERR_SYNTAX, 1);
    fails("pepper p1 " HEX_A "\nseal s1 "
          "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
          ASG_ERR_SYNTAX, 2);
    fails("seal s1#" HEX_A, ASG_ERR_SYNTAX, 1);
}

static void an_id_stands_once_in_its_kind(void **state)
{
    (void) state;
    fails("seal s1 " HEX_A "\npepper p1 " HEX_A "\nseal s1 " HEX_B,
          ASG_ERR_RANGE, 3);
    fails("pepper p1 " HEX_A "\npepper p1 " HEX_A, ASG_ERR_RANGE, 2);
    assert_int_equal(parse("seal x " HEX_A "\npepper x " HEX_B), ASG_OK);
}

static void a_key_that_is_not_random_is_refused(void **state)
{
    char text[] = "seal s1 "
        "0000000000000000000000000000000000000000000000000000000000000000";

    (void) state;
    fails(text, ASG_ERR_RANGE, 1);
    memset(text + 8, 'a', 64);
    fails(text, ASG_ERR_RANGE, 1);
    text[sizeof(text) - 2] = 'b';
    fails(text, ASG_ERR_RANGE, 1);
    fails("seal s1 00" TAIL, ASG_ERR_RANGE, 1);
    fails("seal s1 fe" TAIL, ASG_ERR_MISSING, 0);       /* a pepper */
}

static void a_seal_and_a_pepper_must_be_there(void **state)
{
    (void) state;
    fails("", ASG_ERR_MISSING, 0);
    fails("# nothing\n", ASG_ERR_MISSING, 0);
    fails("seal s1 " HEX_A, ASG_ERR_MISSING, 0);
    fails("pepper p1 " HEX_A, ASG_ERR_MISSING, 0);
    assert_int_equal(asg_keyfile_parse(ASG_STR("pepper p1 " HEX_A), true,
                                       &file, &error), ASG_OK);
    assert_int_equal(asg_keyfile_parse(ASG_STR("seal s1 " HEX_A), true,
                                       &file, &error), ASG_ERR_MISSING);
}

static void lines_and_their_length_are_bounded(void **state)
{
    static char text[40000];

    (void) state;
    memset(text, '\n', 64);
    text[64] = '\0';
    fails(text, ASG_ERR_MISSING, 0);
    memset(text, '\n', 65);
    text[65] = '\0';
    fails(text, ASG_ERR_LIMIT, 64);
    memset(text, '#', 512);
    text[512] = '\0';
    fails(text, ASG_ERR_MISSING, 0);
    text[512] = '#';
    text[513] = '\0';
    fails(text, ASG_ERR_LIMIT, 1);
    memset(text, '#', ASG_KEYFILE_BYTES_MAX + 1);
    text[ASG_KEYFILE_BYTES_MAX + 1] = '\0';
    fails(text, ASG_ERR_LIMIT, 0);
}

static void sixteen_keys_of_a_kind_are_the_most(void **state)
{
    static char text[4000];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, text, sizeof(text) - 1);
    asg_buf_z(&b, "pepper p1 " HEX_A "\n");
    for (unsigned i = 0; i < 17; i++) {
        asg_buf_z(&b, "seal 123456789012345");     /* the longest id */
        asg_buf_put(&b, &"abcdefghijklmnopq"[i], 1);
        asg_buf_z(&b, " " HEX_A "\n");
        text[b.len] = '\0';
        if (i < 16) {
            assert_int_equal(parse(text), ASG_OK);
            assert_int_equal(file.nseals, i + 1);
        }
    }
    assert_true(asg_buf_ok(&b));
    fails(text, ASG_ERR_LIMIT, 18);
}

static void a_wiped_file_holds_no_byte_of_a_secret(void **state)
{
    static const asg_keyfile_t empty;

    (void) state;
    assert_int_equal(parse("seal s1 " HEX_A "\npepper p1 " HEX_B), ASG_OK);
    asg_keyfile_wipe(&file);
    assert_memory_equal(&file, &empty, sizeof(file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_both_kinds_are_read_in_order),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(an_id_stands_once_in_its_kind),
        cmocka_unit_test(a_key_that_is_not_random_is_refused),
        cmocka_unit_test(a_seal_and_a_pepper_must_be_there),
        cmocka_unit_test(lines_and_their_length_are_bounded),
        cmocka_unit_test(sixteen_keys_of_a_kind_are_the_most),
        cmocka_unit_test(a_wiped_file_holds_no_byte_of_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
