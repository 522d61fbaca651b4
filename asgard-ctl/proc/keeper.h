/*
 * The keeper: the only role that holds provider keys and the seal key.
 *
 * Compiles manifests, environment and routing into one sealed snapshot, commits
 * it to Postgres for the meter to publish, and then beats; its threads do the
 * jobs (proc/job_threads.h).  The supervisor starts a new keeper for every
 * reload.
 */
#ifndef CTL_KEEPER_H
#define CTL_KEEPER_H

#include "base/config.h"

/* `values_fd`: proc/values.h, the environment of the supervisor's start, empty
 * where backends_env names a file.
 * Returns the exit status of the process, when stop_fd becomes readable. */
int ctl_keeper_run(const struct ctl_config *config, int values_fd,
    int stop_fd);

#endif
