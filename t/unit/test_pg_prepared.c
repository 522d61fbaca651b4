/*
 * Names of prepared statements: from the second time on, 64 at most, and none
 * on a new connection.
 */
#include "store/pg_prepared.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define MANY    200


static int
given(void **state)
{
    *state = ctl_pg_prepared_open();

    return *state == NULL;
}


static int
taken(void **state)
{
    ctl_pg_prepared_close(*state);

    return 0;
}


static void
a_text_gets_a_name_the_second_time(void **state)
{
    struct ctl_pg_prepared *p = *state;
    bool is_new = true;

    assert_null(ctl_pg_prepared_name(p, "SELECT 1", &is_new));
    assert_false(is_new);
    assert_string_equal(ctl_pg_prepared_name(p, "SELECT 1", &is_new),
                        "asgard_0");
    assert_true(is_new);
    assert_string_equal(ctl_pg_prepared_name(p, "SELECT 1", &is_new),
                        "asgard_0");
    assert_false(is_new);
    assert_null(ctl_pg_prepared_name(p, "SELECT 2", &is_new));
    assert_string_equal(ctl_pg_prepared_name(p, "SELECT 2", &is_new),
                        "asgard_1");
}


static void
what_was_dropped_or_forgotten_gets_another_name(void **state)
{
    struct ctl_pg_prepared *p = *state;
    bool is_new;

    ctl_pg_prepared_name(p, "SELECT 1", &is_new);
    ctl_pg_prepared_name(p, "SELECT 1", &is_new);
    ctl_pg_prepared_drop(p);
    assert_string_equal(ctl_pg_prepared_name(p, "SELECT 1", &is_new),
                        "asgard_1");
    assert_true(is_new);
    ctl_pg_prepared_forget(p);
    assert_string_equal(ctl_pg_prepared_name(p, "SELECT 1", &is_new),
                        "asgard_2");
    assert_true(is_new);
}


static void
no_more_than_64_have_names(void **state)
{
    struct ctl_pg_prepared *p = *state;
    unsigned i, named = 0;
    bool is_new;
    char sql[32];

    for (i = 0; i < MANY; i++) {
        snprintf(sql, sizeof(sql), "SELECT %u", i);
        assert_null(ctl_pg_prepared_name(p, sql, &is_new));
        named += ctl_pg_prepared_name(p, sql, &is_new) != NULL;
    }
    assert_int_equal(named, 64);
    assert_non_null(ctl_pg_prepared_name(p, "SELECT 0", &is_new));
    assert_null(ctl_pg_prepared_name(p, "SELECT 199", &is_new));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_text_gets_a_name_the_second_time,
                                        given, taken),
        cmocka_unit_test_setup_teardown(
            what_was_dropped_or_forgotten_gets_another_name, given, taken),
        cmocka_unit_test_setup_teardown(no_more_than_64_have_names, given,
                                        taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
