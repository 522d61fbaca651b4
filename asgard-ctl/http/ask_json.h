/*
 * Requests in answers.
 */
#ifndef CTL_ASK_JSON_H
#define CTL_ASK_JSON_H

#include <cjson/cJSON.h>

#include "http/route.h"
#include "ops/ask.h"

/* As a list has it. */
cJSON *ctl_ask_json(const struct ctl_ask *ask);
/* With who may decide, what they said, what happened, and what the caller may
 * do; NULL after an error. */
cJSON *ctl_ask_json_whole(struct ctl_request *rq, const struct ctl_ask *ask,
    unsigned relation, struct ctl_error *e);

#endif
