/*
 * An answer that is a stream of server-sent events.
 *
 * The bytes of an event's data lines are pushed through the scan at once.  The
 * blank line ends the event: by then everything is known, and it goes out
 * whole, in pieces around what is replaced.  It is not copied: only one that is
 * cut gathers in a buffer, and one that is too long for it goes out without
 * waiting for its end.  Pieces that lie behind one another leave as one, so
 * that a stream without a word to replace leaves as it came.
 *
 * A line ends with LF, CR LF or CR.  The LF after the CR of a blank line is
 * waited for only when the line before ended with CR LF: so the event of a
 * CR stream is not held back, and what comes out does not depend on the cuts.
 */
#include <string.h>

#include "core/answer_parts.h"
#include "core/answer_out.h"
#include "core/scan.h"

enum {
    FIELD_HEAD = 0,             /* not yet known what line this is */
    FIELD_SAME,                 /* the event's first, so far as known before */
    FIELD_SPACE,                /* after "data:": one space may follow */
    FIELD_TEXT,                 /* after such a head */
    FIELD_DATA,
    FIELD_OTHER
};

#define OF_ONE_EVENT \
    (F_END | F_DATA | F_ERROR_NAME | F_OVERFLOW | F_SWALLOW | F_AGAIN \
     | F_OTHER | F_MARK | F_QUIET | F_LINES)

/* Longer than "event: error" and "data:". */
#define HEAD_BYTES    13

typedef asg_answer_out_t out_t;

void asg_answer_init(asg_answer_t *a, asg_str_t model, bool hide_usage,
    int64_t context_tokens, char *line)
{
    asg_buf_t shown;

    memset(a, 0, sizeof(*a));
    a->model = model;
    a->hide_usage = hide_usage;
    a->context_tokens = context_tokens;
    a->line = line;
    a->line_size = line != NULL ? ASG_ANSWER_LINE : 0;
    a->flags = F_BLANK | F_FIRST;
    asg_buf_init(&shown, a->shown, sizeof(a->shown));
    asg_buf_json(&shown, model);
    if (!asg_buf_ok(&shown)) {          /* no request could have named it */
        asg_buf_init(&shown, a->shown, sizeof(a->shown));
        asg_buf_json(&shown, ASG_STR(""));
    }
    a->shown_len = shown.len;
    asg_answer_speaks(a, ASG_WORDS_OPENAI);
}

/* --- line ends --- */

static const char *line_end(const char *p, const char *end)
{
    return (const char *) asg_scan_chosen.line((const uint8_t *) p,
                                               (const uint8_t *) end);
}

/* --- events --- */

static bool is_error(const asg_answer_t *a)
{
    return a->scan.is_error
        || ((a->flags & F_ERROR_NAME) != 0 && (a->flags & F_DATA) != 0);
}

static bool is_end(const asg_answer_t *a)
{
    return a->scan.done_mark || a->scan.stop_mark;
}

/* What the client is not given: usage that it did not ask for, a clean end
 * after an error. */
static bool is_dropped(const asg_answer_t *a)
{
    return (a->hide_usage && a->scan.no_choices && a->scan.has_usage)
        || (is_end(a) && (a->usage.error_event || a->usage.malformed));
}

static void begin_event(asg_answer_t *a)
{
    a->flags = (a->flags & ~(unsigned) OF_ONE_EVENT) | F_BLANK;
    a->field = a->again.head_len > 0 ? FIELD_SAME : FIELD_HEAD;
    a->head_len = 0;
    a->line_len = 0;
    a->event_len = 0;
    a->tail.len = 0;
    asg_answer_scan_begin(&a->scan, a->words);
}

