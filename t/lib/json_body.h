/*
 * A body with a field of each kind, and the table that reads it.
 */
#ifndef JSON_BODY_H
#define JSON_BODY_H

#include "http/json_in.h"

#define JSON_BODY_NAME 10               /* bytes */
#define JSON_BODY_LIST 3
#define JSON_BODY_OBJECT 60

struct json_body {
    const char *name;
    int flag;
    int64_t count;
    struct ctl_json_usd usd;
    struct ctl_json_texts list;
    asg_str_t raw;
    const char *object;
};


static inline bool
json_body_read(asg_str_t text, struct json_body *b, struct ctl_arena *arena,
    struct ctl_error *e)
{
    const struct ctl_json_field fields[] = {
        {"name", CTL_JSON_TEXT, true, JSON_BODY_NAME, &b->name},
        {"flag", CTL_JSON_BOOL, false, 0, &b->flag},
        {"count", CTL_JSON_INT, false, 0, &b->count},
        {"usd", CTL_JSON_USD, false, 0, &b->usd},
        {"list", CTL_JSON_TEXTS, false, JSON_BODY_LIST, &b->list},
        {"raw", CTL_JSON_RAW, false, 0, &b->raw},
        {"object", CTL_JSON_OBJECT, false, JSON_BODY_OBJECT, &b->object},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(text, fields, arena, e);
}

#endif
