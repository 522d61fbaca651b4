/* base/envelope.h: secrets at rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/envelope.h"

#define VALUE "canary-4f1d-value"

static const asg_keks_t old = {
    {{"k1", "the older kek, of 32 bytes......"}}, 1
};
static const asg_keks_t both = {
    {{"k2", "the newer kek, of 32 bytes......"},
     {"k1", "the older kek, of 32 bytes......"}}, 2
};
static const asg_keks_t new = {
    {{"k2", "the newer kek, of 32 bytes......"}}, 1
};
static const struct ctl_envelope_place here = {"secrets", "proj-1/db-password",
                                               "envelope", 3};

static uint8_t sealed[ASG_ENVELOPE_MAX], again[ASG_ENVELOPE_MAX];
static uint8_t plain[ASG_ENVELOPE_PLAIN_MAX];
static size_t sealed_len, again_len, plain_len;

static asg_str_t bytes(const uint8_t *data, size_t n)
{
    return (asg_str_t) {(const char *) data, n};
}

static void seal(const asg_keks_t *keks, asg_str_t value)
{
    assert_int_equal(ctl_envelope_seal(keks, &here, value, sealed,
                                       &sealed_len), ASG_OK);
}

static asg_err_t open_at(const asg_keks_t *keks,
    const struct ctl_envelope_place *place)
{
    return ctl_envelope_open(keks, place, bytes(sealed, sealed_len), plain,
                             &plain_len);
}

static void a_value_comes_back_as_it_was(void **state)
{
    static char large[ASG_ENVELOPE_PLAIN_MAX + 1];

    (void) state;
    memset(large, 'x', sizeof(large));
    seal(&old, ASG_STR(VALUE));
    assert_int_equal(open_at(&old, &here), ASG_OK);
    assert_true(asg_str_eq(bytes(plain, plain_len), ASG_STR(VALUE)));
    seal(&old, (asg_str_t) {large, ASG_ENVELOPE_PLAIN_MAX});
    assert_int_equal(open_at(&old, &here), ASG_OK);
    assert_int_equal(plain_len, ASG_ENVELOPE_PLAIN_MAX);
    seal(&old, ASG_STR(""));
    assert_int_equal(open_at(&old, &here), ASG_OK);
    assert_int_equal(plain_len, 0);
    assert_int_equal(ctl_envelope_seal(&old, &here,
        (asg_str_t) {large, sizeof(large)}, sealed, &sealed_len),
        ASG_ERR_LIMIT);
}

static void the_value_stands_nowhere_in_its_envelope(void **state)
{
    (void) state;
    seal(&old, ASG_STR(VALUE));
    assert_null(memmem(sealed, sealed_len, VALUE, sizeof(VALUE) - 1));
}

/* Its own key and both nonces are new. */
static void the_same_value_twice_is_two_envelopes(void **state)
{
    asg_envelope_t a, b;

    (void) state;
    seal(&old, ASG_STR(VALUE));
    memcpy(again, sealed, sealed_len);
    seal(&old, ASG_STR(VALUE));
    assert_int_equal(asg_envelope_parse(bytes(sealed, sealed_len), &a),
                     ASG_OK);
    assert_int_equal(asg_envelope_parse(bytes(again, sealed_len), &b),
                     ASG_OK);
    assert_false(asg_str_eq(a.wrap_nonce, b.wrap_nonce));
    assert_false(asg_str_eq(a.nonce, b.nonce));
    assert_false(asg_str_eq(a.wrapped, b.wrapped));
    assert_false(asg_str_eq(a.sealed, b.sealed));
}

static void in_another_place_it_does_not_open(void **state)
{
    static const struct ctl_envelope_place others[] = {
        {"secret", "proj-1/db-password", "envelope", 3},
        {"secrets", "proj-2/db-password", "envelope", 3},
        {"secrets", "proj-1/db-password", "other", 3},
        {"secrets", "proj-1/db-password", "envelope", 4},
        {"secrets", "", "proj-1/db-passwordenvelope", 3}
    };
    size_t i;

    (void) state;
    seal(&old, ASG_STR(VALUE));
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(open_at(&old, &others[i]), ASG_ERR_AUTH);
        assert_null(memmem(plain, sizeof(plain), VALUE, sizeof(VALUE) - 1));
    }
}

/* A '|' in a name could make two places one. */
static void a_place_that_could_be_read_twice_is_refused(void **state)
{
    static const struct ctl_envelope_place odd = {"secrets", "a|b", "c", 1};

    (void) state;
    assert_int_equal(ctl_envelope_seal(&old, &odd, ASG_STR(VALUE), sealed,
                                       &sealed_len), ASG_ERR_SYNTAX);
}

