/*
 * Whose words an answer is in, and our own where a provider's error stood.
 */
#include "core/answer_parts.h"

#include "core/anthropic_answer.h"
#include "core/view.h"

#define TEXT  "The provider ended the stream with an error."

/* The lines stand apart as in the streams of either API. */
#define CHAT(type, code) \
    ("data: {\"error\":{\"message\":\"" TEXT "\",\"type\":\"" type "\"," \
     "\"param\":null,\"code\":\"" code "\"}}\n\n")
#define MESSAGES(type, code) \
    ("event: error\ndata: {\"type\":\"error\",\"error\":{" \
     "\"type\":\"" type "\",\"message\":\"" TEXT "\",\"param\":null," \
     "\"code\":\"" code "\"}}\n\n")

static const struct {
    asg_reason_t reason;
    const char *chat;
    const char *messages;
} events[] = {
    {ASG_REASON_UPSTREAM_ERROR, CHAT("upstream_error", "upstream_error"),
     MESSAGES("api_error", "upstream_error")},
    {ASG_REASON_UPSTREAM_OVERLOADED,
     CHAT("upstream_error", "upstream_overloaded"),
     MESSAGES("overloaded_error", "upstream_overloaded")},
    {ASG_REASON_UPSTREAM_RATE_LIMITED,
     CHAT("rate_limit_error", "upstream_rate_limited"),
     MESSAGES("rate_limit_error", "upstream_rate_limited")},
    {ASG_REASON_UPSTREAM_TIMEOUT,
     CHAT("upstream_error", "upstream_timeout"),
     MESSAGES("timeout_error", "upstream_timeout")},
    {ASG_REASON_UPSTREAM_REJECTED,
     CHAT("invalid_request_error", "upstream_rejected"),
     MESSAGES("invalid_request_error", "upstream_rejected")}
};

#define EVENTS  (sizeof(events) / sizeof(*events))

asg_str_t asg_answer_error_event(asg_words_t words, asg_reason_t reason)
{
    size_t i = EVENTS - 1;

    while (i > 0 && events[i].reason != reason) {
        i--;
    }
    return asg_str_z(words == ASG_WORDS_MESSAGES ? events[i].messages
                                                 : events[i].chat);
}

asg_reason_t asg_answer_error_reason(asg_words_t words, asg_str_t error)
{
    asg_str_t code;

    if (words == ASG_WORDS_MESSAGES) {
        return asg_anthropic_error_reason(0, asg_view_find_text(error,
                                                                "type"));
    }
    code = asg_view_find_text(error, "code");
    for (size_t i = 0; code.len > 0 && i < EVENTS; i++) {
        if (asg_view_spells(code, asg_reason_info(events[i].reason)->code)) {
            return events[i].reason;
        }
    }
    return ASG_REASON_UPSTREAM_ERROR;
}

void asg_answer_speaks(asg_answer_t *a, asg_words_t words)
{
    a->words = words;
    asg_answer_scan_begin(&a->scan, words);
}
