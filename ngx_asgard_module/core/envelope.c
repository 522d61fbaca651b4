/* The layout of a sealed secret. */
#include "core/envelope.h"

#define HEAD 2                          /* format, length of the id */

static asg_str_t take(asg_str_t bytes, size_t *at, size_t n)
{
    asg_str_t part = {bytes.data + *at, n};

    *at += n;
    return part;
}

static bool is_id(asg_str_t id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return id.len >= 1 && id.len <= ASG_KEYFILE_ID_MAX;
}

asg_err_t asg_envelope_parse(asg_str_t bytes, asg_envelope_t *out)
{
    const size_t fixed = 2 * ASG_ENVELOPE_NONCE + ASG_ENVELOPE_WRAPPED
                         + ASG_ENVELOPE_TAG;
    asg_envelope_t e;
    size_t id, at = HEAD;

    if (bytes.len < HEAD) {
        return ASG_ERR_SYNTAX;
    }
    if ((uint8_t) bytes.data[0] != ASG_ENVELOPE_FORMAT) {
        return ASG_ERR_VERSION;
    }
    id = (uint8_t) bytes.data[1];
    if (bytes.len < HEAD + id + fixed) {
        return ASG_ERR_SYNTAX;
    }
    if (bytes.len - HEAD - id - fixed > ASG_ENVELOPE_PLAIN_MAX) {
        return ASG_ERR_LIMIT;
    }
    e.key_id = take(bytes, &at, id);
    e.wrap_nonce = take(bytes, &at, ASG_ENVELOPE_NONCE);
    e.wrapped = take(bytes, &at, ASG_ENVELOPE_WRAPPED);
    e.nonce = take(bytes, &at, ASG_ENVELOPE_NONCE);
    e.sealed = take(bytes, &at, bytes.len - at);
    if (!is_id(e.key_id)) {
        return ASG_ERR_SYNTAX;
    }
    *out = e;
    return ASG_OK;
}

asg_err_t asg_envelope_write(const asg_envelope_t *from,
    uint8_t out[ASG_ENVELOPE_MAX], size_t *len)
{
    const char head[HEAD] = {ASG_ENVELOPE_FORMAT, (char) from->key_id.len};
    asg_buf_t b;

    if (!is_id(from->key_id)
        || from->wrap_nonce.len != ASG_ENVELOPE_NONCE
        || from->wrapped.len != ASG_ENVELOPE_WRAPPED
        || from->nonce.len != ASG_ENVELOPE_NONCE
        || from->sealed.len < ASG_ENVELOPE_TAG)
    {
        return ASG_ERR_SYNTAX;
    }
    if (from->sealed.len > ASG_ENVELOPE_PLAIN_MAX + ASG_ENVELOPE_TAG) {
        return ASG_ERR_LIMIT;
    }
    asg_buf_init(&b, (char *) out, ASG_ENVELOPE_MAX);
    asg_buf_put(&b, head, HEAD);
    asg_buf_str(&b, from->key_id);
    asg_buf_str(&b, from->wrap_nonce);
    asg_buf_str(&b, from->wrapped);
    asg_buf_str(&b, from->nonce);
    asg_buf_str(&b, from->sealed);
    *len = b.len;
    return ASG_OK;
}
