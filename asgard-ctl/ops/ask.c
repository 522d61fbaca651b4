/*
 * Requests in Postgres: ask, read, step.
 */
#include "ops/ask.h"

#include <string.h>

#include "ledger/time_text.h"
#include "ops/ask_effect.h"
#include "ops/notice.h"
#include "ops/principal.h"

/* The name of whom a text such as user:<id> names. */
#define NAME_OF(column) \
    "coalesce((SELECT username FROM users WHERE " column " = 'user:'" \
    " || user_id), (SELECT name FROM agents WHERE " column " = 'agent:'" \
    " || agent_id), (SELECT name FROM tokens WHERE " column " = 'token:'" \
    " || token_id), " column ")"

#define SHOWN \
    "r.request_id, lpad(r.number::text, 16, '0'), r.kind, r.project_id," \
    " r.subject, r.state, r.requester, r.person, " NAME_OF("r.requester") \
    ", " NAME_OF("r.person") ", r.payload, encode(r.plan_sha256, 'hex')," \
    " r.reason, r.rule, r.tier," \
    " coalesce(t.needed, greatest(r.approvals_needed, g.n))," \
    " r.superseded_by, " \
    CTL_TIME_ISO("r.sla_due_at") ", " CTL_TIME_ISO("r.created_at") ", " \
    CTL_TIME_ISO("r.updated_at") ", coalesce(t.given, g.n)," \
    " (SELECT string_agg(" NAME_OF("a.approver") ", ', ' ORDER BY a.at)" \
    " FROM request_approvals a WHERE a.request_id = r.request_id)," \
    " r.sla_due_at < now() AND r.state IN ('requested', 'reviewing')," \
    " (SELECT owner_email = manager_email FROM projects o" \
    "  WHERE o.project_id = r.project_id), r.group_rules," \
    " CASE WHEN r.group_rules ? 'platform' THEN 4 ELSE 0 END" \
    " + CASE WHEN r.group_rules ? 'security' THEN 8 ELSE 0 END, t.lacks"

/* What an open request needs and has now; what one that is over had. */
#define SHOWN_FROM \
    " FROM requests r LEFT JOIN LATERAL request_tally(r.request_id) t" \
    "  ON r.state IN ('requested', 'reviewing', 'flagged')" \
    " CROSS JOIN LATERAL (SELECT count(*) AS n FROM request_approvals a" \
    "  WHERE a.request_id = r.request_id) g"


bool
ctl_ask_absent(struct ctl_error *e)
{
    return ctl_error_set(e, 404, "request_not_found",
                         "There is no such request, or none that you may "
                         "see.");
}


const char *
ctl_ask_person(struct ctl_arena *arena, const struct ctl_principal *who)
{
    if (who == NULL) {
        return "system";
    }

    return who->user_id == NULL ? CTL_PERSON_OPERATOR
           : ctl_arena_printf(arena, "user:%s", who->user_id);
}


static bool
ask_fill(struct ctl_ask *a, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    const char **texts[] = {
        &a->id, &a->number, &a->kind, &a->project_id, &a->subject, NULL,
        &a->requester, &a->person, &a->requester_name, &a->person_name,
        &a->payload, &a->plan_hash, &a->reason, &a->rule, NULL, NULL,
        &a->superseded_by, &a->sla_due_at, &a->created_at, &a->updated_at,
        NULL, &a->approver
    };
    const char *late = ctl_rows_at(rows, i, 22);
    unsigned col;

    memset(a, 0, sizeof(*a));
    for (col = 0; col < sizeof(texts) / sizeof(texts[0]); col++) {
        if (texts[col] != NULL) {
            *texts[col] = ctl_rows_at(rows, i, col);
        }
    }
    a->needed = (unsigned) ctl_rows_i64(rows, i, 15);
    a->given = (unsigned) ctl_rows_i64(rows, i, 20);
    a->overdue = late != NULL && strcmp(late, "t") == 0;
    a->owner_manages = strcmp(ctl_rows_at(rows, i, 23), "t") == 0;
    a->group_rules = ctl_rows_at(rows, i, 24);
    a->groups = (unsigned) ctl_rows_i64(rows, i, 25);
    a->lacks = ctl_rows_at(rows, i, 26) == NULL ? 0
               : (unsigned) ctl_rows_i64(rows, i, 26);

    return (ctl_ask_state_parse(ctl_rows_at(rows, i, 5), &a->state)
            && ctl_tier_parse(ctl_rows_at(rows, i, 14), &a->tier))
           || ctl_error_internal(e, "a request of no state");
}


