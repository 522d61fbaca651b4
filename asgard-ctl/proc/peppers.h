/*
 * What api gets of the key file: the pepper lines, and no seal key.
 */
#ifndef CTL_PEPPERS_H
#define CTL_PEPPERS_H

#include "base/config.h"
#include "base/error.h"

/* A descriptor as of proc/values.h; -1 with an error. */
int ctl_peppers_open(const struct ctl_config *config, struct ctl_error *e);

#endif
