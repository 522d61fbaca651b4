/*
 * /api/auth/tokens: the caller's own access tokens; /api/agent-principals: the
 * agents that act for them.
 */
#include "http/handlers.h"

#include <openssl/crypto.h>

#include "http/json_in.h"
#include "http/json_out.h"
#include "http/query.h"
#include "http/scope_json.h"
#include "ops/agent.h"

#define DAYS_UNSAID INT64_MIN


/* text NULL: without the token itself. */
static cJSON *
token_json(const struct ctl_token *t, const char *text)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "id", t->id);
    ctl_out_text(o, "name", t->name);
    if (text != NULL) {
        ctl_out_text(o, "token", text);
    }
    ctl_out_text(o, "suffix", t->suffix);
    ctl_scope_json_add(o, "scopes", t->scopes);
    ctl_out_text(o, "created_at", t->created_at);
    ctl_out_text(o, "expires_at", t->expires_at);
    ctl_out_text(o, "revoked_at", t->revoked_at);

    return o;
}


/* Left out it becomes 0: no end of its own. */
static bool
check_days(int64_t *days, struct ctl_error *e)
{
    if (*days == DAYS_UNSAID) {
        *days = 0;
        return true;
    }

    return (*days >= 1 && *days <= CTL_TOKEN_DAYS_MAX)
           || ctl_error_field(e, "invalid_value", "ttl_days",
                              "ttl_days must be 1 to %d.",
                              CTL_TOKEN_DAYS_MAX);
}


/* The token is in this answer and nowhere else: what is stored for a repeated
 * Idempotency-Key has it not. */
CTL_HANDLER(ctl_http_token_mint)
{
    struct ctl_token_input in = {.scopes = CTL_SCOPE_READ
                                           | CTL_SCOPE_REQUEST};
    struct ctl_json_texts scopes = {0};
    int64_t days = DAYS_UNSAID;
    char text[CTL_CREDENTIAL_TEXT];
    struct ctl_token token;
    bool ok;
    const struct ctl_json_field fields[] = {
        {"name", CTL_JSON_TEXT, true, 200, &in.name},
        {"ttl_days", CTL_JSON_INT, false, 0, &days},
        {"scopes", CTL_JSON_TEXTS, false, CTL_SCOPES_MAX, &scopes},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)
        || !ctl_scope_json_read(&scopes, &in.scopes, e)
        || !check_days(&days, e))
    {
        return false;
    }
    in.ttl_days = days;
    ok = ctl_token_mint(rq->change, &rq->who, &in, text, &token, e);
    if (ok) {
        an->replay = ctl_out_print(&rq->worker->arena,
                                   token_json(&token, NULL));
        ok = ctl_out_send(rq, an, 201, token_json(&token, text), e);
    }
    OPENSSL_cleanse(text, sizeof(text));

    return ok;
}


CTL_HANDLER(ctl_http_token_list)
{
    struct ctl_query_page page;
    struct ctl_token *tokens;
    unsigned n, i;
    bool more;
    cJSON *tree, *list;

    if (!ctl_query_page_read(rq, CTL_QUERY_UUID, &page, e)
        || !ctl_token_list(rq->worker->pg, &rq->worker->arena, &rq->who,
                           page.after, page.limit, &tokens, &n,
                           &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(tree, "tokens");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(list, token_json(&tokens[i], NULL));
    }
    ctl_out_text(tree, "next_cursor", more ? tokens[n - 1].id : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_token_revoke)
{
    cJSON *tree;

    if (!ctl_token_revoke(rq->change, &rq->who, rq->param[0], e)) {
        return false;
    }
    tree = cJSON_CreateObject();
    ctl_out_text(tree, "id", rq->param[0]);
    cJSON_AddBoolToObject(tree, "revoked", true);

    return ctl_out_send(rq, an, 200, tree, e);
}


static cJSON *
agent_json(const struct ctl_agent *a)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "id", a->id);
    ctl_out_text(o, "name", a->name);
    ctl_out_text(o, "owner_id", a->owner_id);
    cJSON_AddBoolToObject(o, "active", a->active);
    ctl_out_text(o, "created_at", a->created_at);

    return o;
}


static cJSON *
created_json(const struct ctl_agent *agent, const struct ctl_token *token,
    const char *text)
{
    cJSON *o = agent_json(agent);

    ctl_out_text(o, "token_id", token->id);
    if (text != NULL) {
        ctl_out_text(o, "token", text);
    }
    ctl_out_text(o, "suffix", token->suffix);
    ctl_scope_json_add(o, "scopes", token->scopes);
    ctl_out_text(o, "expires_at", token->expires_at);

    return o;
}


CTL_HANDLER(ctl_http_agent_create)
{
    const char *name = NULL;
    int64_t days = DAYS_UNSAID;
    char text[CTL_CREDENTIAL_TEXT];
    struct ctl_agent agent;
    struct ctl_token token;
    bool ok;
    const struct ctl_json_field fields[] = {
        {"name", CTL_JSON_TEXT, true, 200, &name},
        {"ttl_days", CTL_JSON_INT, false, 0, &days},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)
        || !check_days(&days, e))
    {
        return false;
    }
    ok = ctl_agent_create(rq->change, &rq->who, name, days, text,
                          &agent, &token, e);
    if (ok) {
        an->replay = ctl_out_print(&rq->worker->arena,
                                   created_json(&agent, &token, NULL));
        ok = ctl_out_send(rq, an, 201, created_json(&agent, &token, text), e);
    }
    OPENSSL_cleanse(text, sizeof(text));

    return ok;
}


CTL_HANDLER(ctl_http_agent_list)
{
    struct ctl_query_page page;
    struct ctl_agent *agents;
    unsigned n, i;
    bool more;
    cJSON *tree, *list;

    if (!ctl_query_page_read(rq, CTL_QUERY_UUID, &page, e)
        || !ctl_agent_list(rq->worker->pg, &rq->worker->arena, &rq->who,
                           page.after, page.limit, &agents, &n,
                           &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(tree, "agents");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(list, agent_json(&agents[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? agents[n - 1].id : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_agent_retire)
{
    cJSON *tree;

    if (!ctl_agent_retire(rq->change, &rq->who, rq->param[0], e)) {
        return false;
    }
    tree = cJSON_CreateObject();
    ctl_out_text(tree, "id", rq->param[0]);
    cJSON_AddBoolToObject(tree, "active", false);

    return ctl_out_send(rq, an, 200, tree, e);
}
