/*
 * What the two readers of answers share.  Private to core/.
 */
#ifndef ASG_ANSWER_PARTS_H
#define ASG_ANSWER_PARTS_H

#include "core/answer.h"
#include "core/reason.h"

/* The event that stands instead of a provider's error; of a reason that is not
 * of the provider: as for ASG_REASON_UPSTREAM_ERROR. */
asg_str_t asg_answer_error_event(asg_words_t words, asg_reason_t reason);
/* What the error object of such an event says, of which no word is passed on:
 * in Anthropic's words by its type, else by a code of ours. */
asg_reason_t asg_answer_error_reason(asg_words_t words, asg_str_t error);
typedef struct {
    size_t from;
    size_t to;
    asg_str_t text;
} asg_answer_edit_t;

/* What of the text that was scanned is not for the client as it stands, in the
 * order of the text. */
unsigned asg_answer_edits(const asg_answer_t *a, const char *text,
    asg_answer_edit_t edits[ASG_ANSWER_EDITS]);

/* After an event or answer that is whole: takes the usage that the scan found.
 * One that is impossible, or less than an earlier one, spoils the whole
 * stream's. */
void asg_answer_take_usage(asg_answer_t *a);
/* Brings `has_content` and the verdict up to date. */
void asg_answer_judge(asg_answer_t *a);

#endif
