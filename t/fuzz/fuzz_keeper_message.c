/* Messages between api and keeper: a head never promises more than its type may
 * have; what is taken is whole, lies within its bytes, and is written back byte
 * by byte. */
#include <assert.h>
#include <string.h>

#include "core/keeper_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char again[ASG_KEEPER_MAX];

static void check_inside(asg_str_t part, asg_str_t body)
{
    assert(part.len == 0 || (part.data >= body.data
           && part.data + part.len <= body.data + body.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_keeper_message_t m;
    asg_keeper_type_t type;
    asg_buf_t b;
    asg_str_t body;
    size_t len;

    if (size < ASG_KEEPER_HEAD || asg_keeper_head(data, &type, &len) != ASG_OK)
    {
        return 0;
    }
    assert(len <= ASG_KEEPER_BODY_MAX);
    if (size - ASG_KEEPER_HEAD < len) {
        return 0;
    }
    body = (asg_str_t) {(const char *) data + ASG_KEEPER_HEAD, len};
    if (asg_keeper_body(type, body, &m) != ASG_OK) {
        return 0;
    }
    assert(m.type == type);
    check_inside(m.grant, body);
    check_inside(m.value, body);
    check_inside(m.code, body);
    asg_buf_init(&b, again, sizeof(again));
    assert(asg_keeper_write(&m, &b) == ASG_OK);
    assert(b.len == ASG_KEEPER_HEAD + len && memcmp(again, data, b.len) == 0);
    return 0;
}
