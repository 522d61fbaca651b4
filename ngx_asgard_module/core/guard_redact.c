/*
 * The body with matches replaced by `[REDACTED:<rule>]`.
 *
 * Matches come in the order of their anchors; one may begin before another that
 * came earlier, within the 64 bytes that an address has before its `@`.  So a
 * few are kept, and those that overlap become one.
 */
#include "core/guard_body.h"

#include "core/escape.h"

#define LABEL_MAX      (sizeof("[REDACTED:]") + ASG_RULE_NAME_MAX + 4)
#define KEY_BYTES_MAX  16384    /* of a private key as it is written */
#define KEY_LINE_MAX   64       /* of its last line */

size_t asg_guard_growth(const asg_guard_t *guard)
{
    size_t n = 0;

    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        if (guard->actions[i] == ASG_ACTION_REDACT) {
            n += guard->matches[i];
        }
    }
    return n * LABEL_MAX;
}

void asg_guard_rewrite(asg_guard_t *guard, asg_str_t body, asg_buf_t *out)
{
    guard->body = body;
    guard->out = out;
    guard->copied = 0;
    guard->npending = 0;
    if (guard->set != NULL) {
        memset(guard->begun, 0, sizeof(guard->begun));
    }
}

static void copy_to(asg_guard_t *guard, size_t end)
{
    asg_buf_put(guard->out, guard->body.data + guard->copied,
                end - guard->copied);
    guard->copied = end;
}

void asg_guard_rewrite_end(asg_guard_t *guard)
{
    copy_to(guard, guard->body.len);
    guard->out = NULL;
}

/* --- JSON within a string: what of it is no text --- */

/* The sign at `p`, an escape of the outer JSON resolved; returns its bytes. */
static size_t sign_at(const uint8_t *p, const uint8_t *end, uint32_t *point)
{
    size_t n = *p == '\\' ? asg_escape_read(p, end, point) : 0;

    if (n == 0) {
        *point = *p;
        return 1;
    }
    return n;
}

/* Goes on to `to`, an offset in the string; says whether a quote was passed. */
static bool walk_quotes(const asg_guard_t *guard, asg_guard_quotes_t *q,
    size_t to)
{
    const uint8_t *start = (const uint8_t *) guard->raw.data;
    const uint8_t *end = start + guard->raw.len;
    bool passed = false;
    uint32_t point;

    while (q->to < to) {
        q->to += sign_at(start + q->to, end, &point);
        if (q->after_slash) {
            q->after_slash = false;
        } else if (point == '\\') {
            q->after_slash = true;
        } else if (point == '"') {
            q->in_quotes = !q->in_quotes;
            passed = true;
        }
    }
    return passed;
}

/* Counts quotes of JSON within the string up to `to`.  A rule of the operator
 * may have led the walk further: then it goes on from where it may go back. */
static void count_quotes(asg_guard_t *guard, size_t to)
{
    if (to < guard->quotes.to && guard->set != NULL) {
        guard->quotes = guard->quotes_back;
        guard->name_known = false;
    }
    if (walk_quotes(guard, &guard->quotes, to)) {
        guard->name_known = false;
    }
}

/* The quote that closes the string within that is open, in the outer one as it
 * is written; `limit` when there is none before it. */
static const uint8_t *closing_quote(const asg_guard_t *guard,
    const uint8_t *limit)
{
    const uint8_t *p = (const uint8_t *) guard->raw.data + guard->quotes.to;
    const uint8_t *end = (const uint8_t *) guard->raw.data + guard->raw.len;
    bool after_slash = guard->quotes.after_slash;
    uint32_t point;

    while (p < limit) {
        size_t n = sign_at(p, end, &point);

        if (!after_slash && point == '"') {
            return p;
        }
        after_slash = !after_slash && point == '\\';
        p += n;
    }
    return limit;
}

/* Does a colon follow the string within that is open? */
static bool closes_as_name(const asg_guard_t *guard)
{
    const uint8_t *end = (const uint8_t *) guard->raw.data + guard->raw.len;
    const uint8_t *p = closing_quote(guard, end);
    uint32_t point;

    p += p < end ? sign_at(p, end, &point) : 0;
    while (p < end) {
        p += sign_at(p, end, &point);
        if (point != ' ' && point != '\t' && point != '\n' && point != '\r') {
            return point == ':';
        }
    }
    return false;
}