static void no_byte_may_be_another(void **state)
{
    size_t i;

    (void) state;
    seal(&old, ASG_STR(VALUE));
    for (i = 0; i < sealed_len; i++) {
        sealed[i] ^= 0x10;
        assert_int_not_equal(open_at(&old, &here), ASG_OK);
        sealed[i] ^= 0x10;
    }
    for (i = 0; i < sealed_len; i++) {
        assert_int_not_equal(ctl_envelope_open(&old, &here, bytes(sealed, i),
                                               plain, &plain_len), ASG_OK);
    }
    assert_int_equal(open_at(&old, &here), ASG_OK);
}

static void the_first_kek_seals_and_every_kek_opens(void **state)
{
    asg_envelope_t e;

    (void) state;
    seal(&old, ASG_STR(VALUE));
    assert_int_equal(open_at(&both, &here), ASG_OK);
    assert_int_equal(open_at(&new, &here), ASG_ERR_MISSING);
    seal(&both, ASG_STR(VALUE));
    assert_int_equal(asg_envelope_parse(bytes(sealed, sealed_len), &e),
                     ASG_OK);
    assert_true(asg_str_eq_z(e.key_id, "k2"));
}

static void wrapped_anew_it_needs_the_old_kek_no_more(void **state)
{
    asg_envelope_t a, b;

    (void) state;
    seal(&old, ASG_STR(VALUE));
    assert_int_equal(ctl_envelope_rewrap(&both, &here,
        bytes(sealed, sealed_len), again, &again_len), ASG_OK);
    assert_int_equal(asg_envelope_parse(bytes(sealed, sealed_len), &a),
                     ASG_OK);
    assert_int_equal(asg_envelope_parse(bytes(again, again_len), &b), ASG_OK);
    assert_true(asg_str_eq(a.sealed, b.sealed));        /* not looked at */
    assert_int_equal(ctl_envelope_open(&new, &here, bytes(again, again_len),
                                       plain, &plain_len), ASG_OK);
    assert_true(asg_str_eq(bytes(plain, plain_len), ASG_STR(VALUE)));
    assert_int_equal(ctl_envelope_open(&old, &here, bytes(again, again_len),
                                       plain, &plain_len), ASG_ERR_MISSING);
    assert_int_equal(ctl_envelope_rewrap(&new, &here,
        bytes(sealed, sealed_len), again, &again_len), ASG_ERR_MISSING);
}

/* The id is authenticated too: the same bytes under another name of the key. */
static void a_kek_by_another_id_does_not_open_it(void **state)
{
    static const asg_keks_t renamed = {
        {{"k9", "the older kek, of 32 bytes......"}}, 1
    };

    (void) state;
    seal(&old, ASG_STR(VALUE));
    sealed[3] = '9';
    assert_int_equal(open_at(&renamed, &here), ASG_ERR_AUTH);
}

static void a_file_of_keks_is_read_or_refused_by_line(void **state)
{
    static const char hex[] =
        "8f3b1c5e7a9d0246813579bdf02468ace13f57b9d8c6a4e20f1e2d3c4b5a6978";
    char text[512];
    asg_keyfile_error_t error;
    asg_keks_t f;

    (void) state;
    snprintf(text, sizeof(text), "# keks\nkek k2 %s\n", hex);
    assert_int_equal(asg_keks_parse(asg_str_z(text), &f, &error), ASG_OK);
    assert_int_equal(f.nkeks, 1);
    assert_non_null(asg_keks_find(&f, ASG_STR("k2")));
    assert_null(asg_keks_find(&f, ASG_STR("k1")));
    snprintf(text, sizeof(text), "kek k2 %s\nseal s1 %s\n", hex, hex);
    assert_int_not_equal(asg_keks_parse(asg_str_z(text), &f, &error), ASG_OK);
    assert_int_equal(error.line, 2);
    assert_int_not_equal(asg_keks_parse(ASG_STR("# none\n"), &f, &error),
                         ASG_OK);
    assert_string_equal(error.text, "no kek line");
    snprintf(text, sizeof(text), "kek k2 %s\nkek k2 %s\n", hex, hex);
    assert_int_not_equal(asg_keks_parse(asg_str_z(text), &f, &error), ASG_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_back_as_it_was),
        cmocka_unit_test(the_value_stands_nowhere_in_its_envelope),
        cmocka_unit_test(the_same_value_twice_is_two_envelopes),
        cmocka_unit_test(in_another_place_it_does_not_open),
        cmocka_unit_test(a_place_that_could_be_read_twice_is_refused),
        cmocka_unit_test(no_byte_may_be_another),
        cmocka_unit_test(the_first_kek_seals_and_every_kek_opens),
        cmocka_unit_test(wrapped_anew_it_needs_the_old_kek_no_more),
        cmocka_unit_test(a_kek_by_another_id_does_not_open_it),
        cmocka_unit_test(a_file_of_keks_is_read_or_refused_by_line)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
