/* The answer of an operator's guardrail service. */
#include "core/hook.h"

#include "core/guard_set.h"
#include "core/members.h"

#define LENGTH  "content-length:"
#define CODING  "transfer-encoding:"

static bool begins(asg_str_t line, const char *name)
{
    size_t n = strlen(name);

    if (line.len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = line.data[i];

        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != name[i]) {
            return false;
        }
    }
    return true;
}

/* HTTP/1.x NNN */
static bool read_status(asg_str_t line, unsigned *status)
{
    if (line.len < 12 || memcmp(line.data, "HTTP/1.", 7) != 0
        || line.data[8] != ' ' || (line.len > 12 && line.data[12] != ' '))
    {
        return false;
    }
    *status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.data[i] < '0' || line.data[i] > '9') {
            return false;
        }
        *status = *status * 10 + (unsigned) (line.data[i] - '0');
    }
    return true;
}

static bool read_length(asg_str_t value, uint64_t *length)
{
    while (value.len > 0 && *value.data == ' ') {
        value.data++;
        value.len--;
    }
    while (value.len > 0 && value.data[value.len - 1] == ' ') {
        value.len--;
    }
    return *length == UINT64_MAX && asg_str_u64(value, length)
        && *length <= ASG_HOOK_ANSWER_MAX;
}

/* The lines of the head, without the blank one. */
static bool read_head(asg_str_t head, unsigned *status, uint64_t *length)
{
    bool is_first = true;

    while (head.len > 0) {
        const char *stop = memmem(head.data, head.len, "\r\n", 2);
        size_t n = stop != NULL ? (size_t) (stop - head.data) : head.len;
        asg_str_t line = {head.data, n};

        n += stop != NULL ? 2 : 0;
        head.data += n;
        head.len -= n;
        if (is_first) {
            if (!read_status(line, status)) {
                return false;
            }
        } else if (begins(line, CODING)) {
            return false;               /* HTTP/1.0 was asked for */
        } else if (begins(line, LENGTH)) {
            n = sizeof(LENGTH) - 1;
            if (!read_length((asg_str_t) {line.data + n, line.len - n},
                             length))
            {
                return false;
            }
        }
        is_first = false;
    }
    return !is_first;
}

asg_hook_state_t asg_hook_answer(asg_str_t bytes, bool is_over,
    unsigned *status, asg_str_t *body)
{
    const char *blank = bytes.len > 0 ? memmem(bytes.data, bytes.len,
                                               "\r\n\r\n", 4) : NULL;
    uint64_t length = UINT64_MAX;

    if (blank == NULL) {
        return is_over || bytes.len >= ASG_HOOK_ANSWER_MAX ? ASG_HOOK_BAD
                                                           : ASG_HOOK_MORE;
    }
    if (!read_head((asg_str_t) {bytes.data, (size_t) (blank - bytes.data)},
                   status, &length))
    {
        return ASG_HOOK_BAD;
    }
    body->data = blank + 4;
    body->len = bytes.len - (size_t) (body->data - bytes.data);
    if (length != UINT64_MAX && body->len >= length) {
        body->len = (size_t) length;
        return ASG_HOOK_WHOLE;
    }
    if (is_over) {
        return length == UINT64_MAX ? ASG_HOOK_WHOLE : ASG_HOOK_BAD;
    }
    return bytes.len >= ASG_HOOK_ANSWER_MAX ? ASG_HOOK_BAD : ASG_HOOK_MORE;
}

typedef struct {
    asg_str_t action, rule, category;
} parts_t;

static const asg_member_t members[] = {
    ASG_MEMBER(STRING, "action", parts_t, action),
    ASG_MEMBER_MAYBE(STRING_OR_NULL, "rule_id", parts_t, rule),
    ASG_MEMBER_MAYBE(STRING_OR_NULL, "category", parts_t, category)
};

static bool take_name(asg_str_t name, char out[ASG_RULE_NAME_MAX])
{
    name = name.data != NULL ? name : ASG_STR("hook");
    if (!asg_guard_name_is_good(name)) {
        return false;
    }
    memcpy(out, name.data, name.len);
    out[name.len] = '\0';
    return true;
}

asg_err_t asg_hook_verdict(asg_json_t *json, asg_str_t body,
    asg_hook_verdict_t *out)
{
    parts_t parts = {ASG_STR_NULL, ASG_STR_NULL, ASG_STR_NULL};
    asg_hook_verdict_t found;
    asg_err_t err = asg_members_read_text(json, body, NULL,
                                          ASG_MEMBERS(members), &parts);

    if (err != ASG_OK) {
        return err;
    }
    if (asg_action_parse(parts.action, &found.action) != ASG_OK
        || found.action == ASG_ACTION_REDACT
        || !take_name(parts.rule, found.rule)
        || !take_name(parts.category, found.category))
    {
        return ASG_ERR_SYNTAX;
    }
    *out = found;
    return ASG_OK;
}
