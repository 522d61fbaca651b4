/* One text of an answer as it comes, piece by piece. */
#include "core/guard_lane.h"

#include "core/escape.h"
#include "core/guard_rule.h"

#define KEY_BYTES_MAX  16384    /* of a private key */
#define KEY_LINE_MAX   64       /* of its last line, after END */
#define KEY_END        "-----END "
#define JSON_DEPTH     64

_Static_assert(ASG_LANE_TEXT >= 2 * ASG_GUARD_REACH + 128,
               "what is kept leaves room for more");

enum { KEY_NONE = 0, KEY_BODY, KEY_LAST };

void asg_lane_init(asg_lane_t *lane, uint64_t id, uint64_t group,
    asg_text_t kind)
{
    lane->id = id;
    lane->group = group;
    lane->kind = kind;
    lane->is_let_go = false;
    lane->len = 0;
    lane->from = 0;
    lane->phrases = 0;
    asg_guard_told_begin(&lane->told);
    lane->key_state = KEY_NONE;
    memset(&lane->json, 0, sizeof(lane->json));
    if (lane->map != NULL) {
        lane->map->nextra = 0;
    }
}

/* --- what is found --- */

static void find_to(asg_lane_owner_t *owner, asg_lane_t *lane, size_t to,
    bool is_over, asg_hit_pt found, void *data)
{
    if (to > lane->from) {
        asg_str_t text = {lane->text, lane->len};

        owner->lane = lane;
        asg_guard_find_all(&owner->search, &lane->told, text, lane->from, to,
                           is_over, found, data);
        lane->from = lane->from < to ? to : lane->from;
    }
}

/* Of phrases those that begin where they are told of now. */
static void tell(void *data, const asg_hit_t *hit)
{
    asg_lane_owner_t *owner = data;

    if (hit->rule == ASG_RULE_PROMPT_INJECTION) {
        if (hit->start < owner->lane->phrases
            || hit->start >= owner->phrases_to)
        {
            return;
        }
        owner->nphrases++;
    }
    owner->found(owner->data, hit);
}

static void tell_phrase(void *data, const asg_hit_t *hit)
{
    if (hit->rule == ASG_RULE_PROMPT_INJECTION) {
        tell(data, hit);
    }
}

/* What leaves is told of; phrases, which begin before `whole`, are whole. */
static void find_apart(asg_lane_owner_t *owner, asg_lane_t *lane, size_t to,
    size_t whole, bool is_over)
{
    owner->lane = lane;
    owner->phrases_to = whole;
    if (whole > lane->phrases && lane->phrases < lane->from) {
        asg_guard_find((asg_str_t) {lane->text, lane->len}, lane->phrases,
                       lane->from, tell_phrase, owner);
    }
    find_to(owner, lane, to, is_over, tell, owner);
    lane->phrases = whole > lane->phrases ? whole : lane->phrases;
}

static bool is_apart(const asg_lane_owner_t *owner, const asg_lane_t *lane)
{
    return lane->map != NULL && !owner->phrases;
}

static void find(asg_lane_owner_t *owner, asg_lane_t *lane, size_t to,
    bool is_over)
{
    asg_str_t text = {lane->text, lane->len};
    size_t least = text.len > ASG_GUARD_REACH ? text.len - ASG_GUARD_REACH : 0;
    size_t whole = to;

    if (!is_apart(owner, lane)) {
        find_to(owner, lane, to, is_over, owner->found, owner->data);
        return;
    }
    if (!is_over) {
        whole = asg_rule_phrase_start(text, least);
        whole = whole < to ? whole : to;
    }
    find_apart(owner, lane, to, whole, is_over);
}

void asg_lane_look(asg_lane_owner_t *owner, asg_lane_t *lane)
{
    asg_str_t text = {lane->text, lane->len};
    size_t to = asg_guard_settled(text, owner->phrases);

    if (owner->search.wanted != 0) {
        size_t most = asg_guard_set_settled(&owner->search, &lane->told, text,
                                            lane->from);

        to = most < to ? most : to;
    }
    find(owner, lane, to, /* is_over */ false);
}

