/*
 * Replies and error texts of the Redis scripts: the lines of the input are the
 * strings of one reply.  What is read must lie inside the reply.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/limits.h"
#include "core/script.h"
#include "core/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t split(const char *text, size_t len, asg_str_t *out)
{
    size_t n = 0;

    while (n < ASG_SCRIPT_REPLY_MAX) {
        const char *end = len == 0 ? NULL : memchr(text, '\n', len);
        size_t line = end == NULL ? len : (size_t) (end - text);

        out[n++] = (asg_str_t) {text, line};
        if (end == NULL) {
            break;
        }
        text = end + 1;
        len -= line + 1;
    }
    return n;
}

static void check_amounts(const asg_str_t *reply, size_t n)
{
    asg_reply_over_t over;
    asg_reply_hold_t hold;
    asg_reply_rate_t rate;
    asg_str_t marks[2];
    char text[ASG_LIMIT_DURATION];
    int64_t expires;

    if (asg_reply_over(reply, n, &over) == ASG_OK) {
        assert(over.limit_nusd >= 0 && over.limit_nusd <= ASG_NUSD_MAX);
        assert(over.resets_at_s >= 0 && over.budget.len > 0);
        assert(over.zone.len > 0 && over.zone.len < ASG_WINDOW_ZONE_MAX);
    }
    if (asg_reply_rate(reply, n, &rate) == ASG_OK) {
        assert(rate.limit >= 0 && rate.used >= 0 && rate.scope.len > 2);
        assert(rate.retry_ms >= ASG_LIMIT_UNKNOWN);
    }
    if (asg_reply_limits(reply, n, 2, &rate.room, marks) == ASG_OK) {
        assert(marks[1].len <= ASG_LIMIT_MARK);
        assert(asg_limit_duration(rate.room.of[1].resets_ms, text)
               < sizeof(text));
    }
    if (asg_reply_hold(reply, n, &hold) == ASG_OK) {
        assert(hold.expires_s >= 0 && hold.pins.len > 0);
    }
    if (asg_reply_expires(reply, n, &expires) == ASG_OK) {
        assert(expires >= 0 && expires <= ASG_NUSD_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *) data;
    asg_str_t reply[ASG_SCRIPT_REPLY_MAX];
    size_t n = split(text, size, reply);
    asg_str_t id;
    asg_fence_t fence;

    check_amounts(reply, n);
    if (asg_reply_event(reply, n, &id) == ASG_OK) {
        assert(id.data == reply[1].data && id.len >= 3);
    }
    if (asg_reply_fence(reply, n, &fence) == ASG_OK) {
        assert(fence.epoch > 0);
        assert(fence.run_id.data + fence.run_id.len
               == reply[1].data + reply[1].len);
    }
    if (asg_script_error_is_clean(reply[0])) {
        assert(asg_script_error(reply[0]) != ASG_SCRIPT_ERROR_OTHER);
    }
    return 0;
}
