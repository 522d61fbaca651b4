/* Where the parts of a snapshot stand. */
#include "core/catalog_outline.h"

#include <string.h>

#include "core/members.h"

enum {
    PART_FORMAT, PART_VERSION, PART_CREATED, PART_MAX_AGE, PART_ENDPOINTS,
    PART_MODELS, PART_NAMES, PART_CARDS, PARTS
};

static const char *const part_names[PARTS] = {
    "format", "version", "created", "max_age_s", "endpoints", "models",
    "names", "project_cards"
};

static void skip_space(asg_str_t *rest)
{
    while (rest->len > 0 && rest->data[0] != '\0'
           && strchr(" \t\r\n", rest->data[0]) != NULL)
    {
        rest->data++;
        rest->len--;
    }
}

/* The byte `c` after space; it is taken. */
static bool take(asg_str_t *rest, char c)
{
    skip_space(rest);
    if (rest->len == 0 || rest->data[0] != c) {
        return false;
    }
    rest->data++;
    rest->len--;
    return true;
}

/* Length of the string at the start, its quotes included; 0: it has no end. */
static size_t string_len(asg_str_t text)
{
    size_t at = 1;

    while (at < text.len && text.data[at] != '"') {
        at += text.data[at] == '\\' ? 2 : 1;
    }
    return at < text.len ? at + 1 : 0;
}

static size_t container_len(asg_str_t text)
{
    size_t depth = 0;
    size_t at = 0;

    while (at < text.len) {
        char c = text.data[at];
        size_t n = 1;

        if (c == '"') {
            n = string_len((asg_str_t) {text.data + at, text.len - at});
            if (n == 0) {
                return 0;
            }
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return at + 1;
        }
        at += n;
    }
    return 0;
}

static size_t word_len(asg_str_t text)
{
    size_t at = 0;

    while (at < text.len && strchr(",]}", text.data[at]) == NULL) {
        at++;
    }
    while (at > 0 && strchr(" \t\r\n", text.data[at - 1]) != NULL) {
        at--;
    }
    return at;
}

static bool take_value(asg_str_t *rest, asg_str_t *value)
{
    size_t len;

    skip_space(rest);
    if (rest->len == 0) {
        return false;
    }
    switch (rest->data[0]) {
    case '{':
    case '[':
        len = container_len(*rest);
        break;
    case '"':
        len = string_len(*rest);
        break;
    default:
        len = word_len(*rest);
    }
    *value = (asg_str_t) {rest->data, len};
    rest->data += len;
    rest->len -= len;
    return len > 0;
}

/* --- lists --- */

bool asg_outline_next(asg_str_t *rest, asg_str_t *element)
{
    return (take(rest, '[') || take(rest, ','))
        && take_value(rest, element);
}

/* An array whose elements stand apart by one comma each. */
static asg_err_t count(asg_str_t list, unsigned max, unsigned *out)
{
    asg_str_t rest = list;
    asg_str_t element;
    unsigned n = 0;

    if (!take(&rest, '[')) {
        return ASG_ERR_SYNTAX;
    }
    if (take(&rest, ']')) {
        *out = 0;
        return ASG_OK;
    }
    do {
        if (!take_value(&rest, &element)) {
            return ASG_ERR_SYNTAX;
        }
        if (++n > max) {
            return ASG_ERR_LIMIT;
        }
    } while (take(&rest, ','));
    if (!take(&rest, ']') || rest.len > 0) {
        return ASG_ERR_SYNTAX;
    }
    *out = n;
    return ASG_OK;
}

/* --- the top-level object --- */

/* A member that we do not know must still be JSON. */
static bool is_json(asg_json_t *json, asg_str_t text)
{
    asg_json_event_t event;

    asg_json_begin(json, text, json->seed);
    do {
        event = asg_json_next(json);
    } while (event > ASG_JSON_END);
    return event == ASG_JSON_END;
}

