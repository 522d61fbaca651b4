/*
 * Names that a project has of its own for models, as a client sends them.
 */
#include "ops/alias.h"

#include <string.h>

#include "core/json.h"
#include "core/record.h"

#define NAME_MAX_BYTES 256


/* The text of the token just read. */
static bool
text_take(const asg_json_t *json, char storage[NAME_MAX_BYTES],
    asg_str_t *out)
{
    asg_buf_t b;

    asg_buf_init(&b, storage, NAME_MAX_BYTES);
    if (!asg_json_unescape(json->token, &b)) {
        return false;
    }
    *out = asg_buf_view(&b);

    return true;
}


static bool
aliases_read(asg_json_t *json, asg_project_record_t *record)
{
    char name_bytes[NAME_MAX_BYTES], target_bytes[NAME_MAX_BYTES];
    asg_json_event_t event;
    asg_str_t name, target;
    unsigned n = 0;

    if (asg_json_next(json) != ASG_JSON_OBJECT) {
        return false;
    }
    while ((event = asg_json_next(json)) == ASG_JSON_KEY) {
        if (++n > ASG_RECORD_ALIASES_MAX
            || !text_take(json, name_bytes, &name)
            || asg_json_next(json) != ASG_JSON_STRING
            || !text_take(json, target_bytes, &target)
            || !asg_record_alias_add(record, name, target))
        {
            return false;
        }
    }

    return event == ASG_JSON_OBJECT_END;
}


bool
ctl_aliases_check(struct ctl_arena *arena, asg_str_t raw, const char *field,
    struct ctl_error *e)
{
    asg_project_record_t record = {0};
    asg_json_t *json = ctl_arena_alloc(arena, sizeof(*json));

    if (json == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_json_begin(json, raw, (uint64_t) (uintptr_t) json);

    return aliases_read(json, &record)
           || ctl_error_field(e, "invalid_value", field,
                              "%s must name models: at most %d, together at "
                              "most %d bytes.", field, ASG_RECORD_ALIASES_MAX,
                              ASG_RECORD_ALIASES_BYTES);
}
