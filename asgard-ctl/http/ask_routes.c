/*
 * /api/requests: ask, list, look, decide.
 */
#include "http/handlers.h"

#include <string.h>

#include "http/ask_json.h"
#include "http/gate.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "http/query.h"
#include "ops/ask_decide.h"
#include "ops/ask_events.h"
#include "ops/project.h"


static bool
send_ask(struct ctl_request *rq, struct ctl_answer *an, int status,
    const struct ctl_ask *ask, unsigned relation, struct ctl_error *e)
{
    cJSON *tree = ctl_ask_json_whole(rq, ask, relation, e);

    return tree != NULL && ctl_out_send(rq, an, status, tree, e);
}


/* --- to ask for what no part of Asgard does by itself --- */

static const char *
generic_payload(struct ctl_request *rq, const char *title,
    const char *details)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "title", title);
    ctl_out_raw(o, "details", details);

    return ctl_out_print(&rq->worker->arena, o).data;
}


CTL_HANDLER(ctl_http_ask_create)
{
    struct ctl_ask_input in = {.kind = "generic", .rule = "generic.review",
                               .tier = CTL_TIER_PLATFORM};
    const char *title = NULL, *details = NULL;
    struct ctl_project project;
    struct ctl_ask ask;
    bool again;
    const struct ctl_json_field fields[] = {
        {"project_id", CTL_JSON_TEXT, true, 32, &in.project_id},
        {"title", CTL_JSON_TEXT, true, 200, &title},
        {"details", CTL_JSON_OBJECT, false, 65536, &details},
        {"reason", CTL_JSON_TEXT, false, CTL_ASK_REASON_MAX, &in.reason},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)
        || !ctl_gate_project(rq, in.project_id, true, e)
        || !ctl_project_lock_live(rq->change, in.project_id, &project, e))
    {
        return false;
    }
    in.payload = generic_payload(rq, title, details);

    return (in.payload != NULL || ctl_error_internal(e, "out of memory"))
           && ctl_ask_create(rq->change, &rq->who, &in, &ask, &again, e)
           && ctl_out_send(rq, an, 201, ctl_ask_json(&ask), e);
}


/* --- to read --- */

static bool
check_state(const char *state, struct ctl_error *e)
{
    enum ctl_ask_state parsed;

    return state == NULL || ctl_ask_state_parse(state, &parsed)
           || ctl_error_field(e, "invalid_value", "state",
                              "state is requested, reviewing, flagged, "
                              "approved, rejected, cancelled or fulfilled.");
}


CTL_HANDLER(ctl_http_ask_list)
{
    struct ctl_ask_filter f = {.email = ctl_gate_email(rq),
                               .groups = rq->who.groups};
    const char *limit = NULL;
    const struct ctl_query_field query[] = {
        {"state", &f.state}, {"requester", &f.requester},
        {"subject", &f.subject}, {"cursor", &f.before}, {"limit", &limit},
        {NULL, NULL}
    };
    struct ctl_ask *asks;
    unsigned n, i;
    bool more;
    cJSON *tree, *list;

    f.person = ctl_ask_person(&rq->worker->arena, &rq->who);
    if (!ctl_query_read(rq, query, e) || !ctl_query_limit(limit, &f.limit, e)
        || !ctl_query_cursor(f.before, CTL_ASK_CURSOR, e)
        || !check_state(f.state, e)
        || !ctl_ask_list(rq->worker->pg, &rq->worker->arena, &f, &asks, &n,
                         &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(tree, "requests");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(list, ctl_ask_json(&asks[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? asks[n - 1].number : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_ask_get)
{
    struct ctl_ask ask;
    unsigned relation;

    return ctl_gate_ask(rq, &ask, &relation, e)
           && send_ask(rq, an, 200, &ask, relation, e);
}


/* From where on: `after` of the query, or what a browser says that it has. */
static bool
read_after(struct ctl_request *rq, int64_t *after, struct ctl_error *e)
{
    const char *text = NULL;
    const struct ctl_query_field query[] = {{"after", &text}, {NULL, NULL}};
    asg_str_t said = rq->last_event_id;
    uint64_t n = 0;

    if (!ctl_query_read(rq, query, e)) {
        return false;
    }
    if (text != NULL) {
        said = asg_str_z(text);
    }
    if (said.len > 0 && (!asg_str_u64(said, &n) || n > INT64_MAX)) {
        return ctl_error_field(e, "invalid_value", "after",
                               "after is the id of an event.");
    }
    *after = (int64_t) n;

    return true;
}


/* What has happened is the body; what will happen follows it. */
CTL_HANDLER(ctl_http_ask_follow)
{
    struct ctl_ask_events events;
    struct ctl_ask ask;
    unsigned relation;
    int64_t after = 0;
    const char *text;

    if (!read_after(rq, &after, e) || !ctl_gate_ask(rq, &ask, &relation, e)
        || !ctl_ask_events_read(rq->worker->pg, &rq->worker->arena, ask.id,
                                after, &events, e))
    {
        return false;
    }
    text = ctl_arena_printf(&rq->worker->arena, ": what happens to %s\n\n%s",
                            ask.id, events.text);
    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    an->status = 200;
    an->content_type = "text/event-stream";
    an->body = asg_str_z(text);
    if (!events.ended) {
        an->follow = ask.id;
        an->follow_after = events.last;
    }

    return true;
}


/* --- to decide --- */

/* `plan_hash` of the body: what the caller was shown. */
static bool
read_by(struct ctl_request *rq, struct ctl_ask_by *by, struct ctl_ask *ask,
    struct ctl_error *e)
{
    const struct ctl_json_field fields[] = {
        {"reason", CTL_JSON_TEXT, false, CTL_ASK_REASON_MAX, &by->reason},
        {"plan_hash", CTL_JSON_TEXT, false, 64, &by->plan_hash},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    by->who = &rq->who;

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_gate_ask(rq, ask, &by->relation, e);
}


/* What the approval found out stays, so this refusal is an answer. */
CTL_HANDLER(ctl_http_ask_approve)
{
    struct ctl_ask_by by = {0};
    struct ctl_error refusal;
    struct ctl_ask ask;
    bool changed;

    if (!read_by(rq, &by, &ask, e)
        || !ctl_ask_approve(rq->change, ask.id, &by, &ask, &changed, e))
    {
        return false;
    }
    if (changed) {
        ctl_error_clear(&refusal);
        ctl_ask_plan_changed(&ask, &refusal);
        ctl_route_refuse(rq, &refusal, an);
        return true;
    }

    return send_ask(rq, an, 200, &ask, by.relation, e);
}


typedef bool (*decide_fn)(struct ctl_change *c, const char *id,
    const struct ctl_ask_by *by, struct ctl_ask *out, struct ctl_error *e);

static bool
decide(struct ctl_request *rq, struct ctl_answer *an, decide_fn fn,
    struct ctl_error *e)
{
    struct ctl_ask_by by = {0};
    struct ctl_ask ask;

    return read_by(rq, &by, &ask, e) && fn(rq->change, ask.id, &by, &ask, e)
           && send_ask(rq, an, 200, &ask, by.relation, e);
}


CTL_HANDLER(ctl_http_ask_reject)
{
    return decide(rq, an, ctl_ask_reject, e);
}


CTL_HANDLER(ctl_http_ask_fulfil)
{
    return decide(rq, an, ctl_ask_fulfil, e);
}


CTL_HANDLER(ctl_http_ask_escalate)
{
    return decide(rq, an, ctl_ask_escalate, e);
}


CTL_HANDLER(ctl_http_ask_cancel)
{
    return decide(rq, an, ctl_ask_cancel, e);
}
