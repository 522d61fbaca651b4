/* core/leak.h: a piece of a secret in a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "core/leak.h"

/* As providers make them: 164 characters, 35, and the shortest. */
static const char *const keys[] = {
    "sk-proj-Qw3rTy_Ui0pAs-dFgHjK1LzXcVbNm2QaZwSxEdCrFvTgByHnUjMiKoLp9876543210"
    "PoIuYtReWq_LkJhGfDsA-MnBvCxZ1a2s3d4f5g6h7j8k9l0qWeRtYuIoPaSdFgHjKlZxCvBnM"
    "q1w2e3r4t5y6u7i8o",
    "mk-0123456789abcdef89abcdef01234567", "a1b2c3d4e5f6g7h8"
};

#define KEYS (sizeof(keys) / sizeof(*keys))

static asg_leak_t leak;

/* `n` bytes of the key from `from`, among `before` and `after` others. */
static asg_str_t text_with(const char *key, size_t from, size_t n,
    size_t before, size_t after)
{
    static char text[1024];

    assert_true(before + n + after <= sizeof(text));
    memset(text, '.', before + n + after);
    memcpy(text + before, key + from, n);
    return (asg_str_t) {text, before + n + after};
}

static void every_piece_is_found_wherever_it_stands(void **state)
{
    (void) state;
    for (size_t k = 0; k < KEYS; k++) {
        size_t len = strlen(keys[k]);

        asg_leak_init(&leak, asg_str_z(keys[k]));
        assert_true(asg_leak_is_set(&leak));
        assert_true(leak.piece <= len && leak.piece <= ASG_LEAK_PIECE);
        for (size_t from = 0; from + leak.piece <= len; from++) {
            for (size_t before = 0; before < 40; before++) {
                assert_true(asg_leak_finds(&leak, text_with(keys[k], from,
                    leak.piece, before, from % 3)));
            }
        }
    }
}

static void less_than_a_piece_is_not(void **state)
{
    (void) state;
    for (size_t k = 0; k < KEYS; k++) {
        size_t len = strlen(keys[k]);

        asg_leak_init(&leak, asg_str_z(keys[k]));
        for (size_t from = 0; from + leak.piece - 1 <= len; from++) {
            assert_false(asg_leak_finds(&leak, text_with(keys[k], from,
                leak.piece - 1, from % 17, 9)));
        }
    }
    assert_false(asg_leak_finds(&leak, ASG_STR("")));
}

static void it_is_found_in_any_cut(void **state)
{
    (void) state;
    for (size_t k = 0; k < KEYS; k++) {
        asg_str_t text;

        asg_leak_init(&leak, asg_str_z(keys[k]));
        text = text_with(keys[k], 0, leak.piece, 31, 40);
        for (size_t step = 1; step < text.len; step++) {
            asg_leak_tail_t tail = {.len = 0};
            size_t at = 0, n;
            bool found = false;

            for (; at < text.len && !found; at += n) {
                n = text.len - at < step ? text.len - at : step;
                found = asg_leak_finds_next(&leak, &tail, text.data + at, n);
                assert_int_equal(found, at + n >= 31 + leak.piece);
            }
            assert_true(found);
        }
    }
}

static void letters_count_in_any_case(void **state)
{
    char upper[256];
    size_t len = strlen(keys[1]);

    (void) state;
    for (size_t i = 0; i <= len; i++) {
        char c = keys[1][i];

        upper[i] = c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
    }
    asg_leak_init(&leak, asg_str_z(keys[1]));
    assert_true(asg_leak_finds(&leak, (asg_str_t) {upper, len}));
}

static void a_key_that_is_a_word_is_not_looked_for(void **state)
{
    static const char *const words[] = {"", "EMPTY", "sk-none",
        "0123456789abcde"};

    (void) state;
    for (size_t i = 0; i < 4; i++) {
        asg_leak_init(&leak, asg_str_z(words[i]));
        assert_false(asg_leak_is_set(&leak));
        assert_false(asg_leak_finds(&leak, asg_str_z(words[i])));
        assert_true(asg_leak_clears_id(&leak, asg_str_z(words[i])));
    }
}

