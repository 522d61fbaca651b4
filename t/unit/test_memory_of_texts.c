/*
 * A text that could not be copied for want of memory: a catalog is refused as a
 * whole, never served without the module, and a setting is not called wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "catalog/catalog.h"

#define NEVER 1000000

char *strndup(const char *text, size_t n);
char *strdup(const char *text);

static long left = NEVER;               /* the n-th copy fails */


/* Stands before the one of the C library. */
char *
strndup(const char *text, size_t n)
{
    size_t len = strnlen(text, n);
    char *copy = --left == 0 ? NULL : malloc(len + 1);

    if (copy == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';

    return copy;
}


char *
strdup(const char *text)
{
    return strndup(text, strlen(text));
}


/* With the n-th copy failed: whether it was taken, and how many there were. */
static bool
catalog_taken(long n, long *copies)
{
    static struct ctl_catalog catalog;
    static char shipped[] = ASG_TOP "/services";
    static char *folders[] = {shipped};
    struct ctl_backends backends = {NULL, 0};
    const struct ctl_catalog_sources from = {folders, 1, NULL, &backends,
                                              NULL};
    struct ctl_arena arena;
    bool ok;

    ctl_arena_init(&arena, CTL_CATALOG_ARENA_BYTES);
    left = n;
    ok = ctl_catalog_load(&catalog, &arena, &from);
    *copies = n - left;
    left = NEVER;
    ctl_arena_reset(&arena);

    return ok;
}


static void
test_catalog_is_refused(void **state)
{
    long copies, n, made;

    (void) state;
    assert_true(catalog_taken(NEVER, &copies));
    assert_true(copies > 1);
    for (n = 1; n <= copies; n++) {
        assert_false(catalog_taken(n, &made));
        assert_true(made >= n);
    }
}


static const char *
config_refused(const char *path, long n, struct ctl_error *e)
{
    struct ctl_config config;
    bool ok;

    left = n;
    ok = ctl_config_read(&config, path, e);
    left = NEVER;
    ctl_config_finish(&config);

    return ok ? "taken" : e->text;
}


static void
test_setting_is_not_blamed(void **state)
{
    char path[] = "/tmp/asgard-unit-XXXXXX";
    const char *told;
    struct ctl_error e;
    FILE *f = fdopen(mkstemp(path), "w");
    long n;

    (void) state;
    assert_non_null(f);
    fprintf(f, "listen unix:/x\npostgres p\nredis r\nkey_file k\n"
            "services s\npid_file p\n");
    fclose(f);
    assert_string_equal(config_refused(path, NEVER, &e), "taken");
    for (n = 1; n <= 7; n++) {
        told = config_refused(path, n, &e);
        assert_non_null(strstr(told, n == 1 ? "cannot be read" : "memory"));
    }
    assert_string_equal(config_refused(path, n, &e), "taken");
    unlink(path);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_is_refused),
        cmocka_unit_test(test_setting_is_not_blamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
