/* The text of a body: its escapes resolved, and what the rules find. */
#include "core/guard_body.h"

#include "core/escape.h"

#define ESCAPE_MAX  12          /* bytes of the longest escape */

void asg_guard_begin(asg_guard_t *guard,
    const asg_action_t actions[ASG_RULE_MAX])
{
    memcpy(guard->actions, actions, sizeof(guard->actions));
    memset(guard->matches, 0, sizeof(guard->matches));
    memset(guard->redacted, 0, sizeof(guard->redacted));
    guard->gave_up = 0;
    guard->out = NULL;
    guard->npending = 0;
    asg_guard_search_begin(&guard->search, guard->set, actions);
}

asg_action_t asg_guard_action(const asg_guard_t *guard)
{
    asg_action_t most = ASG_ACTION_ALLOW;

    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        if (guard->matches[i] > 0 && guard->actions[i] > most) {
            most = guard->actions[i];
        }
    }
    return most;
}

asg_rule_t asg_guard_rule(const asg_guard_t *guard)
{
    asg_action_t most = asg_guard_action(guard);
    unsigned i = 0;

    while (i < ASG_RULE_MAX - 1
           && (guard->matches[i] == 0 || guard->actions[i] != most))
    {
        i++;
    }
    return (asg_rule_t) i;
}

/* --- where a byte of the plain text stands in the body --- */

size_t asg_guard_raw_of(const asg_guard_t *guard, size_t plain)
{
    unsigned low = 0, high = guard->nruns;

    if (high == 0) {
        return (size_t) (guard->raw.data - guard->body.data) + plain;
    }
    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;

        if (guard->runs[middle].plain <= plain) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (size_t) (guard->raw.data - guard->body.data)
        + guard->runs[low].raw + (plain - guard->runs[low].plain);
}

/* A rule that would redact a name refuses: of two names one could be left, or
 * an id that no longer says what it is of. */
static void note_match(asg_guard_t *guard, asg_rule_t rule)
{
    bool refuses = guard->kind == ASG_TEXT_NAME
        && guard->actions[rule] == ASG_ACTION_REDACT;

    if (refuses) {
        guard->actions[rule] = ASG_ACTION_BLOCK;
    }
    if (guard->matches[rule]++ == 0 || refuses) {
        asg_step_path(guard->at, guard->first_at[rule]);
    }
}

static void note(void *data, const asg_hit_t *hit)
{
    asg_guard_t *guard = data;

    if (guard->actions[hit->rule] == ASG_ACTION_ALLOW) {
        return;
    }
    if (guard->out != NULL) {
        if (guard->actions[hit->rule] != ASG_ACTION_REDACT
            || guard->kind == ASG_TEXT_SIGNED || guard->kind == ASG_TEXT_NAME)
        {
            return;
        }
        if (guard->set != NULL) {
            asg_guard_begun(guard, hit);
        } else {
            asg_guard_cut(guard, asg_guard_raw_of(guard, hit->start),
                          asg_guard_raw_of(guard, hit->end), hit->rule);
        }
        return;
    }
    note_match(guard, hit->rule);
}

/* A rule whose search a limit ended has matched: who knows what is there. */
static void note_gave_up(asg_guard_t *guard)
{
    uint64_t fresh = guard->search.gave_up & ~guard->gave_up;

    guard->gave_up |= fresh;
    for (; fresh != 0; fresh &= fresh - 1) {
        unsigned rule = ASG_RULE_COUNT + (unsigned) __builtin_ctzll(fresh);

        guard->actions[rule] = asg_guard_gave_up(guard->actions[rule]);
        if (guard->matches[rule]++ == 0) {
            asg_step_path(guard->at, guard->first_at[rule]);
        }
    }
}

