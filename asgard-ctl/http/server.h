/*
 * The SCGI server: a unix socket, and threads that each take one connection
 * at a time from it.
 *
 * A connection is one request: read within a deadline, served, answered,
 * closed.  Reachable only through nginx (the socket's mode and group).
 */
#ifndef CTL_SERVER_H
#define CTL_SERVER_H

#include "base/config.h"
#include "base/error.h"
#include "core/keyfile.h"

struct ctl_server;                      /* owned: start/stop */

/* `peppers` stays the caller's and outlives the server. */
struct ctl_server *ctl_server_start(const struct ctl_config *config,
    const asg_keyfile_t *peppers, struct ctl_error *e);
/* Lets requests under way finish, joins the threads. NULL ok. */
void ctl_server_stop(struct ctl_server *server);

#endif
