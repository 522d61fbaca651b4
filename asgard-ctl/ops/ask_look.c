/*
 * One look at a request.
 */
#include "ops/ask_look.h"

#include "ledger/time_text.h"
#include "ops/ask_effect.h"
#include "ops/ask_people.h"

#define NUMBER(n)  #n
#define LIMIT(max) NUMBER(max)


static bool
list_read(struct ctl_pg *pg, struct ctl_arena *arena, const char *sql,
    const struct ctl_ask *ask, const char **out, struct ctl_error *e)
{
    const char *params[] = {ask->id};
    struct ctl_rows rows;

    if (!ctl_pg_query(pg, arena, &rows, e, sql, 1, params)) {
        return false;
    }
    *out = ctl_rows_at(&rows, 0, 0);

    return true;
}


static bool
approvals_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, const char **out, struct ctl_error *e)
{
    return list_read(pg, arena,
        "SELECT coalesce(jsonb_agg(jsonb_build_object("
        " 'approver', a.approver, 'username', u.username, 'as', a.power,"
        " 'groups', to_jsonb(a.groups),"
        " 'at', " CTL_TIME_ISO("a.at") ", 'reason', a.reason) ORDER BY a.at),"
        " '[]') FROM request_approvals a LEFT JOIN users u USING (user_id)"
        " WHERE a.request_id = $1::uuid", ask, out, e);
}


static bool
deciders_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, const char **out, struct ctl_error *e)
{
    if (!ctl_ask_is_open(ask->state)) {
        *out = "[]";
        return true;
    }

    return list_read(pg, arena,
        "SELECT coalesce(jsonb_agg(jsonb_build_object('username', username,"
        " 'as', power, 'groups', to_jsonb(groups))"
        " ORDER BY power = 'admin', power, username), '[]') FROM ("
        CTL_ASK_DECIDERS ") d", ask, out, e);
}


static bool
history_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, const char **out, struct ctl_error *e)
{
    return list_read(pg, arena,
        "SELECT coalesce(jsonb_agg(jsonb_build_object('id', event_id,"
        " 'at', " CTL_TIME_ISO("at") ", 'actor', actor, 'event', event,"
        " 'state', state, 'reason', reason) ORDER BY event_id), '[]') FROM ("
        " SELECT * FROM request_events WHERE request_id = $1::uuid"
        " ORDER BY event_id DESC LIMIT " LIMIT(CTL_ASK_HISTORY_MAX) ") h",
        ask, out, e);
}


#define USD(nusd) "trim_scale((" nusd ")::numeric / 1000000000)"

/* Beside the estimate of what is asked: measured, and what runs already. */
static bool
now_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, const char **out, struct ctl_error *e)
{
    return list_read(pg, arena,
        "SELECT jsonb_build_object('budget_usd', " USD("(SELECT limit_nusd"
        "  - coalesce(increase_nusd, 0) FROM budget_windows"
        "  WHERE budget_id = 'p.' || r.project_id"
        "  AND window_name = 'total')") ", 'spent_usd', "
        USD("(SELECT coalesce(sum(spent_nano), 0) FROM balances"
        "  WHERE budget_id = 'p.' || r.project_id"
        "  AND window_name = 'total')") ", 'est_monthly_usd', "
        USD("(SELECT coalesce(sum(est_monthly_nusd), 0) FROM resources s"
        "  WHERE s.project_id = r.project_id"
        "  AND s.state NOT IN ('failed', 'destroyed'))") ")"
        " FROM requests r WHERE request_id = $1::uuid", ask, out, e);
}


bool
ctl_ask_look(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_ask *ask, struct ctl_ask_look *out, struct ctl_error *e)
{
    return approvals_read(pg, arena, ask, &out->approvals, e)
           && deciders_read(pg, arena, ask, &out->may_decide, e)
           && history_read(pg, arena, ask, &out->history, e)
           && now_read(pg, arena, ask, &out->now, e);
}


/* Who is not the manager: of two slots that both take an administrator. */
static const char *
deciders(const struct ctl_ask *ask, unsigned missing)
{
    bool alone = ask->owner_manages || ask->state == CTL_ASK_REVIEWING;

    if ((ask->lacks & CTL_VOICE_DECIDER) == 0) {
        return "an administrator";
    }
    if ((ask->lacks & CTL_VOICE_ADMIN) != 0 && missing > 1) {
        return alone ? "two administrators"
                     : "the project's manager and an administrator";
    }

    return alone ? "an administrator"
                 : "the project's manager or an administrator";
}


/* Where fewer approvals are missing than would each do, it is one of them. */
static const char *
approvers(struct ctl_arena *arena, const struct ctl_ask *ask)
{
    const unsigned both = CTL_VOICE_DECIDER | CTL_VOICE_ADMIN;
    unsigned missing = ask->needed > ask->given ? ask->needed - ask->given : 0;
    unsigned members = (ask->lacks & CTL_VOICE_PLATFORM ? 1 : 0)
                       + (ask->lacks & CTL_VOICE_SECURITY ? 1 : 0);
    const char *link = members + ((ask->lacks & both) != 0) > missing
                       ? " or " : " and ";
    const char *text = (ask->lacks & both) == 0 ? ""
                       : deciders(ask, missing - (missing > members ? members
                                                                    : 0));
    unsigned i;

    for (i = 0; text != NULL && i < CTL_APPROVERS_COUNT; i++) {
        if ((ask->lacks & CTL_VOICE_OF(i)) != 0) {
            text = ctl_arena_printf(arena, "%s%sa member of %s", text,
                text[0] != '\0' ? link : "",
                ctl_approvers_name((enum ctl_approvers) i));
        }
    }

    return text;
}


const char *
ctl_ask_waits_for(struct ctl_arena *arena, const struct ctl_ask *ask)
{
    switch (ask->state) {
    case CTL_ASK_REQUESTED:
    case CTL_ASK_REVIEWING:
        /* a group that had to agree has lost its members */
        return ask->lacks == 0
               ? "somebody who may decide, to approve it once more"
               : approvers(arena, ask);
    case CTL_ASK_FLAGGED:
        return "its requester, who puts right what is missing or escalates";
    case CTL_ASK_APPROVED:
        return !ctl_ask_by_people(ask) ? "the work to be done"
               : ask->owner_manages ? "an administrator, to do it and say so"
               : "the project's manager or an administrator, to do it and say "
                 "so";
    default:
        return NULL;
    }
}


const char *
ctl_ask_waits_note(const struct ctl_ask *ask)
{
    if (!ctl_ask_is_open(ask->state) || !ask->owner_manages) {
        return NULL;
    }

    return ask->lacks >= CTL_VOICE_PLATFORM
           ? "The owner of the project is its manager too, and decides "
             "nothing over it: an administrator stands for the manager."
           : "The owner of the project is its manager too, and decides "
             "nothing over it: nobody but an administrator is left.";
}
