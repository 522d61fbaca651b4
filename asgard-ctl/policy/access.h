/*
 * Who may enter a route: a pure decision over plain facts.
 *
 * Each row of http/routes.c names a rule; access.c says in one table what a
 * rule demands.  Power comes from three places and no other: a scope of the
 * token (nothing without it), the role of the person (admin, finance), and the
 * relation of the person to the project (owner, manager).  An agent has the
 * relations of the human who owns it, never the role, and never the scope to
 * decide.  What a caller may not even see is ABSENT: it is answered exactly
 * like what does not exist.
 */
#ifndef CTL_ACCESS_H
#define CTL_ACCESS_H

#include <stdbool.h>

enum ctl_scope {
    CTL_SCOPE_READ = 1,
    CTL_SCOPE_REQUEST = 2,
    CTL_SCOPE_ADMIN = 4                 /* all that its person may; decide */
};

#define CTL_SCOPES_ALL (CTL_SCOPE_READ | CTL_SCOPE_REQUEST | CTL_SCOPE_ADMIN)

enum ctl_user_role { CTL_USER_MEMBER, CTL_USER_FINANCE, CTL_USER_ADMIN };

enum ctl_principal_kind {
    CTL_PRINCIPAL_NONE,
    CTL_PRINCIPAL_OPERATOR,             /* a token of `admin bootstrap` */
    CTL_PRINCIPAL_PERSON,
    CTL_PRINCIPAL_AGENT
};

/* Texts belong to whoever filled it; NULL where there is none. */
struct ctl_principal {
    enum ctl_principal_kind kind;
    enum ctl_user_role role;            /* of the person who answers for it */
    unsigned scopes;                    /* of enum ctl_scope */
    const char *id;                     /* of the token, person or agent */
    const char *name;                   /* username; an agent's own name */
    const char *user_id;                /* the person; an agent's human */
    const char *email;                  /* theirs, verified; else NULL */
    const char *token_id;               /* signed in with; NULL: a session */
    const char *session_id;
    const char *expires_at;             /* of the token; NULL: never */
    unsigned groups;                    /* of approvers, of enum ctl_voice; an
                                         * agent is in none */
};

/* What a project is to the caller. */
enum ctl_relation {
    CTL_RELATION_NONE = 0,
    CTL_RELATION_OWNER = 1,
    CTL_RELATION_MANAGER = 2
};

enum ctl_rule {
    CTL_RULE_OPEN,                      /* anybody, no credential needed */
    CTL_RULE_SIGNED_IN,                 /* whoever has a credential */
    CTL_RULE_SESSION,                   /* who signed in with a password */
    CTL_RULE_READ,                      /* the handler shows what may be seen */
    CTL_RULE_ASK,                       /* the handler looks at the object */
    CTL_RULE_OWN_TOKENS,                /* no agent: tokens of one's own */
    CTL_RULE_OWN_TOKENS_READ,
    CTL_RULE_OWN_AGENTS,                /* a person: agents need a human */
    CTL_RULE_OWN_AGENTS_READ,
    CTL_RULE_PROJECT_SEE,               /* of the path's first parameter */
    CTL_RULE_PROJECT_STEER,
    CTL_RULE_REQUEST,                   /* ASK, who sees the path's request */
    CTL_RULE_DECIDE,                    /* the same, no agent; approval.h says
                                         * whom */
    CTL_RULE_LINK,                      /* the person of a link of a notice */
    CTL_RULE_ADMIN,                     /* role and scope admin */
    CTL_RULE_COUNT
};

enum ctl_verdict {
    CTL_VERDICT_ALLOW,
    CTL_VERDICT_ABSENT,                 /* 404 */
    CTL_VERDICT_FORBIDDEN,              /* 403 */
    CTL_VERDICT_SCOPE                   /* 403: the token is too narrow */
};

/* Before any object is looked at: kind, scope and role. */
enum ctl_verdict ctl_access_enter(enum ctl_rule rule,
    const struct ctl_principal *who);
/* Of an object of a project, to see it or to change it.  Only after enter(). */
enum ctl_verdict ctl_access_project(const struct ctl_principal *who,
    bool exists, unsigned relation, bool steer);

/* Sees every project, its cost and the audit log. */
bool ctl_access_sees_all(const struct ctl_principal *who);
/* Changes every project, and people. */
bool ctl_access_is_admin(const struct ctl_principal *who);
/* Every scope that is in `scopes` is also the caller's. */
bool ctl_access_covers(const struct ctl_principal *who, unsigned scopes);

const char *ctl_user_role_name(enum ctl_user_role role);
bool ctl_user_role_parse(const char *name, enum ctl_user_role *out);
const char *ctl_scope_name(enum ctl_scope scope);
/* 0: no scope has this name. */
unsigned ctl_scope_parse(const char *name);

#endif