/* `is_over`: nothing follows the text, else the reach follows `to`. */
static void look(asg_guard_t *guard, asg_str_t text, size_t from, size_t to,
    bool is_over)
{
    if (guard->set == NULL) {
        asg_guard_find(text, from, to, note, guard);
        return;
    }
    while (from < to) {
        size_t end = to - from > ASG_GUARD_WINDOW ? from + ASG_GUARD_WINDOW
                                                  : to;

        guard->begun_at = from > ASG_GUARD_REACH ? from - ASG_GUARD_REACH : 0;
        asg_guard_find_all(&guard->search, &guard->told, text, from, end,
                           is_over, note, guard);
        note_gave_up(guard);
        if (guard->out != NULL) {
            asg_guard_begun_cut(guard);
        }
        from = end;
    }
}

/* --- pieces --- */

/* The plain text goes on at `raw` of the string. */
static void add_run(asg_guard_t *guard, size_t raw)
{
    if (guard->nruns > 0) {
        const asg_guard_run_t *last = &guard->runs[guard->nruns - 1];

        if (last->raw + (guard->len - last->plain) == raw) {
            return;
        }
        if (last->plain == guard->len) {
            guard->nruns--;
        }
    }
    guard->runs[guard->nruns++] = (asg_guard_run_t) {
        (uint32_t) guard->len, (uint32_t) raw};
}

static bool has_room(const asg_guard_t *guard)
{
    return guard->len + 4 <= ASG_GUARD_PIECE
        && guard->nruns + 2 <= ASG_GUARD_RUNS;
}

static void put(asg_guard_t *guard, const void *bytes, size_t n)
{
    memcpy(guard->plain + guard->len, bytes, n);
    guard->len += n;
}

static size_t put_escape(asg_guard_t *guard, const uint8_t *p,
    const uint8_t *end)
{
    uint32_t point = 0;
    size_t n = asg_escape_read(p, end, &point);
    uint8_t bytes[4];

    if (n == 0) {
        put(guard, p, 1);
        return 1;
    }
    put(guard, bytes, asg_escape_utf8(point, bytes));
    return n;
}

/* Resolves escapes from `at` of the string on, until a piece is full; returns
 * where it stopped. */
static size_t fill(asg_guard_t *guard, size_t at)
{
    const uint8_t *start = (const uint8_t *) guard->raw.data;
    const uint8_t *end = start + guard->raw.len;
    const uint8_t *p = start + at;

    while (p < end && has_room(guard)) {
        size_t room = ASG_GUARD_PIECE - guard->len;
        size_t n = (size_t) (end - p) < room ? (size_t) (end - p) : room;
        const uint8_t *slash = memchr(p, '\\', n);

        n = slash != NULL ? (size_t) (slash - p) : n;
        add_run(guard, (size_t) (p - start));
        put(guard, p, n);
        p += n;
        if (slash != NULL && has_room(guard)) {
            add_run(guard, (size_t) (p - start));
            p += put_escape(guard, p, end);
        }
    }
    add_run(guard, (size_t) (p - start));
    return (size_t) (p - start);
}

/* The sign at `p` of JSON within a string, an escape of it resolved; `*n` are
 * the bytes of the string that it takes. */
static size_t inner_sign(const uint8_t *p, const uint8_t *end, size_t *n,
    uint8_t sign[4])
{
    uint8_t inner[ESCAPE_MAX];
    size_t ends[ESCAPE_MAX + 1] = {0}, k = 0;
    const uint8_t *q = p;
    uint32_t point;
    size_t taken;

    while (k < ESCAPE_MAX && q < end) {
        size_t m = *q == '\\' ? asg_escape_read(q, end, &point) : 0;

        if (m == 0) {
            point = *q;
            m = 1;
        } else if (point >= 0x80 && k > 0) {
            break;
        } else if (point >= 0x80) {
            *n = m;
            return asg_escape_utf8(point, sign);
        }
        q += m;
        inner[k++] = (uint8_t) point;
        ends[k] = (size_t) (q - p);
        if (inner[0] != '\\') {
            break;
        }
    }
    taken = inner[0] == '\\' ? asg_escape_read(inner, inner + k, &point) : 0;
    if (taken == 0) {
        *n = ends[1];
        sign[0] = inner[0];
        return 1;
    }
    *n = ends[taken];
    return asg_escape_utf8(point, sign);
}

