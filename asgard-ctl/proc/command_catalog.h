/*
 * Commands about service modules.
 */
#ifndef CTL_COMMAND_CATALOG_H
#define CTL_COMMAND_CATALOG_H

#include "base/config.h"

/* Prints ok, or every error with file and line; exit status 0 or 1. */
int ctl_command_validate(const char *file);
/* Each module: active, or why it is not. */
int ctl_command_catalog(const struct ctl_config *c, int argc, char **argv);

#endif
