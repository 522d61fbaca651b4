/*
 * /api/groups: declare, list.
 */
#include "http/handlers.h"

#include "http/json_in.h"
#include "http/json_out.h"
#include "ops/group.h"


static cJSON *
group_json(const struct ctl_group *g)
{
    cJSON *o = cJSON_CreateObject();

    ctl_out_text(o, "key", g->key);
    ctl_out_text(o, "display_name", g->display_name);
    ctl_out_text(o, "cost_center", g->cost_center);
    ctl_out_text(o, "created_at", g->created_at);

    return o;
}


CTL_HANDLER(ctl_http_group_create)
{
    struct ctl_group in = {0}, made;
    const struct ctl_json_field fields[] = {
        {"key", CTL_JSON_TEXT, true, ASG_ID_MAX, &in.key},
        {"display_name", CTL_JSON_TEXT, true, CTL_GROUP_SHOWN_MAX,
            &in.display_name},
        {"cost_center", CTL_JSON_TEXT, false, CTL_GROUP_COST_MAX,
            &in.cost_center},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_group_create(rq->change, &in, &made, e)
           && ctl_out_send(rq, an, 201, group_json(&made), e);
}


/* `open`: any name is accepted at registration. */
CTL_HANDLER(ctl_http_group_list)
{
    struct ctl_group *groups;
    unsigned n, i;
    cJSON *tree, *list;

    if (!ctl_group_list(rq->worker->pg, &rq->worker->arena, &groups, &n, e)) {
        return false;
    }
    tree = cJSON_CreateObject();
    cJSON_AddBoolToObject(tree, "open", n == 0);
    list = cJSON_AddArrayToObject(tree, "groups");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(list, group_json(&groups[i]));
    }

    return ctl_out_send(rq, an, 200, tree, e);
}
