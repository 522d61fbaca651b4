/*
 * Guardrails over an answer.
 *
 * What is to be taken out is marked where it stands, by control characters,
 * which no JSON has as they are: CUT for a byte that goes, that of the rule for
 * the first one, in whose place our word stands.
 */
#include "core/guard_answer.h"

#include "core/guard_marks.h"
#include "core/scan.h"

#define RAW_FIRST  4096

void asg_guard_answer_begin(asg_guard_answer_t *g, asg_api_t api,
    bool is_stream, const asg_guard_set_t *set,
    const asg_action_t actions[ASG_RULE_MAX])
{
    memset(g, 0, sizeof(*g));
    g->set = set;
    memcpy(g->actions, actions, sizeof(g->actions));
    g->shape = asg_answer_texts_of(api);
    g->is_stream = is_stream;
    g->blocked = ASG_RULE_MAX;
    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        if (i >= ASG_RULE_COUNT && (set == NULL
                                    || i - ASG_RULE_COUNT >= set->nrules))
        {
            g->actions[i] = ASG_ACTION_ALLOW;
        }
        g->holds |= g->actions[i] >= ASG_ACTION_REDACT;
    }
    asg_guard_search_begin(&g->owner.search, set, actions);
    asg_guard_marks_begin(g);
}

asg_action_t asg_guard_answer_action(const asg_guard_answer_t *g,
    asg_rule_t rule)
{
    return g->actions[rule] == ASG_ACTION_REDACT && g->redacted[rule] == 0
        ? ASG_ACTION_FLAG : g->actions[rule];
}

static bool is_over(const asg_guard_answer_t *g)
{
    return g->blocked != ASG_RULE_MAX || g->too_large || g->failed;
}

/* --- what is held --- */

static bool room_for(asg_guard_answer_t *g, size_t more)
{
    size_t size = g->size > 0 ? g->size : RAW_FIRST;
    char *raw;

    while (size < g->len + more) {
        size *= 2;
    }
    if (size == g->size) {
        return true;
    }
    if (size > 2 * ASG_ANSWER_HELD) {
        g->too_large = true;
        return false;
    }
    raw = g->alloc(g->data, g->raw, g->len, size);
    if (raw == NULL) {
        g->failed = true;
        return false;
    }
    g->raw = raw;
    g->size = size;
    return true;
}

/* The first `n` bytes have left. */
static void drop(asg_guard_answer_t *g, size_t n)
{
    unsigned gone = 0;

    while (gone < g->nends && g->ends[gone] <= n) {
        gone++;
    }
    g->nends -= gone;
    for (unsigned i = 0; i < g->nends; i++) {
        g->ends[i] = g->ends[i + gone] - (uint32_t) n;
    }
    g->len -= n;
    g->at -= n;
    g->seen -= n;
    g->base += (uint32_t) n;
    memmove(g->raw, g->raw + n, g->len);
}

static int pass(asg_guard_answer_t *g, size_t n)
{
    int rc = 0;

    if (n == 0) {
        return 0;
    }
    if (!g->is_cut) {
        rc = g->emit(g->data, g->raw, n);
    } else {
        rc = asg_guard_marks_emit(g, g->raw, n, g->emit, g->data);
        g->is_cut = asg_guard_marks_any(g->raw + n, g->len - n);
    }
    drop(g, n);
    return rc;
}

/* Of `raw`: where the first byte stands that must not leave yet. */
static size_t held_from(const asg_guard_answer_t *g)
{
    size_t first = g->at, index;

    for (unsigned i = 0; i < g->nlanes; i++) {
        const asg_lane_t *lane = g->lanes[i];

        if (!asg_lane_holds(lane, &index)) {
            continue;
        }
        for (; index < lane->len; index++) {
            uint32_t at = lane->map->bytes[index].at - g->base;

            if (at < g->len) {          /* else it has left */
                first = at < first ? at : first;
                break;
            }
        }
    }
    return first;
}

/* Whole events alone. */
static int release(asg_guard_answer_t *g)
{
    size_t held, n = 0;

    if (g->nends == ASG_ANSWER_EVENTS || g->at > ASG_ANSWER_HELD) {
        asg_guard_marks_look_all(g, UINT64_MAX);
    }
    held = held_from(g);
    for (unsigned i = 0; i < g->nends && g->ends[i] <= held; i++) {
        n = g->ends[i];
    }
    return is_over(g) ? 0 : pass(g, n);
}

/* --- events --- */

