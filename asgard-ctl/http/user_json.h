/*
 * A person as answers show them.
 */
#ifndef CTL_USER_JSON_H
#define CTL_USER_JSON_H

#include <cjson/cJSON.h>

#include "ops/user.h"

cJSON *ctl_user_json(const struct ctl_user *user);
/* The members of user_json(), added to `object`. */
void ctl_user_json_add(cJSON *object, const struct ctl_user *user);

#endif
