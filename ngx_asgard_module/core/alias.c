/* Names of one's own for models. */
#include "core/alias.h"

#include <string.h>

#include "core/members.h"

static bool is_name_byte(char c)
{
    return (uint8_t) c >= 0x20 && c != 0x7f;
}

bool asg_alias_is_model_name(asg_str_t name)
{
    if (name.len == 0 || name.len > ASG_ALIAS_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.data[i])) {
            return false;
        }
    }
    return true;
}

asg_str_t asg_alias_line(asg_str_t *rest)
{
    const char *end = rest->len > 0
        ? memchr(rest->data, '\n', rest->len) : NULL;
    asg_str_t name;

    if (end == NULL) {
        return ASG_STR_NULL;
    }
    name = (asg_str_t) {rest->data, (size_t) (end - rest->data)};
    rest->data = end + 1;
    rest->len -= name.len + 1;
    return name;
}

bool asg_alias_next(asg_str_t *rest, asg_str_t *name, asg_str_t *target)
{
    *name = asg_alias_line(rest);
    *target = asg_alias_line(rest);
    return target->data != NULL;
}

asg_str_t asg_alias_find(asg_str_t aliases, asg_str_t name)
{
    asg_str_t own, target;

    while (asg_alias_next(&aliases, &own, &target)) {
        if (asg_str_eq(own, name)) {
            return target;
        }
    }
    return ASG_STR_NULL;
}

bool asg_alias_add(asg_buf_t *aliases, asg_str_t name, asg_str_t target)
{
    size_t more = name.len + target.len + 2;

    if (!asg_alias_is_model_name(name) || !asg_alias_is_model_name(target)
        || more > aliases->cap - aliases->len
        || asg_alias_find(asg_buf_view(aliases), name).data != NULL)
    {
        return false;
    }
    asg_buf_str(aliases, name);
    asg_buf_z(aliases, "\n");
    asg_buf_str(aliases, target);
    asg_buf_z(aliases, "\n");
    return asg_buf_ok(aliases);
}

/* The name was read, what it stands for was not. */
static asg_err_t read_one(asg_json_t *json, asg_buf_t *aliases)
{
    char storage[2 * ASG_ALIAS_NAME_MAX];
    asg_buf_t scratch;
    asg_str_t name, target;
    asg_err_t rc;

    asg_buf_init(&scratch, storage, sizeof(storage));
    rc = asg_members_string(json, &scratch, &name);
    if (rc != ASG_OK) {
        return rc;
    }
    if (asg_json_next(json) != ASG_JSON_STRING) {
        return asg_members_fault(json);
    }
    rc = asg_members_string(json, &scratch, &target);
    if (rc != ASG_OK) {
        return rc;
    }
    return asg_alias_add(aliases, name, target) ? ASG_OK : ASG_ERR_RANGE;
}

asg_err_t asg_alias_read(asg_json_t *json, asg_buf_t *aliases)
{
    asg_json_event_t event = asg_json_next(json);
    unsigned n = 0;

    if (event == ASG_JSON_NULL) {
        return ASG_OK;
    }
    if (event != ASG_JSON_OBJECT) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_KEY) {
        asg_err_t rc = n++ < ASG_ALIASES_MAX ? read_one(json, aliases)
            : ASG_ERR_LIMIT;

        if (rc != ASG_OK) {
            return rc;
        }
    }
    return event == ASG_JSON_OBJECT_END ? ASG_OK : asg_members_fault(json);
}

void asg_alias_write(asg_buf_t *out, asg_str_t aliases)
{
    const char *before = "{";
    asg_str_t name, target;

    if (aliases.len == 0) {
        asg_buf_z(out, "null");
        return;
    }
    while (asg_alias_next(&aliases, &name, &target)) {
        asg_buf_z(out, before);
        asg_buf_json(out, name);
        asg_buf_z(out, ":");
        asg_buf_json(out, target);
        before = ",";
    }
    asg_buf_z(out, "}");
}
