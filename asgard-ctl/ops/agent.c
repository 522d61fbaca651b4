/*
 * Agents in Postgres.
 */
#include "ops/agent.h"

#include <string.h>

#include "ledger/time_text.h"

#define SHOWN \
    "agent_id, name, owner_id, " CTL_TIME_ISO("created_at") ", active"


static void
agent_fill(struct ctl_agent *a, const struct ctl_rows *rows, unsigned i)
{
    a->id = ctl_rows_at(rows, i, 0);
    a->name = ctl_rows_at(rows, i, 1);
    a->owner_id = ctl_rows_at(rows, i, 2);
    a->created_at = ctl_rows_at(rows, i, 3);
    a->active = strcmp(ctl_rows_at(rows, i, 4), "t") == 0;
}


/* The row of the person makes those who create at once wait for each other. */
static bool
check_room(struct ctl_change *c, const struct ctl_principal *who,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, NULL, e,
            "SELECT 1 FROM users WHERE user_id = $1::uuid FOR UPDATE",
            who->user_id)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT count(*) FROM agents WHERE owner_id = $1::uuid"
            " AND active", who->user_id))
    {
        return false;
    }

    return ctl_rows_i64(&rows, 0, 0) < CTL_AGENTS_MAX
           || ctl_error_set(e, 409, "too_many",
                            "There are %d agents already; retire one first.",
                            CTL_AGENTS_MAX);
}


bool
ctl_agent_create(struct ctl_change *c, const struct ctl_principal *who,
    const char *name, int64_t ttl_days, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_agent *out, struct ctl_token *token, struct ctl_error *e)
{
    struct ctl_token_input in = {.name = name, .ttl_days = ttl_days,
                                 .scopes = CTL_AGENT_SCOPES};
    struct ctl_rows rows;

    if (!check_room(c, who, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "INSERT INTO agents (owner_id, name) VALUES ($1::uuid, $2)"
            " RETURNING " SHOWN, who->user_id, name))
    {
        return false;
    }
    agent_fill(out, &rows, 0);
    in.agent_id = out->id;

    return ctl_change_audit(c, "agent.created", "agent", out->id, NULL, NULL,
                ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                    {"name", name}}, 1), e)
           && ctl_token_mint(c, who, &in, text, token, e);
}


bool
ctl_agent_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_principal *who, const char *after, unsigned limit,
    struct ctl_agent **out, unsigned *n, bool *more, struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT " SHOWN " FROM agents WHERE owner_id = $1::uuid"
            " AND agent_id::text > lower($2)"
            " ORDER BY agent_id::text LIMIT $3", who->user_id, after, most))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        agent_fill(&(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_agent_retire(struct ctl_change *c, const struct ctl_principal *who,
    const char *id, struct ctl_error *e)
{
    const char *any = ctl_access_is_admin(who) ? "t" : "f";
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE agents SET active = false"
            " WHERE agent_id::text = lower($1)"
            " AND ($3::boolean OR owner_id = $2::uuid) RETURNING agent_id",
            id, who->user_id, any))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "agent_not_found",
                             "You have no agent with this id.");
    }

    return ctl_change_audit(c, "agent.retired", "agent",
                            ctl_rows_at(&rows, 0, 0), NULL, NULL, NULL, e);
}
