/* Messages between api and keeper. */
#include "core/keeper_message.h"

#define VERSION    1
#define OPEN_BODY  (ASG_UUID_CHARS + 4)

static const struct {
    size_t least, most;                 /* bytes of a body */
} bounds[] = {
    [ASG_KEEPER_OPEN] = {OPEN_BODY, OPEN_BODY},
    [ASG_KEEPER_VALUE] = {0, ASG_KEEPER_BODY_MAX},
    [ASG_KEEPER_REFUSED] = {3, 2 + ASG_KEEPER_CODE_MAX}
};

static bool is_within(asg_keeper_type_t type, size_t len)
{
    return len >= bounds[type].least && len <= bounds[type].most;
}

static uint32_t number(const char *at, size_t n)
{
    uint32_t value = 0;

    while (n-- > 0) {
        value = value << 8 | (uint8_t) *at++;
    }
    return value;
}

static void put_number(asg_buf_t *b, uint32_t value, size_t n)
{
    while (n-- > 0) {
        uint8_t byte = (uint8_t) (value >> 8 * n);

        asg_buf_put(b, &byte, 1);
    }
}

asg_err_t asg_keeper_head(const uint8_t head[ASG_KEEPER_HEAD],
    asg_keeper_type_t *type, size_t *len)
{
    size_t n = number((const char *) head + 4, 4);
    unsigned t = head[3];

    if (head[0] != 'A' || head[1] != 'K') {
        return ASG_ERR_SYNTAX;
    }
    if (head[2] != VERSION) {
        return ASG_ERR_VERSION;
    }
    if (t < ASG_KEEPER_OPEN || t > ASG_KEEPER_REFUSED) {
        return ASG_ERR_RANGE;
    }
    if (!is_within((asg_keeper_type_t) t, n)) {
        return ASG_ERR_LIMIT;
    }
    *type = (asg_keeper_type_t) t;
    *len = n;
    return ASG_OK;
}

static bool is_code(asg_str_t code)
{
    for (size_t i = 0; i < code.len; i++) {
        char c = code.data[i];

        if (!((c >= 'a' && c <= 'z') || c == '_')) {
            return false;
        }
    }
    return code.len >= 1 && code.len <= ASG_KEEPER_CODE_MAX;
}

/* What a body of any type must be beyond its length. */
static bool is_whole(const asg_keeper_message_t *m)
{
    uint8_t id[ASG_UUID_BYTES];

    switch (m->type) {
    case ASG_KEEPER_OPEN:
        return asg_uuid_pack(m->grant, id) && m->version > 0;
    case ASG_KEEPER_REFUSED:
        return m->status >= 400 && m->status <= 599 && is_code(m->code);
    default:
        return true;
    }
}

asg_err_t asg_keeper_body(asg_keeper_type_t type, asg_str_t body,
    asg_keeper_message_t *out)
{
    asg_keeper_message_t m = {.type = type};

    if (!is_within(type, body.len)) {
        return ASG_ERR_LIMIT;
    }
    if (type == ASG_KEEPER_OPEN) {
        m.grant = (asg_str_t) {body.data, ASG_UUID_CHARS};
        m.version = number(body.data + ASG_UUID_CHARS, 4);
    } else if (type == ASG_KEEPER_VALUE) {
        m.value = body;
    } else {
        m.status = number(body.data, 2);
        m.code = (asg_str_t) {body.data + 2, body.len - 2};
    }
    if (!is_whole(&m)) {
        return ASG_ERR_SYNTAX;
    }
    *out = m;
    return ASG_OK;
}

static size_t body_len(const asg_keeper_message_t *m)
{
    return m->type == ASG_KEEPER_OPEN ? OPEN_BODY
         : m->type == ASG_KEEPER_VALUE ? m->value.len : 2 + m->code.len;
}

asg_err_t asg_keeper_write(const asg_keeper_message_t *m, asg_buf_t *out)
{
    const uint8_t head[4] = {'A', 'K', VERSION, (uint8_t) m->type};
    size_t len = body_len(m);

    if (!is_whole(m)) {
        return ASG_ERR_SYNTAX;
    }
    if (!is_within(m->type, len)) {
        return ASG_ERR_LIMIT;
    }
    asg_buf_put(out, head, sizeof(head));
    put_number(out, (uint32_t) len, 4);
    if (m->type == ASG_KEEPER_OPEN) {
        asg_buf_str(out, m->grant);
        put_number(out, m->version, 4);
    } else if (m->type == ASG_KEEPER_VALUE) {
        asg_buf_str(out, m->value);
    } else {
        put_number(out, m->status, 2);
        asg_buf_str(out, m->code);
    }
    return asg_buf_ok(out) ? ASG_OK : ASG_ERR_SPACE;
}