/* The project before the request, as whoever asks takes them: two who each
 * had one would wait for each other. */
static bool
ask_lock(struct ctl_pg *pg, struct ctl_arena *arena, const char *id,
    struct ctl_error *e)
{
    return CTL_PG(pg, arena, NULL, e,
               "SELECT 1 FROM projects WHERE project_id = (SELECT project_id"
               " FROM requests WHERE request_id::text = lower($1)) FOR UPDATE",
               id)
           && CTL_PG(pg, arena, NULL, e,
               "SELECT 1 FROM requests WHERE request_id::text = lower($1)"
               " FOR UPDATE", id);
}


bool
ctl_ask_get(struct ctl_pg *pg, struct ctl_arena *arena, const char *id,
    bool lock, struct ctl_ask *out, struct ctl_error *e)
{
    struct ctl_rows rows;

    if ((lock && !ask_lock(pg, arena, id, e))
        || !CTL_PG(pg, arena, &rows, e,
               "SELECT " SHOWN SHOWN_FROM
               " WHERE r.request_id::text = lower($1)", id))
    {
        return false;
    }

    return rows.nrows == 0 ? ctl_ask_absent(e) : ask_fill(out, &rows, 0, e);
}


bool
ctl_ask_see(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *id, struct ctl_ask *out,
    unsigned *relation, struct ctl_error *e)
{
    const char *person = ctl_ask_person(arena, who);
    bool exists;

    if (person == NULL || !ctl_ask_get(pg, arena, id, false, out, e)
        || !ctl_principal_relation(pg, arena, who, out->project_id, &exists,
                                   relation, e))
    {
        return false;
    }

    return *relation != CTL_RELATION_NONE || ctl_access_sees_all(who)
           || (who->groups & out->groups) != 0
           || strcmp(person, out->person) == 0 || ctl_ask_absent(e);
}


bool
ctl_ask_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask_filter *f, struct ctl_ask **out, unsigned *n,
    bool *more, struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", f->limit + 1);
    const char *groups = ctl_arena_printf(arena, "{%s,%s}",
        (f->groups & CTL_VOICE_PLATFORM) != 0 ? "platform" : "\"\"",
        (f->groups & CTL_VOICE_SECURITY) != 0 ? "security" : "\"\"");
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN SHOWN_FROM " JOIN projects p"
            " ON p.project_id = r.project_id"
            " WHERE ($1::text IS NULL OR r.state = $1)"
            " AND ($2::text IS NULL OR $2 IN (r.requester, r.person)"
            "  OR r.person = (SELECT 'user:' || user_id FROM users"
            "   WHERE username = $2 OR email = lower($2)))"
            " AND ($3::text IS NULL OR $3 IN (r.subject, r.project_id))"
            " AND ($4::text IS NULL OR r.person = $5"
            "  OR $4 IN (p.owner_email, p.manager_email)"
            "  OR r.group_rules ?| $8::text[])"
            " AND ($6::bigint IS NULL OR r.number < $6::bigint)"
            " ORDER BY r.number DESC LIMIT $7",
            f->state, f->requester, f->subject, f->email, f->person,
            f->before, most, groups))
    {
        return false;
    }
    *more = rows.nrows > f->limit;
    *n = *more ? f->limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        if (!ask_fill(&(*out)[i], &rows, i, e)) {
            return false;
        }
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


/* --- what happens to one --- */