static size_t fill_inner(asg_guard_t *guard, size_t at)
{
    const uint8_t *start = (const uint8_t *) guard->raw.data;
    const uint8_t *end = start + guard->raw.len;
    const uint8_t *p = start + at;
    uint8_t sign[4];
    size_t n = 0;

    while (p < end && has_room(guard)) {
        add_run(guard, (size_t) (p - start));
        put(guard, sign, inner_sign(p, end, &n, sign));
        p += n;
    }
    add_run(guard, (size_t) (p - start));
    return (size_t) (p - start);
}

/* Drops `gone` bytes in front of the piece. */
static void shift(asg_guard_t *guard, size_t gone)
{
    unsigned i = 0;

    while (i + 1 < guard->nruns && guard->runs[i + 1].plain <= gone) {
        i++;
    }
    guard->runs[i].raw += (uint32_t) gone - guard->runs[i].plain;
    guard->runs[i].plain = (uint32_t) gone;
    guard->nruns -= i;
    memmove(guard->runs, guard->runs + i, guard->nruns * sizeof(*guard->runs));
    for (i = 0; i < guard->nruns; i++) {
        guard->runs[i].plain -= (uint32_t) gone;
    }
    guard->len -= gone;
    memmove(guard->plain, guard->plain + gone, guard->len);
}

_Static_assert(ASG_GUARD_RUNS / 2 > 4 * ASG_GUARD_REACH
               && ASG_GUARD_PIECE > 4 * ASG_GUARD_REACH,
               "a piece has more than what is looked at twice");

static void text_in_pieces(asg_guard_t *guard,
    size_t (*fill_piece)(asg_guard_t *guard, size_t at))
{
    size_t from = 0, at = 0, to;

    guard->len = 0;
    guard->nruns = 0;
    while (at < guard->raw.len) {
        at = fill_piece(guard, at);
        to = at < guard->raw.len ? guard->len - ASG_GUARD_REACH : guard->len;
        look(guard, (asg_str_t) {guard->plain, guard->len}, from, to,
             at == guard->raw.len);
        from = to;
        if (at < guard->raw.len && from > ASG_GUARD_REACH) {
            asg_guard_told_shift(&guard->told, from - ASG_GUARD_REACH);
            shift(guard, from - ASG_GUARD_REACH);
            from = ASG_GUARD_REACH;
        }
    }
    guard->nruns = 0;
}

/* Has JSON within the string an escape?  Then a backslash is escaped. */
static bool has_inner_escape(asg_str_t raw)
{
    return memmem(raw.data, raw.len, "\\\\", 2) != NULL
        || memmem(raw.data, raw.len, "\\u005", 5) != NULL;
}

/* What stands between the quotes of JSON is written as it is. */
static void write_text(asg_buf_t *out, asg_str_t raw, const asg_step_t *at)
{
    char path[ASG_REQUEST_PATH_MAX];

    asg_step_path(at, path);
    asg_buf_z(out, out->len > 0 ? ",{\"field\":" : "{\"field\":");
    asg_buf_json(out, asg_str_z(path));
    asg_buf_z(out, ",\"text\":\"");
    asg_buf_str(out, raw);
    asg_buf_z(out, "\"}");
}

void asg_guard_text(asg_guard_t *guard, asg_str_t raw, bool escaped,
    asg_text_t kind, const asg_step_t *at)
{
    if (guard->texts != NULL) {
        write_text(guard->texts, raw, at);
        return;
    }
    guard->at = at;
    guard->raw = raw;
    guard->kind = kind;
    guard->quotes = guard->quotes_back = (asg_guard_quotes_t) {0};
    guard->name_known = false;
    if (guard->set != NULL) {
        asg_guard_told_begin(&guard->told);
    }
    if (!escaped) {
        look(guard, raw, 0, raw.len, /* is_over */ true);
    } else if (kind == ASG_TEXT_JSON && has_inner_escape(raw)) {
        text_in_pieces(guard, fill_inner);
    } else {
        text_in_pieces(guard, fill);
    }
    if (guard->out != NULL) {
        asg_guard_cuts_write(guard);
    }
}
