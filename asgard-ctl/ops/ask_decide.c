/*
 * Decisions over requests.
 */
#include "ops/ask_decide.h"

#include <string.h>

#include "ops/ask_effect.h"
#include "ops/project.h"

/* What a request needs and what its approvals come to, of those who may still
 * give one. */
struct tally {
    unsigned needed, given;
    bool mine;
};


static bool
is_own(const struct ctl_principal *who, const struct ctl_ask *ask)
{
    const char *kind = strchr(ask->person, ':');

    return who->user_id == NULL
           ? strcmp(ask->person, CTL_PERSON_OPERATOR) == 0
           : kind != NULL && strcmp(kind + 1, who->user_id) == 0;
}


static struct ctl_approval_facts
facts_of(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    return (struct ctl_approval_facts) {
        .own = is_own(who, ask), .relation = relation,
        .handed_up = ask->state == CTL_ASK_REVIEWING, .groups = ask->groups
    };
}


static enum ctl_approval
verdict_of(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    const struct ctl_approval_facts facts = facts_of(who, relation, ask);

    return ctl_approval_decide(who, &facts);
}


bool
ctl_ask_may_decide(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    return ctl_ask_is_open(ask->state)
           && verdict_of(who, relation, ask) == CTL_APPROVAL_MAY;
}


bool
ctl_ask_may_approve(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    const struct ctl_approval_facts facts = facts_of(who, relation, ask);

    return ctl_ask_is_open(ask->state)
           && ((ctl_approval_voices(who, &facts) & ask->lacks) != 0
               || (ask->given > 0 && ask->given >= ask->needed
                   && ctl_approval_decide(who, &facts) == CTL_APPROVAL_MAY));
}


bool
ctl_ask_may_fulfil(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    return ask->state == CTL_ASK_APPROVED && ctl_ask_by_people(ask)
           && verdict_of(who, relation, ask) == CTL_APPROVAL_MAY;
}


/* Who asked, or steers the project. */
static bool
is_concerned(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    return is_own(who, ask) || relation != CTL_RELATION_NONE
           || ctl_access_is_admin(who);
}


bool
ctl_ask_may_escalate(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    return ask->state == CTL_ASK_FLAGGED ? is_concerned(who, relation, ask)
           : ask->state == CTL_ASK_REQUESTED
             && verdict_of(who, relation, ask) == CTL_APPROVAL_MAY;
}


bool
ctl_ask_may_cancel(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    return (ctl_ask_is_open(ask->state) || ask->state == CTL_ASK_APPROVED)
           && is_concerned(who, relation, ask);
}


static bool
check_right(const struct ctl_ask_by *by, const struct ctl_ask *ask,
    struct ctl_error *e)
{
    switch (verdict_of(by->who, by->relation, ask)) {
    case CTL_APPROVAL_MAY:
        return true;
    case CTL_APPROVAL_SELF:
        return ctl_error_set(e, 403, "self_approval",
                             "You asked for this, or your agent did; somebody "
                             "else decides. You may cancel it.");
    case CTL_APPROVAL_ADMIN:
        return ctl_error_set(e, 403, "forbidden",
                             "This was handed up; an administrator decides.");
    case CTL_APPROVAL_OWNER:
        return ctl_error_set(e, 403, "forbidden",
                             "Refused by the rule approve.owner: who owns a "
                             "project decides nothing over it as its manager "
                             "or as an approver of a group; an administrator "
                             "does.");
    default:
        return ctl_error_set(e, 403, "forbidden",
                             "Only the project's manager, an administrator or "
                             "a member of a group that must agree decides "
                             "over its requests.");
    }
}


bool
ctl_ask_plan_changed(const struct ctl_ask *ask, struct ctl_error *e)
{
    if (ask->superseded_by != NULL) {
        return ctl_error_set(e, 409, "plan_changed",
                             "It was asked otherwise after this; look at "
                             "request %s instead.", ask->superseded_by);
    }

    return ctl_error_set(e, 409, "plan_changed",
                         "What would be done is no longer what was shown; the "
                         "request is %s.", ctl_ask_state_name(ask->state));
}


/* A hash may be written in either case; it is no secret. */
static bool
check_plan(const struct ctl_ask_by *by, const struct ctl_ask *ask,
    struct ctl_error *e)
{
    return (ask->superseded_by == NULL
            && (by->plan_hash == NULL
                || strcasecmp(by->plan_hash, ask->plan_hash) == 0))
           || ctl_ask_plan_changed(ask, e);
}


