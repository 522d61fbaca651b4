/*
 * What the two readers of answers share.  Private to core/.
 */
#ifndef ASG_ANSWER_PARTS_H
#define ASG_ANSWER_PARTS_H

#include "core/answer.h"

/* The event that stands instead of a provider's error. */
asg_str_t asg_answer_error_event(asg_words_t words);
/* After an event or answer that is whole: takes the usage that the scan found.
 * One that is impossible, or less than an earlier one, spoils the whole
 * stream's. */
void asg_answer_take_usage(asg_answer_t *a);
/* Brings `has_content` and the verdict up to date. */
void asg_answer_judge(asg_answer_t *a);

#endif
