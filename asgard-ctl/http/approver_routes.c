/*
 * /api/approver-groups: who is in them.  For administrators.
 */
#include "http/handlers.h"

#include "http/json_in.h"
#include "http/json_out.h"
#include "ops/approvers.h"
#include "ops/user.h"


static cJSON *
group_json(struct ctl_request *rq, enum ctl_approvers group,
    struct ctl_error *e)
{
    const char *members;
    cJSON *o;

    if (!ctl_approvers_list(rq->worker->pg, &rq->worker->arena, group,
                            &members, e))
    {
        return NULL;
    }
    o = cJSON_CreateObject();
    ctl_out_text(o, "group", ctl_approvers_name(group));
    ctl_out_raw(o, "members", members);

    return o;
}


static bool
read_group(const struct ctl_request *rq, enum ctl_approvers *group,
    struct ctl_error *e)
{
    return ctl_approvers_parse(rq->param[0], group)
           || ctl_error_set(e, 404, "approver_group_not_found",
                            "There is no such group of approvers; "
                            "/api/approver-groups lists them.");
}


static bool
send_group(struct ctl_request *rq, struct ctl_answer *an,
    enum ctl_approvers group, struct ctl_error *e)
{
    cJSON *tree = group_json(rq, group, e);

    return tree != NULL && ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_approvers_list)
{
    cJSON *tree = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(tree, "groups");
    unsigned i;

    for (i = 0; i < CTL_APPROVERS_COUNT; i++) {
        cJSON *group = group_json(rq, (enum ctl_approvers) i, e);

        if (group == NULL) {
            cJSON_Delete(tree);
            return false;
        }
        cJSON_AddItemToArray(list, group);
    }

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_approvers_add)
{
    enum ctl_approvers group;
    const char *username = NULL;
    const struct ctl_json_field fields[] = {
        {"username", CTL_JSON_TEXT, true, CTL_USER_NAME_MAX, &username},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return read_group(rq, &group, e)
           && ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && ctl_approvers_add(rq->change, group, username, e)
           && send_group(rq, an, group, e);
}


CTL_HANDLER(ctl_http_approvers_remove)
{
    enum ctl_approvers group;

    return read_group(rq, &group, e)
           && ctl_approvers_remove(rq->change, group, rq->param[1], e)
           && send_group(rq, an, group, e);
}
