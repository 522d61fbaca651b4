/* What guardrails find in the events of an answer. */
#include "core/guard_marks.h"

#include "core/answer_scan.h"
#include "core/scan.h"

/* --- hits --- */

static void cut_byte(void *data, const asg_lane_byte_t *byte)
{
    asg_guard_answer_t *g = data;
    uint32_t at = byte->at - g->base;

    for (unsigned i = 0; i < byte->width && at + i < g->len; i++) {
        char *c = &g->raw[at + i];

        if (g->cut_now) {
            *c = ASG_MARK_CUT;
        } else if (*c != ASG_MARK_CUT) {
            *c = (char) g->mark_of[g->rule];
        }
        g->cut_now = true;
        g->is_cut = true;
    }
}

/* Of a private key, after its first line. */
static void cut_rest(void *data, const asg_lane_byte_t *byte)
{
    asg_guard_answer_t *g = data;

    g->cut_now = true;
    cut_byte(g, byte);
}

static bool may_cut(const asg_lane_byte_t *byte, asg_rule_t rule)
{
    return byte->is == ASG_LANE_FREE
        || (byte->is == ASG_LANE_OUTSIDE && rule < ASG_RULE_COUNT
            && rule != ASG_RULE_PII_CREDIT_CARD);
}

static void cut_extra(asg_guard_answer_t *g, const asg_lane_map_t *map,
    size_t index)
{
    for (unsigned i = 0; i < map->nextra; i++) {
        if (map->extra[i].index == index) {
            cut_byte(g, &map->extra[i].byte);
        }
    }
}

static void cut_hit(asg_guard_answer_t *g, const asg_hit_t *hit)
{
    asg_lane_t *lane = g->owner.lane;

    g->cut_now = false;
    g->rule = hit->rule;
    for (size_t i = hit->start; i < hit->end; i++) {
        if (may_cut(&lane->map->bytes[i], hit->rule)) {
            cut_extra(g, lane->map, i);
            cut_byte(g, &lane->map->bytes[i]);
        }
    }
    g->redacted[hit->rule] += g->cut_now;
    if (g->cut_now && hit->rule == ASG_RULE_SECRET_PRIVATE_KEY) {
        asg_lane_take_key(&g->owner, lane, hit->end);
    }
}

static void found(void *data, const asg_hit_t *hit)
{
    asg_guard_answer_t *g = data;
    asg_action_t action = g->actions[hit->rule];

    if (action == ASG_ACTION_ALLOW) {
        return;
    }
    g->matches[hit->rule]++;
    g->owner.hits++;
    if (action == ASG_ACTION_BLOCK && g->blocked == ASG_RULE_MAX) {
        g->blocked = hit->rule;
    } else if (action == ASG_ACTION_REDACT) {
        cut_hit(g, hit);
    }
}

/* A rule whose search a limit ended has matched: who knows what is there. */
static void give_up(asg_guard_answer_t *g, asg_rule_t rule)
{
    g->actions[rule] = asg_guard_gave_up(g->actions[rule]);
    g->matches[rule]++;
    if (g->actions[rule] == ASG_ACTION_BLOCK && g->blocked == ASG_RULE_MAX) {
        g->blocked = rule;
    }
}

static void note_gave_up(asg_guard_answer_t *g)
{
    uint64_t fresh = g->owner.search.gave_up & ~g->gave_up;

    g->gave_up |= fresh;
    for (; fresh != 0; fresh &= fresh - 1) {
        give_up(g, (asg_rule_t) (ASG_RULE_COUNT + __builtin_ctzll(fresh)));
    }
}

/* No rule knows any more what it would have found. */
static void lose(asg_guard_answer_t *g)
{
    for (unsigned i = 0; i < ASG_RULE_MAX && !g->lost; i++) {
        if (g->actions[i] != ASG_ACTION_ALLOW) {
            give_up(g, (asg_rule_t) i);
        }
    }
    g->lost = true;
}