/* The event's part in what the answer says. */
static void count_event(asg_answer_t *a)
{
    asg_answer_scan_t *s = &a->scan;

    if (asg_answer_scan_is_empty(s)) {
        return;
    }
    a->usage.events++;
    if (is_error(a)) {
        a->usage.error_event = true;
    }
    if (!asg_answer_scan_is_whole(s)) {
        a->usage.malformed = true;
    } else if (is_end(a)) {
        a->usage.done = true;
    } else {
        asg_answer_take_usage(a);
        a->usage.tier = s->tier != ASG_TIER_UNSAID ? s->tier : a->usage.tier;
        if (a->usage.id[0] == '\0') {
            memcpy(a->usage.id, s->id, sizeof(s->id));
        }
    }
    asg_answer_judge(a);
}

/* Without the key, that is. */
static void out_event(out_t *o)
{
    if (asg_answer_out_leaks(o)) {
        asg_answer_out_error(o);
    } else {
        asg_answer_out_event(o);
    }
}

/* It did not fit.  Its end was passed on, if anything was. */
static void end_long_event(out_t *o)
{
    unsigned flags = o->a->flags;

    if ((flags & (F_QUIET | F_DATA)) == F_QUIET) {
        asg_answer_out(o, ":\n\n", 3);
    } else if ((flags & (F_SWALLOW | F_QUIET)) != 0
               || !asg_answer_scan_is_whole(&o->a->scan))
    {
        asg_answer_out(o, "\n\n", 2);   /* ends what was passed of it */
        asg_answer_out_error(o);
    }
}

static void end_event(out_t *o)
{
    asg_answer_t *a = o->a;
    bool has_data = !asg_answer_scan_is_empty(&a->scan);

    if (has_data && (is_error(a) || !asg_answer_scan_is_whole(&a->scan))) {
        asg_answer_out_error(o);
    } else if (!is_dropped(a)) {
        out_event(o);
    }
}

static void event_done(out_t *o)
{
    asg_answer_t *a = o->a;
    asg_answer_scan_t *s = &a->scan;

    count_event(a);
    if ((a->flags & (F_AGAIN | F_OVERFLOW)) == 0 && asg_answer_scan_is_whole(s))
    {
        asg_answer_again_learn(&a->again, asg_answer_out_text(o), a->line_len,
                               s);
    }
    if (a->usage.leaked) {
        /* the client had its error */
    } else if ((a->flags & F_OVERFLOW) != 0) {
        end_long_event(o);
    } else {
        end_event(o);
    }
    begin_event(a);
}

/* The buffer is full and the event goes on, or ends (`is_end`: a line does).
 * What is known to be no JSON is not for the client, however long. */
static void overflow(out_t *o, bool is_end)
{
    asg_answer_t *a = o->a;
    bool is_blank = is_end && a->field == FIELD_HEAD && a->head_len == 0;
    bool is_data = a->field == FIELD_SPACE || a->field == FIELD_TEXT
        || a->field == FIELD_DATA;

    a->flags |= F_OVERFLOW;
    if (a->usage.leaked) {
        return;
    }
    if (is_error(a) || asg_answer_scan_failed(&a->scan)) {
        a->flags |= F_SWALLOW;
    } else if (!is_data && !is_blank) {
        a->flags |= F_QUIET;
    } else {
        out_event(o);
    }
}

/* Another line, of which nobody would look what it is. */
static void refuse_line(asg_answer_t *a)
{
    if ((a->flags & (F_LINES | F_QUIET)) == F_LINES) {
        a->flags |= F_SWALLOW;
        a->usage.malformed = true;
    }
}

/* Bytes of an event that did not fit, after they were scanned. */
static void pass(out_t *o, const char *p, size_t n, size_t at)
{
    asg_answer_t *a = o->a;

    if ((a->flags & (F_SWALLOW | F_QUIET)) != 0 || a->usage.leaked) {
        return;
    }
    if (a->scan.is_error) {
        a->flags |= F_SWALLOW;
        n = a->scan.error_at > at ? a->scan.error_at - at : 0;
    }
    if (!asg_answer_out_next(o, p, n)) {
        asg_answer_out(o, "\n\n", 2);
        asg_answer_out_error(o);
    }
}

