/*
 * Who may decide over a request: pure, over plain facts.
 *
 * An administrator, or the manager of the project, and a member of a group that
 * the request names; never who asked, nor the human whose agent or whose token
 * did; an owner has no such right as owner, nor as manager or member: who is
 * both would decide over their own project.  The database holds the same
 * (store/migrations/0030_requests.sql, 0036_owner_decides_not.sql,
 * 0050_approvers.sql and 0055_fulfilled.sql), so a mistake here opens nothing.
 */
#ifndef CTL_APPROVAL_H
#define CTL_APPROVAL_H

#include "policy/access.h"

/* How many people a tier wants; of `security` one is an administrator, or of
 * the group of that name where it has members. */
enum ctl_tier { CTL_TIER_NONE, CTL_TIER_PLATFORM, CTL_TIER_SECURITY };

/* As what an approval counts, of what a request needs; for one of these. */
enum ctl_voice {
    CTL_VOICE_DECIDER = 1,              /* an administrator or the manager */
    CTL_VOICE_ADMIN = 2,
    CTL_VOICE_PLATFORM = 4,             /* members of these groups */
    CTL_VOICE_SECURITY = 8
};

/* The groups of approvers, in the order of their bits. */
enum ctl_approvers {
    CTL_APPROVERS_PLATFORM, CTL_APPROVERS_SECURITY, CTL_APPROVERS_COUNT
};

#define CTL_VOICE_OF(group) ((unsigned) CTL_VOICE_PLATFORM << (group))

enum ctl_approval {
    CTL_APPROVAL_MAY,
    CTL_APPROVAL_SELF,                  /* 403 self_approval */
    CTL_APPROVAL_FORBIDDEN,             /* 403 forbidden */
    CTL_APPROVAL_ADMIN,                 /* 403: an administrator's now */
    CTL_APPROVAL_OWNER                  /* 403: it is their own project */
};

struct ctl_approval_facts {
    bool own;                           /* the same person answers for it */
    unsigned relation;                  /* to its project */
    bool handed_up;                     /* no manager decides */
    unsigned groups;                    /* that it names, of enum ctl_voice */
};

unsigned ctl_tier_approvals(enum ctl_tier tier);
const char *ctl_tier_name(enum ctl_tier tier);
bool ctl_tier_parse(const char *name, enum ctl_tier *out);

const char *ctl_approvers_name(enum ctl_approvers group);
bool ctl_approvers_parse(const char *name, enum ctl_approvers *out);

/* Who answers for what `who` does, as the table of requests has it. */
#define CTL_PERSON_OPERATOR "operator"

/* Of enum ctl_voice, any of which one approval may be; 0: of none. */
unsigned ctl_approval_voices(const struct ctl_principal *who,
    const struct ctl_approval_facts *facts);
enum ctl_approval ctl_approval_decide(const struct ctl_principal *who,
    const struct ctl_approval_facts *facts);

#endif