/* Marks of those that redact; a rule for which none is left refuses. */
static void give_marks(asg_guard_answer_t *g)
{
    static const char marks[] = "\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f"
        "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f";
    unsigned n = 0;

    _Static_assert(sizeof(marks) - 1 == ASG_RULE_COUNT + ASG_GUARD_LABELS,
                   "there are so many marks");
    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        if (g->actions[i] != ASG_ACTION_REDACT) {
            continue;
        }
        if (marks[n] == '\0') {
            g->actions[i] = ASG_ACTION_BLOCK;
            continue;
        }
        g->mark_of[i] = (uint8_t) marks[n];
        g->rule_of[(uint8_t) marks[n++]] = (uint8_t) i;
    }
}

void asg_guard_marks_begin(asg_guard_answer_t *g)
{
    give_marks(g);
    g->owner.data = g;
    g->owner.found = found;
    g->owner.cut = cut_rest;
    g->owner.phrases = g->actions[ASG_RULE_PROMPT_INJECTION]
        >= ASG_ACTION_REDACT;
}

/* --- lanes --- */

static asg_lane_t *new_lane(asg_guard_answer_t *g)
{
    asg_lane_t *lane = g->alloc(g->data, NULL, 0, sizeof(asg_lane_t));

    if (lane != NULL) {
        lane->map = NULL;
        if (g->holds) {
            lane->map = g->alloc(g->data, NULL, 0, sizeof(asg_lane_map_t));
        }
    }
    if (lane == NULL || (g->holds && lane->map == NULL)) {
        g->failed = true;
        return NULL;
    }
    g->lanes[g->nlanes++] = lane;
    return lane;
}

/* Whole texts are over indeed; they have no id. */
static void note_gone(asg_guard_answer_t *g, uint64_t id)
{
    if (id == 0) {
        return;
    }
    if (g->ngone == ASG_ANSWER_GONE) {
        lose(g);
        return;
    }
    g->gone[g->ngone++] = id;
}

static bool is_gone(const asg_guard_answer_t *g, uint64_t id)
{
    for (unsigned i = 0; i < g->ngone; i++) {
        if (g->gone[i] == id) {
            return true;
        }
    }
    return false;
}

/* The one that was silent for longest is taken as over. */
static asg_lane_t *oldest_lane(asg_guard_answer_t *g)
{
    asg_lane_t *lane = g->lanes[0];

    for (unsigned i = 1; i < g->nlanes; i++) {
        lane = g->lanes[i]->fed < lane->fed ? g->lanes[i] : lane;
    }
    asg_lane_look_all(&g->owner, lane);
    note_gone(g, lane->id);
    return lane;
}

static asg_lane_t *lane_of(asg_guard_answer_t *g, const asg_answer_text_t *text)
{
    uint64_t id = text->is_whole ? 0 : text->lane;
    asg_lane_t *lane;

    for (unsigned i = 0; i < g->nlanes; i++) {
        if (g->lanes[i]->id == id) {
            return g->lanes[i];
        }
    }
    if (is_gone(g, id)) {
        lose(g);
    }
    lane = g->nlanes < ASG_ANSWER_LANES ? new_lane(g) : oldest_lane(g);
    if (lane != NULL) {
        asg_lane_init(lane, id, text->group, text->kind);
    }
    return lane;
}

void asg_guard_marks_look_all(asg_guard_answer_t *g, uint64_t group)
{
    for (unsigned i = 0; i < g->nlanes; i++) {
        if (group == UINT64_MAX || g->lanes[i]->group == group) {
            asg_lane_look_all(&g->owner, g->lanes[i]);
        }
    }
    note_gave_up(g);
}

/* The others of its choice are not waited for. */
static void let_go_others(asg_guard_answer_t *g, const asg_lane_t *lane)
{
    for (unsigned i = 0; i < g->nlanes; i++) {
        if (g->lanes[i] != lane && g->lanes[i]->group == lane->group
            && !g->lanes[i]->is_let_go)
        {
            asg_lane_look_all(&g->owner, g->lanes[i]);
        }
    }
}

static void take_whole(asg_guard_answer_t *g, asg_lane_t *lane,
    const asg_answer_text_t *text, uint32_t at)
{
    asg_lane_init(lane, 0, text->group, text->kind);
    asg_lane_put(&g->owner, lane, text->raw, at);
    asg_lane_look_all(&g->owner, lane);
}