/* It is looked for once for each such string, so all of them together cost no
 * more than their length. */
static bool is_in_name(asg_guard_t *guard)
{
    if (!guard->name_known) {
        guard->is_name = closes_as_name(guard);
        guard->name_known = true;
    }
    return guard->is_name;
}

/* Would the JSON be another without the match: a number, or in a name? */
static bool is_structure(asg_guard_t *guard, size_t start, asg_rule_t rule)
{
    if (guard->kind != ASG_TEXT_JSON) {
        return false;
    }
    count_quotes(guard,
                 start - (size_t) (guard->raw.data - guard->body.data));
    return guard->quotes.in_quotes ? is_in_name(guard)
                            : rule == ASG_RULE_PII_CREDIT_CARD;
}

/* --- private keys, of which a match is the first line --- */

/* Where the string at hand ends, or the one within it; `limit` if that is
 * nearer. */
static const char *text_end(const asg_guard_t *guard, const char *limit)
{
    return guard->kind == ASG_TEXT_JSON && guard->quotes.in_quotes
        ? (const char *) closing_quote(guard, (const uint8_t *) limit) : limit;
}

/* The end of the key, else of the string that it is in: to look for that is
 * bounded where the key has an end, and without one all of it is looked at
 * once. */
static size_t key_end(const asg_guard_t *guard, size_t end)
{
    const char *text = guard->body.data + end;
    const char *last = guard->raw.data + guard->raw.len;
    size_t left = (size_t) (last - text);
    size_t n = left < KEY_BYTES_MAX ? left : KEY_BYTES_MAX;
    const char *near = text_end(guard, text + n);
    const char *line = memmem(text, (size_t) (near - text), "-----END ", 9);

    if (line == NULL) {
        near = near < text + n ? near : text_end(guard, last);
        return (size_t) (near - guard->body.data);
    }
    line += 9;
    left = (size_t) (text_end(guard, last - line < KEY_LINE_MAX
                              ? last : line + KEY_LINE_MAX) - line);
    last = memmem(line, left, "-----", 5);
    return (size_t) ((last != NULL ? last + 5 : line) - guard->body.data);
}

/* --- */

static void write_cut(asg_guard_t *guard, const asg_guard_cut_t *cut)
{
    if (cut->start < guard->copied) {
        guard->copied = cut->end > guard->copied ? cut->end : guard->copied;
        return;
    }
    copy_to(guard, cut->start);
    if (cut->rule != ASG_RULE_MAX) {
        asg_buf_z(guard->out, "[REDACTED:");
        asg_buf_z(guard->out, asg_guard_name(guard->set, cut->rule));
        asg_buf_z(guard->out, "]");
    }
    guard->copied = cut->end;
}

static void add_cut(asg_guard_t *guard, asg_guard_cut_t cut)
{
    unsigned n = guard->npending;

    if (n > 0 && guard->pending[n - 1].end >= cut.end
        && guard->pending[n - 1].start <= cut.start)
    {
        return;
    }
    if (cut.rule == ASG_RULE_SECRET_PRIVATE_KEY) {
        cut.end = key_end(guard, cut.end);
    }
    while (n > 0 && guard->pending[n - 1].end > cut.start) {
        const asg_guard_cut_t *other = &guard->pending[--n];

        cut.start = other->start < cut.start ? other->start : cut.start;
        cut.end = other->end > cut.end ? other->end : cut.end;
        cut.rule = cut.rule == ASG_RULE_MAX ? other->rule : cut.rule;
    }
    if (n == ASG_GUARD_PENDING) {
        write_cut(guard, &guard->pending[0]);
        n--;
        memmove(guard->pending, guard->pending + 1,
                n * sizeof(*guard->pending));
    }
    guard->pending[n] = cut;
    guard->npending = n + 1;
}

void asg_guard_cut(asg_guard_t *guard, size_t start, size_t end,
    asg_rule_t rule)
{
    if (!is_structure(guard, start, rule)) {
        guard->redacted[rule]++;
        add_cut(guard, (asg_guard_cut_t) {start, end, rule});
    }
}

void asg_guard_cuts_write(asg_guard_t *guard)
{
    for (unsigned i = 0; i < guard->npending; i++) {
        write_cut(guard, &guard->pending[i]);
    }
    guard->npending = 0;
}

/* --- hits of many rules, which come in no order --- */

