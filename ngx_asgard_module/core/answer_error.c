/*
 * Whose words an answer is in, our own where a provider's error stood, and the
 * status of one that stands where an answer should begin.
 */
#include "core/answer_parts.h"

#include <string.h>

#include "core/anthropic_answer.h"
#include "core/view.h"

#define STATUS_FIRST       400
#define STATUS_LAST        599
#define STATUS_OVERLOADED  529
#define STATUS_UNSAID      500

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

/* --- an error in the place of a stream's first event --- */

/* What providers that speak OpenAI's API say as `code` or `type`; also another
 * gateway like this one. */
static const struct {
    const char *word;
    unsigned status;
} statuses[] = {
    {"invalid_request_error", 400}, {"BadRequestError", 400},
    {"context_length_exceeded", 400}, {"upstream_rejected", 400},
    {"authentication_error", 401}, {"AuthenticationError", 401},
    {"invalid_api_key", 401},
    {"permission_error", 403}, {"PermissionDeniedError", 403},
    {"not_found_error", 404}, {"NotFoundError", 404}, {"model_not_found", 404},
    {"rate_limit_error", 429}, {"RateLimitError", 429},
    {"rate_limit_exceeded", 429}, {"insufficient_quota", 429},
    {"upstream_rate_limited", 429},
    {"timeout_error", 504}, {"upstream_timeout", 504},
    {"overloaded_error", STATUS_OVERLOADED},
    {"upstream_overloaded", STATUS_OVERLOADED}
};

#define STATUSES  (sizeof(statuses) / sizeof(*statuses))

/* "429", with quotes or without; 0: something else. */
static unsigned status_number(asg_str_t value)
{
    asg_str_t text = asg_view_is_string(value) ? asg_view_text(value) : value;
    unsigned status = 0;

    if (text.len != 3) {
        return 0;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        status = 10 * status + (unsigned) (text.data[i] - '0');
    }
    return status >= STATUS_FIRST && status <= STATUS_LAST ? status : 0;
}

static unsigned status_word(asg_str_t text)
{
    for (size_t i = 0; text.len > 0 && i < STATUSES; i++) {
        if (asg_view_spells(text, statuses[i].word)) {
            return statuses[i].status;
        }
    }
    return 0;
}

static unsigned status_of(asg_words_t words, asg_str_t said)
{
    asg_str_t error = asg_view_find(said, "error");
    asg_str_t type;
    unsigned status;

    error = asg_view_is_object(error) ? error : said;
    type = asg_view_find_text(error, "type");
    if (words == ASG_WORDS_MESSAGES) {
        return asg_anthropic_error_status(type);
    }
    status = status_number(asg_view_find(error, "code"));
    if (status == 0) {
        status = status_word(asg_view_find_text(error, "code"));
    }
    if (status == 0) {
        status = status_word(type);
    }
    return status != 0 ? status : STATUS_UNSAID;
}

/* The next line, without its end; false: its end is not there yet. */
static bool line_take(asg_str_t *rest, asg_str_t *line)
{
    size_t n = 0;

    while (n < rest->len && rest->data[n] != '\n' && rest->data[n] != '\r') {
        n++;
    }
    *line = (asg_str_t) {rest->data, n};
    if (n == rest->len) {
        return false;
    }
    n += rest->data[n] == '\r' && n + 1 < rest->len
        && rest->data[n + 1] == '\n' ? 2 : 1;
    rest->data += n;
    rest->len -= n;
    return true;
}

static bool begins_with(asg_str_t line, const char *word)
{
    size_t len = strlen(word);

    return line.len >= len && memcmp(line.data, word, len) == 0;
}

/* What stands behind "data:", without the space that may follow it. */
static asg_str_t data_of(asg_str_t line)
{
    size_t at = line.len > 5 && line.data[5] == ' ' ? 6 : 5;

    return (asg_str_t) {line.data + at, line.len - at};
}

static asg_first_t first_judge(const asg_answer_scan_t *scan, bool is_named)
{
    bool is_error = scan->is_error || is_named;

    return is_error && asg_answer_scan_is_whole(scan) && !scan->done_mark
           && scan->content_bytes == 0 && !scan->has_usage
        ? ASG_FIRST_ERROR : ASG_FIRST_ANSWER;
}

asg_first_t asg_answer_first(asg_words_t words, asg_str_t bytes,
    unsigned *status, asg_str_t *said)
{
    asg_answer_scan_t scan;
    asg_first_t first;
    asg_str_t line;
    bool is_named = false;

    *said = ASG_STR_NULL;
    asg_answer_scan_begin(&scan, words);
    while (bytes.len > 0) {
        if (!line_take(&bytes, &line)) {
            return begins_with(line, ":") ? ASG_FIRST_ANSWER : ASG_FIRST_MORE;
        }
        if (line.len == 0 && said->data != NULL) {
            first = first_judge(&scan, is_named);
            *status = first == ASG_FIRST_ERROR ? status_of(words, *said) : 0;
            return first;
        }
        if (begins_with(line, "data:")) {
            if (said->data != NULL) {
                return ASG_FIRST_ANSWER;        /* no error takes two lines */
            }
            *said = data_of(line);
            asg_answer_scan_feed(&scan, said->data, said->len, 0);
        }
        is_named = begins_with(line, "event: error")
            || begins_with(line, "event:error") || (is_named && line.len > 0);
    }
    return said->data != NULL || is_named ? ASG_FIRST_MORE : ASG_FIRST_ANSWER;
}

void asg_answer_speaks(asg_answer_t *a, asg_words_t words)
{
    a->words = words;
    asg_answer_scan_begin(&a->scan, words);
}
