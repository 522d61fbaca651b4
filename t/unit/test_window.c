/* core/window.h: windows, calendar months, times as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/window.h"

#define NOW  INT64_C(1795255200)        /* Saturday 2026-11-21T10:00:00Z */

static asg_window_t window_of(const char *name)
{
    asg_window_t w;

    if (asg_window_parse(asg_str_z(name), &w) != ASG_OK) {
        fail_msg("%s", name);
    }
    return w;
}

static void fails(const char *name, asg_err_t err)
{
    asg_window_t w = {.length_s = 77};

    if (asg_window_parse(asg_str_z(name), &w) != err || w.length_s != 77) {
        fail_msg("%s", name);
    }
}

static void is_window(const char *name, const char *canonical, int64_t length_s,
    int64_t offset_s)
{
    asg_window_t w = window_of(name);

    assert_string_equal(w.name, canonical);
    assert_int_equal(w.kind, ASG_WINDOW_PERIOD);
    assert_int_equal(w.length_s, length_s);
    assert_int_equal(w.offset_s, offset_s);
}

static void a_name_gives_its_length_and_offset(void **state)
{
    (void) state;
    is_window("1s", "1s", 1, 0);
    is_window("90m", "90m", 5400, 0);
    is_window("1h", "1h", 3600, 0);
    is_window("720h", "720h", 2592000, 0);
    is_window("1d", "1d", 86400, 345600);
    is_window("2w", "2w", 1209600, 345600);
    is_window("3650s", "3650s", 3650, 0);
    is_window("3650d", "3650d", 315360000, 345600);
    is_window("521w", "521w", 315100800, 345600);
}

static void two_windows_are_other_names(void **state)
{
    (void) state;
    is_window("1w", "7d", 604800, 345600);
    assert_string_equal(window_of("30d").name, "1mo");
    assert_int_equal(window_of("30d").kind, ASG_WINDOW_MONTH);
    assert_int_equal(window_of("1mo").kind, ASG_WINDOW_MONTH);
    assert_int_equal(window_of("total").kind, ASG_WINDOW_TOTAL);
}

static void other_names_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "1", "h", "mo", "2mo", "1y", "1H", "-1h", "+1h", "1.5h", "01h",
        "00s", " 1h", "1h ", "1hh", "Total", "totals", "1h,2h", "1:h"
    };
    static const char *const wide[] = {
        "0s", "0d", "3651s", "3651d", "522w", "3650w", "999999999s",
        "99999999999999999999999999d"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fails(bad[i], ASG_ERR_SYNTAX);
    }
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        fails(wide[i], ASG_ERR_RANGE);
    }
}

static void is_period(const char *name, int64_t now, int64_t start,
    int64_t end)
{
    asg_window_t w = window_of(name);

    assert_int_equal(asg_window_start(&w, now), start);
    assert_int_equal(asg_window_end(&w, now), end);
}

static void a_period_starts_at_a_multiple_or_on_a_monday(void **state)
{
    (void) state;
    is_period("total", NOW, 0, 0);
    is_period("1h", NOW, NOW, NOW + 3600);
    is_period("1h", NOW - 1, NOW - 3600, NOW);
    is_period("1d", NOW, 1795219200, 1795305600);
    is_period("1w", NOW, 1794787200, 1795392000);   /* Monday the 16th */
    is_period("7d", 1795391999, 1794787200, 1795392000);
    is_period("7d", 1795392000, 1795392000, 1795996800);
    is_period("2w", 345600, 345600, 345600 + 1209600);
    is_period("7d", 345599, -259200, 345600);
}

static void a_month_is_the_calendar_s(void **state)
{
    (void) state;
    is_period("1mo", NOW, 1793491200, 1796083200);
    is_period("30d", 1796083199, 1793491200, 1796083200);
    is_period("1mo", 1796083200, 1796083200, 1798761600);  /* December */
    is_period("1mo", 1798761599, 1796083200, 1798761600);
    is_period("1mo", 1709164800, 1706745600, 1709251200);  /* 2024-02-29 */
    is_period("1mo", 951782400, 949363200, 951868800);     /* 2000-02-29 */
    is_period("1mo", 0, 0, 2678400);
    is_period("1mo", -1, -2678400, 0);
}

