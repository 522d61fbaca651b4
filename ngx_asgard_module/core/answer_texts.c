/* The texts of an answer: the table, and the walk by it. */
#include "core/answer_texts.h"

#include "core/scan.h"
#include "core/view.h"

#define DEPTH_MAX  16           /* objects of the table in one another */

#define OBJECT(object) static const asg_answer_member_t object##_MEMBERS[] = {
#define MEMBER(name, kind, inside)                                          \
    {name, sizeof(name) - 1, ASG_MEMBER_##kind, ASG_SHAPE_##inside},
#define END };
#define ROUTE(api, object)
#include "core/answer_texts.def"
#undef OBJECT
#undef MEMBER
#undef END
#undef ROUTE

typedef struct {
    const asg_answer_member_t *members;
    unsigned count;
} shape_t;

static const shape_t shapes[ASG_SHAPE_COUNT] = {
#define OBJECT(object)                                                      \
    [ASG_SHAPE_##object] = {object##_MEMBERS,                               \
        sizeof(object##_MEMBERS) / sizeof(*object##_MEMBERS)},
#define MEMBER(name, kind, inside)
#define END
#define ROUTE(api, object)
#include "core/answer_texts.def"
#undef OBJECT
#undef MEMBER
#undef END
#undef ROUTE
};

static const uint8_t routes[ASG_API_COUNT] = {
#define OBJECT(object)
#define MEMBER(name, kind, inside)
#define END
#define ROUTE(api, object) [ASG_API_##api] = ASG_SHAPE_##object,
#include "core/answer_texts.def"
#undef OBJECT
#undef MEMBER
#undef END
#undef ROUTE
};

/* Where the walk is.  A lane is made of the numbers on the way and of the line
 * of the text: `message` and `delta` are two names of one thing. */
typedef struct {
    asg_answer_text_pt take;
    void *data;
    bool is_stream;
    unsigned depth;
    uint64_t lane;
    uint64_t group;
} walk_t;

asg_shape_t asg_answer_texts_of(asg_api_t api)
{
    return (unsigned) api < ASG_API_COUNT ? (asg_shape_t) routes[api]
                                          : ASG_SHAPE_NOTHING;
}

const asg_answer_member_t *asg_answer_member_at(asg_shape_t shape,
    unsigned index)
{
    return index < shapes[shape].count ? &shapes[shape].members[index] : NULL;
}

/* A step further on the way: FNV-1a over the number. */
static uint64_t step(uint64_t lane, uint64_t number)
{
    for (unsigned i = 0; i < 8; i++) {
        lane = (lane ^ (number >> 8 * i & 0xff)) * UINT64_C(0x100000001b3);
    }
    return lane;
}

static void give(const walk_t *w, asg_str_t raw, asg_text_t kind,
    bool is_whole)
{
    asg_answer_text_t text = {raw, kind, is_whole, false, w->lane,
                              w->group};

    w->take(w->data, &text);
}

static void give_echo(const walk_t *w, asg_str_t value)
{
    asg_answer_text_t text = {value, ASG_TEXT_SIGNED, true, true, w->lane,
                              w->group};

    w->take(w->data, &text);
}

/* --- everything below a member --- */

/* From the quote to after the closing one. */
static const char *string_end(const char *p, const char *end)
{
    const uint8_t *q = (const uint8_t *) p + 1;
    const uint8_t *stop = (const uint8_t *) end;

    while (q < stop) {
        q = asg_scan_raw(q, stop);
        if (q == stop || *q == '"') {
            break;
        }
        q += *q == '\\' && stop - q > 1 ? 2 : 1;
    }
    return (const char *) (q < stop ? q + 1 : stop);
}

static bool is_name(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p < end && *p == ':';
}

static bool is_of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.'
        || c == 'e' || c == 'E';
}

static const char *give_number(const walk_t *w, const char *p, const char *end)
{
    const char *from = p;

    while (p < end && is_of_number(*p)) {
        p++;
    }
    give(w, (asg_str_t) {from, (size_t) (p - from)}, ASG_TEXT_SIGNED,
         /* is_whole */ true);
    return p;
}

static void walk_deep(const walk_t *w, asg_str_t value)
{
    const char *p = value.data, *end = value.data + value.len;

    while (p < end) {
        if (*p == '"') {
            const char *after = string_end(p, end);
            size_t len = (size_t) (after - p);
            asg_str_t raw = {p + 1, len > 2 ? len - 2 : 0};

            give(w, raw, is_name(after, end) ? ASG_TEXT_SIGNED
                                             : ASG_TEXT_PLAIN,
                 /* is_whole */ true);
            p = after;
        } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
            p = give_number(w, p, end);
        } else {
            p++;
        }
    }
}

/* --- the objects of the table --- */

static void walk_object(const walk_t *w, asg_shape_t shape, asg_str_t object);

static const asg_answer_member_t *look_up(asg_shape_t shape, asg_str_t key)
{
    bool is_escaped = memchr(key.data, '\\', key.len) != NULL;
    const shape_t *s = &shapes[shape];

    for (unsigned i = 0; i < s->count; i++) {
        const asg_answer_member_t *m = &s->members[i];

        if (is_escaped ? asg_view_spells(key, m->name)
                       : key.len == m->len
                         && memcmp(key.data, m->name, key.len) == 0)
        {
            return m;
        }
    }
    return NULL;
}

static bool has_index(asg_shape_t shape)
{
    return shapes[shape].members[0].kind == ASG_MEMBER_INDEX
        || shape == ASG_SHAPE_ANTHROPIC;
}

/* The number that it has itself, else its place among its siblings. */
static uint64_t index_of(asg_shape_t shape, asg_str_t object, uint64_t place)
{
    uint64_t own;

    if (has_index(shape) && asg_str_u64(asg_view_find(object, "index"), &own)) {
        return own;
    }
    return place;
}

static void walk_item(const walk_t *w, asg_shape_t shape, asg_str_t item,
    uint64_t place)
{
    walk_t inner = *w;

    if (!asg_view_is_object(item)) {
        walk_deep(w, item);
        return;
    }
    inner.lane = step(w->lane, index_of(shape, item, place));
    inner.group = shape == ASG_SHAPE_CHOICE ? inner.lane : w->group;
    walk_object(&inner, shape, item);
}

static void walk_list(const walk_t *w, asg_shape_t shape, asg_str_t list)
{
    asg_view_t view = asg_view_open(list);
    asg_str_t item;
    uint64_t place = 0;

    while (asg_view_item(&view, &item)) {
        walk_item(w, shape, item, place++);
    }
}

static asg_text_t text_kind(uint8_t kind)
{
    return kind == ASG_MEMBER_CODE ? ASG_TEXT_JSON
        : kind == ASG_MEMBER_SIGNED ? ASG_TEXT_SIGNED : ASG_TEXT_PLAIN;
}

static void walk_string(const walk_t *w, uint8_t kind, asg_str_t value)
{
    if (kind == ASG_MEMBER_STOP) {
        give(w, ASG_STR_NULL, ASG_TEXT_PLAIN, /* is_whole */ true);
    } else if (kind != ASG_MEMBER_INDEX) {
        give(w, asg_view_text(value), text_kind(kind),
             !w->is_stream || kind == ASG_MEMBER_DEEP);
    }
}

static void walk_value(const walk_t *w, const asg_answer_member_t *m,
    asg_str_t value)
{
    walk_t inner = *w;

    inner.depth++;
    if (m->kind == ASG_MEMBER_ECHO) {
        give_echo(w, value);
    } else if (asg_view_is_string(value)) {
        inner.lane = step(w->lane, (uint64_t) (uintptr_t) m);
        walk_string(&inner, m->kind, value);
    } else if (m->inside == ASG_SHAPE_NOTHING || inner.depth > DEPTH_MAX) {
        walk_deep(&inner, value);
    } else if (asg_view_is_list(value)) {
        walk_list(&inner, (asg_shape_t) m->inside, value);
    } else {
        walk_item(&inner, (asg_shape_t) m->inside, value, 0);
    }
}

static void walk_object(const walk_t *w, asg_shape_t shape, asg_str_t object)
{
    static const asg_answer_member_t unknown = {
        "", 0, ASG_MEMBER_DEEP, ASG_SHAPE_NOTHING};
    asg_view_t view = asg_view_open(object);
    asg_view_member_t member;

    while (asg_view_member(&view, &member)) {
        const asg_answer_member_t *m = look_up(shape, member.key);

        if (m == NULL) {
            give(w, member.key, ASG_TEXT_SIGNED, /* is_whole */ true);
            m = &unknown;
        }
        if (m->kind != ASG_MEMBER_NO && m->kind != ASG_MEMBER_INDEX) {
            walk_value(w, m, member.value);
        }
    }
}

void asg_answer_texts(asg_shape_t shape, asg_str_t object, bool is_stream,
    asg_answer_text_pt take, void *data)
{
    walk_t w = {take, data, is_stream, 0, UINT64_C(0xcbf29ce484222325), 0};

    w.lane = step(w.lane, index_of(shape, object, 0));
    walk_object(&w, shape, object);
}
