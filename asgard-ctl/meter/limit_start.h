/*
 * What a window had spent and held when Redis got a lower limit of it.
 *
 * From then on nothing is admitted above the lower one, so that all that stands
 * there later is within it, or within what was used then, or is an amount that
 * no admission checked.  The audit needs no clock for that: the figure is read
 * from Redis together with the version of the budget that is in force.
 */
#ifndef CTL_LIMIT_START_H
#define CTL_LIMIT_START_H

#include "redis/client.h"
#include "store/pg.h"

/* Writes it down of each window of the budget that had a higher limit before.
 * Nothing when Redis has another version than Postgres: that is a change which
 * is still to be sent.  `key` is the budget's hash. */
bool ctl_limit_start_note(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *budget_id, const char *key,
    struct ctl_error *e);

#endif
