/*
 * `asgard-ctl serve`: one process that starts the roles and starts them
 * again.
 *
 * It re-executes itself with a clean environment; without the setting
 * backends_env it first puts the old one aside and hands it to keeper over an
 * inherited descriptor, else keeper reads the file.  api gets the pepper lines
 * of the key file and nothing else.  A dead role is back after 100 ms, at most
 * 2 s when it keeps dying.  SIGHUP starts a new keeper, which reads everything
 * again (and a new api when the peppers changed); SIGTERM ends all roles,
 * after 20 s by SIGKILL.
 */
#ifndef CTL_SUPERVISOR_H
#define CTL_SUPERVISOR_H

#include "base/config.h"

/* `inherited_fd`: values handed over by the re-execution, or -1 the first
 * time.  Returns the exit status. */
int ctl_supervisor_run(const struct ctl_config *config, bool without_keeper,
    int inherited_fd);

#endif
