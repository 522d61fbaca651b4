/*
 * What guardrails find in the events of an answer, and the marks of what is to
 * be taken out.  Private to core/: guard_answer.c uses it.
 */
#ifndef ASG_GUARD_MARKS_H
#define ASG_GUARD_MARKS_H

#include "core/guard_answer.h"

#define ASG_MARK_CUT    0x01    /* the byte goes */
/* A mark for each rule that redacts: our word stands in its place.  They are
 * the control characters that a line of an event has none of. */

void asg_guard_marks_begin(asg_guard_answer_t *g);
/* An event with its lines; `at`: the place of its first byte.  Looks at its
 * texts as far as can be told. */
void asg_guard_marks_event(asg_guard_answer_t *g, char *event, size_t len,
    uint32_t at);
void asg_guard_marks_json(asg_guard_answer_t *g, char *body, size_t len);
/* Bytes that are no JSON, as one text that nothing is taken out of. */
void asg_guard_marks_text(asg_guard_answer_t *g, const char *bytes, size_t len);
/* Is the event's data JSON that is whole, or none? */
bool asg_guard_marks_is_whole(asg_guard_answer_t *g, const char *event,
    size_t len);
/* The texts of a group as if they were over; UINT64_MAX: of all. */
void asg_guard_marks_look_all(asg_guard_answer_t *g, uint64_t group);

bool asg_guard_marks_any(const char *bytes, size_t len);
int asg_guard_marks_emit(const asg_guard_answer_t *g, const char *bytes,
    size_t len,
    int (*emit)(void *data, const char *bytes, size_t len), void *data);

#endif
