/*
 * libpq behind a few calls.
 */
#include "store/pg.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "store/pg_ask.h"
#include "store/pg_prepared.h"

#define PARAMS_MAX          40
#define CONNECT_MS          3000
#define DEADLINE_MS         20000           /* after the server's own */
/* Who is held still inside a transaction loses its locks before those who wait
 * for them give up. */
#define SESSION             "-c statement_timeout=15000 " \
                            "-c idle_in_transaction_session_timeout=10000 " \
                            "-c client_min_messages=warning -c jit=off"

struct ctl_pg {
    PGconn *conn;
    struct ctl_pg_prepared *prepared;   /* on that connection */
    char *uri;
    char *application;
    char *channel;                      /* of LISTEN, restored on reconnect */
    int deadline_ms;                    /* of one question */
    bool in_transaction;
    bool late;                          /* the last question was */
    bool forgotten;                     /* ... its statement */
};


struct ctl_pg *
ctl_pg_open(const char *uri, const char *application)
{
    struct ctl_pg *pg = calloc(1, sizeof(*pg));

    if (pg == NULL) {
        return NULL;
    }
    pg->deadline_ms = DEADLINE_MS;
    pg->uri = strdup(uri);
    pg->application = strdup(application);
    pg->prepared = ctl_pg_prepared_open();
    if (pg->uri == NULL || pg->application == NULL || pg->prepared == NULL) {
        ctl_pg_close(pg);
        return NULL;
    }

    return pg;
}


void
ctl_pg_deadline(struct ctl_pg *pg, int ms)
{
    pg->deadline_ms = ms;
}


void
ctl_pg_close(struct ctl_pg *pg)
{
    if (pg == NULL) {
        return;
    }
    PQfinish(pg->conn);
    ctl_pg_prepared_close(pg->prepared);
    free(pg->uri);
    free(pg->application);
    free(pg->channel);
    free(pg);
}


/* The server's first line says what happened and holds no parameter value. */
static bool
pg_away(struct ctl_pg *pg, struct ctl_error *e)
{
    return ctl_error_away(e, "postgres_unavailable", "PostgreSQL: %s",
                          PQerrorMessage(pg->conn));
}


static bool
pg_connect(struct ctl_pg *pg, struct ctl_error *e)
{
    /* What stands before the URI it may replace: libpq tries Kerberos first,
     * whose library falls over its own feet when it has no memory. */
    const char *const names[] = {"gssencmode", "dbname", "application_name",
                                 "options", "keepalives", "tcp_user_timeout",
                                 NULL};
    const char *const values[] = {"disable", pg->uri, pg->application, SESSION,
                                  "1", "10000", NULL};
    int ms = pg->deadline_ms < CONNECT_MS ? pg->deadline_ms : CONNECT_MS;

    PQfinish(pg->conn);
    ctl_pg_prepared_forget(pg->prepared);
    pg->in_transaction = false;
    pg->conn = PQconnectStartParams(names, values, 1);
    ctl_pg_ask_connect(pg->conn, ctl_clock_ms() + ms);
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        return pg_away(pg, e);
    }

    return pg->channel == NULL || ctl_pg_exec(pg, e, pg->channel);
}


static bool
pg_ready(struct ctl_pg *pg, struct ctl_error *e)
{
    if (pg->conn != NULL && PQstatus(pg->conn) == CONNECTION_OK) {
        return true;
    }
    if (pg->in_transaction) {
        return ctl_error_away(e, "postgres_unavailable",
                              "the connection was lost in a transaction");
    }

    return pg_connect(pg, e);
}


/* No text, no time, no number: what a client sent, and no check here found. */
static bool
is_of_value(const char *state)
{
    static const char *const states[] = {"22021", "22007", "22008", "22009",
                                         "22P02", "22P05", NULL};
    unsigned i;

    for (i = 0; states[i] != NULL && strcmp(states[i], state) != 0; i++) { }

    return states[i] != NULL;
}


/* What a trigger refuses because it changed after the program had looked at it:
 * the states of 0054_refusals.sql. */
static bool
refuse_changed(const char *state, struct ctl_error *e)
{
    if (strcmp(state, "ZA403") == 0) {
        ctl_error_set(e, 403, "forbidden",
                      "Who may decide over this has changed in this moment, "
                      "and you may not any more.");
        return true;
    }
    if (strcmp(state, "ZA409") == 0) {
        ctl_error_set(e, 409, "conflict",
                      "Who must decide over this has changed in this moment; "
                      "look at it and decide again.");
        return true;
    }

    return false;
}


