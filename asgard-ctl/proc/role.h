/*
 * The roles of asgard-ctl: which there are, and how a child process becomes
 * one.
 *
 * The supervisor starts a role as `asgard-ctl -c FILE --values 3 role NAME`;
 * descriptor CTL_ROLE_FD holds what only that role may know (proc/values.h).
 * `asgard-ctl role NAME` is a role alone, on a host or as a user of its own: it
 * reads by itself what it may know.  A role ends when it gets SIGTERM, and with
 * its supervisor.
 */
#ifndef CTL_ROLE_H
#define CTL_ROLE_H

#include "base/config.h"

#define CTL_ROLE_FD 3

enum ctl_role {
    CTL_ROLE_API, CTL_ROLE_KEEPER, CTL_ROLE_METER, CTL_ROLE_NOTIFY, CTL_ROLES
};

const char *ctl_role_name(enum ctl_role role);

/* Becomes the role by that name; returns the exit status. */
int ctl_role_run(const struct ctl_config *config, const char *name,
    bool alone);

/* The words "--without keeper", after those of a command. */
bool ctl_role_is_without_keeper(int argc, char **argv);

/* A descriptor that becomes readable on SIGTERM or SIGINT (both blocked from
 * now on); -1 on failure. */
int ctl_role_stop_fd(void);

/* Logs go to the configured file, else to stderr. */
bool ctl_role_open_log(const struct ctl_config *config, const char *name,
    struct ctl_error *e);

#endif
