/*
 * Notices in PostgreSQL.
 */
#include "ops/notice.h"

#include "ledger/time_text.h"
#include "ops/ask_look.h"
#include "ops/ask_people.h"

/* After the n-th attempt: half a second, doubled each time, at most an hour;
 * and up to a quarter more, so that what failed together comes apart. */
#define BACK_OFF(n) \
    "least(3600, 0.5 * 2 ^ least(" n " - 1, 20)) * (1 + random() / 4)" \
    " * interval '1 second'"

/* What is sent of event v of request r to those in `told`. */
#define BODY(type) \
    "jsonb_build_object('type', 'request.' || " type ", 'timestamp', " \
    CTL_TIME_ISO("v.at") ", 'data', jsonb_build_object(" \
    " 'request_id', r.request_id," \
    " 'kind', r.kind, 'project', r.project_id, 'state', v.state," \
    " 'event', v.event, 'requested_by', $3::text," \
    " 'on_behalf_of', $4::text, 'waits_for', $5::text," \
    " 'tell', (SELECT coalesce(jsonb_agg(username ORDER BY username), '[]')" \
    "  FROM told), 'url', coalesce(rtrim(c.public_url, '/'), '')" \
    "  || '/api/requests/' || r.request_id))::text"

#define TELL(people) \
    "WITH told AS (" people ")" \
    " INSERT INTO notices (event_id, channel, address, body)" \
    " SELECT v.event_id, c.channel, a.address, " BODY("v.event") \
    " FROM requests r JOIN request_events v USING (request_id)," \
    " notice_channels c, LATERAL (SELECT '' AS address" \
    "  WHERE c.channel = 'webhook'" \
    "  UNION SELECT email FROM told WHERE c.channel = 'mail') a" \
    " WHERE r.request_id = $1::uuid AND v.event_id = $2::bigint"

/* One person, of the last event, unless they were told of it. */
#define TELL_NEWCOMER \
    "WITH told AS (SELECT * FROM (" CTL_ASK_DECIDERS ") d" \
    "  WHERE user_id = $6::uuid)" \
    " INSERT INTO notices (event_id, channel, address, body)" \
    " SELECT v.event_id, c.channel, told.email, " BODY("'waiting'") \
    " FROM requests r JOIN request_events v USING (request_id)," \
    " notice_channels c, told" \
    " WHERE r.request_id = $1::uuid AND v.event_id = $2::bigint" \
    " AND NOT EXISTS (SELECT FROM notices n WHERE n.event_id = v.event_id" \
    "  AND n.channel = c.channel AND (n.address = told.email" \
    "   OR n.body::jsonb #> '{data,tell}' ? told.username))" \
    " ON CONFLICT DO NOTHING RETURNING 1"

#define NUMBER(n)   #n
#define TEXT(macro) NUMBER(macro)


const char *
ctl_notice_channel_name(enum ctl_notice_channel channel)
{
    static const char *const names[CTL_NOTICE_CHANNELS] = {
        [CTL_NOTICE_WEBHOOK] = "webhook", [CTL_NOTICE_MAIL] = "mail"
    };

    return names[channel];
}


bool
ctl_notice_add(struct ctl_change *c, const struct ctl_ask *ask,
    const char *event_id, struct ctl_error *e)
{
    bool deciders = ctl_ask_is_open(ask->state)
                    && ask->state != CTL_ASK_FLAGGED;
    const char *params[] = {ask->id, event_id, ask->requester_name,
                            ask->person_name,
                            ctl_ask_waits_for(c->arena, ask)};

    return ctl_pg_query(c->pg, c->arena, NULL, e,
                        deciders ? TELL(CTL_ASK_DECIDERS)
                                 : TELL(CTL_ASK_REQUESTER), 5, params);
}


/* In memory of its own: what it shows may be large, and they are many. */
static bool
tell_newcomer(struct ctl_change *c, const char *user_id,
    const char *request_id, const char *event_id, bool *told,
    struct ctl_error *e)
{
    struct ctl_arena own;
    struct ctl_rows rows;
    struct ctl_ask ask;
    bool ok;

    ctl_arena_init(&own, c->arena->max);
    ok = ctl_ask_get(c->pg, &own, request_id, false, &ask, e)
         && CTL_PG(c->pg, &own, &rows, e, TELL_NEWCOMER, request_id, event_id,
                   ask.requester_name, ask.person_name,
                   ctl_ask_waits_for(&own, &ask), user_id);
    *told = ok && rows.nrows > 0;
    ctl_arena_reset(&own);

    return ok;
}


bool
ctl_notice_newcomer(struct ctl_change *c, const char *user_id,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i, n = 0;
    bool told;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT r.request_id, (SELECT max(event_id) FROM request_events v"
            "  WHERE v.request_id = r.request_id)"
            " FROM requests r JOIN projects p USING (project_id), users u"
            " WHERE u.user_id = $1::uuid AND u.active"
            " AND r.state IN ('requested', 'reviewing')"
            " AND (u.role = 'admin' OR u.email = p.manager_email"
            "  OR EXISTS (SELECT FROM approvers"
            "  WHERE user_id = u.user_id AND r.group_rules ? group_name))"
            " AND EXISTS (SELECT FROM notice_channels)"
            " ORDER BY r.number LIMIT " TEXT(CTL_NOTICE_LOOK_MAX), user_id))
    {
        return false;
    }
    for (i = 0; i < rows.nrows && n < CTL_NOTICE_NEWCOMER_MAX; i++) {
        if (!tell_newcomer(c, user_id, ctl_rows_at(&rows, i, 0),
                           ctl_rows_at(&rows, i, 1), &told, e))
        {
            return false;
        }
        n += told;
    }

    return true;
}