/* A value that tells again, token for token, what may be taken out: null. */
static void hush(asg_guard_answer_t *g, const asg_answer_text_t *text)
{
    uint32_t at = g->event_at - g->base
        + (uint32_t) (text->raw.data - g->event);

    if (g->holds && text->raw.len > 4) {
        memcpy(g->raw + at, "null", 4);
        memset(g->raw + at + 4, ASG_MARK_CUT, text->raw.len - 4);
        g->is_cut = true;
    }
}

static void take_text(asg_guard_answer_t *g, const asg_answer_text_t *text)
{
    asg_lane_t *lane;
    uint32_t at;

    if (text->is_echo) {
        hush(g, text);
        return;
    }
    if (text->raw.data == NULL) {
        asg_guard_marks_look_all(g, text->group);
        return;
    }
    if (text->raw.len == 0 || g->failed) {
        return;
    }
    lane = lane_of(g, text);
    if (lane == NULL) {
        return;
    }
    g->has_texts = true;
    lane->fed = ++g->fed;
    at = g->event_at + (uint32_t) (text->raw.data - g->event);
    if (text->is_whole) {
        take_whole(g, lane, text, at);
        return;
    }
    if (g->holds) {
        let_go_others(g, lane);
    }
    asg_lane_put(&g->owner, lane, text->raw, at);
    if (g->holds) {
        asg_lane_look(&g->owner, lane);
    }
}

static void take(void *data, const asg_answer_text_t *text)
{
    asg_guard_answer_t *g = data;

    take_text(g, text);
    note_gave_up(g);
}

/* --- events --- */

/* The data of an event, and how many lines they are. */
typedef struct {
    asg_str_t data;
    unsigned lines;
} data_t;

static bool next_line(asg_str_t *rest, asg_str_t *line)
{
    const uint8_t *p = (const uint8_t *) rest->data;
    const uint8_t *end = p + rest->len, *stop;

    if (rest->len == 0) {
        return false;
    }
    stop = asg_scan_chosen.line(p, end);
    *line = (asg_str_t) {rest->data, (size_t) (stop - p)};
    stop += stop < end;
    *rest = (asg_str_t) {(const char *) stop, (size_t) (end - stop)};
    return true;
}

static bool is_data(asg_str_t line, asg_str_t *out)
{
    size_t n = 5;

    if (line.len < n || memcmp(line.data, "data:", n) != 0) {
        return false;
    }
    n += line.len > n && line.data[n] == ' ';
    *out = (asg_str_t) {line.data + n, line.len - n};
    return true;
}

/* From the first byte of data to the last one. */
static data_t data_of(const char *event, size_t len)
{
    asg_str_t rest = {event, len}, line, part;
    data_t found = {ASG_STR_NULL, 0};

    while (next_line(&rest, &line)) {
        if (!is_data(line, &part)) {
            continue;
        }
        if (found.lines++ == 0) {
            found.data = part;
        } else {
            found.data.len = (size_t) (part.data + part.len - found.data.data);
        }
    }
    return found;
}

/* JSON over many lines: what stands between is made space, which it is. */
static void join(asg_str_t data, char *out)
{
    asg_str_t rest = data, line, part;

    memset(out, ' ', data.len);
    while (next_line(&rest, &line)) {
        if (line.data == data.data) {
            memcpy(out, line.data, line.len);
        } else if (is_data(line, &part)) {
            memcpy(out + (part.data - data.data), part.data, part.len);
        }
    }
}

/* Nothing of it may be taken for a mark of ours. */
static void clear_controls(asg_guard_answer_t *g, char *event, size_t len)
{
    if (!g->holds) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t) event[i] < 0x20 && event[i] != '\n' && event[i] != '\r'
            && event[i] != '\t')
        {
            event[i] = ' ';
        }
    }
}

static void read_data(asg_guard_answer_t *g, asg_str_t data)
{
    while (data.len > 0 && (*data.data == ' ' || *data.data == '\t')) {
        data.data++;
        data.len--;
    }
    if (data.len > 0 && *data.data == '{') {
        asg_answer_texts(g->shape, data, g->is_stream, take, g);
    } else if (data.len > 0) {
        asg_guard_marks_look_all(g, UINT64_MAX);        /* [DONE] */
    }
}

