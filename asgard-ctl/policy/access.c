/*
 * The rules of the control API.
 */
#include "policy/access.h"

#include <string.h>

enum whom { ANYBODY, NO_AGENT, PERSON, SIGNED_IN_PERSON, ADMINISTRATOR };

static const struct {
    unsigned scopes;
    enum whom whom;
} demands[CTL_RULE_COUNT] = {
    [CTL_RULE_OPEN] = {0, ANYBODY},
    [CTL_RULE_SIGNED_IN] = {0, ANYBODY},
    [CTL_RULE_SESSION] = {0, SIGNED_IN_PERSON},
    [CTL_RULE_READ] = {CTL_SCOPE_READ, ANYBODY},
    [CTL_RULE_ASK] = {CTL_SCOPE_REQUEST, ANYBODY},
    [CTL_RULE_OWN_TOKENS] = {CTL_SCOPE_REQUEST, NO_AGENT},
    [CTL_RULE_OWN_TOKENS_READ] = {CTL_SCOPE_READ, NO_AGENT},
    [CTL_RULE_OWN_AGENTS] = {CTL_SCOPE_REQUEST, PERSON},
    [CTL_RULE_OWN_AGENTS_READ] = {CTL_SCOPE_READ, PERSON},
    [CTL_RULE_PROJECT_SEE] = {CTL_SCOPE_READ, ANYBODY},
    [CTL_RULE_PROJECT_STEER] = {CTL_SCOPE_REQUEST, ANYBODY},
    [CTL_RULE_REQUEST] = {CTL_SCOPE_REQUEST, ANYBODY},
    [CTL_RULE_DECIDE] = {CTL_SCOPE_ADMIN, NO_AGENT},
    [CTL_RULE_LINK] = {CTL_SCOPE_ADMIN, PERSON},
    [CTL_RULE_ADMIN] = {CTL_SCOPE_ADMIN, ADMINISTRATOR}
};

static const char *const roles[] = {
    [CTL_USER_MEMBER] = "member", [CTL_USER_FINANCE] = "finance",
    [CTL_USER_ADMIN] = "admin"
};

static const struct {
    const char *name;
    enum ctl_scope scope;
} scopes[] = {
    {"request", CTL_SCOPE_REQUEST}, {"read", CTL_SCOPE_READ},
    {"admin", CTL_SCOPE_ADMIN}
};

#define SCOPES (sizeof(scopes) / sizeof(scopes[0]))


/* The scope admin is all that the person may do, the lesser scopes too. */
bool
ctl_access_covers(const struct ctl_principal *who, unsigned wanted)
{
    return (who->scopes & CTL_SCOPE_ADMIN) != 0
           || (who->scopes & wanted) == wanted;
}


static bool
is_of(enum whom whom, const struct ctl_principal *who)
{
    switch (whom) {
    case ANYBODY: return true;
    case NO_AGENT: return who->kind != CTL_PRINCIPAL_AGENT;
    case PERSON: return who->kind == CTL_PRINCIPAL_PERSON;
    case SIGNED_IN_PERSON: return who->session_id != NULL;
    case ADMINISTRATOR: return who->kind != CTL_PRINCIPAL_AGENT
                               && who->role == CTL_USER_ADMIN;
    }

    return false;
}


/* Who they are comes first: a wider token would not help the wrong person. */
enum ctl_verdict
ctl_access_enter(enum ctl_rule rule, const struct ctl_principal *who)
{
    if (rule == CTL_RULE_OPEN) {
        return CTL_VERDICT_ALLOW;
    }
    if (who->kind == CTL_PRINCIPAL_NONE || !is_of(demands[rule].whom, who)) {
        return CTL_VERDICT_FORBIDDEN;
    }

    return ctl_access_covers(who, demands[rule].scopes) ? CTL_VERDICT_ALLOW
                                                        : CTL_VERDICT_SCOPE;
}


bool
ctl_access_is_admin(const struct ctl_principal *who)
{
    return who->kind != CTL_PRINCIPAL_NONE && who->kind != CTL_PRINCIPAL_AGENT
           && who->role == CTL_USER_ADMIN
           && ctl_access_covers(who, CTL_SCOPE_ADMIN);
}


bool
ctl_access_sees_all(const struct ctl_principal *who)
{
    return who->kind != CTL_PRINCIPAL_NONE && who->kind != CTL_PRINCIPAL_AGENT
           && (who->role == CTL_USER_ADMIN || who->role == CTL_USER_FINANCE)
           && ctl_access_covers(who, CTL_SCOPE_READ);
}


enum ctl_verdict
ctl_access_project(const struct ctl_principal *who, bool exists,
    unsigned relation, bool steer)
{
    if (!exists) {
        return CTL_VERDICT_ABSENT;
    }
    if (relation != CTL_RELATION_NONE || ctl_access_is_admin(who)) {
        return CTL_VERDICT_ALLOW;
    }
    if (!ctl_access_sees_all(who)) {
        return CTL_VERDICT_ABSENT;
    }

    return steer ? CTL_VERDICT_FORBIDDEN : CTL_VERDICT_ALLOW;
}


const char *
ctl_user_role_name(enum ctl_user_role role)
{
    return roles[role];
}


bool
ctl_user_role_parse(const char *name, enum ctl_user_role *out)
{
    unsigned i;

    for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i], name) == 0) {
            *out = (enum ctl_user_role) i;
            return true;
        }
    }

    return false;
}


const char *
ctl_scope_name(enum ctl_scope scope)
{
    unsigned i;

    for (i = 0; i < SCOPES && scopes[i].scope != scope; i++) { }

    return i < SCOPES ? scopes[i].name : NULL;
}


unsigned
ctl_scope_parse(const char *name)
{
    unsigned i;

    for (i = 0; i < SCOPES && strcmp(scopes[i].name, name) != 0; i++) { }

    return i < SCOPES ? (unsigned) scopes[i].scope : 0;
}