void asg_lane_look_all(asg_lane_owner_t *owner, asg_lane_t *lane)
{
    size_t settled, phrases;
    uint64_t hits, nphrases;

    asg_lane_look(owner, lane);
    settled = lane->from;
    phrases = lane->phrases;
    hits = owner->hits;
    nphrases = owner->nphrases;
    find(owner, lane, lane->len, /* is_over */ true);
    if (owner->hits == hits) {
        lane->from = settled;           /* it may go on after all */
    }
    if (owner->nphrases == nphrases) {
        lane->phrases = phrases;
    }
    lane->is_let_go = true;
}

bool asg_lane_holds(const asg_lane_t *lane, size_t *index)
{
    *index = lane->from;
    return !lane->is_let_go && lane->from < lane->len;
}

/* --- room --- */

static void shift_extra(asg_lane_map_t *map, size_t gone)
{
    unsigned n = 0;

    for (unsigned i = 0; i < map->nextra; i++) {
        if (map->extra[i].index >= gone) {
            map->extra[n] = map->extra[i];
            map->extra[n++].index -= gone;
        }
    }
    map->nextra = n;
}

/* All but what the next anchors can look back to. */
static void forget(const asg_lane_owner_t *owner, asg_lane_t *lane)
{
    size_t gone;

    if (lane->from <= ASG_GUARD_REACH) {
        return;
    }
    gone = lane->from - ASG_GUARD_REACH;
    lane->len -= gone;
    lane->from -= gone;
    lane->key_from -= gone < lane->key_from ? gone : lane->key_from;
    lane->phrases -= gone < lane->phrases ? gone : lane->phrases;
    if (owner->search.set != NULL) {
        asg_guard_told_shift(&lane->told, gone);
    }
    memmove(lane->text, lane->text + gone, lane->len);
    if (lane->map != NULL) {
        memmove(lane->map->bytes, lane->map->bytes + gone,
                lane->len * sizeof(asg_lane_byte_t));
        shift_extra(lane->map, gone);
    }
}

/* For a sign, of four bytes at most. */
static void make_room(asg_lane_owner_t *owner, asg_lane_t *lane)
{
    if (lane->len + 4 > ASG_LANE_TEXT) {
        if (lane->map != NULL) {
            asg_lane_look(owner, lane);
        } else {
            find(owner, lane, lane->len - ASG_GUARD_REACH,
                 /* is_over */ false);
        }
        forget(owner, lane);
    }
}

/* --- private keys that are taken out --- */

static void cut_byte(asg_lane_owner_t *owner, asg_lane_t *lane, size_t i)
{
    if (lane->map != NULL && lane->map->bytes[i].is == ASG_LANE_FREE) {
        owner->cut(owner->data, &lane->map->bytes[i]);
    }
}

static bool ends_with(const asg_lane_t *lane, size_t from, size_t end,
    const char *z)
{
    size_t n = strlen(z);

    return end - from >= n && memcmp(lane->text + end - n, z, n) == 0;
}

/* The byte before `end` belongs to the key; is it its last one? */
static bool key_goes_on(asg_lane_t *lane, size_t end)
{
    lane->key_bytes++;
    if (lane->key_state == KEY_BODY) {
        if (ends_with(lane, 0, end, KEY_END)) {
            lane->key_state = KEY_LAST;
            lane->key_bytes = 0;
        }
        return lane->key_bytes < KEY_BYTES_MAX;
    }
    return lane->key_bytes < KEY_LINE_MAX
        && !(lane->key_bytes >= 5 && ends_with(lane, 0, end, "-----"));
}

/* What there is of it. */
static void take_key(asg_lane_owner_t *owner, asg_lane_t *lane)
{
    size_t i = lane->key_from;

    while (i < lane->len && lane->key_state != KEY_NONE) {
        if (lane->map != NULL && lane->kind == ASG_TEXT_JSON
            && lane->map->bytes[i].is != ASG_LANE_FREE)
        {
            lane->key_state = KEY_NONE;         /* its string has ended */
            break;
        }
        cut_byte(owner, lane, i++);
        if (!key_goes_on(lane, i)) {
            lane->key_state = KEY_NONE;
        }
    }
    lane->key_from = i;
    if (lane->from < i) {
        lane->from = i;
    }
}

void asg_lane_take_key(asg_lane_owner_t *owner, asg_lane_t *lane, size_t end)
{
    lane->key_state = KEY_BODY;
    lane->key_bytes = 0;
    lane->key_from = end;
    take_key(owner, lane);
}

