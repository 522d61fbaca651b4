/*
 * When a doubted partition is looked at: at once, then ever more seldom, until
 * it was quiet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meter/doubts.h"

#define BEGIN_MS 5000


static void a_doubt_is_looked_at_at_once(void **state)
{
    struct ctl_doubts d = {0};
    unsigned part = 0;

    (void) state;
    assert_false(ctl_doubts_next(&d, BEGIN_MS, &part));
    d.parts[7].waits = d.parts[3].waits = true;
    assert_true(ctl_doubts_next(&d, BEGIN_MS, &part));
    assert_int_equal(part, 3);
    assert_true(ctl_doubts_next(&d, BEGIN_MS, &part));
    assert_int_equal(part, 7);
    assert_false(ctl_doubts_next(&d, BEGIN_MS, &part));
}


/* Looks in `s` seconds in which doubts never cease. */
static unsigned looks_in(struct ctl_doubts *d, int64_t *now_ms, unsigned s)
{
    int64_t until = *now_ms + s * 1000;
    unsigned part = 0, n = 0;

    for ( ; *now_ms < until; *now_ms += 200) {
        d->parts[5].waits = true;
        n += ctl_doubts_next(d, *now_ms, &part);
    }
    return n;
}


static void a_flood_costs_what_a_look_a_minute_does(void **state)
{
    struct ctl_doubts d = {0};
    int64_t now_ms = BEGIN_MS;

    (void) state;
    assert_int_equal(looks_in(&d, &now_ms, 4), 3);      /* at 0, 1, 3 s */
    assert_in_range(looks_in(&d, &now_ms, 120), 4, 5);
    assert_in_range(looks_in(&d, &now_ms, 3600), 55, 57);
}


static void what_is_said_too_early_waits(void **state)
{
    struct ctl_doubts d = {0};
    unsigned part = 0;

    (void) state;
    d.parts[1].waits = true;
    assert_true(ctl_doubts_next(&d, BEGIN_MS, &part));
    d.parts[1].waits = true;
    assert_false(ctl_doubts_next(&d, BEGIN_MS + 999, &part));
    assert_true(ctl_doubts_next(&d, BEGIN_MS + 1000, &part));
}


static void two_quiet_minutes_forgive(void **state)
{
    struct ctl_doubts d = {0};
    int64_t now_ms = BEGIN_MS;

    (void) state;
    (void) looks_in(&d, &now_ms, 600);
    now_ms += 120000;
    assert_int_equal(looks_in(&d, &now_ms, 4), 3);
}


int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_doubt_is_looked_at_at_once),
        cmocka_unit_test(a_flood_costs_what_a_look_a_minute_does),
        cmocka_unit_test(what_is_said_too_early_waits),
        cmocka_unit_test(two_quiet_minutes_forgive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
