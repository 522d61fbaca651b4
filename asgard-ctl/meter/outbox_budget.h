/*
 * A budget → its counters' hash in Redis: added when it is new, its limits
 * and windows renewed when it is there.
 *
 * Reads the partition's row for fence and token, so that it works beside a
 * meter and without one.
 */
#ifndef CTL_OUTBOX_BUDGET_H
#define CTL_OUTBOX_BUDGET_H

#include "redis/client.h"
#include "store/pg.h"

/* 503 budget_unavailable while the partition is not open. */
bool ctl_budget_send(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *budget_id, struct ctl_error *e);

#endif
