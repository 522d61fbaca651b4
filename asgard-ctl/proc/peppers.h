/*
 * What api gets of the key file: the pepper lines, and no seal key.  Where its
 * user may not read that file they stand in one of their own, too.
 */
#ifndef CTL_PEPPERS_H
#define CTL_PEPPERS_H

#include "base/config.h"
#include "base/error.h"

/* A descriptor as of proc/values.h; -1 with an error. */
int ctl_peppers_open(const struct ctl_config *config, struct ctl_error *e);
/* Those of pepper_file are those of key_file, for who may read both. */
bool ctl_peppers_agree(const struct ctl_config *config, struct ctl_error *e);

#endif