static void a_key_that_repeats_itself_is_found(void **state)
{
    char key[64], text[64];

    (void) state;
    memset(key, 'a', sizeof(key));
    memset(text, 'a', sizeof(text));
    asg_leak_init(&leak, (asg_str_t) {key, sizeof(key)});
    assert_true(asg_leak_finds(&leak, (asg_str_t) {text, sizeof(text)}));
    for (size_t i = 0; i < sizeof(text); i += leak.piece) {
        text[i] = 'b';
    }
    assert_false(asg_leak_finds(&leak, (asg_str_t) {text, sizeof(text)}));
}

static void an_id_is_kept_without_any_piece_of_the_key(void **state)
{
    static const char *const good[] = {"", "req-7", "chatcmpl-0123456789abcde",
        "req_011CSHoEeqs5C35K2UUqR7Fy", "gen:1.2", "sk-proj-Qw3"};
    static const char *const bad[] = {"a b", "a/b", "a\"b", "caf\xc3\xa9", "a=",
        "a\n"};
    char id[256];

    (void) state;
    asg_leak_init(&leak, asg_str_z(keys[0]));
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_true(asg_leak_clears_id(&leak, asg_str_z(good[i])));
        assert_true(asg_leak_clears_id(NULL, asg_str_z(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(asg_leak_clears_id(&leak, asg_str_z(bad[i])));
        assert_false(asg_leak_clears_id(NULL, asg_str_z(bad[i])));
    }
    for (size_t from = 0; from + ASG_LEAK_ID_PIECE <= strlen(keys[0]); from++) {
        snprintf(id, sizeof(id), "req_%.*s", ASG_LEAK_ID_PIECE,
                 keys[0] + from);
        assert_false(asg_leak_clears_id(&leak, asg_str_z(id)));
    }
}

/* --- spelt in another way --- */

/* `n` bytes of the key, by how they are spelt. */
static size_t spell(const char *key, size_t n, unsigned how, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned c = (uint8_t) key[i];

        switch (how) {
        case 0:
            len += (size_t) snprintf(out + len, 8, "%02x", c);
            break;
        case 1:
            out[len++] = key[n - 1 - i];
            break;
        case 2:
            len += (size_t) snprintf(out + len, 8, "\\u%04x", c);
            break;
        case 3:
            len += (size_t) snprintf(out + len, 8, "%%%02X", c);
            break;
        default:
            len += (size_t) snprintf(out + len, 8,
                                     i % 9 == 4 ? "\\u%04X" : "%c", c);
        }
    }
    return len;
}

static void a_piece_is_found_however_it_is_spelt(void **state)
{
    char text[1024];

    (void) state;
    for (size_t k = 0; k < KEYS; k++) {
        asg_leak_init(&leak, asg_str_z(keys[k]));
        for (unsigned how = 0; how < 5; how++) {
            for (size_t from = 0; from + leak.piece <= strlen(keys[k]);
                 from += 7)
            {
                size_t n;

                memset(text, '.', sizeof(text));
                n = spell(keys[k] + from, leak.piece, how, text + 13);
                assert_true(asg_leak_finds(&leak, (asg_str_t) {text, 13 + n}));
                n = spell(keys[k] + from, leak.piece - 1, how, text + 13);
                assert_false(asg_leak_finds(&leak,
                                            (asg_str_t) {text, 13 + n}));
            }
        }
    }
}

static void a_piece_is_found_in_base64(void **state)
{
    unsigned char text[256], coded[512];

    (void) state;
    for (size_t k = 0; k < KEYS; k++) {
        asg_leak_init(&leak, asg_str_z(keys[k]));
        for (size_t before = 0; before < 20; before++) {
            int n;

            memset(text, 0x1f, sizeof(text));
            memcpy(text + before, keys[k], leak.piece);
            n = EVP_EncodeBlock(coded, text, (int) (before + leak.piece + 5));
            assert_true(asg_leak_finds(&leak,
                        (asg_str_t) {(char *) coded, (size_t) n}));
        }
    }
}

static void escapes_are_found_in_any_cut(void **state)
{
    char text[512];

    (void) state;
    for (size_t k = 0; k < KEYS; k++) {
        for (unsigned how = 2; how < 5; how++) {
            size_t end;

            asg_leak_init(&leak, asg_str_z(keys[k]));
            memset(text, '.', sizeof(text));
            end = 100 + spell(keys[k], leak.piece, how, text + 100);
            for (size_t step = 1; step < sizeof(text); step++) {
                asg_leak_tail_t tail = {.len = 0};
                size_t at = 0, n;
                bool found = false;

                for (; at < sizeof(text) && !found; at += n) {
                    n = sizeof(text) - at < step ? sizeof(text) - at : step;
                    found = asg_leak_finds_next(&leak, &tail, text + at, n);
                    assert_int_equal(found, at + n >= end);
                }
                assert_true(found);
            }
        }
    }
}

/* Bytes of the key before it, far or near, and escapes of them. */
static void many_escapes_hide_none(void **state)
{
    static char text[20000];

    (void) state;
    asg_leak_init(&leak, asg_str_z(keys[1]));
    for (size_t gap = 1; gap < 200; gap++) {
        size_t n = 0;

        while (n < 8000) {
            n += (size_t) snprintf(text + n, 8, "%%3%u", (unsigned) (n % 10));
            memset(text + n, '-', gap);
            n += gap;
        }
        assert_false(asg_leak_finds(&leak, (asg_str_t) {text, n}));
        n += spell(keys[1], leak.piece, 4, text + n);
        memset(text + n, '-', 300);
        assert_true(asg_leak_finds(&leak, (asg_str_t) {text, n + 300}));
    }
}

/* --- over texts --- */

static void a_piece_is_found_over_texts(void **state)
{
    char text[1024];

    (void) state;
    for (size_t k = 0; k < KEYS; k++) {
        asg_leak_init(&leak, asg_str_z(keys[k]));
        for (size_t step = 1; step < leak.piece; step++) {
            asg_leak_texts_t texts = {.len = 0};
            size_t at = 0, n;
            bool found = false;

            for (; at < leak.piece; at += n) {
                n = leak.piece - at < step ? leak.piece - at : step;
                assert_false(found);
                found = asg_leak_finds_over(&leak, &texts, (asg_str_t) {text,
                                            spell(keys[k] + at, n, 2, text)});
            }
            assert_true(found);
        }
    }
}

/* The seam of a text that is longer than what is read of it. */
static void a_long_text_is_read_at_both_ends(void **state)
{
    static char text[5000];
    asg_leak_texts_t texts = {.len = 0};
    size_t half;

    (void) state;
    asg_leak_init(&leak, asg_str_z(keys[0]));
    half = leak.piece / 2;
    memset(text, '.', sizeof(text));
    memcpy(text + sizeof(text) - half, keys[0], half);
    assert_false(asg_leak_finds_over(&leak, &texts,
                                     (asg_str_t) {text, sizeof(text)}));
    assert_false(asg_leak_finds_over(&leak, &texts, ASG_STR("")));
    memset(text, '.', sizeof(text));
    memcpy(text, keys[0] + half, leak.piece - half);
    assert_true(asg_leak_finds_over(&leak, &texts,
                                    (asg_str_t) {text, sizeof(text)}));
    assert_false(asg_leak_finds_over(&leak, &texts, ASG_STR("after that")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_is_found_wherever_it_stands),
        cmocka_unit_test(less_than_a_piece_is_not),
        cmocka_unit_test(it_is_found_in_any_cut),
        cmocka_unit_test(letters_count_in_any_case),
        cmocka_unit_test(a_key_that_is_a_word_is_not_looked_for),
        cmocka_unit_test(a_key_that_repeats_itself_is_found),
        cmocka_unit_test(an_id_is_kept_without_any_piece_of_the_key),
        cmocka_unit_test(a_piece_is_found_however_it_is_spelt),
        cmocka_unit_test(a_piece_is_found_in_base64),
        cmocka_unit_test(escapes_are_found_in_any_cut),
        cmocka_unit_test(many_escapes_hide_none),
        cmocka_unit_test(a_piece_is_found_over_texts),
        cmocka_unit_test(a_long_text_is_read_at_both_ends)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