/* The C library as the reference, over every day of 60 years. */
static void every_day_agrees_with_the_c_library(void **state)
{
    asg_window_t month = window_of("1mo");

    (void) state;
    for (int64_t day = 0; day < 365 * 60; day++) {
        time_t now = (time_t) (day * 86400 + 43210);
        struct tm tm;
        char text[24], expected[24];

        assert_non_null(gmtime_r(&now, &tm));
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
        asg_time_rfc3339(now, text);
        assert_string_equal(text, expected);
        assert_int_equal(asg_window_start(&month, now),
                         (day - tm.tm_mday + 1) * 86400);
    }
}

static void is_spec(const char *name, const char *expected)
{
    asg_window_t w = window_of(name);
    char text[ASG_WINDOW_SPEC_MAX];
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));
    assert_int_equal(asg_window_spec(&w, NOW, &b), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&b), expected));
}

static void an_entry_is_as_the_formats_say(void **state)
{
    (void) state;
    is_spec("total", "total:t");
    is_spec("1h", "1h:p:3600:0");
    is_spec("1w", "7d:p:604800:345600");
    is_spec("1mo", "1mo:c:1793491200/1796083200/1798761600/1801440000/"
            "1803859200/1806537600/1809129600/1811808000/1814400000/"
            "1817078400/1819756800/1822348800/1825027200/1827619200/"
            "1830297600/1832976000");
}

static void an_entry_that_does_not_fit_writes_nothing(void **state)
{
    asg_window_t w = window_of("1mo");
    char text[ASG_WINDOW_SPEC_MAX];

    (void) state;
    for (size_t cap = 0; cap < 181; cap++) {
        asg_buf_t b;

        asg_buf_init(&b, text, cap);
        assert_int_equal(asg_window_spec(&w, NOW, &b), ASG_ERR_SPACE);
        assert_int_equal(b.len, 0);
    }
}

static void zones_are_names_of_places(void **state)
{
    static const char *const good[] = {
        "UTC", "Europe/Berlin", "Africa/Cairo", "America/Port-au-Prince",
        "America/Argentina/ComodRivadavia", "America/North_Dakota/New_Salem",
        "Antarctica/DumontDUrville", "Arctic/Longyearbyen"
    };
    static const char *const bad[] = {
        "", "/", "utc", "Z", "CET", "EST5EDT", "Europe", "Europe/", "/Berlin",
        "europe/Berlin", "Europe/Berlin ", " Europe/Berlin", "Etc/GMT+5",
        "Etc/UTC", "US/Eastern", "GMT", "CET-1CEST", "<+03>-3",
        "posix/Europe/Berlin", "right/UTC", "Europe//Berlin", "Europe/-Berlin",
        "Europe/Berlin/", "Europe/Ber1in", "Europe/Berlin,x", "Europe/B@rlin",
        "Europe/../../etc", "+01:00",
        "Europe/Llanfairpwllgwyngyllgogerychwyrndrobwllll"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!asg_zone_is_name(asg_str_z(good[i]))) {
            fail_msg("%s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (asg_zone_is_name(asg_str_z(bad[i]))) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_false(asg_zone_is_name(ASG_STR_NULL));
}

static void only_windows_of_days_take_a_zone(void **state)
{
    static const struct {
        const char *name;
        bool takes;
    } cases[] = {
        {"1d", true}, {"3650d", true}, {"1w", true}, {"2w", true},
        {"1mo", true}, {"30d", true}, {"total", false}, {"1h", false},
        {"24h", false}, {"90m", false}, {"3600s", false}
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        asg_window_t w = window_of(cases[i].name);
        asg_err_t err = asg_window_zoned(&w, ASG_STR("Europe/Berlin"),
                                         ASG_STR("1/2"));

        assert_int_equal(asg_window_is_of_days(&w), cases[i].takes);
        assert_int_equal(err, cases[i].takes ? ASG_OK : ASG_ERR_RANGE);
        assert_int_equal(w.kind == ASG_WINDOW_ZONED, cases[i].takes);
    }
}

static void a_list_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "1", "1/", "/1/2", "1/2/", "1//2", "2/1", "1/1", "1/-2", "1/x",
        " 1/2", "01/2", "1,2", "1/99999999999999999999", "1/253402300800"
    };
    char many[ASG_WINDOW_BOUNDARIES * 4 + 8];
    asg_window_t w = window_of("1d");
    asg_buf_t b;

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (asg_window_zoned(&w, ASG_STR("Asia/Kolkata"), asg_str_z(bad[i]))
            != ASG_ERR_SYNTAX)
        {
            fail_msg("%s", bad[i]);
        }
    }
    assert_int_equal(asg_window_zoned(&w, ASG_STR("CET"), ASG_STR("1/2")),
                     ASG_ERR_SYNTAX);
    assert_int_equal(w.kind, ASG_WINDOW_PERIOD);

    asg_buf_init(&b, many, sizeof(many));
    for (int i = 0; i < ASG_WINDOW_BOUNDARIES; i++) {
        asg_buf_z(&b, i == 0 ? "" : "/");
        asg_buf_i64(&b, 100 + i);
    }
    assert_int_equal(asg_window_zoned(&w, ASG_STR("Asia/Kolkata"),
                                      asg_buf_view(&b)), ASG_OK);
    asg_buf_z(&b, "/999");
    assert_true(asg_buf_ok(&b));
    assert_int_equal(asg_window_zoned(&w, ASG_STR("Asia/Kolkata"),
                                      asg_buf_view(&b)), ASG_ERR_SYNTAX);
}

