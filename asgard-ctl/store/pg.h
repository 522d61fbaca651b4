/*
 * PostgreSQL: one connection per thread, parameters always bound, every
 * failure understood here.
 *
 * A result belongs to the caller's arena scope: rows are copied as text into
 * the arena, NULL stays NULL.  After a lost connection the next
 * ctl_pg_begin() or ctl_pg_query() reconnects; inside a transaction it fails.
 */
#ifndef CTL_PG_H
#define CTL_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct ctl_pg;                          /* owned: open/close */

struct ctl_rows {
    unsigned nrows;
    unsigned ncols;
    char **cells;                       /* row by row; NULL = SQL NULL */
    int64_t affected;
};

struct ctl_pg *ctl_pg_open(const char *uri, const char *application);
void ctl_pg_close(struct ctl_pg *pg);   /* NULL ok */
/* How long one question may take (20 s unless said), a server that hangs
 * included; then it is 503 and the connection is given up. */
void ctl_pg_deadline(struct ctl_pg *pg, int ms);
bool ctl_pg_alive(struct ctl_pg *pg, struct ctl_error *e);      /* SELECT 1 */

/* `params` are text, NULL for SQL NULL; at most 40. 503 postgres_unavailable
 * when the connection is away; 409 conflict on a unique violation (the
 * constraint's name in e->param); 400 invalid_value for a value that is no
 * text, time or number; else internal. */
bool ctl_pg_query(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_rows *rows, struct ctl_error *e, const char *sql,
    unsigned nparams, const char *const *params);
#define CTL_PG(pg, arena, rows, e, sql, ...) \
    ctl_pg_query(pg, arena, rows, e, sql, \
        sizeof((const char *[]) {__VA_ARGS__}) / sizeof(char *), \
        (const char *[]) {__VA_ARGS__})
/* Several statements, no parameters, no result. */
bool ctl_pg_exec(struct ctl_pg *pg, struct ctl_error *e, const char *sql);

bool ctl_pg_begin(struct ctl_pg *pg, struct ctl_error *e);
bool ctl_pg_commit(struct ctl_pg *pg, struct ctl_error *e);
void ctl_pg_rollback(struct ctl_pg *pg);

/* LISTEN channel; then wait for a notification or the time. */
bool ctl_pg_listen(struct ctl_pg *pg, const char *channel, struct ctl_error *e);
bool ctl_pg_wait(struct ctl_pg *pg, int timeout_ms);    /* true: notified */

const char *ctl_rows_at(const struct ctl_rows *r, unsigned row, unsigned col);
int64_t ctl_rows_i64(const struct ctl_rows *r, unsigned row, unsigned col);

#endif
