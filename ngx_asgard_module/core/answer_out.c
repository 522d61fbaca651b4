/*
 * What the client gets of an answer, and of a stream's events.
 */
#include "core/answer_out.h"

#include <string.h>

#include "core/answer_parts.h"
#include "core/scan.h"

#define NAME_MAX   32           /* bytes of an event's name */

/* How far an event has gone out. */
typedef struct {
    asg_answer_edit_t edits[ASG_ANSWER_EDITS];
    unsigned count;
    unsigned done;
    size_t at;
} plan_t;

void asg_answer_out_flush(asg_answer_out_t *o)
{
    if (o->run_len > 0 && o->rc == 0) {
        o->rc = o->emit(o->data, o->run, o->run_len);
    }
    o->run_len = 0;
}

/* Most events are one piece, of which no tail is needed. */
static void keep_probed(asg_answer_out_t *o)
{
    if (o->probed.len > 0) {
        asg_leak_keep(&o->a->tail, o->probed.data, o->probed.len);
        o->probed = ASG_STR_NULL;
    }
}

static void probe(asg_answer_out_t *o, const char *bytes, size_t len)
{
    keep_probed(o);
    o->leaks |= asg_leak_finds_after(o->a->leak, &o->a->tail, bytes, len);
    o->probed = (asg_str_t) {bytes, len};
}

void asg_answer_out(asg_answer_out_t *o, const char *bytes, size_t len)
{
    if (len == 0) {
        return;
    }
    if (o->is_probe) {
        probe(o, bytes, len);
        return;
    }
    if (o->run_len > 0 && o->run + o->run_len == bytes) {
        o->run_len += len;
        return;
    }
    asg_answer_out_flush(o);
    o->run = bytes;
    o->run_len = len;
}

const char *asg_answer_out_text(const asg_answer_out_t *o)
{
    return o->event != NULL ? o->event : o->a->line;
}

/* --- edits --- */

/* In the place of a member that cannot be taken out with the comma before it;
 * whoever reads OpenAI's answers knows it. */
static const char nobody[] = "\"system_fingerprint\":null";

typedef struct {
    asg_answer_edit_t *edits;
    unsigned count;
} edits_t;

/* Where it belongs in the order of the text: most stand in it already. */
static void edit_add(edits_t *e, size_t from, size_t to, asg_str_t text)
{
    unsigned at = e->count++;

    for (; at > 0 && e->edits[at - 1].from > from; at--) {
        e->edits[at] = e->edits[at - 1];
    }
    e->edits[at] = (asg_answer_edit_t) {from, to, text};
}

static void edit_replace(edits_t *e, const char *text,
    const asg_scan_span_t *span, asg_str_t with)
{
    size_t len = span->to - span->from;

    if (span->to != 0
        && (len != with.len || memcmp(text + span->from, with.data, len) != 0))
    {
        edit_add(e, span->from, span->to, with);
    }
}

/* It goes with the comma before it, unless there is none, or usage that was the
 * first member takes that along. */
static void edit_drop(edits_t *e, const asg_answer_t *a,
    const asg_scan_member_t *member)
{
    const asg_scan_span_t *usage = &a->scan.usage;

    if (member->comma == 0
        || (a->hide_usage && usage->to == member->comma + 1))
    {
        edit_add(e, member->key, member->to,
            (asg_str_t) {nobody, sizeof(nobody) - 1});
    } else {
        edit_add(e, member->comma, member->to, ASG_STR_NULL);
    }
}

unsigned asg_answer_edits(const asg_answer_t *a, const char *text,
    asg_answer_edit_t edits[ASG_ANSWER_EDITS])
{
    edits_t e = {edits, 0};

    edit_replace(&e, text, &a->scan.model,
                 (asg_str_t) {a->shown, a->shown_len});
    if (a->hide_usage && a->scan.usage.to != 0) {
        edit_add(&e, a->scan.usage.from, a->scan.usage.to, ASG_STR_NULL);
    }
    if (a->name.len > 0) {
        edit_replace(&e, text, &a->scan.name, a->name);
        for (unsigned i = 0; i < a->scan.tellings; i++) {
            edit_drop(&e, a, &a->scan.telling[i]);
        }
    }
    return e.count;
}

/* The event's bytes up to `to`. */
static void out_to(asg_answer_out_t *o, plan_t *plan, size_t to)
{
    const char *text = asg_answer_out_text(o);

    while (plan->done < plan->count && plan->edits[plan->done].from < to) {
        const asg_answer_edit_t *edit = &plan->edits[plan->done++];

        asg_answer_out(o, text + plan->at, edit->from - plan->at);
        asg_answer_out(o, edit->text.data, edit->text.len);
        plan->at = edit->to;
    }
    if (plan->at < to) {
        asg_answer_out(o, text + plan->at, to - plan->at);
        plan->at = to;
    }
}

