/*
 * Which statements are prepared on a connection: half of what a short question
 * costs PostgreSQL is reading and planning it.
 *
 * A text that comes a second time gets a name, 64 of them at most: a plan is
 * memory of the server.  The table goes with its connection.
 */
#ifndef CTL_PG_PREPARED_H
#define CTL_PG_PREPARED_H

#include <stdbool.h>

struct ctl_pg_prepared;                 /* owned: open/close */

struct ctl_pg_prepared *ctl_pg_prepared_open(void);     /* NULL: no memory */
void ctl_pg_prepared_close(struct ctl_pg_prepared *p);  /* NULL ok */
/* None of them is asked for again: a new connection, or one that lost them.
 * No name is given twice: what a server still has is in nobody's way. */
void ctl_pg_prepared_forget(struct ctl_pg_prepared *p);

/* The name of `sql`, until the next call; NULL: it is asked as it is.  *is_new:
 * it has to be prepared under that name first; if that fails, drop it. */
const char *ctl_pg_prepared_name(struct ctl_pg_prepared *p, const char *sql,
    bool *is_new);
void ctl_pg_prepared_drop(struct ctl_pg_prepared *p);   /* the newest */

#endif