/* --- one sign more --- */

/* `byte`: where it stands. */
static void add(asg_lane_owner_t *owner, asg_lane_t *lane, const void *sign,
    size_t n, const asg_lane_byte_t *byte)
{
    make_room(owner, lane);
    memcpy(lane->text + lane->len, sign, n);
    for (size_t i = 0; lane->map != NULL && i < n; i++) {
        lane->map->bytes[lane->len + i] = *byte;
        lane->map->bytes[lane->len + i].width = i == 0 ? byte->width : 0;
    }
    lane->len += n;
    lane->is_let_go = false;
    if (lane->key_state != KEY_NONE) {
        take_key(owner, lane);
    }
}

/* --- JSON within the text --- */

static void open_level(asg_lane_json_t *json, bool is_object)
{
    if (json->depth < JSON_DEPTH) {
        uint64_t bit = UINT64_C(1) << json->depth;

        json->objects = is_object ? json->objects | bit : json->objects & ~bit;
    }
    json->depth++;
    json->wants_name = is_object;
}

static bool is_in_object(const asg_lane_json_t *json)
{
    return json->depth > JSON_DEPTH
        || (json->depth > 0 && (json->objects >> (json->depth - 1) & 1) != 0);
}

/* A sign that is no escape; says what may be done with it. */
static uint8_t see_sign(asg_lane_json_t *json, char c)
{
    if (json->in_string) {
        if (c == '"') {
            json->in_string = false;
            return ASG_LANE_FIXED;
        }
        return json->is_name ? ASG_LANE_FIXED : ASG_LANE_FREE;
    }
    switch (c) {
    case '"':
        json->in_string = true;
        json->is_name = json->wants_name;
        return ASG_LANE_FIXED;
    case '{':
    case '[':
        open_level(json, c == '{');
        break;
    case '}':
    case ']':
        json->depth -= json->depth > 0;
        json->wants_name = false;
        break;
    case ',':
        json->wants_name = is_in_object(json);
        break;
    case ':':
        json->wants_name = false;
        break;
    }
    return ASG_LANE_OUTSIDE;
}

static void note_extra(asg_lane_t *lane, const asg_lane_json_t *json)
{
    asg_lane_map_t *map = lane->map;

    for (unsigned i = 0; i + 1 < json->nparts; i++) {
        if (map->nextra < ASG_LANE_EXTRA) {
            map->extra[map->nextra++] =
                (asg_lane_extra_t) {lane->len, json->parts[i]};
        }
    }
}

/* The escape is whole, or will never be. */
static void end_escape(asg_lane_owner_t *owner, asg_lane_t *lane)
{
    asg_lane_json_t *json = &lane->json;
    uint8_t sign[4] = {'?'};
    uint32_t point;
    size_t n = 1;
    asg_lane_byte_t byte = json->parts[json->nparts - 1];

    if (asg_escape_read(json->escape, json->escape + json->escape_len, &point)
        != 0)
    {
        n = asg_escape_utf8(point, sign);
    }
    byte.is = json->in_string && !json->is_name ? ASG_LANE_FREE
                                                : ASG_LANE_FIXED;
    make_room(owner, lane);
    if (lane->map != NULL) {
        note_extra(lane, json);
    }
    json->escape_len = 0;
    add(owner, lane, sign, n, &byte);
}

static bool is_high_half(const uint8_t *hex)
{
    return (hex[0] | 0x20) == 'd'
        && (hex[1] == '8' || hex[1] == '9' || (hex[1] | 0x20) == 'a'
            || (hex[1] | 0x20) == 'b');
}

/* Bytes that an escape with this beginning has. */
static unsigned escape_length(const uint8_t *escape, unsigned len)
{
    if (len < 2) {
        return 2;
    }
    if (escape[1] != 'u') {
        return 2;
    }
    return len >= 6 && is_high_half(escape + 2) ? 12 : 6;
}

static void keep_part(asg_lane_json_t *json, uint8_t sign,
    const asg_lane_byte_t *byte)
{
    asg_lane_byte_t *last = json->parts;

    json->nparts = json->escape_len > 0 ? json->nparts : 0;
    json->escape[json->escape_len++] = sign;
    json->last = *byte;
    if (json->nparts > 0) {
        last += json->nparts - 1;
        if (last->at + last->width == byte->at) {
            last->width = (uint8_t) (last->width + byte->width);
            return;
        }
    }
    json->parts[json->nparts++] = *byte;
}

