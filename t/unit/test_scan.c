/*
 * The scans of text: whatever the processor can do, the answer is that of the
 * scalar one, and not a byte outside the text is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/scan.h"

#define LENGTH_MAX  140         /* two blocks of 64, and a bit */
#define ALIGNMENTS  32

/* Pages in a row, of which only the middle ones can be read. */
static uint8_t *first_readable, *first_forbidden;
static size_t page;

static int set_up(void **state)
{
    uint8_t *pages;

    (void) state;
    page = (size_t) sysconf(_SC_PAGESIZE);
    pages = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED
        || mprotect(pages + page, page, PROT_READ | PROT_WRITE) != 0)
    {
        return -1;
    }
    first_readable = pages + page;
    first_forbidden = first_readable + page;
    return 0;
}

static void agree_on(const uint8_t *p, const uint8_t *end)
{
    const asg_scan_t *reference = asg_scan_at(0), *scan;

    for (unsigned i = 1; (scan = asg_scan_at(i)) != NULL; i++) {
        assert_ptr_equal(scan->text(p, end), reference->text(p, end));
        assert_ptr_equal(scan->raw(p, end), reference->raw(p, end));
        assert_ptr_equal(scan->line(p, end), reference->line(p, end));
    }
    assert_ptr_equal(asg_scan_text(p, end), reference->text(p, end));
    assert_ptr_equal(asg_scan_raw(p, end), reference->raw(p, end));
}

/* Directly before memory that cannot be read, and directly after such. */
static void agree_at_the_edges(const uint8_t *text, size_t len)
{
    memcpy(first_forbidden - len, text, len);
    agree_on(first_forbidden - len, first_forbidden);
    memcpy(first_readable, text, len);
    agree_on(first_readable, first_readable + len);
}

/* --- what a text is made of --- */

static const char *const letters[] = {
    "a", "\xd0\x96", "\xe4\xbd\xa0", "\xf0\x9f\x98\x80", "x \xc3\xa9"
};

static const char *const marks[] = {
    "\"", "\\", "\x1f", "\x01", "\n", "\r", " ", "\x7f",
    /* well-formed, at the ends of their ranges */
    "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
    "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
    /* not */
    "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\xc2\x80",
    "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xe2\x82\x41", "\xe2\x41\x80",
    "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
    "\xf0\x9f\x98", "\xf0\x9f\x41\x80", "\xf8\x88\x80\x80\x80", "\xff",
    "\xe4\xbd\xa0\x80", "\xd0\x96\x96"
};

#define COUNT(table)  (sizeof(table) / sizeof(table[0]))

/* `len` bytes of a letter, over and over; the last may be cut. */
static void fill(uint8_t *text, size_t len, const char *letter)
{
    size_t n = strlen(letter);

    for (size_t i = 0; i < len; i++) {
        text[i] = (uint8_t) letter[i % n];
    }
}

/* --- the tests --- */

static void the_scalar_scan_stops_where_it_says(void **state)
{
    static const char text[] = "ab\xd0\x96\tc\nd\xc3\"e";
    const uint8_t *p = (const uint8_t *) text;
    const uint8_t *end = p + sizeof(text) - 1;
    const asg_scan_t *scan = asg_scan_at(0);

    (void) state;
    assert_string_equal(scan->name, "scalar");
    assert_ptr_equal(scan->text(p, end), p + 4);
    assert_ptr_equal(scan->raw(p, end), p + 4);
    assert_ptr_equal(scan->line(p, end), p + 6);
    assert_ptr_equal(scan->text(p + 7, end), p + 8);
    assert_ptr_equal(scan->raw(p + 7, end), p + 9);
    assert_ptr_equal(scan->line(p + 7, end), end);
    assert_ptr_equal(scan->text(end, end), end);
}

static void all_scans_agree_for_every_length_and_alignment(void **state)
{
    uint8_t text[LENGTH_MAX];

    (void) state;
    for (size_t k = 0; k < COUNT(letters); k++) {
        fill(text, sizeof(text), letters[k]);
        for (size_t len = 0; len <= LENGTH_MAX; len++) {
            agree_at_the_edges(text, len);
            for (size_t at = 0; at < ALIGNMENTS; at++) {
                memcpy(first_readable + at, text, len);
                agree_on(first_readable + at, first_readable + at + len);
            }
        }
    }
}

/* Each mark at each place between letters of each kind. */
static void all_scans_agree_on_a_mark_at_every_offset(void **state)
{
    uint8_t text[LENGTH_MAX];

    (void) state;
    for (size_t k = 0; k < COUNT(letters); k++) {
        for (size_t m = 0; m < COUNT(marks); m++) {
            size_t n = strlen(marks[m]);

            for (size_t at = 0; at + n <= LENGTH_MAX; at++) {
                fill(text, sizeof(text), letters[k]);
                memcpy(text + at, marks[m], n);
                agree_at_the_edges(text, sizeof(text));
                agree_at_the_edges(text, at + n);
            }
        }
    }
}

/* Every pair of bytes, and every triple that begins with a lead. */
static void all_scans_agree_on_every_short_sequence(void **state)
{
    uint8_t text[64];

    (void) state;
    memset(text, 'a', sizeof(text));
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        text[30] = (uint8_t) (pair >> 8);
        text[31] = (uint8_t) pair;
        agree_on(text, text + sizeof(text));
    }
    for (unsigned rest = 0; rest < 0x10000; rest++) {
        static const uint8_t leads[] = {0xe0, 0xe1, 0xed, 0xf0, 0xf3, 0xf4};

        text[31] = (uint8_t) (rest >> 8);
        text[32] = (uint8_t) rest;
        for (size_t i = 0; i < sizeof(leads); i++) {
            text[30] = leads[i];
            text[33] = rest & 1 ? 0x80 : 'a';
            agree_on(text, text + sizeof(text));
        }
    }
}

/* Letters and marks as the dice fall. */
static void all_scans_agree_on_random_texts(void **state)
{
    uint8_t text[LENGTH_MAX];

    (void) state;
    srandom(7);
    for (unsigned round = 0; round < 200000; round++) {
        size_t len = (size_t) random() % LENGTH_MAX;

        for (size_t at = 0; at < len; ) {
            const char *piece = random() % 40 == 0
                ? marks[(size_t) random() % COUNT(marks)]
                : letters[(size_t) random() % COUNT(letters)];
            size_t n = strlen(piece);

            n = n < len - at ? n : len - at;
            memcpy(text + at, piece, n);
            at += n;
        }
        agree_at_the_edges(text, len);
    }
}

static void the_best_scan_is_chosen(void **state)
{
    unsigned n = 0;

    (void) state;
    while (asg_scan_at(n) != NULL) {
        n++;
    }
    assert_string_equal(asg_scan_chosen.name, asg_scan_at(n - 1)->name);
    assert_ptr_equal(asg_scan_chosen.text, asg_scan_at(n - 1)->text);
#if defined(__x86_64__) || defined(__aarch64__)
    assert_true(n >= 2);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scalar_scan_stops_where_it_says),
        cmocka_unit_test(all_scans_agree_for_every_length_and_alignment),
        cmocka_unit_test(all_scans_agree_on_a_mark_at_every_offset),
        cmocka_unit_test(all_scans_agree_on_every_short_sequence),
        cmocka_unit_test(all_scans_agree_on_random_texts),
        cmocka_unit_test(the_best_scan_is_chosen),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
