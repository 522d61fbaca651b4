/* What is read does not depend on how the bytes are cut: whole, each alone, and
 * at a place that the first byte chooses, the events are the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/event_lines.h"

struct sum {
    uint64_t hash;
    size_t n;
};

static bool add(void *data, asg_str_t event)
{
    struct sum *s = data;

    for (size_t i = 0; i < event.len; i++) {
        s->hash = (s->hash ^ (uint8_t) event.data[i]) * 1099511628211u;
    }
    s->hash = (s->hash ^ 0x100) * 1099511628211u;
    s->n++;
    return s->n < 1000;
}

static struct sum read_in(const char *bytes, size_t len, size_t piece,
    char *room)
{
    struct sum s = {.hash = 1};
    asg_event_lines_t l;
    bool go_on = true;

    asg_event_lines_init(&l, room);
    for (size_t at = 0; go_on && at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;

        go_on = asg_event_lines_feed(&l, bytes + at, n, add, &s);
    }
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *room;
    struct sum whole, bytes, pieces;

    if (room == NULL) {
        room = malloc(ASG_EVENT_LINES_MAX);
        assert(room != NULL);
    }
    if (size < 1) {
        return 0;
    }
    whole = read_in((const char *) data + 1, size - 1, size, room);
    bytes = read_in((const char *) data + 1, size - 1, 1, room);
    pieces = read_in((const char *) data + 1, size - 1, data[0] + 1u, room);
    assert(whole.n == bytes.n && whole.hash == bytes.hash);
    assert(whole.n == pieces.n && whole.hash == pieces.hash);
    return 0;
}