/* What is kept cannot go on with `sign`: half a pair, or no escape. */
static void break_escape(asg_lane_owner_t *owner, asg_lane_t *lane)
{
    asg_lane_json_t *json = &lane->json;
    asg_lane_byte_t last = json->last;
    bool is_next = json->escape_len == 7;

    json->escape_len -= is_next;
    end_escape(owner, lane);
    if (is_next) {
        keep_part(json, '\\', &last);
    }
}

static void add_inner(asg_lane_owner_t *owner, asg_lane_t *lane,
    const uint8_t *sign, size_t n, asg_lane_byte_t byte)
{
    asg_lane_json_t *json = &lane->json;
    unsigned len = json->escape_len;

    if ((len == 6 && *sign != '\\') || (len == 7 && *sign != 'u')
        || (len > 0 && n > 1))
    {
        break_escape(owner, lane);
    }
    if (json->escape_len == 0 && *sign != '\\') {
        byte.is = see_sign(json, (char) *sign);
        add(owner, lane, sign, n, &byte);
        return;
    }
    keep_part(json, *sign, &byte);
    if (json->escape_len == escape_length(json->escape, json->escape_len)) {
        end_escape(owner, lane);
    }
}

/* --- raw text --- */

static void put_sign(asg_lane_owner_t *owner, asg_lane_t *lane,
    const uint8_t *sign, size_t n, asg_lane_byte_t byte)
{
    if (lane->kind == ASG_TEXT_JSON) {
        add_inner(owner, lane, sign, n, byte);
    } else {
        byte.is = lane->kind == ASG_TEXT_SIGNED ? ASG_LANE_FIXED
                                                : ASG_LANE_FREE;
        add(owner, lane, sign, n, &byte);
    }
}

/* The escape at `p`; returns its length. */
static size_t put_escape(asg_lane_owner_t *owner, asg_lane_t *lane,
    const uint8_t *p, const uint8_t *end, uint32_t at)
{
    uint32_t point;
    uint8_t sign[4] = {'?'};
    size_t n = asg_escape_read(p, end, &point), len = 1;

    if (n != 0) {
        len = asg_escape_utf8(point, sign);
    } else {
        n = end - p >= 6 && p[1] == 'u' ? 6 : end - p >= 2 ? 2 : 1;
    }
    put_sign(owner, lane, sign, len,
             (asg_lane_byte_t) {at, (uint8_t) n, ASG_LANE_FREE});
    return n;
}

/* Without escapes, and nothing to be held back: in one go. */
static void put_plain(asg_lane_owner_t *owner, asg_lane_t *lane,
    const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t room, part;

        make_room(owner, lane);
        room = ASG_LANE_TEXT - lane->len;
        part = n < room ? n : room;
        memcpy(lane->text + lane->len, p, part);
        lane->len += part;
        p += part;
        n -= part;
    }
}

static void put_run(asg_lane_owner_t *owner, asg_lane_t *lane,
    const uint8_t *p, size_t n, uint32_t at)
{
    if (lane->map == NULL && lane->kind != ASG_TEXT_JSON
        && lane->key_state == KEY_NONE)
    {
        put_plain(owner, lane, p, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        put_sign(owner, lane, p + i, 1,
                 (asg_lane_byte_t) {at + (uint32_t) i, 1, ASG_LANE_FREE});
    }
}

void asg_lane_put(asg_lane_owner_t *owner, asg_lane_t *lane, asg_str_t raw,
    uint32_t at)
{
    const uint8_t *start = (const uint8_t *) raw.data;
    const uint8_t *end = start + raw.len;
    const uint8_t *p = start;

    while (p < end) {
        const uint8_t *slash = memchr(p, '\\', (size_t) (end - p));
        size_t n = (size_t) ((slash != NULL ? slash : end) - p);

        put_run(owner, lane, p, n, at + (uint32_t) (p - start));
        p += n;
        if (p < end) {
            p += put_escape(owner, lane, p, end, at + (uint32_t) (p - start));
        }
    }
    if (raw.len > 0) {
        lane->is_let_go = false;
    }
}
