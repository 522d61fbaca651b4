/* Extra headers of an endpoint: which may be set, and reading them. */
#include "core/catalog_headers.h"

#include <string.h>

#include "core/members.h"

#define NAME_BYTES_MAX  64
#define VALUE_BYTES_MAX 256

static const asg_member_t members[] = {
    ASG_MEMBER(STRING, "name", asg_header_t, name),
    ASG_MEMBER(STRING, "value", asg_header_t, value)
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}

static bool is_word_of(asg_str_t name, const char *word)
{
    size_t n = strlen(word);

    if (name.len != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(name.data[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool is_header_char(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9')
        || c == '-';
}

bool asg_catalog_header_name_is_free(asg_str_t name)
{
    static const char *const taken[] = {
        "host", "content-length", "content-type", "content-encoding",
        "transfer-encoding", "connection", "keep-alive", "te", "trailer",
        "upgrade", "expect", "accept", "accept-encoding", "user-agent",
        "x-request-id", "authorization", "proxy-authorization", "cookie",
        "api-key", "x-api-key", "anthropic-version", "anthropic-beta"
    };

    for (size_t i = 0; i < name.len; i++) {
        if (!is_header_char(name.data[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
        if (is_word_of(name, taken[i])) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= NAME_BYTES_MAX;
}

bool asg_catalog_header_value_is_clean(asg_str_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];

        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            return false;
        }
    }
    return value.len >= 1 && value.len <= VALUE_BYTES_MAX;
}

asg_err_t asg_catalog_headers_read(asg_json_t *json, asg_header_t *out,
    unsigned *n)
{
    asg_json_event_t event = asg_json_next(json);

    if (event != ASG_JSON_ARRAY) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_OBJECT) {
        asg_header_t h = {ASG_STR_NULL, ASG_STR_NULL};
        asg_err_t rc;

        if (*n == ASG_CATALOG_HEADERS_MAX) {
            return ASG_ERR_LIMIT;
        }
        rc = asg_members_read(json, NULL, ASG_MEMBERS(members), &h);
        if (rc != ASG_OK) {
            return rc;
        }
        if (!asg_catalog_header_name_is_free(h.name)
            || !asg_catalog_header_value_is_clean(h.value))
        {
            return ASG_ERR_RANGE;
        }
        out[(*n)++] = h;
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

asg_str_t asg_catalog_header_value(asg_str_t value, asg_str_t project)
{
    return asg_str_eq_z(value, "{project}") ? project : value;
}