void asg_guard_marks_event(asg_guard_answer_t *g, char *event, size_t len,
    uint32_t at)
{
    data_t found = data_of(event, len);
    char *joined;

    clear_controls(g, event, len);
    if (found.lines == 0) {
        return;
    }
    g->event = event;
    g->event_at = at;
    if (found.lines == 1) {
        read_data(g, found.data);
        return;
    }
    joined = g->alloc(g->data, NULL, 0, found.data.len);
    if (joined == NULL) {
        g->failed = true;
        return;
    }
    join(found.data, joined);
    g->event = joined;
    g->event_at = at + (uint32_t) (found.data.data - event);
    read_data(g, (asg_str_t) {joined, found.data.len});
    (void) g->alloc(g->data, joined, 0, 0);
}

void asg_guard_marks_json(asg_guard_answer_t *g, char *body, size_t len)
{
    clear_controls(g, body, len);
    g->event = body;
    g->event_at = 0;
    read_data(g, (asg_str_t) {body, len});
}

void asg_guard_marks_text(asg_guard_answer_t *g, const char *bytes, size_t len)
{
    asg_answer_text_t text = {{bytes, len}, ASG_TEXT_SIGNED, true, false, 0, 0};

    g->event = bytes;
    g->event_at = 0;
    take(g, &text);
}

bool asg_guard_marks_is_whole(asg_guard_answer_t *g, const char *event,
    size_t len)
{
    asg_str_t rest = {event, len}, line, part;
    asg_answer_scan_t scan;

    asg_answer_scan_begin(&scan, g->shape == ASG_SHAPE_ANTHROPIC
                          ? ASG_WORDS_MESSAGES : ASG_WORDS_OPENAI);
    while (next_line(&rest, &line)) {
        if (is_data(line, &part)) {
            asg_answer_scan_feed(&scan, part.data, part.len, 0);
        }
    }
    return asg_answer_scan_is_whole(&scan) || asg_answer_scan_is_empty(&scan);
}

/* --- marks --- */

static bool is_mark(char c)
{
    return (uint8_t) c < 0x20 && c != '\0' && c != '\t' && c != '\n'
        && c != '\r';
}

bool asg_guard_marks_any(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_mark(bytes[i])) {
            return true;
        }
    }
    return false;
}

static size_t label_of(const asg_guard_answer_t *g, char mark,
    char label[ASG_RULE_NAME_MAX + 16])
{
    asg_buf_t out;

    if (mark == ASG_MARK_CUT) {
        return 0;
    }
    asg_buf_init(&out, label, ASG_RULE_NAME_MAX + 16);
    asg_buf_z(&out, "[REDACTED:");
    asg_buf_z(&out, asg_guard_name(g->set,
                                   (asg_rule_t) g->rule_of[(uint8_t) mark]));
    asg_buf_z(&out, "]");
    return out.len;
}

int asg_guard_marks_emit(const asg_guard_answer_t *g, const char *bytes,
    size_t len, int (*emit)(void *data, const char *bytes, size_t len),
    void *data)
{
    char label[ASG_RULE_NAME_MAX + 16];
    size_t from = 0, n;
    int rc = 0;

    for (size_t i = 0; i < len && rc == 0; i++) {
        if (!is_mark(bytes[i])) {
            continue;
        }
        n = label_of(g, bytes[i], label);
        if (i > from) {
            rc = emit(data, bytes + from, i - from);
        }
        if (rc == 0 && n > 0) {
            rc = emit(data, label, n);
        }
        from = i + 1;
    }
    return rc == 0 && len > from ? emit(data, bytes + from, len - from) : rc;
}

static int count(void *data, const char *bytes, size_t len)
{
    (void) bytes;
    *(size_t *) data += len;
    return 0;
}

size_t asg_guard_answer_size(const asg_guard_answer_t *g, const char *body,
    size_t len)
{
    size_t size = 0;

    (void) asg_guard_marks_emit(g, body, len, count, &size);
    return size;
}

static int append(void *data, const char *bytes, size_t len)
{
    char **out = data;

    memcpy(*out, bytes, len);
    *out += len;
    return 0;
}

void asg_guard_answer_write(const asg_guard_answer_t *g, const char *body,
    size_t len, char *out)
{
    (void) asg_guard_marks_emit(g, body, len, append, &out);
}
