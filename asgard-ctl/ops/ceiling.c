/*
 * Ceilings of the classifications in USD.
 */
#include "ops/ceiling.h"

#include <string.h>

#define USD INT64_C(1000000000)

static const struct {
    const char *classification;
    asg_nusd_t ceiling_nusd;
} tiers[] = {
    {"poc", 500 * USD},
    {"light-operational", 2500 * USD},
    {"wide-operational", 10000 * USD},
    {"critical-path", 25000 * USD}
};


bool
ctl_ceiling_of(const char *classification, asg_nusd_t *ceiling_nusd)
{
    size_t i;

    for (i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
        if (strcmp(tiers[i].classification, classification) == 0) {
            *ceiling_nusd = tiers[i].ceiling_nusd;
            return true;
        }
    }

    return false;
}


static const struct ctl_budget_window *
total_of(const struct ctl_budget_list *list)
{
    unsigned i;

    for (i = 0; list != NULL && i < list->n; i++) {
        if (strcmp(list->windows[i].name, "total") == 0) {
            return &list->windows[i];
        }
    }

    return NULL;
}


bool
ctl_ceiling_check(struct ctl_change *c, const char *classification,
    const struct ctl_budget_list *before, const struct ctl_budget_list *list,
    struct ctl_error *e)
{
    const struct ctl_budget_window *was = total_of(before);
    const struct ctl_budget_window *now = total_of(list);
    asg_nusd_t most;

    if (c->may_exceed || now == NULL) {
        return true;
    }
    if (!ctl_ceiling_of(classification, &most)) {
        return ctl_error_internal(e, "a project of no classification");
    }
    if (was != NULL && was->unlimited) {
        return true;
    }
    if (was != NULL && was->limit_nusd > most) {
        most = was->limit_nusd;
    }
    if (!now->unlimited && now->limit_nusd <= most) {
        return true;
    }
    ctl_error_field(e, "approval_needed", "budget_usd",
                    "A budget above %lld USD is for an administrator to give "
                    "to a project of the classification %s.",
                    (long long) (most / USD), classification);
    e->status = 403;

    return false;
}
