/*
 * Scopes of a token in bodies and answers: a list of names.
 */
#ifndef CTL_SCOPE_JSON_H
#define CTL_SCOPE_JSON_H

#include <cjson/cJSON.h>

#include "http/json_in.h"

#define CTL_SCOPES_MAX 3

void ctl_scope_json_add(cJSON *object, const char *name, unsigned scopes);
/* Left out: `*scopes` stays.  400 for an unknown name, an empty list. */
bool ctl_scope_json_read(const struct ctl_json_texts *list, unsigned *scopes,
    struct ctl_error *e);

#endif
