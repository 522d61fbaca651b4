/*
 * What the gateway behind `public_url` says of itself, over its /metrics: all
 * its workers, from their shared memory.  Of several gateways behind one
 * address it is the one that answers.
 */
#ifndef CTL_GATEWAY_METRICS_H
#define CTL_GATEWAY_METRICS_H

#include "base/config.h"

/* Its text, to be freed, at most 1 MiB, within 2 s; NULL: no `public_url`, or
 * no such answer. */
char *ctl_gateway_metrics(const struct ctl_config *config);

/* A line for each endpoint of its catalog, or one that says why there is
 * none. */
void ctl_gateway_print_endpoints(const struct ctl_config *config);

#endif
