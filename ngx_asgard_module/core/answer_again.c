/* An event of a stream that is the one before with another text. */
#include "core/answer_again.h"

#include <string.h>

#include "core/answer_walk.h"

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Where the data of an event begin; 0: its first line has none. */
static size_t data_at(const char *event, size_t len)
{
    if (len < 6 || memcmp(event, "data:", 5) != 0) {
        return 0;
    }
    return event[5] == ' ' ? 6 : 5;
}

/* The length of an event that is one line, without its end; else 0. */
static size_t one_line(const char *event, size_t len)
{
    size_t n = 0;

    while (n < len && !is_line_end(event[n])) {
        n++;
    }
    for (size_t i = n; i < len; i++) {
        if (!is_line_end(event[i])) {
            return 0;
        }
    }
    return n;
}

/* Did the walk learn nothing but where `usage` stands since it was as `before`?
 * `from`: the offset where that was. */
static bool taught_nothing(const asg_answer_scan_t *before,
    const asg_answer_scan_t *after, size_t from)
{
    asg_answer_scan_t expected = *before;

    if (after->usage.to != 0 && after->usage.from < from) {
        return false;
    }
    expected.usage = after->usage;
    return memcmp(&expected, after, offsetof(asg_answer_scan_t, state)) == 0
        && strcmp(before->id, after->id) == 0;
}

/* The walk over the head once more: it comes to the same. */
static bool learn_head(asg_answer_again_t *again, const char *event, size_t len,
    size_t head_len, asg_words_t words)
{
    size_t from = data_at(event, len);

    again->head_len = 0;
    again->tail_len = 0;
    if (from == 0 || head_len == 0 || head_len > ASG_AGAIN_HEAD
        || again->head_misses >= ASG_AGAIN_MISSES)
    {
        return false;
    }
    again->head_misses++;
    again->head_len = head_len;
    memcpy(again->head, event, head_len);
    asg_answer_scan_begin(&again->scan, words);
    asg_answer_scan_feed(&again->scan, event + from, head_len - from, from);
    return true;
}

static void learn_tail(asg_answer_again_t *again, const char *event, size_t len,
    const asg_answer_scan_t *scan)
{
    asg_answer_scan_t walk = again->scan;
    size_t at = again->head_len;

    again->tail_len = 0;
    at += asg_answer_scan_text(&walk, event + at, len - at, at);
    if (at == len || len - at > ASG_AGAIN_TAIL
        || !taught_nothing(&walk, scan, at))
    {
        return;
    }
    again->tail_len = len - at;
    memcpy(again->tail, event + at, again->tail_len);
    again->usage = (asg_scan_span_t) {0, 0};
    if (scan->usage.to != 0) {
        again->usage.from = scan->usage.from - at;
        again->usage.to = scan->usage.to - at;
    }
}

static bool has_head(const asg_answer_again_t *again, const char *event,
    size_t head_len)
{
    return again->head_len > 0 && again->head_len == head_len
        && memcmp(again->head, event, head_len) == 0;
}

void asg_answer_again_learn(asg_answer_again_t *again, const char *event,
    size_t len, const asg_answer_scan_t *scan)
{
    size_t line = one_line(event, len);

    if (line == 0) {
        return;
    }
    if (!has_head(again, event, scan->text_at)
        && !learn_head(again, event, line, scan->text_at, scan->words))
    {
        return;
    }
    if (again->tail_misses < ASG_AGAIN_MISSES) {
        again->tail_misses++;
        learn_tail(again, event, line, scan);
    }
}

void asg_answer_again_enter(asg_answer_again_t *again, asg_answer_scan_t *scan)
{
    /* a text begins: no word is kept */
    memcpy(scan, &again->scan, offsetof(asg_answer_scan_t, word));
    again->head_misses = 0;
}

bool asg_answer_again_leave(asg_answer_again_t *again,
    asg_answer_scan_t *scan, const char *bytes, size_t len, size_t at)
{
    /* it may have been no text */
    if (scan->state != AT_AFTER
        || again->tail_len == 0 || len != again->tail_len
        || memcmp(bytes, again->tail, len) != 0)
    {
        return false;
    }
    again->tail_misses = 0;
    scan->state = AT_DONE;
    scan->depth = 0;
    if (again->usage.to != 0) {
        scan->usage.from = at + again->usage.from;
        scan->usage.to = at + again->usage.to;
    }
    return true;
}
