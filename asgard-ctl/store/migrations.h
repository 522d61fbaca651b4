/*
 * The numbered SQL migrations inside the binary: made from store/migrations
 * by scripts/embed-sql, in order of number, texts NUL-terminated and constant.
 * A text may hold `:"runtime"`, which store/migrate.c replaces.
 */
#ifndef CTL_MIGRATIONS_H
#define CTL_MIGRATIONS_H

#include <stddef.h>

struct ctl_migration {
    int number;
    const char *name;                   /* the file's, without its ending */
    const char *sql;
};

extern const struct ctl_migration ctl_migrations[];
extern const size_t ctl_migrations_n;

#endif
