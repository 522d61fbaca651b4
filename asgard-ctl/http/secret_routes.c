/*
 * /api/projects/{id}/secrets: what there is, and the value for who may have it.
 */
#include "http/handlers.h"

#include <string.h>

#include "http/json_in.h"
#include "http/json_out.h"
#include "http/keeper_ask.h"
#include "http/query.h"
#include "ops/secret_grant.h"


static cJSON *
secret_json(const struct ctl_secret_shown *s)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "name", s->name);
    ctl_out_text(o, "path", s->path);
    cJSON_AddNumberToObject(o, "version", (double) s->version);
    ctl_out_text(o, "state", s->state);
    ctl_out_text(o, "resource_id", s->resource_id);
    ctl_out_text(o, "output", s->output);
    ctl_out_text(o, "created_at", s->created_at);
    ctl_out_text(o, "ended_at", s->ended_at);
    ctl_out_text(o, "first_read_at", s->first_read_at);
    ctl_out_text(o, "readable_until", s->readable_until);
    ctl_out_text(o, "acknowledged_at", s->acknowledged_at);

    return o;
}


/* A name, as a cursor. */
static bool
check_name(const char *name, struct ctl_error *e)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

    return (strlen(name) <= CTL_SECRET_NAME_MAX
            && strspn(name, allowed) == strlen(name))
           || ctl_error_field(e, "invalid_value", "cursor",
                              "cursor is no next_cursor of this list.");
}


CTL_HANDLER(ctl_http_secret_list)
{
    const char *limit_text = NULL, *after = NULL;
    struct ctl_secret_shown *list;
    unsigned limit, n, i;
    bool more;
    cJSON *tree, *items;
    const struct ctl_query_field fields[] = {
        {"limit", &limit_text}, {"cursor", &after}, {NULL, NULL}
    };

    if (!ctl_query_read(rq, fields, e)
        || !ctl_query_limit(limit_text, &limit, e)
        || !check_name(after != NULL ? after : "", e)
        || !ctl_secret_list(rq->worker->pg, &rq->worker->arena, rq->param[0],
                            rq->actor, after != NULL ? after : "", limit,
                            &list, &n, &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    items = cJSON_AddArrayToObject(tree, "secrets");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(items, secret_json(&list[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? list[n - 1].name : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


/* The grant and its audit entry stand before the keeper is asked. */
static bool
grant_make(struct ctl_request *rq, struct ctl_secret_grant *grant,
    struct ctl_error *e)
{
    struct ctl_worker *w = rq->worker;
    struct ctl_change change;

    if (!ctl_change_begin(&change, w->pg, &w->arena, rq->actor, rq->trace_id,
                          e))
    {
        return false;
    }
    change.who = &rq->who;
    change.person = rq->who.user_id;
    if (!ctl_secret_grant(&change, rq->param[0], rq->param[1], grant, e)) {
        ctl_change_abort(&change);
        return false;
    }

    return ctl_change_commit(&change, e);
}


/* The value is in this answer and nowhere else. */
CTL_HANDLER(ctl_http_secret_read)
{
    struct ctl_worker *w = rq->worker;
    struct ctl_secret_grant grant;
    struct ctl_secret_shown shown;
    asg_str_t value;
    cJSON *tree;
    const struct ctl_json_field fields[] = {
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    if (!ctl_json_read(rq->body, fields, &w->arena, e)
        || !grant_make(rq, &grant, e)
        || !ctl_keeper_ask(w->config, &w->arena, &grant, &value, e)
        || !ctl_secret_shown(w->pg, &w->arena, &grant, &shown, e))
    {
        return false;
    }
    tree = secret_json(&shown);
    ctl_out_text(tree, "value", value.data);    /* ends with a NUL */

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_secret_acknowledge)
{
    struct ctl_secret_shown shown;
    int64_t version = 0;
    const struct ctl_json_field fields[] = {
        {"version", CTL_JSON_INT, false, 0, &version},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_secret_acknowledge(rq->change, rq->param[0], rq->param[1],
                                     version, &shown, e)
           && ctl_out_send(rq, an, 200, secret_json(&shown), e);
}