static bool
tally_read(struct ctl_change *c, const struct ctl_ask *ask,
    const struct ctl_principal *who, struct tally *t, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT needed, given, (SELECT count(*) FROM request_approvals"
            " WHERE request_id = $1::uuid AND approver = $2)"
            " FROM request_tally($1::uuid)", ask->id,
            ctl_ask_person(c->arena, who)))
    {
        return false;
    }
    t->needed = (unsigned) ctl_rows_i64(&rows, 0, 0);
    t->given = (unsigned) ctl_rows_i64(&rows, 0, 1);
    t->mine = ctl_rows_i64(&rows, 0, 2) > 0;

    return true;
}


/* The database adds the groups that they are in. */
static const char *
power_of(const struct ctl_ask_by *by, const struct ctl_ask *ask)
{
    const struct ctl_approval_facts facts = facts_of(by->who, by->relation,
                                                     ask);
    unsigned voices = ctl_approval_voices(by->who, &facts);

    return (voices & CTL_VOICE_ADMIN) != 0 ? "admin"
           : (voices & CTL_VOICE_DECIDER) != 0 ? "manager" : "member";
}


static bool
approval_insert(struct ctl_change *c, const struct ctl_ask_by *by,
    const struct ctl_ask *ask, struct ctl_error *e)
{
    const struct ctl_principal *who = by->who;
    bool person = who->user_id != NULL;

    return CTL_PG(c->pg, c->arena, NULL, e,
        "INSERT INTO request_approvals (request_id, person, plan_sha256,"
        " approver, user_id, token_id, power, reason) SELECT request_id,"
        " person, plan_sha256, $2, $3::uuid, $4::uuid, $5, $6 FROM requests"
        " WHERE request_id = $1::uuid", ask->id,
        ctl_ask_person(c->arena, who), who->user_id,
        person ? NULL : who->token_id,
        power_of(by, ask), by->reason);
}


/* An approval that adds nothing is one that somebody else gave before. */
static bool
check_adds(const struct tally *before, const struct tally *now,
    struct ctl_error *e)
{
    return now->given > before->given || now->given >= now->needed
           || ctl_error_set(e, 409, "already_decided",
                            "What you could approve was approved before you "
                            "did; the rest is for others.");
}


/* An approval that is not the last is told like one that is. */
static bool
partly(struct ctl_change *c, const struct ctl_ask *ask,
    const char *reason, struct ctl_error *e)
{
    return ctl_ask_tell(c, ask, "approve", reason, e)
           && ctl_change_audit(c, "workflow.approval", "request", ask->id,
                               ask->project_id, reason, NULL, e);
}


/* Adds one approval; the last one moves the request and runs its effect. */
static bool
approve_open(struct ctl_change *c, const struct ctl_ask_by *by,
    struct ctl_ask *ask, const struct tally *before, bool *changed,
    struct ctl_error *e)
{
    enum ctl_ask_state next;
    struct ctl_project p;
    struct tally t;

    if (!ctl_project_lock_live(c, ask->project_id, &p, e)) {
        return false;
    }
    if (!ctl_ask_step(ask->state, CTL_ASK_APPROVE, &next)) {
        return ctl_ask_move(c, ask, CTL_ASK_APPROVE, by->reason, e);
    }
    if (!ctl_ask_kind_check(ask->kind, p.killed, e)) {
        return false;
    }
    if ((!before->mine && !approval_insert(c, by, ask, e))
        || !tally_read(c, ask, by->who, &t, e) || !check_adds(before, &t, e))
    {
        return false;
    }
    if (t.given < t.needed) {
        return partly(c, ask, by->reason, e);
    }
    if (!ctl_ask_move(c, ask, CTL_ASK_APPROVE, by->reason, e)
        || !ctl_ask_effect_run(c, ask, e))
    {
        return false;
    }
    *changed = ask->state == CTL_ASK_CANCELLED;

    return true;
}


bool
ctl_ask_approve(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, bool *changed,
    struct ctl_error *e)
{
    struct tally t;

