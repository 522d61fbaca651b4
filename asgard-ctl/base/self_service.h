/*
 * How much a project gets without anybody's approval: of its classification all
 * together, and of one resource.
 *
 * As text: "poc=500,light-operational=2500"; USD, each classification at most
 * once, those left out keep what they had.
 */
#ifndef CTL_SELF_SERVICE_H
#define CTL_SELF_SERVICE_H

#include <stdbool.h>

#include "core/money.h"

#define CTL_SELF_SERVICE_CLASSES 4

struct ctl_self_service {
    asg_nusd_t ceilings_nusd[CTL_SELF_SERVICE_CLASSES];
    bool capped;                        /* what one resource may cost */
    asg_nusd_t cap_nusd;
};

/* The ceilings of the classifications, and no cap. */
void ctl_self_service_init(struct ctl_self_service *s);
/* False: not such a text; nothing is changed. */
bool ctl_self_service_parse(struct ctl_self_service *s, const char *text);
/* A number of USD, or "any". */
bool ctl_self_service_parse_cap(struct ctl_self_service *s, const char *text);
/* False: there is no such classification. */
bool ctl_self_service_ceiling(const struct ctl_self_service *s,
    const char *classification, asg_nusd_t *out);

#endif
