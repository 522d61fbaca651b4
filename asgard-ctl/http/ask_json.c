/*
 * Requests as JSON.
 */
#include "http/ask_json.h"

#include "http/json_out.h"
#include "ops/ask_decide.h"
#include "ops/ask_look.h"


static unsigned
missing(const struct ctl_ask *ask)
{
    return ask->needed > ask->given ? ask->needed - ask->given : 0;
}


cJSON *
ctl_ask_json(const struct ctl_ask *ask)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "id", ask->id);
    ctl_out_text(o, "kind", ask->kind);
    ctl_out_text(o, "project_id", ask->project_id);
    ctl_out_text(o, "subject", ask->subject);
    ctl_out_text(o, "state", ctl_ask_state_name(ask->state));
    ctl_out_text(o, "requester", ask->requester);
    ctl_out_text(o, "requester_name", ask->requester_name);
    ctl_out_text(o, "on_behalf_of", ask->person_name);
    ctl_out_text(o, "approver", ask->approver);
    ctl_out_raw(o, "payload", ask->payload);
    ctl_out_text(o, "plan_hash", ask->plan_hash);
    ctl_out_text(o, "reason", ask->reason);
    ctl_out_text(o, "rule", ask->rule);
    ctl_out_text(o, "tier", ctl_tier_name(ask->tier));
    ctl_out_raw(o, "group_rules", ask->group_rules);
    ctl_out_int(o, "approvals_needed", ask->needed);
    ctl_out_int(o, "approvals_given", ask->given);
    ctl_out_text(o, "superseded_by", ask->superseded_by);
    ctl_out_text(o, "sla_due_at", ask->sla_due_at);
    cJSON_AddBoolToObject(o, "overdue", ask->overdue);
    ctl_out_text(o, "created_at", ask->created_at);
    ctl_out_text(o, "updated_at", ask->updated_at);

    return o;
}


static void
add_word(cJSON *list, bool may, const char *word)
{
    if (may) {
        cJSON_AddItemToArray(list, cJSON_CreateString(word));
    }
}


static cJSON *
you_may(const struct ctl_principal *who, unsigned relation,
    const struct ctl_ask *ask)
{
    cJSON *list = cJSON_CreateArray();
    bool decide = ctl_ask_may_decide(who, relation, ask);

    add_word(list, ctl_ask_may_approve(who, relation, ask), "approve");
    add_word(list, decide && ask->state != CTL_ASK_FLAGGED, "reject");
    add_word(list, ctl_ask_may_fulfil(who, relation, ask), "fulfill");
    add_word(list, ctl_ask_may_escalate(who, relation, ask), "escalate");
    add_word(list, ctl_ask_may_cancel(who, relation, ask), "cancel");

    return list;
}


/* Whose members must agree still. */
static cJSON *
groups(const struct ctl_ask *ask)
{
    cJSON *list = cJSON_CreateArray();
    unsigned i;

    for (i = 0; i < CTL_APPROVERS_COUNT; i++) {
        add_word(list, (ask->lacks & CTL_VOICE_OF(i)) != 0,
                 ctl_approvers_name((enum ctl_approvers) i));
    }

    return list;
}


cJSON *
ctl_ask_json_whole(struct ctl_request *rq, const struct ctl_ask *ask,
    unsigned relation, struct ctl_error *e)
{
    struct ctl_ask_look look;
    cJSON *o, *waits;

    if (!ctl_ask_look(rq->worker->pg, &rq->worker->arena, ask, &look, e)) {
        return NULL;
    }
    o = ctl_ask_json(ask);
    waits = cJSON_AddObjectToObject(o, "waits");
    ctl_out_text(waits, "for", ctl_ask_waits_for(&rq->worker->arena, ask));
    ctl_out_int(waits, "approvals",
                ctl_ask_is_open(ask->state) ? missing(ask) : 0);
    cJSON_AddItemToObject(waits, "groups", groups(ask));
    ctl_out_text(waits, "note", ctl_ask_waits_note(ask));
    ctl_out_raw(o, "project_now", look.now);
    ctl_out_raw(o, "may_decide", look.may_decide);
    ctl_out_raw(o, "approvals", look.approvals);
    ctl_out_raw(o, "history", look.history);
    cJSON_AddItemToObject(o, "you_may", you_may(&rq->who, relation, ask));

    return o;
}
