/*
 * Reading details.
 */
#include "meter/drain_detail.h"

#include <string.h>

#include "core/money.h"
#include "core/rkey.h"
#include "core/script.h"

#define DEPTH_MAX    8
#define NUMBER_MAX   18
#define UUID_CHARS   36


static bool
is_uuid(asg_str_t s)
{
    size_t i;
    char c;

    for (i = 0; s.len == UUID_CHARS && i < UUID_CHARS; i++) {
        c = s.data[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return false;
            }
        } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }

    return s.len == UUID_CHARS;
}


static void
held_take(const asg_json_t *json, struct ctl_detail *out)
{
    int64_t n;

    if (asg_json_int(json, &n) && n >= 0 && n <= ASG_NUSD_MAX) {
        out->held_nusd = n;
    }
}


/* The value that follows a key of the outermost object. */
static void
member_take(const asg_json_t *json, asg_json_event_t event, char member,
    struct ctl_detail *out)
{
    if (event == ASG_JSON_STRING && member == 'p'
        && asg_id_is_valid(json->token))
    {
        out->project = json->token;
    } else if (event == ASG_JSON_STRING && member == 'k'
               && is_uuid(json->token))
    {
        out->key = json->token;
    } else if (event == ASG_JSON_NUMBER && member == 'v') {
        (void) asg_json_int(json, &out->project_version);
    } else if (event == ASG_JSON_NUMBER && member == 'h') {
        held_take(json, out);
    }
}


static char
member_of(const asg_json_t *json)
{
    if (json->depth != 1) {
        return '\0';
    }

    return asg_json_is(json, "project") ? 'p'
           : asg_json_is(json, "key") ? 'k'
           : asg_json_is(json, "pv") ? 'v'
           : asg_json_is(json, "held") ? 'h' : '\0';
}


/* jsonb has no NUL in a string, and a number with a huge exponent would take
 * megabytes. */
static bool
token_is_storable(const asg_json_t *json, asg_json_event_t event)
{
    if (event == ASG_JSON_STRING || event == ASG_JSON_KEY) {
        return memmem(json->token.data, json->token.len, "\\u0000", 6)
               == NULL;
    }
    if (event == ASG_JSON_NUMBER) {
        return json->token.len <= NUMBER_MAX
               && memchr(json->token.data, 'e', json->token.len) == NULL
               && memchr(json->token.data, 'E', json->token.len) == NULL;
    }

    return json->depth <= DEPTH_MAX;
}


static bool
detail_walk(asg_json_t *json, asg_str_t text, struct ctl_detail *out)
{
    asg_json_event_t event;
    char member = '\0';

    asg_json_begin(json, text, 0);
    if (text.len > ASG_SCRIPT_DETAIL_BYTES
        || asg_json_next(json) != ASG_JSON_OBJECT)
    {
        return false;
    }
    while ((event = asg_json_next(json)) != ASG_JSON_END) {
        if (event == ASG_JSON_ERROR || !token_is_storable(json, event)) {
            return false;
        }
        member_take(json, event, member, out);
        member = event == ASG_JSON_KEY ? member_of(json) : '\0';
    }

    return true;
}


/* "p.<project>:..." among the pins. */
static asg_str_t
project_of_pins(asg_str_t pins)
{
    const char *end = pins.data + pins.len, *at = pins.data, *colon;
    asg_str_t id;

    while (at != NULL && at < end) {
        colon = memchr(at, ':', (size_t) (end - at));
        if (colon != NULL && colon - at > 2 && memcmp(at, "p.", 2) == 0) {
            id = (asg_str_t) {at + 2, (size_t) (colon - at - 2)};
            if (asg_id_is_valid(id)) {
                return id;
            }
        }
        at = memchr(at, ',', (size_t) (end - at));
        at = at != NULL ? at + 1 : NULL;
    }

    return ASG_STR("");
}


void
ctl_detail_read(asg_json_t *json, asg_str_t text, asg_str_t pins,
    struct ctl_detail *out)
{
    const struct ctl_detail nothing = {.json = ASG_STR("{}"),
                                       .held_nusd = -1};

    *out = nothing;
    out->json = text;
    if (!detail_walk(json, text, out)) {
        *out = nothing;
    }
    if (out->project.len == 0) {
        out->project = project_of_pins(pins);
    }
    if (out->key.len == 0) {
        out->key = ASG_STR("");
    }
}
