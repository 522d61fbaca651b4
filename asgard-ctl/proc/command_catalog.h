/*
 * Commands about the catalog that need no running daemon.
 *
 * Each returns the exit status and prints for people.
 */
#ifndef CTL_COMMAND_CATALOG_H
#define CTL_COMMAND_CATALOG_H

#include "base/config.h"

/* `validate FILE`: a manifest or a routing file; "ok", or what is wrong with
 * file and line. */
int ctl_command_validate(const char *file);
/* `catalog`: each module, active or why not. */
int ctl_command_catalog(const struct ctl_config *config, int argc,
    char **argv);

#endif