void asg_guard_begun(asg_guard_t *guard, const asg_hit_t *hit)
{
    asg_guard_begun_t *begun;

    if (hit->start < guard->begun_at
        || hit->start - guard->begun_at >= ASG_GUARD_WINDOW + ASG_GUARD_REACH)
    {
        return;
    }
    begun = &guard->begun[hit->start - guard->begun_at];
    if (begun->end == 0 || hit->rule == ASG_RULE_SECRET_PRIVATE_KEY) {
        begun->rule = (uint8_t) hit->rule;
    }
    begun->end = hit->end > begun->end ? (uint32_t) hit->end : begun->end;
    begun->operators |= asg_guard_bit(hit->rule);
    begun->seven |= hit->rule < ASG_RULE_COUNT ? 1u << hit->rule : 0;
}

/* Of JSON within a string, whatever a pattern took for its match: the parts of
 * it that are in texts.  True: there is one. */
static bool cut_in_texts(asg_guard_t *guard, size_t start, size_t end,
    asg_rule_t rule)
{
    size_t from = (size_t) (guard->raw.data - guard->body.data);
    bool was_cut = false;

    while (start < end) {
        const char *limit = guard->body.data + end, *stop;

        count_quotes(guard, start - from);
        if (guard->quotes.in_quotes && !is_in_name(guard)) {
            stop = text_end(guard, limit);
            if (stop > guard->body.data + start) {
                add_cut(guard, (asg_guard_cut_t) {
                            start, (size_t) (stop - guard->body.data),
                            was_cut ? ASG_RULE_MAX : rule});
                was_cut = true;
            }
            start = (size_t) (stop - guard->body.data);
        }
        if (start < end) {
            uint32_t point;

            start += sign_at((const uint8_t *) guard->body.data + start,
                             (const uint8_t *) guard->raw.data
                             + guard->raw.len, &point);
        }
    }
    return was_cut;
}

static void note_redacted(asg_guard_t *guard, const asg_guard_begun_t *span)
{
    uint64_t operators = span->operators;
    unsigned seven = span->seven;

    for (; operators != 0; operators &= operators - 1) {
        guard->redacted[ASG_RULE_COUNT + __builtin_ctzll(operators)]++;
    }
    for (; seven != 0; seven &= seven - 1) {
        guard->redacted[__builtin_ctz(seven)]++;
    }
}

/* Those that overlap are one. */
static void cut_span(asg_guard_t *guard, size_t start,
    const asg_guard_begun_t *span)
{
    size_t from = asg_guard_raw_of(guard, start);
    size_t to = asg_guard_raw_of(guard, span->end);
    asg_rule_t rule = (asg_rule_t) span->rule;
    bool is_cut = true;

    if (guard->kind == ASG_TEXT_JSON && span->operators != 0) {
        is_cut = cut_in_texts(guard, from, to, rule);
    } else if (is_structure(guard, from, rule)) {
        is_cut = false;
    } else {
        add_cut(guard, (asg_guard_cut_t) {from, to, rule});
    }
    if (is_cut) {
        note_redacted(guard, span);
    }
}

static void join(asg_guard_begun_t *span, const asg_guard_begun_t *more)
{
    if (more->rule == ASG_RULE_SECRET_PRIVATE_KEY) {
        span->rule = more->rule;
    }
    span->end = more->end > span->end ? more->end : span->end;
    span->operators |= more->operators;
    span->seven |= more->seven;
}

void asg_guard_begun_cut(asg_guard_t *guard)
{
    size_t from = (size_t) (guard->raw.data - guard->body.data), at = 0;

    if (guard->kind == ASG_TEXT_JSON) {
        (void) walk_quotes(guard, &guard->quotes_back,
                           asg_guard_raw_of(guard, guard->begun_at) - from);
    }
    while (at < ASG_GUARD_WINDOW + ASG_GUARD_REACH) {
        asg_guard_begun_t span = guard->begun[at];
        size_t start = guard->begun_at + at;

        if (span.end == 0) {
            at++;
            continue;
        }
        for (; at < ASG_GUARD_WINDOW + ASG_GUARD_REACH
               && guard->begun_at + at < span.end; at++)
        {
            if (guard->begun[at].end != 0) {
                join(&span, &guard->begun[at]);
                guard->begun[at].end = 0;
                guard->begun[at].operators = 0;
                guard->begun[at].seven = 0;
            }
        }
        cut_span(guard, start, &span);
    }
}