/* --- lines --- */

/* What came since the event's counts were these. */
static void count_content(asg_answer_t *a, uint64_t content, uint64_t text)
{
    a->usage.content_bytes += a->scan.content_bytes - content;
    a->text_bytes += a->scan.text_bytes - text;
}

static void scan(asg_answer_t *a, const char *p, size_t n, size_t at)
{
    uint64_t content = a->scan.content_bytes;
    uint64_t text = a->scan.text_bytes;

    asg_answer_scan_feed(&a->scan, p, n, at);
    count_content(a, content, text);
}

static void keep_head(asg_answer_t *a, const char *p, size_t n)
{
    while (n > 0 && a->head_len < HEAD_BYTES) {
        a->head[a->head_len++] = *p++;
        n--;
    }
}

/* Bytes until it is known what line this is; returns how many it took. */
static size_t read_head(asg_answer_t *a, const char *p, size_t n)
{
    size_t taken = 0;

    while (taken < n && a->field == FIELD_HEAD) {
        a->head[a->head_len++] = p[taken++];
        if (a->head_len == 3 && (a->flags & F_FIRST) != 0
            && memcmp(a->head, "\xef\xbb\xbf", 3) == 0)
        {
            a->head_len = 0;
            a->flags |= F_MARK;
        }
        if (a->head_len == 5) {
            a->field = memcmp(a->head, "data:", 5) == 0
                ? FIELD_SPACE : FIELD_OTHER;
        }
    }
    if (a->field == FIELD_OTHER) {
        a->flags |= F_OTHER;
    }
    if (a->field == FIELD_SPACE) {
        if ((a->flags & F_DATA) != 0) {
            scan(a, "\n", 1, a->event_len);     /* joins the data lines */
        }
        a->flags |= F_DATA;
    }
    return taken;
}

static void read_line(asg_answer_t *a, const char *p, size_t n);

/* The event is another one: what it had in common is read after all. */
static void read_same_bytes(asg_answer_t *a)
{
    size_t len = a->event_len;

    a->field = FIELD_HEAD;
    a->event_len = 0;
    read_line(a, a->again.head, len);
    a->event_len = len;
}

/* As long as the event is like the one before; returns how many it took. */
static size_t read_same(asg_answer_t *a, const char *p, size_t n)
{
    size_t left = a->again.head_len - a->event_len;

    n = n < left ? n : left;
    if (memcmp(a->again.head + a->event_len, p, n) != 0) {
        read_same_bytes(a);
        return 0;
    }
    if (n == left) {
        asg_answer_again_enter(&a->again, &a->scan);
        a->field = FIELD_TEXT;
        a->flags |= F_DATA | F_AGAIN;
    }
    return n;
}

/* The text that may be another, and what follows it. */
static size_t read_text(asg_answer_t *a, const char *p, size_t n, size_t at)
{
    uint64_t content = a->scan.content_bytes;
    uint64_t text = a->scan.text_bytes;
    size_t taken = asg_answer_scan_text(&a->scan, p, n, at);

    count_content(a, content, text);
    if (taken == n) {
        return n;
    }
    a->field = FIELD_DATA;
    if (asg_answer_again_leave(&a->again, &a->scan, p + taken, n - taken,
                               at + taken))
    {
        return n;
    }
    a->flags &= ~(unsigned) F_AGAIN;
    return taken;
}

/* Bytes of one line, its end not among them. */
static void read_line(asg_answer_t *a, const char *p, size_t n)
{
    size_t taken = 0;

    if (a->field == FIELD_SAME) {
        taken = read_same(a, p, n);
    }
    if (a->field == FIELD_HEAD) {
        taken = read_head(a, p, n);
    }
    if (a->field == FIELD_TEXT && taken < n) {
        taken += read_text(a, p + taken, n - taken, a->event_len + taken);
    }
    if (a->field == FIELD_SPACE && taken < n) {
        taken += p[taken] == ' ';
        a->field = FIELD_DATA;
    }
    if (a->field == FIELD_DATA) {
        scan(a, p + taken, n - taken, a->event_len + taken);
    } else if (a->field == FIELD_OTHER) {
        keep_head(a, p + taken, n - taken);
    }
}