/* Berlin: Saturday, the Sunday of 23 hours, Monday, Tuesday. */
#define BERLIN_MARCH "1774652400/1774738800/1774821600/1774908000"

static asg_window_t berlin(const char *name)
{
    asg_window_t w = window_of(name);

    assert_int_equal(asg_window_zoned(&w, ASG_STR("Europe/Berlin"),
                                      ASG_STR(BERLIN_MARCH)), ASG_OK);
    return w;
}

static void a_zoned_period_is_that_of_the_list(void **state)
{
    static const int64_t at[] = {1774652400, 1774738800, 1774821600,
                                 1774908000};
    asg_window_t w = berlin("1d");

    (void) state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asg_window_start(&w, at[i]), at[i]);
        assert_int_equal(asg_window_end(&w, at[i]), at[i + 1]);
        assert_int_equal(asg_window_start(&w, at[i + 1] - 1), at[i]);
        assert_int_equal(asg_window_end(&w, at[i + 1] - 1), at[i + 1]);
    }
    assert_int_equal(asg_window_start(&w, at[0] - 1), ASG_WINDOW_NONE);
    assert_int_equal(asg_window_end(&w, at[0] - 1), ASG_WINDOW_NONE);
    assert_int_equal(asg_window_start(&w, at[3]), ASG_WINDOW_NONE);
    assert_int_equal(asg_window_end(&w, at[3]), ASG_WINDOW_NONE);
}

static void is_zoned_spec(int64_t now, const char *expected)
{
    asg_window_t w = berlin("1d");
    char text[ASG_WINDOW_SPEC_MAX];
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));
    assert_int_equal(asg_window_spec(&w, now, &b), ASG_OK);
    assert_true(asg_str_eq_z(asg_buf_view(&b), expected));
}

/* Redis' clock may be behind: the list begins with the period of an hour
 * ago. */
static void a_zoned_entry_begins_with_the_period_in_use(void **state)
{
    (void) state;
    is_zoned_spec(1774738800 + 3599, "1d:c:" BERLIN_MARCH "@Europe/Berlin");
    is_zoned_spec(1774738800 + 3600,
                  "1d:c:1774738800/1774821600/1774908000@Europe/Berlin");
    is_zoned_spec(1774908000 - 1,
                  "1d:c:1774821600/1774908000@Europe/Berlin");
    is_zoned_spec(1774908000 + 7200, "1d:c:" BERLIN_MARCH "@Europe/Berlin");
    is_zoned_spec(0, "1d:c:" BERLIN_MARCH "@Europe/Berlin");
}

static void the_longest_entry_fits(void **state)
{
    asg_window_t w = window_of("3650d");
    char list[ASG_WINDOW_BOUNDARIES * 13];
    char text[ASG_WINDOW_SPEC_MAX];
    asg_buf_t b;

    (void) state;
    asg_buf_init(&b, list, sizeof(list));
    for (int i = 0; i < ASG_WINDOW_BOUNDARIES; i++) {
        asg_buf_z(&b, i == 0 ? "" : "/");
        asg_buf_i64(&b, INT64_C(253402300000) + i);
    }
    assert_int_equal(asg_window_zoned(&w,
        ASG_STR("America/Nowhere_in_particular/Not_even_this_one"),
        asg_buf_view(&b)), ASG_OK);
    asg_buf_init(&b, text, sizeof(text));
    assert_int_equal(asg_window_spec(&w, 0, &b), ASG_OK);
}

