/*
 * The readiness of every part, looked at twice a second by a thread with
 * connections of its own: who asks gets the last look at once, whatever hangs.
 */
#ifndef CTL_HEALTH_H
#define CTL_HEALTH_H

#include "base/config.h"
#include "ops/readiness.h"

struct ctl_health;                      /* owned: start/stop */

struct ctl_health *ctl_health_start(const struct ctl_config *config);
void ctl_health_stop(struct ctl_health *health);        /* NULL ok */
/* Texts of the arena. */
void ctl_health_read(struct ctl_health *health, struct ctl_arena *arena,
    struct ctl_readiness *out);

#endif
