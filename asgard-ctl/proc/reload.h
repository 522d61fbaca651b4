/*
 * Applying a changed catalog, and waiting until it is served.
 */
#ifndef CTL_RELOAD_H
#define CTL_RELOAD_H

#include "base/config.h"
#include "base/error.h"

/*
 * Signals the supervisor, waits for the new keeper's verdict (20 s), then until
 * every nginx worker behind public_url serves that version (20 s).  *version is
 * what is served.  False with 409 catalog_refused and the reason when anything
 * was refused.
 */
bool ctl_reload(const struct ctl_config *config, int64_t *version,
    struct ctl_error *e);

#endif
