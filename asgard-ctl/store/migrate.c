/*
 * Running of the embedded migrations.
 */
#include "store/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/arena.h"
#include "store/migrations.h"
#include "store/pg.h"

#define LOCK_KEY    "4706172"           /* any number, the same for all */
#define ARENA_BYTES (4u * 1024 * 1024)
#define ROLE_BYTES  130                 /* 63 characters, quoted, all quotes */
#define MOST_MS     (12 * 3600 * 1000)  /* of one file: it may move a ledger */


/* The user of a connection URI as a quoted SQL identifier. */
static bool
runtime_role(const char *uri, char role[ROLE_BYTES], struct ctl_error *e)
{
    PQconninfoOption *options = PQconninfoParse(uri, NULL), *o;
    const char *user = NULL;
    size_t n = 0;

    for (o = options; o != NULL && o->keyword != NULL; o++) {
        if (strcmp(o->keyword, "user") == 0) {
            user = o->val;
        }
    }
    if (user == NULL || user[0] == '\0' || strlen(user) > 63) {
        PQconninfoFree(options);
        return ctl_error_field(e, "invalid_value", "postgres",
                               "the setting postgres must name a user: "
                               "postgresql://USER@…");
    }
    role[n++] = '"';
    for (; *user != '\0'; user++) {
        if (*user == '"') {
            role[n++] = '"';
        }
        role[n++] = *user;
    }
    role[n++] = '"';
    role[n] = '\0';
    PQconninfoFree(options);

    return true;
}


static char *
put_role(struct ctl_arena *arena, const char *sql, const char *role)
{
    static const char mark[] = ":\"runtime\"";
    char *out = ctl_arena_printf(arena, "%s", "");
    const char *at;

    while (out != NULL && (at = strstr(sql, mark)) != NULL) {
        out = ctl_arena_printf(arena, "%s%.*s%s", out, (int) (at - sql), sql,
                               role);
        sql = at + sizeof(mark) - 1;
    }

    return out != NULL ? ctl_arena_printf(arena, "%s%s", out, sql) : NULL;
}


static bool
run_one(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_migration *m, const char *role, struct ctl_error *e)
{
    char *sql = put_role(arena, m->sql, role);
    const char *number = ctl_arena_printf(arena, "%d", m->number);

    if (sql == NULL || number == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!ctl_pg_begin(pg, e)
        || !ctl_pg_exec(pg, e, "SET LOCAL statement_timeout = 0")
        || !ctl_pg_exec(pg, e, sql)
        || !CTL_PG(pg, arena, NULL, e,
                   "INSERT INTO schema_migrations (number, name)"
                   " VALUES ($1, $2)", number, m->name))
    {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}


/* The numbers that the database has, in order. */
static bool
applied_read(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_rows *rows, struct ctl_error *e)
{
    return ctl_pg_exec(pg, e, "SELECT pg_advisory_lock(" LOCK_KEY ")")
           && ctl_pg_exec(pg, e,
               "CREATE TABLE IF NOT EXISTS schema_migrations ("
               " number integer PRIMARY KEY, name text NOT NULL,"
               " at timestamptz NOT NULL DEFAULT now())")
           && CTL_PG(pg, arena, rows, e,
               "SELECT number FROM schema_migrations WHERE number >= $1"
               " ORDER BY number", "0");
}


static bool
is_applied(const struct ctl_rows *rows, int number)
{
    unsigned i;

    for (i = 0; i < rows->nrows; i++) {
        if (ctl_rows_i64(rows, i, 0) == number) {
            return true;
        }
    }

    return false;
}


/* One that came later may have a lower number than one that is there: two
 * people wrote them at the same time.  It is applied all the same. */
static bool
run_missing(struct ctl_pg *pg, struct ctl_arena *arena, const char *role,
    unsigned *applied, struct ctl_error *e)
{
    struct ctl_rows rows;
    int64_t have;
    size_t i;

    if (!applied_read(pg, arena, &rows, e)) {
        return false;
    }
    have = rows.nrows > 0 ? ctl_rows_i64(&rows, rows.nrows - 1, 0) : 0;
    if (ctl_migrations_n > 0
        && have > ctl_migrations[ctl_migrations_n - 1].number)
    {
        return ctl_error_set(e, 409, "schema_newer",
                             "The database has schema %lld, newer than this "
                             "program knows (%d).", (long long) have,
                             ctl_migrations[ctl_migrations_n - 1].number);
    }
    for (i = 0; i < ctl_migrations_n; i++) {
        if (is_applied(&rows, ctl_migrations[i].number)) {
            continue;
        }
        if (!run_one(pg, arena, &ctl_migrations[i], role, e)) {
            return false;
        }
        ++*applied;
    }

    return true;
}


bool
ctl_migrate(const char *owner_uri, const char *runtime_uri, unsigned *applied,
    struct ctl_error *e)
{
    char role[ROLE_BYTES];
    struct ctl_arena arena;
    struct ctl_pg *pg;
    bool ok;

    *applied = 0;
    if (!runtime_role(runtime_uri, role, e)) {
        return false;
    }
    pg = ctl_pg_open(owner_uri, "asgard-ctl migrate");
    if (pg == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ctl_pg_deadline(pg, MOST_MS);
    ctl_arena_init(&arena, ARENA_BYTES);
    ok = run_missing(pg, &arena, role, applied, e);
    ctl_arena_reset(&arena);
    ctl_pg_close(pg);                   /* releases the advisory lock */

    return ok;
}
