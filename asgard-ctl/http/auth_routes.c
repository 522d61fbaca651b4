/*
 * /api/auth: login, logout, own password, me.
 */
#include "http/handlers.h"

#include <openssl/crypto.h>

#include "http/identify.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "http/origin.h"
#include "http/remote.h"
#include "http/scope_json.h"
#include "http/user_json.h"
#include "ops/login.h"
#include "ops/password.h"
#include "ops/session.h"


/* Secure where there is TLS, also in front of us: a browser would not keep it
 * without. */
static const char *
session_cookie(struct ctl_request *rq, const char *token, int64_t age_s)
{
    return ctl_arena_printf(&rq->worker->arena,
                            CTL_SESSION_COOKIE "=%s; Path=/; Max-Age=%lld; "
                            "HttpOnly; SameSite=Lax%s", token,
                            (long long) age_s,
                            ctl_origin_is_tls(rq) ? "; Secure" : "");
}


static bool
send_login(struct ctl_request *rq, struct ctl_answer *an, const char *token,
    const struct ctl_user *user, struct ctl_error *e)
{
    cJSON *tree = cJSON_CreateObject();

    ctl_out_text(tree, "token", token);
    cJSON_AddItemToObject(tree, "user", ctl_user_json(user));
    an->set_cookie = session_cookie(rq, token,
                                    rq->worker->config->session_max_age_s);

    return ctl_out_send(rq, an, 200, tree, e)
           && (an->set_cookie != NULL
               || ctl_error_internal(e, "out of memory"));
}


CTL_HANDLER(ctl_http_login)
{
    struct ctl_login in = {.network = ctl_remote_network(rq->remote_addr),
                           .before = ctl_identify_cookie(rq)};
    struct ctl_worker *w = rq->worker;
    char token[CTL_CREDENTIAL_TEXT];
    struct ctl_user user;
    const struct ctl_json_field fields[] = {
        {"username", CTL_JSON_TEXT, true, CTL_USER_SHOWN_MAX, &in.username},
        {"password", CTL_JSON_TEXT, true, CTL_PASSWORD_MAX, &in.password},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };
    bool ok;

    if (!ctl_json_read(rq->body, fields, &w->arena, e)) {
        return false;
    }
    ok = ctl_login(w->pg, &w->arena, w->config, rq->trace_id, &in, token,
                   &user, &an->retry_after_s, e)
         && send_login(rq, an, token, &user, e);
    OPENSSL_cleanse(token, sizeof(token));

    return ok;
}


CTL_HANDLER(ctl_http_logout)
{
    const struct ctl_json_field fields[] = {
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };
    cJSON *tree;

    if (!ctl_json_read(rq->body, fields, &rq->worker->arena, e)
        || !ctl_session_end(rq->change, rq->who.session_id, rq->who.user_id,
                            e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    cJSON_AddBoolToObject(tree, "logged_out", true);
    an->set_cookie = session_cookie(rq, "", 0);

    return ctl_out_send(rq, an, 200, tree, e);
}


/* The browser's session is over with the others. */
CTL_HANDLER(ctl_http_password)
{
    struct ctl_login in = {.network = ctl_remote_network(rq->remote_addr),
                           .username = rq->who.name};
    struct ctl_worker *w = rq->worker;
    const char *password = NULL;
    const struct ctl_json_field fields[] = {
        {"password", CTL_JSON_TEXT, true, CTL_PASSWORD_MAX, &in.password},
        {"new_password", CTL_JSON_TEXT, true, CTL_PASSWORD_MAX, &password},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };
    cJSON *tree;

    if (!ctl_json_read(rq->body, fields, &w->arena, e)
        || !ctl_login_change(w->pg, &w->arena, w->config, rq->trace_id,
                             rq->who.user_id, &in, password,
                             &an->retry_after_s, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    cJSON_AddBoolToObject(tree, "changed", true);
    an->set_cookie = session_cookie(rq, "", 0);

    return ctl_out_send(rq, an, 200, tree, e);
}


/* The caller, and under `user` the person who answers for it. */
CTL_HANDLER(ctl_http_me)
{
    static const char *const kinds[] = {
        [CTL_PRINCIPAL_NONE] = "", [CTL_PRINCIPAL_OPERATOR] = "operator",
        [CTL_PRINCIPAL_PERSON] = "user", [CTL_PRINCIPAL_AGENT] = "agent"
    };
    const struct ctl_principal *who = &rq->who;
    struct ctl_user user;
    cJSON *tree;

    if (who->user_id != NULL
        && !ctl_user_get(rq->worker->pg, &rq->worker->arena, who->user_id,
                         &user, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    ctl_out_text(tree, "kind", kinds[who->kind]);
    if (who->kind == CTL_PRINCIPAL_PERSON) {
        ctl_user_json_add(tree, &user);
    } else {
        ctl_out_text(tree, "id", who->id);
        ctl_out_text(tree, "name", who->name);
        ctl_out_text(tree, "role", who->kind == CTL_PRINCIPAL_OPERATOR
                                   ? ctl_user_role_name(who->role) : NULL);
    }
    ctl_scope_json_add(tree, "scopes", who->scopes);
    ctl_out_text(tree, "expires_at", who->expires_at);
    cJSON_AddItemToObject(tree, "user", who->user_id != NULL
                                        ? ctl_user_json(&user)
                                        : cJSON_CreateNull());

    return ctl_out_send(rq, an, 200, tree, e);
}
