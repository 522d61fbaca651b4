/*
 * Facts for the policy, errors from its verdicts.
 */
#include "http/gate.h"

#include <string.h>

#include "http/handlers.h"
#include "http/identify.h"
#include "ops/principal.h"
#include "ops/project.h"


static bool
refuse_entry(enum ctl_verdict verdict, struct ctl_error *e)
{
    if (verdict == CTL_VERDICT_SCOPE) {
        return ctl_error_set(e, 403, "insufficient_scope",
                             "This token has not the scope that this needs; "
                             "use one that has.");
    }

    return ctl_error_set(e, 403, "forbidden",
                         "You may not do this; ask an administrator.");
}


bool
ctl_gate_project(struct ctl_request *rq, const char *project_id, bool steer,
    struct ctl_error *e)
{
    struct ctl_worker *w = rq->worker;
    unsigned relation;
    bool exists;

    /* the same work for what is absent and for what is not theirs */
    if (!ctl_principal_relation(w->pg, &w->arena, &rq->who, project_id,
                                &exists, &relation, e))
    {
        return false;
    }
    switch (ctl_access_project(&rq->who, exists, relation, steer)) {
    case CTL_VERDICT_ALLOW:
        return true;
    case CTL_VERDICT_ABSENT:
        return ctl_project_absent(e);
    default:
        return ctl_error_set(e, 403, "forbidden",
                             "You may see this project but not change it; "
                             "its owner or manager can.");
    }
}


bool
ctl_gate_ask(struct ctl_request *rq, struct ctl_ask *ask, unsigned *relation,
    struct ctl_error *e)
{
    return ctl_ask_see(rq->worker->pg, &rq->worker->arena, &rq->who,
                       rq->param[0], ask, relation, e);
}


/* What many projects share is seen by who sees all of them, and an
 * administrator's to change. */
static bool
gate_shared(const struct ctl_request *rq, bool steer, struct ctl_error *e)
{
    return (steer ? ctl_access_is_admin(&rq->who)
                  : ctl_access_sees_all(&rq->who))
           || refuse_entry(CTL_VERDICT_FORBIDDEN, e);
}


bool
ctl_gate_scope(struct ctl_request *rq, const char *scope,
    const char *scope_id, bool steer, struct ctl_budget_scope *out,
    struct ctl_error *e)
{
    if (strcmp(scope, "group") == 0 && !gate_shared(rq, steer, e)) {
        return false;
    }
    if (strcmp(scope, "project") == 0) {        /* before it is looked at */
        return ctl_gate_project(rq, scope_id, steer, e)
               && ctl_budget_scope_find(rq->worker->pg, &rq->worker->arena,
                                        scope, scope_id, out, e);
    }
    if (!ctl_budget_scope_find(rq->worker->pg, &rq->worker->arena, scope,
                               scope_id, out, e))
    {
        return false;
    }
    if (out->project_id == NULL
        || ctl_gate_project(rq, out->project_id, steer, e))
    {
        return true;
    }

    return e->status == 404 ? ctl_budget_scope_absent(scope, e) : false;
}


/* An address that nobody verified is nobody's: it owns nothing. */
const char *
ctl_gate_email(const struct ctl_request *rq)
{
    if (ctl_access_sees_all(&rq->who)) {
        return NULL;
    }

    return rq->who.email != NULL ? rq->who.email : "";
}


bool
ctl_gate_enter(struct ctl_request *rq, enum ctl_rule rule,
    struct ctl_error *e)
{
    enum ctl_verdict verdict;
    struct ctl_ask ask;
    unsigned relation;

    if (rule == CTL_RULE_OPEN) {
        return true;
    }
    if (rule == CTL_RULE_LINK ? !ctl_http_link_enter(rq, e)
                              : !ctl_identify(rq, e))
    {
        return false;
    }
    verdict = ctl_access_enter(rule, &rq->who);
    if (verdict != CTL_VERDICT_ALLOW) {
        return refuse_entry(verdict, e);
    }
    if (rule == CTL_RULE_PROJECT_SEE || rule == CTL_RULE_PROJECT_STEER) {
        return ctl_gate_project(rq, rq->param[0],
                                rule == CTL_RULE_PROJECT_STEER, e);
    }

    return (rule != CTL_RULE_REQUEST && rule != CTL_RULE_DECIDE)
           || ctl_gate_ask(rq, &ask, &relation, e);
}
