/*
 * The commands of asgard-ctl that act and return.
 *
 * Each prints what it did on stdout, what went wrong on stderr (as
 * "asgard-ctl: …"), and returns the exit status: 0 done, 1 not done, 2 wrong
 * usage; `audit` 1 when something is broken, 3 when it could not look.  `argv`
 * holds the words after the command's name.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "base/config.h"

/* proc/command_database.c */
int ctl_command_migrate(const struct ctl_config *c, int argc, char **argv);
int ctl_command_bootstrap(const struct ctl_config *c, int argc, char **argv);
int ctl_command_project(const struct ctl_config *c, int argc, char **argv);
int ctl_command_key(const struct ctl_config *c, int argc, char **argv);
/* proc/command_running.c */
int ctl_command_check(const struct ctl_config *c, int argc, char **argv);
int ctl_command_reload(const struct ctl_config *c, int argc, char **argv);
int ctl_command_status(const struct ctl_config *c, int argc, char **argv);
/* proc/command_money.c */
int ctl_command_audit(const struct ctl_config *c, int argc, char **argv);
int ctl_command_evidence(const struct ctl_config *c, int argc, char **argv);
int ctl_command_replay(const struct ctl_config *c, int argc, char **argv);
int ctl_command_reseed(const struct ctl_config *c, int argc, char **argv);
/* proc/command_export.c */
int ctl_command_audit_export(const struct ctl_config *c, int argc,
    char **argv);
/* `audit key` and `audit verify`, which need no configuration. */
bool ctl_command_audit_is_bare(int argc, char **argv);
int ctl_command_audit_bare(int argc, char **argv);
/* proc/command_ledger.c */
int ctl_command_ledger(const struct ctl_config *c, int argc, char **argv);
int ctl_command_prune(const struct ctl_config *c, int argc, char **argv);

/* proc/command_secrets.c: `verify` as `audit` */
int ctl_command_secrets(const struct ctl_config *c, int argc, char **argv);

/* proc/command_backend.c */
int ctl_command_backend(const struct ctl_config *c, int argc, char **argv);
/* proc/command_prices.c */
int ctl_command_prices(const struct ctl_config *c, int argc, char **argv);

/* Says why and returns 1. */
int ctl_command_failed(const struct ctl_error *e);

#endif
