/*
 * Who may decide over a request: pure, over plain facts.
 *
 * An administrator, or the manager of the project; never who asked, nor the
 * human whose agent or whose token did; an owner has no such right as owner,
 * nor as manager: who is both would decide over their own project.
 * The database holds the same (store/migrations/0030_requests.sql and
 * 0036_owner_decides_not.sql), so a mistake here opens nothing.
 */
#ifndef CTL_APPROVAL_H
#define CTL_APPROVAL_H

#include "policy/access.h"

/* How many people a tier wants; of `security` one is an administrator. */
enum ctl_tier { CTL_TIER_NONE, CTL_TIER_PLATFORM, CTL_TIER_SECURITY };

enum ctl_approval {
    CTL_APPROVAL_MAY,
    CTL_APPROVAL_SELF,                  /* 403 self_approval */
    CTL_APPROVAL_FORBIDDEN,             /* 403 forbidden */
    CTL_APPROVAL_ADMIN,                 /* 403: an administrator's now */
    CTL_APPROVAL_OWNER                  /* 403: the manager is the owner */
};

unsigned ctl_tier_approvals(enum ctl_tier tier);
const char *ctl_tier_name(enum ctl_tier tier);
bool ctl_tier_parse(const char *name, enum ctl_tier *out);

/* Who answers for what `who` does, as the table of requests has it. */
#define CTL_PERSON_OPERATOR "operator"

/* `own`: the same person answers for the request.  `handed_up`: only
 * administrators decide. */
enum ctl_approval ctl_approval_decide(const struct ctl_principal *who,
    bool own, unsigned relation, bool handed_up);

#endif
