/*
 * What the client gets of a stream's events.
 *
 * An event goes out in pieces around what is replaced; pieces that lie behind
 * one another leave as one.  Nothing is copied.
 *
 * Private to core/: answer_sse.c uses it.
 */
#ifndef ASG_ANSWER_OUT_H
#define ASG_ANSWER_OUT_H

#include "core/answer.h"

/* asg_answer_t.flags */
enum {
    F_BLANK      = 1 << 0,      /* nothing in this line yet */
    F_CR         = 1 << 1,      /* the last byte was a CR that ended a line */
    F_CRLF       = 1 << 2,      /* the last complete line end was CR LF */
    F_END        = 1 << 3,      /* that CR ended the event; its LF is due */
    F_DATA       = 1 << 4,      /* the event has a data line */
    F_ERROR_NAME = 1 << 5,      /* it has the line "event: error" */
    F_OVERFLOW   = 1 << 6,      /* it did not fit: passed on as it comes */
    F_SWALLOW    = 1 << 7,      /* it did not fit, and is not for the client */
    F_FIRST      = 1 << 8,      /* no line has ended yet */
    F_AGAIN      = 1 << 9,      /* it is the event before with another text */
    F_OTHER      = 1 << 10,     /* it has a line that is no data */
    F_MARK       = 1 << 11,     /* it begins with a byte order mark */
    F_QUIET      = 1 << 12,     /* it did not fit, within a line of no data */
    F_LINES      = 1 << 13      /* it did not fit, and a line ended since */
};

typedef struct {
    asg_answer_t *a;
    asg_answer_emit_pt emit;
    void *data;
    const char *event;          /* the event at hand, among the bytes that were
                                 * given; NULL: it is in a->line */
    const char *run;            /* what was not passed on yet */
    size_t run_len;
    int rc;                     /* what emit said, once it was not 0 */
    bool is_probe;              /* nothing is passed: would it leak? */
    asg_str_t probed;           /* the piece that was looked at last */
    bool leaks;
} asg_answer_out_t;

/* The bytes must stay until they are flushed. */
void asg_answer_out(asg_answer_out_t *o, const char *bytes, size_t len);
void asg_answer_out_flush(asg_answer_out_t *o);

const char *asg_answer_out_text(const asg_answer_out_t *o);
/* What there is of the event, with the edits of which enough is known, and
 * without what is not for the client. */
void asg_answer_out_event(asg_answer_out_t *o);
/* Our error event instead of the provider's words. */
void asg_answer_out_error(asg_answer_out_t *o);
/* Would that event tell the key?  Then it is known from here on. */
bool asg_answer_out_leaks(asg_answer_out_t *o);
/* Bytes of an event that goes out as it comes; false: they would. */
bool asg_answer_out_next(asg_answer_out_t *o, const char *bytes, size_t len);

#endif
