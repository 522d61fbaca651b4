/*
 * The right to decide.
 */
#include "policy/approval.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned approvals;
} tiers[] = {
    [CTL_TIER_NONE] = {"none", 0},
    [CTL_TIER_PLATFORM] = {"platform", 1},
    [CTL_TIER_SECURITY] = {"security", 2}
};


unsigned
ctl_tier_approvals(enum ctl_tier tier)
{
    return tiers[tier].approvals;
}


const char *
ctl_tier_name(enum ctl_tier tier)
{
    return tiers[tier].name;
}


bool
ctl_tier_parse(const char *name, enum ctl_tier *out)
{
    unsigned i;

    for (i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
        if (strcmp(tiers[i].name, name) == 0) {
            *out = (enum ctl_tier) i;
            return true;
        }
    }

    return false;
}


/* Who asked is said first: no other right would help them. */
enum ctl_approval
ctl_approval_decide(const struct ctl_principal *who, bool own,
    unsigned relation, bool handed_up)
{
    if (who->kind == CTL_PRINCIPAL_NONE || who->kind == CTL_PRINCIPAL_AGENT) {
        return CTL_APPROVAL_FORBIDDEN;
    }
    if (own) {
        return CTL_APPROVAL_SELF;
    }
    if (ctl_access_is_admin(who)) {
        return CTL_APPROVAL_MAY;
    }
    if ((relation & CTL_RELATION_MANAGER) == 0
        || !ctl_access_covers(who, CTL_SCOPE_ADMIN))
    {
        return CTL_APPROVAL_FORBIDDEN;
    }
    if ((relation & CTL_RELATION_OWNER) != 0) {
        return CTL_APPROVAL_OWNER;
    }

    return handed_up ? CTL_APPROVAL_ADMIN : CTL_APPROVAL_MAY;
}
