/*
 * Limits of keys and projects, as the API takes and stores them.
 */
#ifndef CTL_LIMITS_H
#define CTL_LIMITS_H

#include "core/limits.h"
#include "ops/change.h"

/* Their columns, by asg_limit_kind_t, named as the fields of the API. */
#define CTL_LIMITS_COLUMNS "rpm_limit, tpm_limit, max_parallel_requests"

struct ctl_limit {
    bool given;
    bool null;                          /* said explicitly: no limit */
    int64_t most;                       /* 0 to ASG_LIMIT_MAX */
};

/* By asg_limit_kind_t. */
struct ctl_limits {
    struct ctl_limit of[ASG_LIMIT_COUNT];
};

/* What is given, of the row with this id: CTL_LIMITS_KEY (an id without
 * regard to case) or CTL_LIMITS_PROJECT. */
enum ctl_limits_table {CTL_LIMITS_KEY, CTL_LIMITS_PROJECT};

bool ctl_limits_write(struct ctl_change *c, enum ctl_limits_table table,
    const char *id, const struct ctl_limits *limits, struct ctl_error *e);
/* "rpm_limit" */
const char *ctl_limit_name(asg_limit_kind_t kind);
/* The audit's fields of what is given, ASG_LIMIT_COUNT of them. */
void ctl_limits_audit(struct ctl_arena *arena, const struct ctl_limits *limits,
    struct ctl_audit_field *fields);

#endif