/* --- lines --- */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool begins_with(asg_str_t line, const char *word)
{
    size_t len = strlen(word);

    return line.len >= len && memcmp(line.data, word, len) == 0;
}

/* "event:" and a name of small letters, dots and low lines. */
static bool is_plain_name(asg_str_t line)
{
    size_t at = strlen("event:");

    if (!begins_with(line, "event:")) {
        return false;
    }
    at += at < line.len && line.data[at] == ' ';
    if (line.len - at > NAME_MAX) {
        return false;
    }
    for (; at < line.len; at++) {
        char c = line.data[at];

        if ((c < 'a' || c > 'z') && c != '.' && c != '_') {
            return false;
        }
    }
    return true;
}

/* Of an event that fits all lines are known; of a longer one the last is a line
 * of data. */
static bool is_for_client(asg_str_t line)
{
    return line.len == 0 || begins_with(line, "data:") || is_plain_name(line);
}

/* Line by line, with its end. */
static void out_lines(asg_answer_out_t *o, plan_t *plan)
{
    const char *text = asg_answer_out_text(o);
    size_t len = o->a->line_len;
    size_t at = 0;

    if ((o->a->flags & F_MARK) != 0) {
        plan->at = at = 3;
    }
    while (at < len) {
        size_t from = at;
        bool passes;

        while (at < len && !is_line_end(text[at])) {
            at++;
        }
        passes = is_for_client((asg_str_t) {text + from, at - from});
        at += at + 1 < len && text[at] == '\r' && text[at + 1] == '\n';
        at += at < len;
        if (passes) {
            out_to(o, plan, at);
        } else if (plan->at < at) {
            plan->at = at;
        }
    }
}

void asg_answer_out_event(asg_answer_out_t *o)
{
    plan_t plan;
    unsigned flags = o->a->flags;

    if ((flags & (F_OTHER | F_DATA)) == F_OTHER) {
        asg_answer_out(o, ":\n\n", 3);
        return;
    }
    plan.count = asg_answer_edits(o->a, asg_answer_out_text(o), plan.edits);
    plan.done = 0;
    plan.at = 0;
    if ((flags & F_OTHER) != 0) {
        out_lines(o, &plan);
    } else {
        out_to(o, &plan, o->a->line_len);
    }
}

/* Of an event that is whole and there. */
static asg_reason_t error_reason(const asg_answer_out_t *o)
{
    const asg_answer_scan_t *s = &o->a->scan;
    size_t at = s->error_at;

    if (!s->is_error || (o->a->flags & F_OVERFLOW) != 0
        || !asg_answer_scan_is_whole(s) || at >= o->a->line_len)
    {
        return ASG_REASON_UPSTREAM_ERROR;
    }
    return asg_answer_error_reason(o->a->words,
        (asg_str_t) {asg_answer_out_text(o) + at, o->a->line_len - at});
}

void asg_answer_out_error(asg_answer_out_t *o)
{
    asg_str_t event = asg_answer_error_event(o->a->words, error_reason(o));

    asg_answer_out(o, event.data, event.len);
}

/* --- the key --- */

/* The event's first text, between its quotes. */
static asg_str_t first_text(const asg_answer_out_t *o)
{
    const uint8_t *event = (const uint8_t *) asg_answer_out_text(o);
    const uint8_t *end = event + o->a->line_len;
    const uint8_t *from = event + o->a->scan.text_at;
    const uint8_t *p = from;

    while (p < end && *p != '"') {
        p = asg_scan_chosen.text(p, end);
        if (p < end && *p != '"') {
            p += *p == '\\' && end - p > 1 ? 2 : 1;
        }
    }
    return (asg_str_t) {(const char *) from, (size_t) (p - from)};
}

/* With the texts before it. */
static bool text_leaks(asg_answer_out_t *o)
{
    return o->a->scan.text_at > 0
        && asg_leak_finds_over(o->a->leak, &o->a->texts, first_text(o));
}

bool asg_answer_out_leaks(asg_answer_out_t *o)
{
    if (o->a->leak == NULL) {
        return false;
    }
    o->is_probe = true;
    asg_answer_out_event(o);
    o->is_probe = false;
    if ((o->a->flags & F_OVERFLOW) != 0) {
        keep_probed(o);
    }
    o->probed = ASG_STR_NULL;
    o->leaks |= text_leaks(o);
    o->a->usage.leaked |= o->leaks;
    return o->leaks;
}

bool asg_answer_out_next(asg_answer_out_t *o, const char *bytes, size_t len)
{
    if (o->a->leak != NULL && len > 0
        && asg_leak_finds_next(o->a->leak, &o->a->tail, bytes, len))
    {
        o->a->usage.leaked = true;
        return false;
    }
    asg_answer_out(o, bytes, len);
    return true;
}
