/*
 * Requests: what somebody asked for and a policy did not simply allow.  (The
 * word in C is ask: a request is what comes over HTTP.)
 *
 * An operation that needs a decision calls ctl_ask_create() inside its change,
 * with everything that an approver must see as `payload`; what it wants done
 * is a row of ask_effect.c.  With no approval needed the effect runs at once;
 * else in the transaction of the last approval.  A payload never changes:
 * asking otherwise for the same subject makes another request and ends the
 * first, whose approvals are void (409 plan_changed).
 */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include "flow/ask_state.h"
#include "ops/change.h"
#include "policy/approval.h"

#define CTL_ASK_SLA_DAYS    7
#define CTL_ASK_PAYLOAD_MAX (256 * 1024)
#define CTL_ASK_REASON_MAX  1000
#define CTL_ASK_CURSOR      "9999999999999999"

struct ctl_ask_input {
    const char *kind;                   /* "budget", "provision:s3-bucket" */
    const char *project_id;
    const char *subject;                /* NULL: the project's id */
    const char *payload;                /* a JSON object */
    const char *reason;                 /* why it is asked; NULL */
    const char *rule;                   /* of the policy that said so */
    enum ctl_tier tier;                 /* none: approved at once */
    const char *group_rules[CTL_APPROVERS_COUNT];       /* see decide.h */
    bool flagged;                       /* waits for its requester */
    bool denied;                        /* by that rule: kept as rejected */
    bool sole;                          /* see ctl_ask_create() */
};

/* A row; texts are of the arena, NULL where there is none. */
struct ctl_ask {
    const char *id, *number, *kind, *project_id, *subject;
    enum ctl_ask_state state;
    const char *requester, *person;     /* user:<id>; see 0030_requests.sql */
    const char *requester_name, *person_name;
    const char *payload, *plan_hash;    /* hex */
    const char *reason, *rule;
    enum ctl_tier tier;
    unsigned needed, given;             /* approvals */
    const char *group_rules;            /* JSON: by group, the rule */
    unsigned groups;                    /* those, of enum ctl_voice */
    unsigned lacks;                     /* as what one more would count, while
                                         * it is open */
    const char *approver;               /* names of all that approved */
    const char *superseded_by;
    const char *sla_due_at, *created_at, *updated_at;
    bool overdue;
    bool owner_manages;                 /* so no manager decides */
};

/* `who` NULL: Asgard itself asks.  `sole`: of this kind and subject one request
 * is open at a time; the same payload again gives that one (*again), another
 * supersedes it.  403 project_killed, unless it ends something. */
bool ctl_ask_create(struct ctl_change *c, const struct ctl_principal *who,
    const struct ctl_ask_input *in, struct ctl_ask *out, bool *again,
    struct ctl_error *e);

/* 404 request_not_found; `lock`: until the end of the transaction. */
bool ctl_ask_get(struct ctl_pg *pg, struct ctl_arena *arena, const char *id,
    bool lock, struct ctl_ask *out, struct ctl_error *e);
bool ctl_ask_absent(struct ctl_error *e);

/* One of a project that they see, that they asked, or that a group of theirs
 * must agree to; else 404 request_not_found.  *relation: what its project is to
 * them. */
bool ctl_ask_see(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *id, struct ctl_ask *out,
    unsigned *relation, struct ctl_error *e);

/* "user:<id>", "operator", "system": who answers for what the caller does. */
const char *ctl_ask_person(struct ctl_arena *arena,
    const struct ctl_principal *who);

/* One step of flow/ask_state.h, its event and audit entry; *ask is what it is
 * then; 400 illegal_transition. */
bool ctl_ask_move(struct ctl_change *c, struct ctl_ask *ask,
    enum ctl_ask_event event, const char *reason, struct ctl_error *e);

/* Cancels all that is open of a project that ends; its row is locked. */
bool ctl_ask_end_all(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e);

/* The event alone, to its followers and to whom it concerns (ops/notice.h). */
bool ctl_ask_tell(struct ctl_change *c, const struct ctl_ask *ask,
    const char *event, const char *reason, struct ctl_error *e);

struct ctl_ask_filter {
    const char *state, *requester, *subject;    /* NULL: any */
    const char *email;                  /* of projects seen; NULL: all */
    const char *person;                 /* whose own are seen too */
    unsigned groups;                    /* whose are, of enum ctl_voice */
    const char *before;                 /* the cursor; NULL: from the newest */
    unsigned limit;
};

/* Newest first. */
bool ctl_ask_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask_filter *filter, struct ctl_ask **out, unsigned *n,
    bool *more, struct ctl_error *e);

#endif
