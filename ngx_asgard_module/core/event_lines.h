/*
 * Server-sent events, an event's data at a time.
 *
 * Bytes may be cut anywhere.  Lines end with LF, CR LF or CR; the data lines of
 * an event are joined with LF; comments and other fields are passed over.  An
 * event above ASG_EVENT_LINES_MAX bytes ends the reading.  An event that the
 * stream cuts off is none.
 */
#ifndef ASG_EVENT_LINES_H
#define ASG_EVENT_LINES_H

#include "core/str.h"

#define ASG_EVENT_LINES_MAX ((size_t) 256 * 1024)

/* False ends the reading. */
typedef bool asg_event_lines_fn(void *data, asg_str_t event);

typedef struct {
    char *room;                 /* of the caller, ASG_EVENT_LINES_MAX bytes */
    size_t event;               /* bytes of the event's data so far */
    size_t line;                /* bytes of the line so far, behind those */
    bool has_data;
    bool after_cr;
} asg_event_lines_t;

void asg_event_lines_init(asg_event_lines_t *l, char *room);
/* Calls `fn` for each event that ends in these bytes.  False: `fn` said so, or
 * an event is too long. */
bool asg_event_lines_feed(asg_event_lines_t *l, const char *bytes, size_t len,
    asg_event_lines_fn *fn, void *data);

#endif
