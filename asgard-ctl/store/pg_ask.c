/*
 * Questions with a deadline, over libpq's asynchronous calls.
 */
#include "store/pg_ask.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"


static bool
wait_for(const PGconn *conn, short events, int64_t until_ms)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = events};
    int64_t left;
    int n;

    do {
        left = until_ms - ctl_clock_ms();
        n = left > 0 ? poll(&fd, 1, (int) left) : 0;
    } while (n < 0 && errno == EINTR);

    return n > 0;
}


void
ctl_pg_ask_connect(PGconn *conn, int64_t until_ms)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    while (PQstatus(conn) != CONNECTION_BAD
           && (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING)
           && wait_for(conn, next == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                       until_ms))
    {
        next = PQconnectPoll(conn);
    }
    if (next == PGRES_POLLING_OK) {
        PQsetnonblocking(conn, 1);
    }
}


/* False: late.  A broken connection is found out by who reads from it. */
static bool
send_rest(PGconn *conn, int64_t until_ms)
{
    while (PQflush(conn) == 1) {
        if (!wait_for(conn, POLLIN | POLLOUT, until_ms)) {
            return false;
        }
        if (PQconsumeInput(conn) == 0) {
            break;
        }
    }

    return true;
}


static bool
wait_result(PGconn *conn, int64_t until_ms)
{
    while (PQisBusy(conn)) {
        if (!wait_for(conn, POLLIN, until_ms)) {
            return false;
        }
        if (PQconsumeInput(conn) == 0) {
            break;
        }
    }

    return true;
}


/* What comes back of what was sent. */
static PGresult *
take_answer(PGconn *conn, int64_t until_ms, int sent)
{
    PGresult *last = NULL, *res;

    if (!sent) {
        return PQmakeEmptyPGresult(conn, PGRES_FATAL_ERROR);
    }
    if (!send_rest(conn, until_ms)) {
        return NULL;
    }
    for ( ;; ) {
        if (!wait_result(conn, until_ms)) {
            PQclear(last);
            return NULL;
        }
        res = PQgetResult(conn);
        if (res == NULL) {
            return last;
        }
        PQclear(last);
        last = res;
    }
}


PGresult *
ctl_pg_ask(PGconn *conn, int64_t until_ms, const char *sql, unsigned nparams,
    const char *const *params)
{
    return take_answer(conn, until_ms, params == NULL
                       ? PQsendQuery(conn, sql)
                       : PQsendQueryParams(conn, sql, (int) nparams, NULL,
                                           params, NULL, NULL, 0));
}


PGresult *
ctl_pg_ask_prepare(PGconn *conn, int64_t until_ms, const char *name,
    const char *sql)
{
    return take_answer(conn, until_ms,
                       PQsendPrepare(conn, name, sql, 0, NULL));
}


PGresult *
ctl_pg_ask_prepared(PGconn *conn, int64_t until_ms, const char *name,
    unsigned nparams, const char *const *params)
{
    return take_answer(conn, until_ms,
                       PQsendQueryPrepared(conn, name, (int) nparams, params,
                                           NULL, NULL, 0));
}
