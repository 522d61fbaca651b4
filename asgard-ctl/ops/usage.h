/*
 * What a project has spent and holds now: the live counters of its budgets, of
 * its keys' budgets and of its group's.
 *
 * Read from Redis, where a settle is visible at once; limits and windows come
 * from Postgres.  A budget that is missing in Redis is 503 redis_unavailable,
 * never 0; a zoned window whose boundaries have run out is 503
 * budget_unavailable, as it is for a call.
 */
#ifndef CTL_USAGE_H
#define CTL_USAGE_H

#include "core/money.h"
#include "core/window.h"
#include "redis/client.h"
#include "store/pg.h"

struct ctl_usage_window {
    const char *scope;                  /* "project", "key", "group" */
    const char *scope_id;
    char window[ASG_WINDOW_NAME_MAX];
    const char *zone;                   /* "UTC" unless said */
    int64_t starts_at;                  /* 0 with total */
    int64_t resets_at;                  /* 0: never */
    bool unlimited;
    asg_nusd_t limit_nusd, spent_nusd, held_nusd;
};

struct ctl_usage {
    asg_nusd_t spent_nusd;              /* of the project, all time */
    asg_nusd_t held_nusd;               /* of the project, all open holds */
    struct ctl_usage_window *windows;
    unsigned nwindows;
};

bool ctl_usage_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *project_id, struct ctl_usage *out,
    struct ctl_error *e);

#endif