static void is_time(int64_t epoch_s, const char *expected)
{
    char text[24];

    asg_time_rfc3339(epoch_s, text);
    assert_string_equal(text, expected);
}

static void times_are_written_in_utc(void **state)
{
    char text[28];

    (void) state;
    is_time(NOW, "2026-11-21T10:00:00Z");
    is_time(0, "1970-01-01T00:00:00Z");
    is_time(-1, "1969-12-31T23:59:59Z");
    is_time(INT64_MAX, "9999-12-31T23:59:59Z");
    is_time(INT64_MIN, "0000-01-01T00:00:00Z");
    asg_time_rfc3339_ms(NOW * 1000 + 123, text);
    assert_string_equal(text, "2026-11-21T10:00:00.123Z");
    asg_time_rfc3339_ms(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    asg_time_rfc3339_ms(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    asg_time_rfc3339_ms(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void reads_time(const char *text, int64_t expected)
{
    int64_t n = 77;

    if (asg_time_parse(asg_str_z(text), &n) != ASG_OK || n != expected) {
        fail_msg("%s: %lld", text, (long long) n);
    }
}

static void times_are_read_with_zone_and_fraction(void **state)
{
    (void) state;
    reads_time("2026-11-21T10:00:00Z", NOW);
    reads_time("2026-11-21t10:00:00z", NOW);
    reads_time("2026-11-21T10:00:00.999999999Z", NOW);
    reads_time("2026-11-21T12:30:00+02:30", NOW);
    reads_time("2026-11-21T00:00:00-10:00", NOW);
    reads_time("2026-11-21T10:00:00-00:00", NOW);
    reads_time("2024-02-29T00:00:00Z", 1709164800);
    reads_time("0000-01-01T00:00:00Z", -INT64_C(62167219200));
    reads_time("9999-12-31T23:59:59Z", INT64_C(253402300799));
}

static void time_fails(const char *text, asg_err_t err)
{
    int64_t n = 77;

    if (asg_time_parse(asg_str_z(text), &n) != err || n != 77) {
        fail_msg("%s", text);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "2026-11-21", "2026-11-21T10:00:00", "2026-11-21 10:00:00Z",
        "2026-11-21T10:00Z", "2026-11-21T10:00:00.Z", "2026-11-21T10:00:00Zx",
        "2026-11-21T10:00:00+0200", "2026-11-21T10:00:00+24:00",
        "2026-11-21T10:00:00+02:60", "26-11-21T10:00:00Z",
        "2026-1-21T10:00:00Z", "2026-11-21T10:00:-1Z", "1795255200",
        "+2026-11-21T10:00:00Z", " 2026-11-21T10:00:00Z"
    };
    static const char *const wrong[] = {
        "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-00T00:00:00Z", "2026-11-31T00:00:00Z",
        "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-11-32T00:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T10:60:00Z", "2026-11-21T10:00:60Z"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        time_fails(bad[i], ASG_ERR_SYNTAX);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        time_fails(wrong[i], ASG_ERR_RANGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_gives_its_length_and_offset),
        cmocka_unit_test(two_windows_are_other_names),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(a_period_starts_at_a_multiple_or_on_a_monday),
        cmocka_unit_test(a_month_is_the_calendar_s),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(an_entry_is_as_the_formats_say),
        cmocka_unit_test(an_entry_that_does_not_fit_writes_nothing),
        cmocka_unit_test(zones_are_names_of_places),
        cmocka_unit_test(only_windows_of_days_take_a_zone),
        cmocka_unit_test(a_list_that_is_none_is_refused),
        cmocka_unit_test(a_zoned_period_is_that_of_the_list),
        cmocka_unit_test(a_zoned_entry_begins_with_the_period_in_use),
        cmocka_unit_test(the_longest_entry_fits),
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(times_are_read_with_zone_and_fraction),
        cmocka_unit_test(what_is_no_time_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
