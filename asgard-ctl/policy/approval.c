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

static const char *const groups[CTL_APPROVERS_COUNT] = {
    [CTL_APPROVERS_PLATFORM] = "platform",
    [CTL_APPROVERS_SECURITY] = "security"
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


const char *
ctl_approvers_name(enum ctl_approvers group)
{
    return groups[group];
}


bool
ctl_approvers_parse(const char *name, enum ctl_approvers *out)
{
    unsigned i;

    for (i = 0; i < CTL_APPROVERS_COUNT; i++) {
        if (strcmp(groups[i], name) == 0) {
            *out = (enum ctl_approvers) i;
            return true;
        }
    }

    return false;
}


static bool
is_person(const struct ctl_principal *who)
{
    return who->kind != CTL_PRINCIPAL_NONE
           && who->kind != CTL_PRINCIPAL_AGENT;
}


unsigned
ctl_approval_voices(const struct ctl_principal *who,
    const struct ctl_approval_facts *f)
{
    bool owner = (f->relation & CTL_RELATION_OWNER) != 0;
    unsigned voices = 0;

    if (!is_person(who) || f->own || !ctl_access_covers(who, CTL_SCOPE_ADMIN))
    {
        return 0;
    }
    if (ctl_access_is_admin(who)) {
        voices |= CTL_VOICE_DECIDER | CTL_VOICE_ADMIN;
    }
    if ((f->relation & CTL_RELATION_MANAGER) != 0 && !owner && !f->handed_up) {
        voices |= CTL_VOICE_DECIDER;
    }

    return owner ? voices : voices | (who->groups & f->groups);
}


/* Who asked is said first: no other right would help them. */
enum ctl_approval
ctl_approval_decide(const struct ctl_principal *who,
    const struct ctl_approval_facts *f)
{
    bool asked = (f->relation & CTL_RELATION_MANAGER) != 0
                 || (who->groups & f->groups) != 0;

    if (!is_person(who)) {
        return CTL_APPROVAL_FORBIDDEN;
    }
    if (f->own) {
        return CTL_APPROVAL_SELF;
    }
    if (ctl_approval_voices(who, f) != 0) {
        return CTL_APPROVAL_MAY;
    }
    if (!asked || !ctl_access_covers(who, CTL_SCOPE_ADMIN)) {
        return CTL_APPROVAL_FORBIDDEN;
    }

    return (f->relation & CTL_RELATION_OWNER) != 0 ? CTL_APPROVAL_OWNER
                                                   : CTL_APPROVAL_ADMIN;
}
