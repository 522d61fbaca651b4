/*
 * Reading request bodies by tables of fields.
 */
#include "http/json_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blank.h"
#include "base/name.h"
#include "core/json.h"

#define FIELDS_MAX 64
#define NAME_BYTES 64
#define NUMBER_BYTES 32

struct reader {
    asg_json_t *json;
    struct ctl_arena *arena;
    struct ctl_error *e;
    asg_str_t text;
};


static bool
bad_json(struct reader *rd)
{
    switch (rd->json->fault) {
    case ASG_JSON_DUPLICATE:
        return ctl_error_set(rd->e, 400, "duplicate_key",
                             "A field stands twice in the body.");
    case ASG_JSON_TOO_MUCH:
        return ctl_error_set(rd->e, 400, "json_limit",
                             "The body is nested too deeply or has too many "
                             "fields.");
    default:
        return ctl_error_set(rd->e, 400, "invalid_json",
                             "The body is not valid JSON (near byte %zu).",
                             rd->json->fault_at);
    }
}


static bool
bad_value(struct reader *rd, const char *name, const char *expects)
{
    return ctl_error_field(rd->e, "invalid_value", name, "%s must be %s.",
                           name, expects);
}


/* The current string token, unescaped, without NUL. */
static const char *
read_text(struct reader *rd)
{
    asg_str_t raw = rd->json->token;
    char *to = ctl_arena_alloc(rd->arena, raw.len + 1);
    asg_buf_t b;

    if (to == NULL) {
        return NULL;
    }
    asg_buf_init(&b, to, raw.len);
    if (!asg_json_unescape(raw, &b) || memchr(to, '\0', b.len) != NULL) {
        return NULL;
    }

    return to;
}


static bool
value_text(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    const char *text;
    char expects[64];

    snprintf(expects, sizeof(expects), "a text of at most %u bytes%s", f->max,
             f->required ? ", not blank" : "");
    if (ev == ASG_JSON_NULL && !f->required) {
        return true;
    }
    if (ev != ASG_JSON_STRING || rd->json->token.len > (size_t) f->max * 6) {
        return bad_value(rd, f->name, expects);
    }
    text = read_text(rd);
    if (text == NULL || strlen(text) > f->max
        || (f->required && ctl_text_is_blank(text)))
    {
        return bad_value(rd, f->name, expects);
    }
    *(const char **) f->out = text;

    return true;
}


static bool
value_name(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    const char *text = NULL;
    char expects[96];

    if (ev == ASG_JSON_STRING && rd->json->token.len <= (size_t) f->max * 6) {
        text = read_text(rd);
    }
    if (text == NULL || !ctl_name_is_plain(text, f->max)) {
        snprintf(expects, sizeof(expects), CTL_NAME_MUST_BE " %u characters",
                 f->max);
        return bad_value(rd, f->name, expects);
    }
    *(const char **) f->out = text;

    return true;
}


static bool
value_usd(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    struct ctl_json_usd *usd = f->out;

    usd->given = true;
    if (ev == ASG_JSON_NULL) {
        usd->null = true;
        return true;
    }
    if (ev != ASG_JSON_NUMBER
        || asg_money_parse(rd->json->token, &usd->nusd) != ASG_OK)
    {
        return bad_value(rd, f->name, "an amount of USD: a plain decimal "
                         "number of at most nine decimals, or null");
    }

    return true;
}


static bool
value_bool(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    if (ev != ASG_JSON_TRUE && ev != ASG_JSON_FALSE) {
        return bad_value(rd, f->name, "true or false");
    }
    *(int *) f->out = ev == ASG_JSON_TRUE;

    return true;
}


static bool
value_int(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    if (ev != ASG_JSON_NUMBER || !asg_json_int(rd->json, f->out)) {
        return bad_value(rd, f->name, "an integer");
    }

    return true;
}


static bool
value_limit(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    struct ctl_limit *limit = f->out;
    char expects[64];

    limit->given = true;
    limit->null = ev == ASG_JSON_NULL;
    if (limit->null) {
        return true;
    }
    snprintf(expects, sizeof(expects), "an integer from 0 to %u, or null",
             f->max);
    if (ev != ASG_JSON_NUMBER || !asg_json_int(rd->json, &limit->most)
        || limit->most < 0 || limit->most > (int64_t) f->max)
    {
        return bad_value(rd, f->name, expects);
    }

    return true;
}