/* The length of the event that `p` goes on with; 0: it is not whole. */
static size_t event_end(asg_guard_answer_t *g, const char *p, size_t n)
{
    const char *at = p, *end = p + n;

    while (at < end) {
        const char *stop = (const char *) asg_scan_chosen.line(
            (const uint8_t *) at, (const uint8_t *) end);
        bool was_blank;

        if (stop == at && *at == '\n' && g->after_cr) {
            g->after_cr = false;        /* of CR LF */
            at++;
            continue;
        }
        g->in_line |= stop > at;
        if (stop == end) {
            g->after_cr = false;
            return 0;
        }
        was_blank = !g->in_line;
        g->in_line = false;
        g->after_cr = *stop == '\r';
        at = stop + 1;
        if (was_blank) {
            return (size_t) (at - p);
        }
    }
    return 0;
}

static int event_done(asg_guard_answer_t *g, size_t end)
{
    g->has_texts = false;
    asg_guard_marks_event(g, g->raw + g->at, end - g->at,
                          g->base + (uint32_t) g->at);
    g->at = end;
    g->seen = end;
    if (is_over(g)) {
        return 0;
    }
    if (g->nends > 0 && !g->has_texts) {
        g->ends[g->nends - 1] = (uint32_t) end;
    } else {
        g->ends[g->nends++] = (uint32_t) end;
    }
    return release(g);
}

static int feed_held(asg_guard_answer_t *g, const char *bytes, size_t len)
{
    int rc = 0;

    if (!room_for(g, len)) {
        return 0;
    }
    memcpy(g->raw + g->len, bytes, len);
    g->len += len;
    while (rc == 0 && !is_over(g) && g->seen < g->len) {
        size_t n = event_end(g, g->raw + g->seen, g->len - g->seen);

        if (n == 0) {
            g->seen = g->len;
        } else {
            rc = event_done(g, g->seen + n);
        }
    }
    return rc;
}

/* Of an event that is not whole.  One that is too long is no more than text:
 * nothing waits for it. */
static void keep(asg_guard_answer_t *g, const char *bytes, size_t len)
{
    if (!g->is_long && room_for(g, len)) {
        memcpy(g->raw + g->len, bytes, len);
        g->len += len;
    } else if (!g->failed) {
        g->too_large = false;
        g->is_long = true;
        asg_guard_marks_text(g, g->raw, g->len);
        asg_guard_marks_text(g, bytes, len);
        g->len = 0;
    }
}

/* Nothing is held back: the events are looked at where they are. */
static void feed_seen(asg_guard_answer_t *g, const char *bytes, size_t len)
{
    while (len > 0 && !g->failed) {
        size_t n = event_end(g, bytes, len);

        if (n == 0) {
            keep(g, bytes, len);
            return;
        }
        if (g->len == 0 && !g->is_long) {
            asg_guard_marks_event(g, (char *) (uintptr_t) bytes, n, 0);
        } else {
            keep(g, bytes, n);
            asg_guard_marks_event(g, g->raw, g->len, 0);
            g->len = 0;
            g->is_long = false;
        }
        bytes += n;
        len -= n;
    }
}

#define PART  16384

int asg_guard_answer_feed(asg_guard_answer_t *g, const char *bytes, size_t len)
{
    int rc = 0;

    if (!g->holds) {
        rc = g->emit(g->data, bytes, len);
        feed_seen(g, bytes, len);
        return rc;
    }
    while (len > 0 && rc == 0 && !is_over(g)) {
        size_t n = len < PART ? len : PART;

        rc = feed_held(g, bytes, n);
        bytes += n;
        len -= n;
    }
    return rc;
}

/* An event without a blank line after it is one if its JSON is whole; else no
 * client can read it. */
int asg_guard_answer_end(asg_guard_answer_t *g)
{
    int rc = 0;

    if (g->len > g->at && !is_over(g)) {
        if (asg_guard_marks_is_whole(g, g->raw + g->at, g->len - g->at)) {
            asg_guard_marks_event(g, g->raw + g->at, g->len - g->at,
                                  g->base + (uint32_t) g->at);
            g->at = g->len;
        } else {
            asg_guard_marks_text(g, g->raw + g->at, g->len - g->at);
        }
    }
    asg_guard_marks_look_all(g, UINT64_MAX);
    if (g->holds && !is_over(g)) {
        rc = pass(g, g->at);
    }
    g->len = g->at = g->seen = 0;
    return rc;
}

/* --- a whole answer --- */

void asg_guard_answer_json(asg_guard_answer_t *g, char *body, size_t len)
{
    g->raw = body;
    g->len = len;
    asg_guard_marks_json(g, body, len);
}
