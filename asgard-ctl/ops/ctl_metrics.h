/*
 * /metrics/ctl in the text format of Prometheus.
 *
 * What Postgres or Redis cannot say at the moment is left out; asgard_ctl_up
 * tells which of them answered.
 */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include "redis/client.h"
#include "store/pg.h"

/* What the API itself counted since it began. */
struct ctl_api_counts {
    uint64_t bad_tokens, bad_tokens_refused;
};

/* The text is the arena's; NULL when it is too small. */
const char *ctl_metrics_text(struct ctl_pg *pg, struct ctl_redis *redis,
    const struct ctl_api_counts *counts, struct ctl_arena *arena);

#endif