static bool
value_texts(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    struct ctl_json_texts *list = f->out;

    list->given = true;
    list->null = ev == ASG_JSON_NULL;
    if (list->null) {
        return true;
    }
    if (ev != ASG_JSON_ARRAY) {
        return bad_value(rd, f->name, "a list of texts, or null");
    }
    list->items = ctl_arena_alloc(rd->arena, f->max * sizeof(char *));
    while ((ev = asg_json_next(rd->json)) == ASG_JSON_STRING) {
        const char *text = read_text(rd);

        if (list->items == NULL || list->n == f->max || text == NULL) {
            return bad_value(rd, f->name, "a shorter list of texts");
        }
        list->items[list->n++] = text;
    }
    if (ev == ASG_JSON_ERROR) {
        return bad_json(rd);
    }

    return ev == ASG_JSON_ARRAY_END
           || bad_value(rd, f->name, "a list of texts, or null");
}


static bool
value_raw(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    size_t start = rd->json->start;

    if ((ev == ASG_JSON_OBJECT || ev == ASG_JSON_ARRAY)
        && !asg_json_skip(rd->json))
    {
        return bad_json(rd);
    }
    *(asg_str_t *) f->out = (asg_str_t) {rd->text.data + start,
                                         rd->json->end - start};

    return true;
}


/* What PostgreSQL keeps as jsonb it writes out digit by digit: 1e9999 would be
 * ten thousand of them. */
static bool
is_plain_number(asg_str_t token)
{
    return token.len <= NUMBER_BYTES
           && memchr(token.data, 'e', token.len) == NULL
           && memchr(token.data, 'E', token.len) == NULL;
}


/* A NUL, which a text of PostgreSQL cannot hold. */
static bool
has_nul(asg_str_t raw)
{
    size_t i;

    for (i = 0; i + 5 < raw.len; i++) {
        if (raw.data[i] != '\\') {
            continue;
        }
        if (memcmp(raw.data + i, "\\u0000", 6) == 0) {
            return true;
        }
        i++;                            /* what is escaped is no backslash */
    }

    return false;
}


static bool
value_object(struct reader *rd, asg_json_event_t ev,
    const struct ctl_json_field *f)
{
    size_t start = rd->json->start;
    unsigned depth = rd->json->depth;

    if (ev != ASG_JSON_OBJECT) {
        return bad_value(rd, f->name, "an object");
    }
    while (ev != ASG_JSON_OBJECT_END || rd->json->depth >= depth) {
        ev = asg_json_next(rd->json);
        if (ev == ASG_JSON_ERROR) {
            return bad_json(rd);
        }
        if ((ev == ASG_JSON_NUMBER && !is_plain_number(rd->json->token))
            || ((ev == ASG_JSON_STRING || ev == ASG_JSON_KEY)
                && has_nul(rd->json->token)))
        {
            return bad_value(rd, f->name, "an object of plain numbers without "
                                          "exponent, and texts without NUL");
        }
    }
    if (rd->json->end - start > f->max) {
        return bad_value(rd, f->name, "shorter");
    }
    *(const char **) f->out = ctl_arena_text(rd->arena, rd->text.data + start,
                                             rd->json->end - start);

    return *(const char **) f->out != NULL
           || ctl_error_internal(rd->e, "out of memory");
}


static bool
read_value(struct reader *rd, const struct ctl_json_field *f)
{
    asg_json_event_t ev = asg_json_next(rd->json);

    if (ev == ASG_JSON_ERROR) {
        return bad_json(rd);
    }
    switch (f->type) {
    case CTL_JSON_TEXT: return value_text(rd, ev, f);
    case CTL_JSON_NAME: return value_name(rd, ev, f);
    case CTL_JSON_USD: return value_usd(rd, ev, f);
    case CTL_JSON_BOOL: return value_bool(rd, ev, f);
    case CTL_JSON_INT: return value_int(rd, ev, f);
    case CTL_JSON_LIMIT: return value_limit(rd, ev, f);
    case CTL_JSON_TEXTS: return value_texts(rd, ev, f);
    case CTL_JSON_RAW: return value_raw(rd, ev, f);
    case CTL_JSON_OBJECT: return value_object(rd, ev, f);
    }

    return false;
}


