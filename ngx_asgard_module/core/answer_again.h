/*
 * An event of a stream that is the one before with another text.
 *
 * Hundreds of events differ in nothing but a few words.  What the walk over an
 * event's JSON comes to depends on its bytes alone: so the bytes up to its
 * first text are kept, with the walk as it stood there, and those after it,
 * when they taught nothing.  An event that has the same is not walked again.
 *
 * Private to core/: answer_sse.c uses it.
 */
#ifndef ASG_ANSWER_AGAIN_H
#define ASG_ANSWER_AGAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/answer_scan.h"

#define ASG_AGAIN_HEAD   448
#define ASG_AGAIN_TAIL   192
#define ASG_AGAIN_MISSES 16

typedef struct {
    size_t head_len;            /* 0: nothing is known */
    size_t tail_len;            /* 0: only the head is */
    asg_scan_span_t usage;      /* in the tail */
    unsigned head_misses;       /* in a row; many: not tried any more */
    unsigned tail_misses;
    asg_answer_scan_t scan;     /* after the head */
    char head[ASG_AGAIN_HEAD];  /* "data: {…" up to the text's first byte */
    char tail[ASG_AGAIN_TAIL];  /* after its quote, to the line's end */
} asg_answer_again_t;

/* After an event whose JSON was whole and that had not both head and tail:
 * keeps what it has, if it can be used.  `event`: all its bytes, as they came.
 * A stream whose events differ too often is left alone. */
void asg_answer_again_learn(asg_answer_again_t *again, const char *event,
    size_t len, const asg_answer_scan_t *scan);
/* The event has the head: the walk stands where it stood. */
void asg_answer_again_enter(asg_answer_again_t *again, asg_answer_scan_t *scan);
/* The text ended before offset `at`, and `len` bytes are at hand: are they the
 * tail?  Then the walk is at its end. */
bool asg_answer_again_leave(asg_answer_again_t *again,
    asg_answer_scan_t *scan, const char *bytes, size_t len, size_t at);

#endif