static bool is_error_name(const asg_answer_t *a)
{
    asg_str_t head = {a->head, a->head_len};

    return asg_str_eq_z(head, "event: error")
        || asg_str_eq_z(head, "event:error");
}

static void line_done(asg_answer_t *a)
{
    if (a->field == FIELD_OTHER && is_error_name(a)) {
        a->flags |= F_ERROR_NAME;
    }
    if (a->field == FIELD_HEAD && a->head_len > 0) {
        a->flags |= F_OTHER;
    }
    if ((a->flags & F_OVERFLOW) != 0) {
        a->flags |= F_LINES;
    }
    a->field = FIELD_HEAD;
    a->head_len = 0;
    a->flags = (a->flags & ~(unsigned) F_FIRST) | F_BLANK;
}

/* Room for `size` bytes of an event, at most ASG_ANSWER_LINE. */
static bool line_room(asg_answer_t *a, size_t size)
{
    char *line;

    if (size <= a->line_size) {
        return true;
    }
    size = size <= ASG_ANSWER_LINE / 8 ? 2 * size : ASG_ANSWER_LINE;
    line = a->grow(a->grow_data, a->line, a->line_len, size);
    if (line == NULL) {
        return false;
    }
    a->line = line;
    a->line_size = size;
    return true;
}

/* Behind what there is of the event, which was cut. */
static void line_put(out_t *o, const char *p, size_t n)
{
    asg_answer_t *a = o->a;

    if (!line_room(a, a->line_len + n)) {
        o->rc = ASG_ANSWER_NO_MEMORY;
        return;
    }
    memcpy(a->line + a->line_len, p, n);
}

/* What the caller's next bytes go on with. */
static void keep_event(out_t *o)
{
    asg_answer_t *a = o->a;
    size_t len = a->line_len;

    asg_answer_out_flush(o);
    if (o->event != NULL && len > 0 && (a->flags & F_OVERFLOW) == 0
        && o->rc == 0)
    {
        a->line_len = 0;
        line_put(o, o->event, len);
        a->line_len = len;
    }
}

/* Bytes of the event: of a line, or (`is_end`) of its end. */
static void take(out_t *o, const char *p, size_t n, bool is_end)
{
    asg_answer_t *a = o->a;

    if (is_end && a->field == FIELD_SAME) {
        read_same_bytes(a);
    }
    while (n > 0 && o->rc == 0) {
        size_t room = ASG_ANSWER_LINE - a->line_len;
        size_t part = n;

        if ((a->flags & F_OVERFLOW) == 0) {
            if (room == 0) {
                overflow(o, is_end);
                continue;
            }
            part = n < room ? n : room;
            if (o->event == NULL) {
                line_put(o, p, part);
            }
            a->line_len += part;
        }
        if (!is_end) {
            refuse_line(a);
            read_line(a, p, part);
        }
        if ((a->flags & F_OVERFLOW) != 0) {
            pass(o, p, part, a->event_len);
        }
        a->event_len += part;
        p += part;
        n -= part;
    }
}

/* The next byte is at `p`: an event may begin with it. */
static void event_at(out_t *o, const char *p)
{
    if (o->a->event_len == 0) {
        o->event = p;
    }
}

static void end_of_line(out_t *o, const char *c)
{
    asg_answer_t *a = o->a;
    bool is_blank = (a->flags & F_BLANK) != 0;

    take(o, c, 1, /* is_end */ true);
    line_done(a);
    if (*c == '\r') {
        a->flags |= F_CR;
        if (is_blank && (a->flags & F_CRLF) != 0) {
            a->flags |= F_END;
            return;
        }
    } else {
        a->flags &= ~(unsigned) F_CRLF;
    }
    if (is_blank) {
        event_done(o);
    }
}

