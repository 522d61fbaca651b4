/*
 * The newest change that Redis was told of, as Redis remembers it: number and
 * time of its row in the outbox.
 *
 * A database that does not know that row is older than what Redis has: it was
 * restored, though no usage event, correction or epoch tells so.  What it would
 * say of a record from now on might be refused as old.
 */
#ifndef CTL_OUTBOX_MARK_H
#define CTL_OUTBOX_MARK_H

#include "redis/client.h"
#include "store/pg.h"

/* Rows of the outbox have a number and a time that no other timeline of the
 * database gives to the same number. */
#define CTL_OUTBOX_TIME \
    "(extract(epoch FROM created_at) * 1000000)::bigint"

/* Is the row that Redis remembers missing?  False when it remembers none.  The
 * newest row is never deleted (outbox_send.c), so one that is missing below it
 * was old. */
bool ctl_outbox_is_behind(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, bool *behind, struct ctl_error *e);

/* Before Redis is told of the row: what it remembers only rises. */
bool ctl_outbox_mark(struct ctl_redis *redis, struct ctl_arena *arena,
    const char *id, const char *created_us, struct ctl_error *e);

/* Of a database that is taken for what it is. */
bool ctl_outbox_forget(struct ctl_redis *redis, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