    *changed = false;
    if (!ctl_ask_get(c->pg, c->arena, id, true, out, e)
        || !check_right(by, out, e) || !check_plan(by, out, e)
        || !tally_read(c, out, by->who, &t, e))
    {
        return false;
    }
    if (t.mine && !(ctl_ask_is_open(out->state) && t.given >= t.needed)) {
        return (out->state != CTL_ASK_REJECTED
                && out->state != CTL_ASK_CANCELLED)
               || ctl_ask_move(c, out, CTL_ASK_APPROVE, by->reason, e);
    }
    if (out->state == CTL_ASK_APPROVED || out->state == CTL_ASK_FULFILLED) {
        return ctl_error_set(e, 409, "already_decided",
                             "It was approved before you did.");
    }

    return approve_open(c, by, out, &t, changed, e)
           && ctl_ask_get(c->pg, c->arena, id, false, out, e);
}


bool
ctl_ask_reject(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e)
{
    return ctl_ask_get(c->pg, c->arena, id, true, out, e)
           && check_right(by, out, e) && check_plan(by, out, e)
           && ctl_ask_move(c, out, CTL_ASK_REJECT, by->reason, e);
}


static bool
fulfilment_insert(struct ctl_change *c, const struct ctl_ask_by *by,
    const struct ctl_ask *ask, struct ctl_error *e)
{
    const struct ctl_principal *who = by->who;

    return CTL_PG(c->pg, c->arena, NULL, e,
        "INSERT INTO request_fulfilments (request_id, person, plan_sha256,"
        " fulfiller, user_id, token_id, power) SELECT request_id, person,"
        " plan_sha256, $2, $3::uuid, $4::uuid, $5 FROM requests"
        " WHERE request_id = $1::uuid", ask->id,
        ctl_ask_person(c->arena, who), who->user_id,
        who->user_id != NULL ? NULL : who->token_id, power_of(by, ask));
}


static bool
fulfil_approved(struct ctl_change *c, const struct ctl_ask_by *by,
    struct ctl_ask *ask, struct ctl_error *e)
{
    struct ctl_project p;

    if (!ctl_ask_by_people(ask)) {
        return ctl_error_set(e, 400, "illegal_transition",
                             "Asgard does what this asks for, and says so "
                             "itself.");
    }

    return ctl_project_lock_live(c, ask->project_id, &p, e)
           && ctl_ask_kind_check(ask->kind, p.killed, e)
           && fulfilment_insert(c, by, ask, e)
           && ctl_ask_move(c, ask, CTL_ASK_FULFIL, by->reason, e);
}


bool
ctl_ask_fulfil(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e)
{
    if (!ctl_ask_get(c->pg, c->arena, id, true, out, e)
        || !check_right(by, out, e) || !check_plan(by, out, e))
    {
        return false;
    }
    switch (out->state) {
    case CTL_ASK_FULFILLED:
        return true;
    case CTL_ASK_APPROVED:
        return fulfil_approved(c, by, out, e);
    default:
        return ctl_ask_move(c, out, CTL_ASK_FULFIL, by->reason, e);
    }
}


bool
ctl_ask_escalate(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e)
{
    struct ctl_project p;

    if (!ctl_ask_get(c->pg, c->arena, id, true, out, e)) {
        return false;
    }
    if (out->state == CTL_ASK_FLAGGED
        ? !is_concerned(by->who, by->relation, out)
        : verdict_of(by->who, by->relation, out) != CTL_APPROVAL_MAY)
    {
        return ctl_error_set(e, 403, "forbidden",
                             "Who asked escalates a flagged request, who may "
                             "decide any other.");
    }

    return ctl_project_lock_live(c, out->project_id, &p, e)
           && ctl_ask_move(c, out, CTL_ASK_ESCALATE, by->reason, e);
}


/* What was approved and is being done ends by ending the resource: a request
 * that is cancelled would leave it without anybody who asked for it. */
static bool
check_no_work(struct ctl_change *c, const struct ctl_ask *ask,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e, "SELECT FROM jobs"
                " WHERE request_id = $1::uuid AND state IN ('ready',"
                " 'running')", ask->id))
    {
        return false;
    }

    return rows.nrows == 0
           || ctl_error_set(e, 400, "illegal_transition",
                            "What was asked for is being done; end the "
                            "resource instead.");
}


bool
ctl_ask_cancel(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e)
{
    if (!ctl_ask_get(c->pg, c->arena, id, true, out, e)) {
        return false;
    }
    if (!is_concerned(by->who, by->relation, out)) {
        return ctl_error_set(e, 403, "forbidden",
                             "Who asked cancels a request, or who steers its "
                             "project.");
    }

    return check_no_work(c, out, e)
           && ctl_ask_move(c, out, CTL_ASK_CANCEL, by->reason, e);
}
