/*
 * Lending connections, preparing statements.
 */
#include "pool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-events.h>
#include <libpq-fe.h>

#include "broken.h"
#include "core/str.h"
#include "store/pg_ask.h"
#include "store/pg_prepared.h"

#define IDLE_MAX    8
#define TEXTS       1024                /* a run has about 150 */
#define NAME_BYTES  16

#define WRAPPED(function) \
    __typeof__(function) __real_##function, __wrap_##function

WRAPPED(PQconnectStartParams);
WRAPPED(PQfinish);
WRAPPED(ctl_pg_ask);
WRAPPED(ctl_pg_prepared_name);

/* What belongs to a connection, from its start to its real end. */
struct lent {
    char *conninfo;
    struct {
        char *sql;                      /* NULL: free */
        bool prepared;                  /* when it came for the second time */
    } texts[TEXTS];
};

static PGconn *idle[IDLE_MAX];
static unsigned nidle;


/* --- what a connection has --- */

static void
lent_free(struct lent *l)
{
    unsigned i;

    for (i = 0; i < TEXTS; i++) {
        free(l->texts[i].sql);
    }
    free(l->conninfo);
    free(l);
}


static int
lent_event(PGEventId id, void *info, void *data)
{
    const PGEventConnDestroy *end = info;

    (void) data;
    if (id == PGEVT_CONNDESTROY) {
        lent_free(PQinstanceData(end->conn, lent_event));
    }

    return 1;
}


static void
lent_begin(PGconn *conn, const char *conninfo)
{
    struct lent *l = calloc(1, sizeof(*l));

    if (l == NULL || (l->conninfo = strdup(conninfo)) == NULL
        || !PQregisterEventProc(conn, lent_event, "sim", NULL)
        || !PQsetInstanceData(conn, lent_event, l))
    {
        abort();                        /* no memory */
    }
}


/* --- lending --- */

/* Under this name the database lists it from now on; false: it is broken. */
static bool
name_set(PGconn *conn, const char *name)
{
    PGresult *res = PQexecParams(conn, "SELECT set_config("
        "'application_name', $1, false)", 1, NULL, &name, NULL, NULL, 0);
    bool ok = PQresultStatus(res) == PGRES_TUPLES_OK;

    PQclear(res);

    return ok;
}


static PGconn *
idle_take(const char *conninfo, const char *name)
{
    struct lent *l;
    PGconn *conn;
    unsigned i;

    for (i = nidle; i-- > 0; ) {
        l = PQinstanceData(idle[i], lent_event);
        if (strcmp(l->conninfo, conninfo) != 0) {
            continue;
        }
        conn = idle[i];
        idle[i] = idle[--nidle];
        if (name_set(conn, name)) {
            return conn;
        }
        __real_PQfinish(conn);
    }

    return NULL;
}


static const char *
value_of(const char *const *names, const char *const *values,
    const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0) {
        names++;
        values++;
    }
    if (*names == NULL) {
        abort();                        /* asgard-ctl connects otherwise now */
    }

    return *values;
}


PGconn *
__wrap_PQconnectStartParams(const char *const *names,
    const char *const *values, int expand)
{
    const char *conninfo = value_of(names, values, "dbname");
    PGconn *conn = idle_take(conninfo,
                             value_of(names, values, "application_name"));

    if (conn == NULL) {
        conn = __real_PQconnectStartParams(names, values, expand);
        if (conn != NULL) {
            lent_begin(conn, conninfo);
        }
    }

    return conn;
}


/* A connection that is given back leads nothing any more. */
void
__wrap_PQfinish(PGconn *conn)
{
    if (conn != NULL && nidle < IDLE_MAX
        && PQinstanceData(conn, lent_event) != NULL
        && PQtransactionStatus(conn) == PQTRANS_IDLE && name_set(conn, ""))
    {
        idle[nidle++] = conn;
        return;
    }
    __real_PQfinish(conn);
}


void
sim_pool_empty(void)
{
    while (nidle > 0) {
        __real_PQfinish(idle[--nidle]);
    }
}


/* --- preparing --- */

static unsigned
text_place(const struct lent *l, const char *sql)
{
    uint64_t h = 14695981039346656037u;
    const char *at;
    unsigned i, place;

    for (at = sql; *at != '\0'; at++) {
        h = (h ^ (unsigned char) *at) * 1099511628211u;
    }
    for (i = 0; i < TEXTS; i++) {
        place = (unsigned) (h + i) % TEXTS;
        if (l->texts[place].sql == NULL
            || strcmp(l->texts[place].sql, sql) == 0)
        {
            return place;
        }
    }

    return TEXTS;
}


/* The name of the prepared statement; false: it is to be asked as it is. */
static bool
prepared(PGconn *conn, const char *sql, unsigned nparams,
    char name[NAME_BYTES])
{
    struct lent *l = PQinstanceData(conn, lent_event);
    unsigned place = l != NULL ? text_place(l, sql) : TEXTS;
    PGresult *res;

    if (place == TEXTS) {
        return false;
    }
    if (l->texts[place].sql == NULL) {
        l->texts[place].sql = strdup(sql);
        return false;
    }
    snprintf(name, NAME_BYTES, "s%u", place);
    if (!l->texts[place].prepared) {
        res = PQprepare(conn, name, sql, (int) nparams, NULL);
        l->texts[place].prepared = PQresultStatus(res) == PGRES_COMMAND_OK;
        PQclear(res);
    }

    return l->texts[place].prepared;
}


/* What is prepared belongs to the connection, which is lent again: here. */
const char *
__wrap_ctl_pg_prepared_name(struct ctl_pg_prepared *p, const char *sql,
    bool *is_new)
{
    (void) p;
    (void) sql;
    *is_new = false;

    return NULL;
}


/* Without the deadline: by the clock of a run no time passes here. */
PGresult *
__wrap_ctl_pg_ask(PGconn *conn, int64_t until_ms, const char *sql,
    unsigned nparams, const char *const *params)
{
    char name[NAME_BYTES];

    sql = sim_broken_sql(sql);
    if (params == NULL || !prepared(conn, sql, nparams, name)) {
        return __real_ctl_pg_ask(conn, until_ms, sql, nparams, params);
    }

    return PQexecPrepared(conn, name, (int) nparams, params, NULL, NULL, 0);
}
