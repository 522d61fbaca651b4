/*
 * Server-sent events, an event's data at a time (WHATWG HTML, 9.2.6).
 */
#include "core/event_lines.h"

void asg_event_lines_init(asg_event_lines_t *l, char *room)
{
    *l = (asg_event_lines_t) {.room = room};
}

/* The line behind the data: its value joins the data, or it goes. */
static void line_end(asg_event_lines_t *l)
{
    char *line = l->room + l->event;
    size_t skip = 5;

    if (l->line < skip || memcmp(line, "data:", skip) != 0) {
        if (l->line == 4 && memcmp(line, "data", 4) == 0) {
            skip = 4;                   /* a field without a value */
        } else {
            l->line = 0;
            return;
        }
    }
    if (skip == 5 && l->line > 5 && line[5] == ' ') {
        skip = 6;
    }
    l->line -= skip;
    memmove(line, line + skip, l->line);
    line[l->line++] = '\n';             /* the field's name made room for it */
    l->event += l->line;
    l->line = 0;
    l->has_data = true;
}

static bool event_end(asg_event_lines_t *l, asg_event_lines_fn *fn, void *data)
{
    bool go_on = true;

    if (l->has_data) {
        go_on = fn(data, (asg_str_t) {l->room, l->event - 1});
    }
    l->event = 0;
    l->has_data = false;
    return go_on;
}

bool asg_event_lines_feed(asg_event_lines_t *l, const char *bytes, size_t len,
    asg_event_lines_fn *fn, void *data)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        bool was_cr = l->after_cr;

        l->after_cr = c == '\r';
        if (c == '\n' && was_cr) {
            continue;
        }
        if (c != '\n' && c != '\r') {
            if (l->event + l->line == ASG_EVENT_LINES_MAX) {
                return false;
            }
            l->room[l->event + l->line++] = c;
        } else if (l->line > 0) {
            line_end(l);
        } else if (!event_end(l, fn, data)) {
            return false;
        }
    }
    return true;
}
