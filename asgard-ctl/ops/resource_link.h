/*
 * Linked resources: what a project uses and somebody else made.
 *
 * A row that says where it is and what it costs.  No connector ever touches
 * it: it is not applied, suspended or destroyed, and to end it is to forget
 * it.
 */
#ifndef CTL_RESOURCE_LINK_H
#define CTL_RESOURCE_LINK_H

#include "core/money.h"
#include "ops/resource.h"

#define CTL_LINK_REFERENCE_MAX 500
#define CTL_LINK_NOTE_MAX      1000
#define CTL_LINK_VALUES_MAX    (16 * 1024)

/* What is not said is NULL. */
struct ctl_resource_link {
    const char *project_id, *rtype, *name;
    const char *reference;              /* where it is: an address, an ARN */
    const char *outputs, *tags;         /* flat JSON objects */
    const char *cost_source, *note;
    bool has_estimate;                  /* else the manifest's, or none */
    asg_nusd_t est_monthly_nusd;
};

/* What is linked already (*again) is what is said now.  400 invalid_value, also
 * of what looks like a secret; 403 of a project that is killed or over;
 * 409 conflict: one of that name was made here. */
bool ctl_resource_link(struct ctl_change *c,
    const struct ctl_resource_link *link, struct ctl_resource *out,
    bool *again, struct ctl_error *e);

#endif
