/* Reading a JSON object into a struct by a table of its members. */
#include "core/members.h"

asg_err_t asg_members_fault(const asg_json_t *json)
{
    return json->fault == ASG_JSON_TOO_MUCH ? ASG_ERR_LIMIT : ASG_ERR_SYNTAX;
}

asg_err_t asg_members_string(const asg_json_t *json, asg_buf_t *scratch,
    asg_str_t *out)
{
    size_t from;

    if (!json->escaped) {
        *out = json->token;
        return ASG_OK;
    }
    if (scratch == NULL) {
        return ASG_ERR_SYNTAX;
    }
    from = scratch->len;
    if (!asg_json_unescape(json->token, scratch)) {
        return ASG_ERR_SPACE;
    }
    *out = (asg_str_t) {scratch->data + from, scratch->len - from};
    return ASG_OK;
}

static asg_err_t read_number(const asg_json_t *json, asg_member_kind_t kind,
    void *field)
{
    int64_t n;

    if (!asg_json_int(json, &n) || n < 0
        || (kind == ASG_MEMBER_FLAG && n > 1))
    {
        return ASG_ERR_RANGE;
    }
    if (kind == ASG_MEMBER_FLAG) {
        *(bool *) field = n == 1;
    } else if (kind == ASG_MEMBER_VERSION) {
        *(uint64_t *) field = (uint64_t) n;
    } else {
        *(int64_t *) field = n;
    }
    return ASG_OK;
}

static asg_err_t read_value(asg_json_t *json, asg_buf_t *scratch,
    const asg_member_t *member, void *out)
{
    void *field = (char *) out + member->at;
    bool is_string = member->kind == ASG_MEMBER_STRING
        || member->kind == ASG_MEMBER_STRING_OR_NULL;

    if (member->kind == ASG_MEMBER_OTHER) {
        return member->read(json, scratch, out);
    }
    switch (asg_json_next(json)) {
    case ASG_JSON_ERROR:
        return asg_members_fault(json);
    case ASG_JSON_STRING:
        return is_string ? asg_members_string(json, scratch, field)
            : ASG_ERR_SYNTAX;
    case ASG_JSON_NUMBER:
        return is_string ? ASG_ERR_SYNTAX
            : read_number(json, member->kind, field);
    case ASG_JSON_NULL:
        if (member->kind == ASG_MEMBER_STRING_OR_NULL) {
            *(asg_str_t *) field = ASG_STR_NULL;
            return ASG_OK;
        }
        return ASG_ERR_SYNTAX;
    default:
        return ASG_ERR_SYNTAX;
    }
}

/* Index of the member that the key at hand names, else `n`. */
static size_t find(const asg_json_t *json, const asg_member_t *members,
    size_t n)
{
    size_t i = 0;

    while (i < n && !asg_json_is(json, members[i].name)) {
        i++;
    }
    return i;
}

static asg_err_t check_required(const asg_member_t *members, size_t n,
    uint32_t seen)
{
    for (size_t i = 0; i < n; i++) {
        if (members[i].required && (seen >> i & 1) == 0) {
            return ASG_ERR_MISSING;
        }
    }
    return ASG_OK;
}

asg_err_t asg_members_read(asg_json_t *json, asg_buf_t *scratch,
    const asg_member_t *members, size_t n, void *out)
{
    uint32_t seen = 0;
    asg_json_event_t event;

    while ((event = asg_json_next(json)) == ASG_JSON_KEY) {
        size_t i = find(json, members, n);
        asg_err_t rc;

        if (i == n) {
            rc = asg_json_skip(json) ? ASG_OK : asg_members_fault(json);
        } else {
            rc = read_value(json, scratch, &members[i], out);
            seen |= UINT32_C(1) << i;
        }
        if (rc != ASG_OK) {
            return rc;
        }
    }
    if (event != ASG_JSON_OBJECT_END) {
        return asg_members_fault(json);
    }
    return check_required(members, n, seen);
}

asg_err_t asg_members_read_next(asg_json_t *json, asg_buf_t *scratch,
    const asg_member_t *members, size_t n, void *out)
{
    asg_json_event_t event = asg_json_next(json);

    if (event != ASG_JSON_OBJECT) {
        return event == ASG_JSON_ERROR ? asg_members_fault(json)
            : ASG_ERR_SYNTAX;
    }
    return asg_members_read(json, scratch, members, n, out);
}

asg_err_t asg_members_read_maybe(asg_json_t *json, asg_buf_t *scratch,
    const asg_member_t *members, size_t n, void *out, bool *there)
{
    asg_json_event_t event = asg_json_next(json);

    *there = event == ASG_JSON_OBJECT;
    if (event == ASG_JSON_NULL) {
        return ASG_OK;
    }
    return *there ? asg_members_read(json, scratch, members, n, out)
        : asg_members_fault(json);
}

asg_err_t asg_members_read_text(asg_json_t *json, asg_str_t text,
    asg_buf_t *scratch, const asg_member_t *members, size_t n, void *out)
{
    asg_err_t rc;

    asg_json_begin(json, text, json->seed);
    rc = asg_members_read_next(json, scratch, members, n, out);
    if (rc == ASG_OK && asg_json_next(json) != ASG_JSON_END) {
        rc = asg_members_fault(json);
    }
    return rc;
}

asg_err_t asg_members_check_format(asg_json_t *json, asg_str_t text,
    int64_t format)
{
    static const asg_member_t members[] = {
        {"f", ASG_MEMBER_COUNT, /* required */ true, /* at */ 0, NULL}
    };
    int64_t found = 0;
    asg_err_t rc;

    rc = asg_members_read_text(json, text, NULL, ASG_MEMBERS(members), &found);
    if (rc != ASG_OK) {
        return rc;
    }
    return found == format ? ASG_OK : ASG_ERR_VERSION;
}
