/*
 * /api/users: create, list, role, active, password.  For administrators.
 */
#include "http/handlers.h"

#include "http/json_in.h"
#include "http/json_out.h"
#include "http/query.h"
#include "http/user_json.h"
#include "ops/email.h"
#include "ops/password.h"


/* The user as it now stands, inside the change. */
static bool
send_user(struct ctl_request *rq, struct ctl_answer *an, const char *id,
    struct ctl_error *e)
{
    struct ctl_user user;

    return ctl_user_get(rq->worker->pg, &rq->worker->arena, id, &user, e)
           && ctl_out_send(rq, an, 200, ctl_user_json(&user), e);
}


CTL_HANDLER(ctl_http_user_create)
{
    struct ctl_user_input in = {.role = "member"};
    struct ctl_user user;
    const struct ctl_json_field fields[] = {
        {"username", CTL_JSON_TEXT, true, CTL_USER_NAME_MAX, &in.username},
        {"email", CTL_JSON_TEXT, true, CTL_EMAIL_MAX, &in.email},
        {"display_name", CTL_JSON_TEXT, false, CTL_USER_SHOWN_MAX,
            &in.display_name},
        {"role", CTL_JSON_TEXT, false, 16, &in.role},
        {"password", CTL_JSON_TEXT, false, CTL_PASSWORD_MAX, &in.password},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_user_create(rq->change, rq->worker->config, &in, &user, e)
           && ctl_out_send(rq, an, 201, ctl_user_json(&user), e);
}


CTL_HANDLER(ctl_http_user_list)
{
    struct ctl_query_page page;
    struct ctl_user *users;
    unsigned n, i;
    bool more;
    cJSON *tree, *list;

    if (!ctl_query_page_read(rq, CTL_QUERY_UUID, &page, e)
        || !ctl_user_list(rq->worker->pg, &rq->worker->arena,
                          page.after, page.limit, &users, &n,
                          &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(tree, "users");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(list, ctl_user_json(&users[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? users[n - 1].id : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_user_role)
{
    const char *role = NULL;
    const struct ctl_json_field fields[] = {
        {"role", CTL_JSON_TEXT, true, 16, &role},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_user_set_role(rq->change, rq->param[0], role, e)
           && send_user(rq, an, rq->param[0], e);
}


CTL_HANDLER(ctl_http_user_active)
{
    int active = -1;
    const struct ctl_json_field fields[] = {
        {"active", CTL_JSON_BOOL, true, 0, &active},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_user_set_active(rq->change, rq->param[0], active == 1, e)
           && send_user(rq, an, rq->param[0], e);
}


CTL_HANDLER(ctl_http_user_password)
{
    const char *password = NULL;
    const struct ctl_json_field fields[] = {
        {"password", CTL_JSON_TEXT, true, CTL_PASSWORD_MAX, &password},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_user_reset_password(rq->change, rq->worker->config,
                                      rq->param[0], password, e)
           && send_user(rq, an, rq->param[0], e);
}
