/*
 * A keeper that no supervisor has started, as `reload` finds it: it keeps a
 * file beside its socket locked, and the system knows whose the lock is.
 * Nothing in the file could be stale.
 */
#ifndef CTL_KEEPER_ALONE_H
#define CTL_KEEPER_ALONE_H

#include <sys/types.h>

#include "base/config.h"
#include "base/error.h"

/* For the life of this process; without a socket there is nothing to lock.
 * Refused while another keeper has the lock. */
bool ctl_keeper_alone_mark(const struct ctl_config *config,
    struct ctl_error *e);
/* 0: no keeper runs alone on this host. */
pid_t ctl_keeper_alone_find(const struct ctl_config *config);

#endif
