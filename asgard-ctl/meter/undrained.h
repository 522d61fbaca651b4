/*
 * The usage events that the ledger has not got: those behind the cursor of each
 * partition's stream, a page at a time.
 */
#ifndef CTL_UNDRAINED_H
#define CTL_UNDRAINED_H

#include "redis/client.h"
#include "store/pg.h"

/* Hold ids of a page, in their order; `arena` lives as long as the page.  False
 * with *e ends the reading; *enough ends it well. */
typedef bool (*ctl_undrained_pt)(void *data, struct ctl_arena *arena,
    const asg_str_t *holds, size_t n, bool *enough, struct ctl_error *e);

bool ctl_undrained_each(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, ctl_undrained_pt page, void *data,
    struct ctl_error *e);

#endif
