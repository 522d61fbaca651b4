/* A text that comes in pieces: what a match could still need is kept. */
#include "core/guard.h"

_Static_assert(ASG_GUARD_STREAM >= 4 * ASG_GUARD_REACH,
               "what is kept leaves room for more");

void asg_guard_stream_init(asg_guard_stream_t *stream)
{
    stream->len = 0;
    stream->from = 0;
}

static void look(asg_guard_stream_t *stream, size_t to, asg_hit_pt found,
    void *data)
{
    asg_str_t text = {stream->kept, stream->len};

    if (to > stream->from) {
        asg_guard_find(text, stream->from, to, found, data);
        stream->from = to;
    }
}

/* All but what the next anchors can look back to. */
static void forget(asg_guard_stream_t *stream)
{
    size_t from = stream->from;

    if (from > ASG_GUARD_REACH) {
        size_t gone = from - ASG_GUARD_REACH;

        memmove(stream->kept, stream->kept + gone, stream->len - gone);
        stream->len -= gone;
        stream->from = ASG_GUARD_REACH;
    }
}

void asg_guard_stream_feed(asg_guard_stream_t *stream, const char *text,
    size_t len, asg_hit_pt found, void *data)
{
    while (len > 0) {
        size_t room = ASG_GUARD_STREAM - stream->len;
        size_t n = len < room ? len : room;

        memcpy(stream->kept + stream->len, text, n);
        stream->len += n;
        text += n;
        len -= n;
        if (stream->len == ASG_GUARD_STREAM) {
            look(stream, stream->len - ASG_GUARD_REACH, found, data);
            forget(stream);
        }
    }
}

void asg_guard_stream_end(asg_guard_stream_t *stream, asg_hit_pt found,
    void *data)
{
    look(stream, stream->len, found, data);
    asg_guard_stream_init(stream);
}