/* By its name, which it is given first when it has none yet. */
static PGresult *
pg_ask_named(struct ctl_pg *pg, int64_t until_ms, const char *sql,
    unsigned nparams, const char *const *params)
{
    bool is_new;
    const char *name = ctl_pg_prepared_name(pg->prepared, sql, &is_new);
    PGresult *res;

    if (name == NULL) {
        return ctl_pg_ask(pg->conn, until_ms, sql, nparams, params);
    }
    if (is_new) {
        res = ctl_pg_ask_prepare(pg->conn, until_ms, name, sql);
        if (PQresultStatus(res) != PGRES_COMMAND_OK) {
            ctl_pg_prepared_drop(pg->prepared);
            return res;
        }
        PQclear(res);
    }

    return ctl_pg_ask_prepared(pg->conn, until_ms, name, nparams, params);
}


/* The server has no such statement any more (a pooler in between, DISCARD), or
 * a migration changed what comes back: 26000, 0A000. */
static bool
is_forgotten(const PGresult *res)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    return state != NULL && (strcmp(state, "26000") == 0
                             || strcmp(state, "0A000") == 0);
}


/* Asked in its own words it has an answer, unless a transaction failed by it:
 * then who began that may begin again. */
static PGresult *
pg_ask_again(struct ctl_pg *pg, int64_t until_ms, PGresult *res,
    const char *sql, unsigned nparams, const char *const *params)
{
    ctl_pg_prepared_forget(pg->prepared);
    pg->forgotten = PQtransactionStatus(pg->conn) != PQTRANS_IDLE;
    if (pg->forgotten) {
        return res;
    }
    PQclear(res);

    return ctl_pg_ask(pg->conn, until_ms, sql, nparams, params);
}


/* NULL: late, and the connection is gone: its answer would come to another
 * question. */
static PGresult *
pg_ask(struct ctl_pg *pg, const char *sql, unsigned nparams,
    const char *const *params)
{
    int64_t until_ms = ctl_clock_ms() + pg->deadline_ms;
    PGresult *res;

    pg->forgotten = false;
    if (params == NULL) {
        res = ctl_pg_ask(pg->conn, until_ms, sql, 0, NULL);
    } else {
        res = pg_ask_named(pg, until_ms, sql, nparams, params);
        if (is_forgotten(res)) {
            res = pg_ask_again(pg, until_ms, res, sql, nparams, params);
        }
    }

    pg->late = res == NULL;
    if (pg->late) {
        PQfinish(pg->conn);
        pg->conn = NULL;
    }

    return res;
}


static bool
pg_failed(struct ctl_pg *pg, PGresult *res, struct ctl_error *e)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);

    if (pg->late) {
        return ctl_error_away(e, "postgres_unavailable",
                              "no answer within %d ms", pg->deadline_ms);
    }
    if (pg->forgotten) {
        return ctl_error_away(e, "postgres_unavailable",
                              "the tables were changed meanwhile");
    }
    if (PQstatus(pg->conn) != CONNECTION_OK || state == NULL
        || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0)
    {
        return pg_away(pg, e);
    }
    if (is_of_value(state)) {
        ctl_error_set(e, 400, "invalid_value",
                      "A value is none that can be stored.");
        snprintf(e->detail, sizeof(e->detail), "PostgreSQL %s", state);
        return false;
    }
    if (refuse_changed(state, e)) {
        return false;
    }
    if (strcmp(state, "23505") == 0) {
        ctl_error_set(e, 409, "conflict", "This exists already.");
        if (constraint != NULL) {
            snprintf(e->param, sizeof(e->param), "%s", constraint);
        }
        return false;
    }

    return ctl_error_internal(e, "PostgreSQL %s: %s", state,
                              text != NULL ? text : "");
}


static bool
pg_copy_rows(const PGresult *res, struct ctl_arena *arena,
    struct ctl_rows *rows, struct ctl_error *e)
{
    unsigned i, total;
    int r, c;

    rows->nrows = (unsigned) PQntuples(res);
    rows->ncols = (unsigned) PQnfields(res);
    total = rows->nrows * rows->ncols;
    rows->cells = ctl_arena_alloc(arena, (total + 1) * sizeof(char *));

    for (i = 0; rows->cells != NULL && i < total; i++) {
        r = (int) (i / rows->ncols);
        c = (int) (i % rows->ncols);
        if (!PQgetisnull(res, r, c)) {
            rows->cells[i] = ctl_arena_text(arena, PQgetvalue(res, r, c),
                                            (size_t) PQgetlength(res, r, c));
        }
    }

    return !arena->failed
           || ctl_error_internal(e, "a result is larger than its arena");
}


