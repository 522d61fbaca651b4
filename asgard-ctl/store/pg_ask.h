/*
 * Asking PostgreSQL with a deadline of our own: libpq's blocking calls wait
 * for ever on a server that holds its connections open and does nothing.
 *
 * `until_ms` is of base/clock.h.  A connection whose question came late is of
 * no use any more: the caller finishes it.
 */
#ifndef CTL_PG_ASK_H
#define CTL_PG_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

/* Ends a PQconnectStart…(); the status says whether it worked. */
void ctl_pg_ask_connect(PGconn *conn, int64_t until_ms);
/* The last result, to be cleared; NULL: late.  `params` NULL: `sql` may hold
 * several statements. */
PGresult *ctl_pg_ask(PGconn *conn, int64_t until_ms, const char *sql,
    unsigned nparams, const char *const *params);
/* Prepare `sql` under a name; then ask it by that. */
PGresult *ctl_pg_ask_prepare(PGconn *conn, int64_t until_ms, const char *name,
    const char *sql);
PGresult *ctl_pg_ask_prepared(PGconn *conn, int64_t until_ms, const char *name,
    unsigned nparams, const char *const *params);

#endif
