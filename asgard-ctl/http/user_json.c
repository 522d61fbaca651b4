/*
 * People in answers.
 */
#include "http/user_json.h"

#include "http/json_out.h"


void
ctl_user_json_add(cJSON *object, const struct ctl_user *user)
{
    ctl_out_text(object, "id", user->id);
    ctl_out_text(object, "username", user->username);
    ctl_out_text(object, "email", user->email);
    ctl_out_text(object, "display_name", user->display_name);
    ctl_out_text(object, "provider", user->provider);
    ctl_out_text(object, "role", user->role);
    cJSON_AddBoolToObject(object, "active", user->active);
    ctl_out_text(object, "created_at", user->created_at);
}


cJSON *
ctl_user_json(const struct ctl_user *user)
{
    cJSON *object = cJSON_CreateObject();

    ctl_user_json_add(object, user);

    return object;
}