static const struct ctl_json_field *
field_find(const asg_json_t *json, const struct ctl_json_field *fields)
{
    const struct ctl_json_field *f;

    for (f = fields; f->name != NULL; f++) {
        if (asg_json_is(json, f->name)) {
            return f;
        }
    }

    return NULL;
}


/* Fit to be repeated in a message: whole, and on one line. */
static bool
is_plain(const char *name)
{
    size_t i;

    for (i = 0; name[i] > 0x20 && name[i] < 0x7f; i++) { }

    return name[i] == '\0' && i <= NAME_BYTES;
}


static bool
unknown_field(struct reader *rd)
{
    const char *name = read_text(rd);

    if (name == NULL || !is_plain(name)) {
        name = "?";
    }

    return ctl_error_field(rd->e, "unknown_field", name,
                           "\"%s\" is not a field that this route knows.",
                           name);
}


static bool
read_members(struct reader *rd, const struct ctl_json_field *fields,
    bool *seen)
{
    const struct ctl_json_field *f;
    asg_json_event_t ev;

    while ((ev = asg_json_next(rd->json)) == ASG_JSON_KEY) {
        f = field_find(rd->json, fields);
        if (f == NULL) {
            return unknown_field(rd);
        }
        if (!read_value(rd, f)) {
            return false;
        }
        seen[f - fields] = true;
    }

    return (ev == ASG_JSON_OBJECT_END
            && asg_json_next(rd->json) == ASG_JSON_END) || bad_json(rd);
}


static bool
read_object(struct reader *rd, const struct ctl_json_field *fields)
{
    bool seen[FIELDS_MAX] = {false};
    asg_json_event_t ev;
    size_t i;

    ev = asg_json_next(rd->json);
    if (ev == ASG_JSON_ERROR) {
        return bad_json(rd);
    }
    if (ev != ASG_JSON_OBJECT) {
        return ctl_error_set(rd->e, 400, "invalid_json",
                             "The body must be a JSON object.");
    }
    if (!read_members(rd, fields, seen)) {
        return false;
    }
    for (i = 0; fields[i].name != NULL; i++) {
        if (fields[i].required && !seen[i]) {
            return ctl_error_field(rd->e, "missing_field", fields[i].name,
                                   "The field %s is required.",
                                   fields[i].name);
        }
    }

    return true;
}


bool
ctl_json_read(asg_str_t body, const struct ctl_json_field *fields,
    struct ctl_arena *arena, struct ctl_error *e)
{
    struct reader rd = {NULL, arena, e, body};
    bool ok;

    if (body.len == 0) {
        rd.text = ASG_STR("{}");
    }
    rd.json = calloc(1, sizeof(*rd.json));
    if (rd.json == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_json_begin(rd.json, rd.text, (uint64_t) (uintptr_t) rd.json);
    ok = read_object(&rd, fields);
    free(rd.json);

    return ok;
}


static bool
each_item(struct reader *rd, const char *name, unsigned max,
    bool (*item)(void *data, asg_str_t raw, struct ctl_error *e), void *data)
{
    asg_json_event_t ev;
    size_t start;
    unsigned n = 0;

    if (asg_json_next(rd->json) != ASG_JSON_ARRAY) {
        return bad_value(rd, name, "a list");
    }
    while ((ev = asg_json_next(rd->json)) == ASG_JSON_OBJECT) {
        start = rd->json->start;
        if (!asg_json_skip(rd->json)) {
            return bad_json(rd);
        }
        if (n++ == max) {
            return bad_value(rd, name, "a shorter list");
        }
        if (!item(data, (asg_str_t) {rd->text.data + start,
                                     rd->json->end - start}, rd->e))
        {
            return false;
        }
    }

    return ev == ASG_JSON_ARRAY_END || bad_value(rd, name,
                                                 "a list of objects");
}


bool
ctl_json_each(asg_str_t raw, const char *name, unsigned max,
    struct ctl_arena *arena,
    bool (*item)(void *data, asg_str_t raw, struct ctl_error *e), void *data,
    struct ctl_error *e)
{
    struct reader rd = {calloc(1, sizeof(asg_json_t)), arena, e, raw};
    bool ok;

    if (rd.json == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_json_begin(rd.json, raw, (uint64_t) (uintptr_t) rd.json);
    ok = each_item(&rd, name, max, item, data);
    free(rd.json);

    return ok;
}