/* Written only where it changes. */
bool
ctl_notice_channels(struct ctl_pg *pg, struct ctl_arena *arena,
    const bool on[CTL_NOTICE_CHANNELS], const char *public_url,
    struct ctl_error *e)
{
    const char *list = ctl_arena_printf(arena, "{%s%s%s}",
        on[CTL_NOTICE_WEBHOOK] ? "webhook" : "",
        on[CTL_NOTICE_WEBHOOK] && on[CTL_NOTICE_MAIL] ? "," : "",
        on[CTL_NOTICE_MAIL] ? "mail" : "");

    return CTL_PG(pg, arena, NULL, e,
               "DELETE FROM notice_channels"
               " WHERE channel <> ALL ($1::text[])", list)
           && CTL_PG(pg, arena, NULL, e,
               "INSERT INTO notice_channels AS c (channel, public_url)"
               " SELECT unnest($1::text[]), $2 ON CONFLICT (channel) DO UPDATE"
               " SET public_url = excluded.public_url"
               " WHERE c.public_url IS DISTINCT FROM excluded.public_url",
               list, public_url);
}


/* --- delivery --- */

/* The attempt is counted on its own, before anything is sent: a notice that
 * kills its process is dead some day, too. */
static bool
attempt_count(struct ctl_pg *pg, struct ctl_arena *arena,
    enum ctl_notice_channel channel, struct ctl_rows *rows,
    struct ctl_error *e)
{
    return CTL_PG(pg, arena, rows, e,
        "UPDATE notices SET attempts = attempts + 1,"
        " due_at = now() + " BACK_OFF("(attempts + 1)") " WHERE notice_id = ("
        " SELECT notice_id FROM notices WHERE channel = $1"
        "  AND state = 'waiting' AND due_at <= now()"
        "  ORDER BY due_at, event_id LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING notice_id, address, body, attempts,"
        " floor(extract(epoch FROM clock_timestamp()))::bigint",
        ctl_notice_channel_name(channel));
}


/* Whoever has counted a later one meanwhile has it. */
static bool
attempt_hold(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_notice *n, bool *got, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT 1 FROM notices WHERE notice_id = $1::uuid"
            " AND state = 'waiting' AND attempts = $2"
            " FOR UPDATE SKIP LOCKED", n->id,
            ctl_arena_printf(arena, "%u", n->attempt)))
    {
        return false;
    }
    *got = rows.nrows > 0;

    return true;
}


bool
ctl_notice_take(struct ctl_pg *pg, struct ctl_arena *arena,
    enum ctl_notice_channel channel, const char *links_at,
    struct ctl_notice *out, bool *got, struct ctl_error *e)
{
    struct ctl_rows rows;
    bool ok;

    *got = false;
    if (!attempt_count(pg, arena, channel, &rows, e)) {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    *out = (struct ctl_notice) {
        .id = ctl_rows_at(&rows, 0, 0), .address = ctl_rows_at(&rows, 0, 1),
        .body = ctl_rows_at(&rows, 0, 2),
        .attempt = (unsigned) ctl_rows_i64(&rows, 0, 3),
        .at = ctl_rows_at(&rows, 0, 4)
    };
    /* before anything is sent, or who is quick would find no link */
    if (links_at != NULL
        && !ctl_link_make(pg, arena, out->id, out->address, links_at,
                          &out->links, e))
    {
        return false;
    }
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    ok = attempt_hold(pg, arena, out, got, e);
    if (!ok || !*got) {
        ctl_pg_rollback(pg);
    }

    return ok;
}


bool
ctl_notice_done(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_notice *n, const char *why, unsigned most, bool *dead,
    struct ctl_error *e)
{
    const char *state;

    *dead = why != NULL && n->attempt >= most;
    state = why == NULL ? "delivered" : *dead ? "dead" : "waiting";
    if (!CTL_PG(pg, arena, NULL, e,
            "UPDATE notices SET state = $2, last_error = $3,"
            " due_at = clock_timestamp() + " BACK_OFF("attempts") ","
            " ended_at = CASE WHEN $2 <> 'waiting' THEN now() END"
            " WHERE notice_id = $1::uuid", n->id, state, why))
    {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}


bool
ctl_notice_tend(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e)
{
    return CTL_PG(pg, arena, NULL, e,
        "DELETE FROM notices WHERE notice_id IN (SELECT notice_id FROM notices"
        " WHERE state <> 'waiting' AND ended_at < now() - $1::interval"
        " LIMIT " TEXT(CTL_NOTICE_TEND_MAX) ")",
        TEXT(CTL_NOTICE_KEEP_DAYS) " days")
           && ctl_link_tend(pg, arena, e);
}
