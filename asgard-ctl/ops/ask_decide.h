/*
 * What is said about a request: yes, no, done, to somebody else, never mind.
 *
 * Each takes the request's lock first, so that of two who decide at once the
 * second sees what the first did.
 */
#ifndef CTL_ASK_DECIDE_H
#define CTL_ASK_DECIDE_H

#include "ops/ask.h"

struct ctl_ask_by {
    const struct ctl_principal *who;
    unsigned relation;                  /* to the request's project */
    const char *reason;                 /* NULL: none was given */
    const char *plan_hash;              /* what they saw; NULL: not said */
};

/* True also when the caller has approved it before.  403 self_approval,
 * forbidden; 409 plan_changed, already_decided; 400 illegal_transition.  When
 * *changed, the change is to be committed and the answer is 409
 * plan_changed. */
bool ctl_ask_approve(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, bool *changed,
    struct ctl_error *e);
bool ctl_ask_reject(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e);
/* Of what people do, not Asgard: who may decide over it says that it was done.
 * True also when that was said before. */
bool ctl_ask_fulfil(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e);
/* Who asked, of one that is flagged; an approver, to the administrators. */
bool ctl_ask_escalate(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e);
/* Who asked, or who steers the project. */
bool ctl_ask_cancel(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e);

/* 409 plan_changed, for the request that was superseded or changed. */
bool ctl_ask_plan_changed(const struct ctl_ask *ask, struct ctl_error *e);

/* Whether the caller could: for the answer's `you_may`.  Who may decide may say
 * no; yes, if that counts for something that it lacks. */
bool ctl_ask_may_approve(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask);
bool ctl_ask_may_decide(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask);
bool ctl_ask_may_fulfil(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask);
bool ctl_ask_may_escalate(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask);
bool ctl_ask_may_cancel(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask);

#endif