static asg_err_t take_member(asg_json_t *json, asg_str_t *rest,
    asg_str_t parts[PARTS])
{
    asg_str_t key, value;
    unsigned i = 0;

    if (!take_value(rest, &key) || key.data[0] != '"' || !take(rest, ':')
        || !take_value(rest, &value))
    {
        return ASG_ERR_SYNTAX;
    }
    key = (asg_str_t) {key.data + 1, key.len - 2};
    while (i < PARTS && !asg_str_eq_z(key, part_names[i])) {
        i++;
    }
    if (i == PARTS) {
        return is_json(json, value) && memchr(key.data, '\\', key.len) == NULL
            ? ASG_OK : ASG_ERR_SYNTAX;
    }
    if (parts[i].data != NULL) {
        return ASG_ERR_SYNTAX;
    }
    parts[i] = value;
    return ASG_OK;
}

static asg_err_t take_members(asg_json_t *json, asg_str_t body,
    asg_str_t parts[PARTS])
{
    asg_str_t rest = body;

    if (!take(&rest, '{')) {
        return ASG_ERR_SYNTAX;
    }
    do {
        asg_err_t rc = take_member(json, &rest, parts);

        if (rc != ASG_OK) {
            return rc;
        }
    } while (take(&rest, ','));
    if (!take(&rest, '}')) {
        return ASG_ERR_SYNTAX;
    }
    skip_space(&rest);
    return rest.len == 0 ? ASG_OK : ASG_ERR_SYNTAX;
}

static asg_err_t read_numbers(const asg_str_t parts[PARTS], asg_outline_t *out)
{
    int64_t format;

    if (!asg_str_i64(parts[PART_FORMAT], &format)) {
        return ASG_ERR_SYNTAX;
    }
    if (format < ASG_CATALOG_FORMAT_OLDEST || format > ASG_CATALOG_FORMAT) {
        return ASG_ERR_VERSION;
    }
    if (!asg_str_i64(parts[PART_VERSION], &out->version)
        || !asg_str_i64(parts[PART_CREATED], &out->created)
        || !asg_str_i64(parts[PART_MAX_AGE], &out->max_age_s))
    {
        return ASG_ERR_SYNTAX;
    }
    return out->version >= 0 && out->created >= 0 && out->max_age_s > 0
        ? ASG_OK : ASG_ERR_RANGE;
}

asg_err_t asg_outline_read(asg_json_t *json, asg_str_t body,
    asg_outline_t *out)
{
    asg_str_t parts[PARTS] = {ASG_STR_NULL};
    asg_outline_t found;
    asg_err_t rc;

    if (body.len > ASG_CATALOG_BYTES_MAX) {
        return ASG_ERR_LIMIT;
    }
    rc = take_members(json, body, parts);
    for (unsigned i = 0; rc == ASG_OK && i < PART_CARDS; i++) {
        rc = parts[i].data != NULL ? ASG_OK : ASG_ERR_MISSING;
    }
    if (rc == ASG_OK) {
        rc = read_numbers(parts, &found);
    }
    if (rc != ASG_OK) {
        return rc;
    }
    found.endpoints = parts[PART_ENDPOINTS];
    found.models = parts[PART_MODELS];
    found.names = parts[PART_NAMES];
    found.cards = parts[PART_CARDS];
    found.ncards = 0;
    rc = count(found.endpoints, ASG_CATALOG_ENDPOINTS_MAX, &found.nendpoints);
    if (rc == ASG_OK) {
        rc = count(found.models, ASG_CATALOG_MODELS_MAX, &found.nmodels);
    }
    if (rc == ASG_OK) {
        rc = count(found.names, ASG_CATALOG_NAMES_MAX, &found.nnames);
    }
    if (rc == ASG_OK && found.cards.data != NULL) {
        rc = count(found.cards, ASG_CATALOG_CARDS_MAX, &found.ncards);
    }
    if (rc == ASG_OK) {
        *out = found;
    }
    return rc;
}
