/* Looking into JSON that was checked before. */
#include "core/view.h"

#include <string.h>

#include "core/escape.h"
#include "core/json.h"
#include "core/scan.h"

#define SPELLED_MAX 64

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

/* From the quote to after the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    const uint8_t *q = (const uint8_t *) p + 1;
    const uint8_t *stop = (const uint8_t *) end;

    while (q < stop) {
        q = asg_scan_raw(q, stop);
        if (q == stop) {
            break;
        }
        if (*q == '"') {
            return (const char *) q + 1;
        }
        q += *q == '\\' && stop - q > 1 ? 2 : 1;
    }
    return end;
}

static const char *skip_container(const char *p, const char *end)
{
    size_t depth = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[') {
            depth++;
        } else if ((*p == '}' || *p == ']') && --depth == 0) {
            return p + 1;
        }
        p++;
    }
    return end;
}

static bool ends_word(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n'
        || c == '\r' || c == '\t';
}

static const char *skip_value(const char *p, const char *end)
{
    if (p < end && *p == '"') {
        return skip_string(p, end);
    }
    if (p < end && (*p == '{' || *p == '[')) {
        return skip_container(p, end);
    }
    while (p < end && !ends_word(*p)) {
        p++;
    }
    return p;
}

/* Moves behind what stands before the next member or item; false at the end. */
static bool next_begins(asg_view_t *view)
{
    const char *p = skip_space(view->at, view->end);

    if (p < view->end && *p == ',') {
        p = skip_space(p + 1, view->end);
    }
    view->at = p;
    return p < view->end && *p != '}' && *p != ']';
}

static asg_str_t take_value(asg_view_t *view)
{
    const char *from = view->at;

    view->at = skip_value(from, view->end);
    return (asg_str_t) {from, (size_t) (view->at - from)};
}

asg_view_t asg_view_open(asg_str_t value)
{
    if (!asg_view_is_object(value) && !asg_view_is_list(value)) {
        return (asg_view_t) {NULL, NULL};
    }
    return (asg_view_t) {value.data + 1, value.data + value.len};
}

bool asg_view_item(asg_view_t *view, asg_str_t *out)
{
    if (!next_begins(view)) {
        return false;
    }
    *out = take_value(view);
    return out->len > 0;
}

bool asg_view_member(asg_view_t *view, asg_view_member_t *out)
{
    asg_str_t key;

    if (!asg_view_item(view, &key)) {
        return false;
    }
    out->key = asg_view_text(key);
    view->at = skip_space(view->at, view->end);
    if (out->key.data == NULL || view->at == view->end || *view->at != ':') {
        return false;
    }
    view->at = skip_space(view->at + 1, view->end);
    out->value = take_value(view);
    return out->value.len > 0;
}

bool asg_view_enter(asg_view_t *list, asg_view_t *object)
{
    if (!next_begins(list) || *list->at != '{') {
        return false;
    }
    *object = (asg_view_t) {list->at + 1, list->end};
    return true;
}

void asg_view_leave(asg_view_t *list, const asg_view_t *object)
{
    list->at = object->at < object->end ? object->at + 1 : object->end;
}

asg_str_t asg_view_find(asg_str_t object, const char *name)
{
    asg_view_t view = asg_view_open(object);
    asg_view_member_t member;

    while (asg_view_member(&view, &member)) {
        if (asg_view_spells(member.key, name)) {
            return asg_view_is_null(member.value) ? ASG_STR_NULL
                                                  : member.value;
        }
    }
    return ASG_STR_NULL;
}

asg_str_t asg_view_find_text(asg_str_t object, const char *name)
{
    return asg_view_text(asg_view_find(object, name));
}

bool asg_view_repeats(asg_str_t object, const char *name)
{
    asg_view_t view = asg_view_open(object);
    asg_view_member_t member;
    unsigned n = 0;

    while (n < 2 && asg_view_member(&view, &member)) {
        n += asg_view_spells(member.key, name);
    }
    return n > 1;
}

static bool begins(asg_str_t value, char c)
{
    return value.len > 0 && value.data[0] == c;
}

bool asg_view_is_string(asg_str_t value)
{
    return begins(value, '"');
}

bool asg_view_is_object(asg_str_t value)
{
    return begins(value, '{');
}

bool asg_view_is_list(asg_str_t value)
{
    return begins(value, '[');
}

bool asg_view_is_null(asg_str_t value)
{
    return value.data == NULL || begins(value, 'n');
}

asg_str_t asg_view_text(asg_str_t value)
{
    if (value.len < 2 || !asg_view_is_string(value)) {
        return ASG_STR_NULL;
    }
    return (asg_str_t) {value.data + 1, value.len - 2};
}

bool asg_view_spells(asg_str_t raw, const char *z)
{
    char storage[SPELLED_MAX];
    asg_buf_t plain;

    if (raw.len == 0) {
        return *z == '\0';
    }
    if (memchr(raw.data, '\\', raw.len) == NULL) {
        return asg_str_eq_z(raw, z);
    }
    asg_buf_init(&plain, storage, sizeof(storage));
    return asg_json_unescape(raw, &plain)
        && asg_str_eq_z(asg_buf_view(&plain), z);
}

bool asg_view_is_blank(asg_str_t raw)
{
    const uint8_t *p = (const uint8_t *) raw.data;
    const uint8_t *end = raw.len > 0 ? p + raw.len : p;

    while (p < end) {
        uint32_t point = *p;
        size_t n = *p == '\\' ? asg_escape_read(p, end, &point) : 1;

        if (n == 0 || (point != ' ' && (point < '\t' || point > '\r'))) {
            return false;
        }
        p += n;
    }
    return true;
}