/* The byte after a CR; true when it was its LF. */
static bool after_cr(out_t *o, const char *c)
{
    asg_answer_t *a = o->a;
    bool is_lf = *c == '\n';

    a->flags &= ~(unsigned) (F_CR | F_CRLF);
    if (is_lf) {
        a->flags |= F_CRLF;
        take(o, c, 1, /* is_end */ true);
    }
    if ((a->flags & F_END) != 0) {
        event_done(o);
    }
    return is_lf;
}

/* An event of one line of `n` bytes and the blank line, whole: what take() and
 * end_of_line() come to, at once. */
static void take_whole(out_t *o, const char *p, size_t n)
{
    asg_answer_t *a = o->a;

    read_line(a, p, n);
    a->event_len = n;
    if (a->field == FIELD_SAME) {
        read_same_bytes(a);
    }
    a->event_len = n + 2;
    a->line_len = n + 2;
    line_done(a);
    a->flags &= ~(unsigned) F_CRLF;
    event_done(o);
}

/* Most events of most streams are so. */
static bool is_whole_event(const asg_answer_t *a, const char *p,
    const char *stop, const char *end)
{
    return a->event_len == 0 && stop > p && end - stop >= 2
        && stop[0] == '\n' && stop[1] == '\n'
        && stop + 2 - p <= ASG_ANSWER_LINE;
}

int asg_answer_feed(asg_answer_t *a, const char *bytes, size_t len,
    asg_answer_emit_pt emit_fn, void *data)
{
    out_t o = {.a = a, .emit = emit_fn, .data = data};
    const char *p = bytes;
    const char *end = bytes + len;

    while (p < end && o.rc == 0) {
        const char *stop;

        event_at(&o, p);
        if ((a->flags & F_CR) != 0) {
            if (after_cr(&o, p)) {
                p++;
                continue;
            }
            event_at(&o, p);
        }
        stop = line_end(p, end);
        if (is_whole_event(a, p, stop, end)) {
            take_whole(&o, p, (size_t) (stop - p));
            p = stop + 2;
            continue;
        }
        if (stop > p) {
            a->flags &= ~(unsigned) F_BLANK;
            take(&o, p, (size_t) (stop - p), /* is_end */ false);
        }
        if (stop < end) {
            end_of_line(&o, stop++);
        }
        p = stop;
    }
    keep_event(&o);
    return o.rc;
}

int asg_answer_end(asg_answer_t *a, asg_answer_emit_pt emit_fn, void *data)
{
    out_t o = {.a = a, .emit = emit_fn, .data = data};
    bool is_cut;

    if (a->field == FIELD_SAME) {
        read_same_bytes(a);
    }
    line_done(a);
    is_cut = (a->flags & F_DATA) != 0 && (a->flags & F_END) == 0
        && !asg_answer_scan_is_whole(&a->scan)
        && !asg_answer_scan_failed(&a->scan) && !is_error(a);
    if (is_cut && (a->flags & F_OVERFLOW) == 0) {
        if (!a->usage.leaked) {
            out_event(&o);
        }
        begin_event(a);
    } else if (!is_cut && a->event_len > 0) {
        event_done(&o);
    }
    asg_answer_out_flush(&o);
    asg_answer_judge(a);
    return o.rc;
}

int asg_answer_cut(asg_answer_t *a, asg_answer_emit_pt emit_fn, void *data)
{
    out_t o = {.a = a, .emit = emit_fn, .data = data};

    if (a->usage.done || a->usage.error_event || a->usage.malformed
        || a->usage.leaked)
    {
        return 0;
    }
    a->usage.malformed = true;
    asg_answer_out(&o, "\n\n", 2);      /* ends what was passed of an event */
    asg_answer_out_error(&o);
    asg_answer_out_flush(&o);
    return o.rc;
}
