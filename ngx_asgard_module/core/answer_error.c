/*
 * Whose words an answer is in, and our own where a provider's error stood.
 */
#include "core/answer_parts.h"

#define TEXT  "The provider ended the stream with an error."

/* The lines stand apart as in the streams of either API. */
static const char error_data[] =
    "data: {\"error\":{\"message\":\"" TEXT "\","
    "\"type\":\"upstream_error\",\"param\":null,"
    "\"code\":\"upstream_error\"}}\n\n";
static const char messages_error_data[] =
    "event: error\ndata: {\"type\":\"error\",\"error\":{"
    "\"type\":\"api_error\",\"message\":\"" TEXT "\",\"param\":null,"
    "\"code\":\"upstream_error\"}}\n\n";

asg_str_t asg_answer_error_event(asg_words_t words)
{
    return words == ASG_WORDS_MESSAGES ? asg_str_z(messages_error_data)
                                       : asg_str_z(error_data);
}

void asg_answer_speaks(asg_answer_t *a, asg_words_t words)
{
    a->words = words;
    asg_answer_scan_begin(&a->scan, words);
}