bool
ctl_ask_tell(struct ctl_change *c, const struct ctl_ask *ask,
    const char *event, const char *reason, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(c->pg, c->arena, &rows, e,
               "INSERT INTO request_events (request_id, actor, event, state,"
               " reason) VALUES ($1::uuid, $2, $3, $4, $5)"
               " RETURNING event_id", ask->id, c->actor, event,
               ctl_ask_state_name(ask->state), reason)
           && ctl_notice_add(c, ask, ctl_rows_at(&rows, 0, 0), e);
}


static bool
ask_told(struct ctl_change *c, const struct ctl_ask *ask, const char *event,
    const char *action, const char *reason, struct ctl_error *e)
{
    const struct ctl_audit_field data[] = {
        {"kind", ask->kind}, {"project", ask->project_id},
        {"subject", ask->subject}, {"rule", ask->rule},
        {"plan_hash", ask->plan_hash}
    };

    return ctl_ask_tell(c, ask, event, reason, e)
           && ctl_change_audit(c, ctl_arena_printf(c->arena, "workflow.%s",
                                                   action),
                               "request", ask->id, ask->project_id, reason,
                               ctl_audit_data(c->arena, data, 5), e);
}


bool
ctl_ask_move(struct ctl_change *c, struct ctl_ask *ask,
    enum ctl_ask_event event, const char *reason, struct ctl_error *e)
{
    enum ctl_ask_state next;

    if (!ctl_ask_step(ask->state, event, &next)) {
        return ctl_error_set(e, 400, "illegal_transition",
                             "A request that is %s takes no %s.",
                             ctl_ask_state_name(ask->state),
                             ctl_ask_event_name(event));
    }
    if (!CTL_PG(c->pg, c->arena, NULL, e,
            "UPDATE requests SET state = $2, updated_at = now()"
            " WHERE request_id = $1::uuid", ask->id,
            ctl_ask_state_name(next))
        || !ctl_ask_get(c->pg, c->arena, ask->id, false, ask, e))
    {
        return false;
    }

    return ask_told(c, ask, ctl_ask_event_name(event),
                    ctl_ask_state_name(next), reason, e);
}


/* Each in memory of its own: how many are open is for nobody to bound. */
static bool
end_one(struct ctl_change *c, const char *id, const char *reason,
    struct ctl_error *e)
{
    struct ctl_arena *whole = c->arena, own;
    struct ctl_ask ask;
    bool ok;

    ctl_arena_init(&own, whole->max);
    c->arena = &own;
    ok = ctl_ask_get(c->pg, c->arena, id, false, &ask, e)
         && ctl_ask_move(c, &ask, CTL_ASK_CANCEL, reason, e);
    c->arena = whole;
    ctl_arena_reset(&own);

    return ok;
}


bool
ctl_ask_end_all(struct ctl_change *c, const char *project_id,
    const char *reason, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT request_id FROM requests WHERE project_id = $1"
            " AND state IN ('requested', 'reviewing', 'flagged')"
            " ORDER BY number FOR UPDATE", project_id))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!end_one(c, ctl_rows_at(&rows, i, 0), reason, e)) {
            return false;
        }
    }

    return true;
}


/* --- to ask --- */

/* Those who ask for one thing at once wait for each other. */
static bool
sole_find(struct ctl_change *c, const struct ctl_ask_input *in,
    const char *subject, struct ctl_rows *rows, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2,"
               " 30))", in->kind, subject)
           && CTL_PG(c->pg, c->arena, rows, e,
               "SELECT request_id, payload = $3::jsonb FROM requests"
               " WHERE kind = $1 AND subject = $2 AND state IN ('requested',"
               " 'reviewing', 'flagged') ORDER BY number FOR UPDATE",
               in->kind, subject, in->payload);
}


static bool
supersede(struct ctl_change *c, const char *old_id, const char *new_id,
    struct ctl_error *e)
{
    struct ctl_ask old;

