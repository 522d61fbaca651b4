/*
 * Where the variables of the backends come from: the same for the keeper and
 * for every command.
 *
 * With the setting backends_env only that file, read anew each time; a file
 * that does not exist holds no variables.  Without it the environment.  A file
 * that cannot be trusted or read is an error that names it.
 */
#ifndef CTL_BACKENDS_H
#define CTL_BACKENDS_H

#include "base/config.h"
#include "catalog/backends_env.h"

/* `environment_fd`: proc/values.h, used without the setting; it stays open.
 * finish() *b, also after a failure. */
bool ctl_backends_open(struct ctl_backends *b, const struct ctl_config *config,
    int environment_fd, struct ctl_error *e);

#endif
