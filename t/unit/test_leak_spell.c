/* core/leak_spell.h: the ways in which a secret may be spelt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "core/leak_spell.h"

#define SECRET "sk-proj-Qw3rTy_Ui0pAs-dFgHjK1LzX~?"

static char spelt[ASG_LEAK_SPELT_MAX];
static asg_leak_spelling_t all[ASG_LEAK_SPELLINGS];

static asg_str_t spelling(unsigned i)
{
    return (asg_str_t) {spelt + all[i].from, all[i].to - all[i].from};
}

static void it_stands_there_plain_backwards_and_in_hex(void **state)
{
    (void) state;
    assert_int_equal(asg_leak_spell(ASG_STR("key~01"), spelt, all),
                     ASG_LEAK_SPELLINGS);
    assert_true(asg_str_eq_z(spelling(0), "key~01"));
    assert_true(asg_str_eq_z(spelling(1), "10~yek"));
    assert_true(asg_str_eq_z(spelling(2), "6b65797e3031"));
}

/* What OpenSSL makes of the secret among other bytes has the spelling for the
 * place where it stands. */
static void base64_has_it_at_any_place(void **state)
{
    size_t n = sizeof(SECRET) - 1;
    unsigned char text[128], coded[256];

    (void) state;
    asg_leak_spell(ASG_STR(SECRET), spelt, all);
    for (size_t before = 0; before < 7; before++) {
        for (size_t after = 0; after < 4; after++) {
            asg_str_t s = spelling(3 + before % 3);
            char z[128];

            memset(text, 0xa7, sizeof(text));
            memcpy(text + before, SECRET, n);
            EVP_EncodeBlock(coded, text, (int) (before + n + after));
            memcpy(z, s.data, s.len);
            z[s.len] = '\0';
            assert_non_null(strstr((char *) coded, z));
            assert_true(s.len >= asg_leak_spelling_chars(&all[3], n));
        }
    }
}

static void a_piece_has_as_many_characters_in_each(void **state)
{
    (void) state;
    asg_leak_spell(ASG_STR(SECRET), spelt, all);
    assert_int_equal(asg_leak_spelling_chars(&all[0], 24), 24);
    assert_int_equal(asg_leak_spelling_chars(&all[1], 24), 24);
    assert_int_equal(asg_leak_spelling_chars(&all[2], 24), 48);
    assert_int_equal(asg_leak_spelling_chars(&all[3], 24), 31);
}

static void each_is_closed_by_a_byte_that_no_key_has(void **state)
{
    unsigned count;

    (void) state;
    count = asg_leak_spell(ASG_STR(SECRET), spelt, all);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal((uint8_t) spelt[all[i].to], 0xff);
        assert_int_equal(all[i].from, i > 0 ? all[i - 1].to + 1 : 0);
    }
}

static void the_longest_fit(void **state)
{
    static char secret[4096];
    const size_t lengths[] = {16, ASG_LEAK_CODED_MAX, ASG_LEAK_CODED_MAX + 1,
                              sizeof(secret)};

    (void) state;
    memset(secret, 'k', sizeof(secret));
    for (size_t i = 0; i < 4; i++) {
        unsigned count = asg_leak_spell((asg_str_t) {secret, lengths[i]},
                                        spelt, all);

        assert_int_equal(count, lengths[i] <= ASG_LEAK_CODED_MAX
                                ? ASG_LEAK_SPELLINGS : 1);
        assert_true(all[count - 1].to < ASG_LEAK_SPELT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_there_plain_backwards_and_in_hex),
        cmocka_unit_test(base64_has_it_at_any_place),
        cmocka_unit_test(a_piece_has_as_many_characters_in_each),
        cmocka_unit_test(each_is_closed_by_a_byte_that_no_key_has),
        cmocka_unit_test(the_longest_fit)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
