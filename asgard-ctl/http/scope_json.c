/*
 * Lists of scopes.
 */
#include "http/scope_json.h"

#include "policy/access.h"


void
ctl_scope_json_add(cJSON *object, const char *name, unsigned scopes)
{
    cJSON *list = cJSON_AddArrayToObject(object, name);
    enum ctl_scope scope;

    for (scope = CTL_SCOPE_READ; scope <= CTL_SCOPE_ADMIN; scope <<= 1) {
        if ((scopes & scope) != 0) {
            cJSON_AddItemToArray(list,
                                 cJSON_CreateString(ctl_scope_name(scope)));
        }
    }
}


bool
ctl_scope_json_read(const struct ctl_json_texts *list, unsigned *scopes,
    struct ctl_error *e)
{
    unsigned found = 0, one, i;

    if (!list->given) {
        return true;
    }
    for (i = 0; i < list->n; i++) {
        one = ctl_scope_parse(list->items[i]);
        if (one == 0) {
            found = 0;
            break;
        }
        found |= one;
    }
    if (found == 0) {
        return ctl_error_field(e, "invalid_value", "scopes",
                               "scopes must be one or more of request, read "
                               "and admin.");
    }
    *scopes = found;

    return true;
}
