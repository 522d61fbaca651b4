/*
 * The api role: serves SCGI; parses the untrusted world and holds no provider
 * secret and no seal key.
 */
#ifndef CTL_API_H
#define CTL_API_H

#include "base/config.h"

/* `peppers_fd`: proc/values.h, the pepper lines of the key file and nothing
 * else.  Returns the exit status, when stop_fd becomes readable. */
int ctl_api_run(const struct ctl_config *config, int peppers_fd, int stop_fd);

#endif