bool
ctl_pg_query(struct ctl_pg *pg, struct ctl_arena *arena, struct ctl_rows *rows,
    struct ctl_error *e, const char *sql, unsigned nparams,
    const char *const *params)
{
    static const char *const no_param;
    struct ctl_rows none;
    PGresult *res;
    ExecStatusType status;
    bool ok;

    if (nparams > PARAMS_MAX) {
        return ctl_error_internal(e, "too many parameters");
    }
    if (!pg_ready(pg, e)) {
        return false;
    }
    rows = rows != NULL ? rows : &none;
    memset(rows, 0, sizeof(*rows));

    res = pg_ask(pg, sql, nparams, nparams > 0 ? params : &no_param);
    status = PQresultStatus(res);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        rows->affected = strtoll(PQcmdTuples(res), NULL, 10);
        ok = status == PGRES_COMMAND_OK || pg_copy_rows(res, arena, rows, e);
    } else {
        ok = pg_failed(pg, res, e);
    }
    PQclear(res);

    return ok;
}


bool
ctl_pg_exec(struct ctl_pg *pg, struct ctl_error *e, const char *sql)
{
    PGresult *res;
    ExecStatusType status;
    bool ok;

    if (!pg_ready(pg, e)) {
        return false;
    }
    res = pg_ask(pg, sql, 0, NULL);
    status = PQresultStatus(res);
    ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
         || pg_failed(pg, res, e);
    PQclear(res);

    return ok;
}


bool
ctl_pg_alive(struct ctl_pg *pg, struct ctl_error *e)
{
    return ctl_pg_exec(pg, e, "SELECT 1");
}


bool
ctl_pg_begin(struct ctl_pg *pg, struct ctl_error *e)
{
    if (!ctl_pg_exec(pg, e, "BEGIN")) {
        /* a connection that died while idle is found out here: once more */
        if (PQstatus(pg->conn) == CONNECTION_OK || pg->late
            || !ctl_pg_exec(pg, e, "BEGIN"))
        {
            return false;
        }
    }
    pg->in_transaction = true;

    return true;
}


bool
ctl_pg_commit(struct ctl_pg *pg, struct ctl_error *e)
{
    PGresult *res;
    bool ok;

    if (!pg_ready(pg, e)) {
        pg->in_transaction = false;
        return false;
    }
    res = pg_ask(pg, "COMMIT", 0, NULL);
    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        ok = pg_failed(pg, res, e);
    } else if (strcmp(PQcmdStatus(res), "COMMIT") != 0) {
        ok = ctl_error_internal(e, "a failed transaction was committed");
    } else {
        ok = true;
    }
    PQclear(res);
    pg->in_transaction = false;

    return ok;
}


void
ctl_pg_rollback(struct ctl_pg *pg)
{
    if (pg->in_transaction && PQstatus(pg->conn) == CONNECTION_OK) {
        PQclear(pg_ask(pg, "ROLLBACK", 0, NULL));
    }
    pg->in_transaction = false;
}


bool
ctl_pg_listen(struct ctl_pg *pg, const char *channel, struct ctl_error *e)
{
    static const char verb[] = "LISTEN ";
    size_t len = strlen(channel);
    char *sql = malloc(sizeof(verb) + len);

    if (sql == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    memcpy(sql, verb, sizeof(verb) - 1);
    memcpy(sql + sizeof(verb) - 1, channel, len + 1);
    free(pg->channel);
    pg->channel = sql;

    return ctl_pg_exec(pg, e, sql);
}


static bool
pg_take_notifications(struct ctl_pg *pg)
{
    PGnotify *n;
    bool any = false;

    if (PQconsumeInput(pg->conn) == 0) {
        return false;
    }
    while ((n = PQnotifies(pg->conn)) != NULL) {
        PQfreemem(n);
        any = true;
    }

    return any;
}


bool
ctl_pg_wait(struct ctl_pg *pg, int timeout_ms)
{
    struct pollfd fd = {.fd = -1, .events = POLLIN};

    if (pg->conn != NULL && PQstatus(pg->conn) == CONNECTION_OK) {
        if (pg_take_notifications(pg)) {
            return true;
        }
        fd.fd = PQsocket(pg->conn);
    }
    if (poll(&fd, 1, timeout_ms) <= 0) {
        return false;
    }

    return pg_take_notifications(pg);
}


const char *
ctl_rows_at(const struct ctl_rows *r, unsigned row, unsigned col)
{
    return row < r->nrows && col < r->ncols
           ? r->cells[row * r->ncols + col] : NULL;
}


int64_t
ctl_rows_i64(const struct ctl_rows *r, unsigned row, unsigned col)
{
    const char *text = ctl_rows_at(r, row, col);

    return text != NULL ? strtoll(text, NULL, 10) : 0;
}