    return ctl_ask_get(c->pg, c->arena, old_id, false, &old, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE requests SET superseded_by = $2::uuid"
               " WHERE request_id = $1::uuid", old_id, new_id)
           && ctl_ask_move(c, &old, CTL_ASK_CANCEL,
                  "it was asked otherwise, by another request", e);
}


static bool
ask_insert(struct ctl_change *c, const struct ctl_principal *who,
    const struct ctl_ask_input *in, const char *subject,
    struct ctl_ask *out, struct ctl_error *e)
{
    enum ctl_ask_state state = in->denied ? CTL_ASK_REJECTED
                               : in->flagged ? CTL_ASK_FLAGGED
                               : in->tier == CTL_TIER_NONE ? CTL_ASK_APPROVED
                               : CTL_ASK_REQUESTED;
    const char *needed = ctl_arena_printf(c->arena, "%u",
                                          ctl_tier_approvals(in->tier));
    struct ctl_rows rows;

    return CTL_PG(c->pg, c->arena, &rows, e,
               "INSERT INTO requests (kind, project_id, subject, state,"
               " requester, person, payload, reason, rule, tier,"
               " approvals_needed, plan_sha256, sla_due_at, group_rules)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10,"
               " $11::integer, '', CASE WHEN $11::integer > 0 THEN now()"
               " + $12::integer * interval '1 day' END, jsonb_strip_nulls("
               " jsonb_build_object('platform', $13::text, 'security',"
               "  $14::text))) RETURNING request_id",
               in->kind, in->project_id, subject, ctl_ask_state_name(state),
               who != NULL ? ctl_principal_actor(c->arena, who) : c->actor,
               ctl_ask_person(c->arena, who), in->payload, in->reason,
               in->rule, ctl_tier_name(in->tier), needed,
               ctl_arena_printf(c->arena, "%d", CTL_ASK_SLA_DAYS),
               in->group_rules[CTL_APPROVERS_PLATFORM],
               in->group_rules[CTL_APPROVERS_SECURITY])
           && ctl_ask_get(c->pg, c->arena, ctl_rows_at(&rows, 0, 0), false,
                          out, e)
           && ask_told(c, out, "submit", in->denied ? "rejected" : "submitted",
                       in->reason, e);
}


/* What is denied anyway is kept as rejected, by the rule that denies it. */
static bool
check_project(struct ctl_change *c, const struct ctl_ask_input *in,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (in->denied) {
        return true;
    }

    return CTL_PG(c->pg, c->arena, &rows, e, "SELECT 1 FROM projects"
                  " WHERE project_id = $1 AND killed FOR UPDATE",
                  in->project_id)
           && ctl_ask_kind_check(in->kind, rows.nrows > 0, e);
}


bool
ctl_ask_create(struct ctl_change *c, const struct ctl_principal *who,
    const struct ctl_ask_input *in, struct ctl_ask *out, bool *again,
    struct ctl_error *e)
{
    const char *subject = in->subject != NULL ? in->subject : in->project_id;
    struct ctl_rows open = {.nrows = 0};
    unsigned i;

    *again = false;
    if (strlen(in->payload) > CTL_ASK_PAYLOAD_MAX) {
        return ctl_error_field(e, "invalid_value", "payload",
                               "A request holds at most %d bytes.",
                               CTL_ASK_PAYLOAD_MAX);
    }
    if (!check_project(c, in, e)) {
        return false;
    }
    if (in->sole && !in->denied && !sole_find(c, in, subject, &open, e)) {
        return false;
    }
    if (open.nrows > 0 && strcmp(ctl_rows_at(&open, 0, 1), "t") == 0) {
        *again = true;
        return ctl_ask_get(c->pg, c->arena, ctl_rows_at(&open, 0, 0), false,
                           out, e);
    }
    if (!ask_insert(c, who, in, subject, out, e)) {
        return false;
    }
    for (i = 0; i < open.nrows; i++) {
        if (!supersede(c, ctl_rows_at(&open, i, 0), out->id, e)) {
            return false;
        }
    }

    return out->state != CTL_ASK_APPROVED || ctl_ask_effect_run(c, out, e);
}
