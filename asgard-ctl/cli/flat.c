/*
 * JSON as rows of names and raw values.
 */
#include "cli/flat.h"

#include <stdlib.h>

#include "cli/cli.h"

struct walk {
    char name[CLI_FLAT_NAME];
    size_t lens[ASG_JSON_DEPTH_MAX + 1];        /* of the name, by depth */
    unsigned depth;
};


asg_json_t *
cli_json_begin(unsigned depth, asg_str_t text)
{
    static asg_json_t readers[CLI_JSON_DEPTHS];

    asg_json_begin(&readers[depth], text, 1);

    return &readers[depth];
}


/* The names of the objects around, and this key; one that does not fit is
 * cut. */
static size_t
name_put(struct walk *w, asg_str_t key)
{
    size_t len = w->depth > 0 ? w->lens[w->depth - 1] : 0;
    size_t room = sizeof(w->name) - len;

    if (len > 0 && room > 1) {
        w->name[len++] = '.';
        room--;
    }
    key.len = key.len < room ? key.len : room;
    memcpy(w->name + len, key.data, key.len);

    return len + key.len;
}


static bool
is_value(asg_json_event_t event)
{
    return event >= ASG_JSON_STRING;
}


/* The value after a key whose whole name has `len` bytes. */
static bool
value_take(struct walk *w, asg_json_t *json, size_t len, cli_flat_fn *fn,
    void *data)
{
    asg_json_event_t event = asg_json_next(json);

    if (event == ASG_JSON_OBJECT) {
        w->lens[w->depth++] = len;
        return true;
    }
    if (event == ASG_JSON_ARRAY) {
        size_t start = json->start;

        if (!asg_json_skip(json)) {
            return false;
        }
        fn(data, (asg_str_t) {w->name, len}, ASG_JSON_ARRAY,
           (asg_str_t) {json->text.data + start, json->end - start});
        return true;
    }
    if (!is_value(event)) {
        return false;
    }
    fn(data, (asg_str_t) {w->name, len}, event, json->token);

    return true;
}


bool
cli_flat_each(asg_str_t object, unsigned depth, cli_flat_fn *fn, void *data)
{
    asg_json_t *json = cli_json_begin(depth, object);
    struct walk w = {.depth = 0};
    asg_json_event_t event;

    if (asg_json_next(json) != ASG_JSON_OBJECT) {
        return false;
    }
    while ((event = asg_json_next(json)) != ASG_JSON_END) {
        if (event == ASG_JSON_OBJECT_END) {
            w.depth -= w.depth > 0;
        } else if (event != ASG_JSON_KEY
                   || !value_take(&w, json, name_put(&w, json->token), fn,
                                  data))
        {
            return false;
        }
    }

    return true;
}


struct search {
    const char *name;
    asg_json_event_t kind;
    asg_str_t raw;
    bool found;
};


static void
look(void *data, asg_str_t name, asg_json_event_t kind, asg_str_t raw)
{
    struct search *s = data;

    if (!s->found && asg_str_eq_z(name, s->name)) {
        s->found = true;
        s->kind = kind;
        s->raw = raw;
    }
}


bool
cli_flat_find(asg_str_t object, unsigned depth, const char *name,
    asg_json_event_t *kind, asg_str_t *raw)
{
    struct search s = {.name = name};

    if (!cli_flat_each(object, depth, look, &s) || !s.found) {
        return false;
    }
    *kind = s.kind;
    *raw = s.raw;

    return true;
}


/* C0 and DEL, and C1 as UTF-8 has it: a name must not move the cursor. */
void
cli_clean_text(asg_str_t text, asg_buf_t *out)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char) text.data[i];
        unsigned char next = i + 1 < text.len
            ? (unsigned char) text.data[i + 1] : 0;

        if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
            asg_buf_z(out, "?");
            i++;
        } else if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f) {
            asg_buf_z(out, "?");
        } else {
            asg_buf_put(out, &text.data[i], 1);
        }
    }
}


void
cli_flat_text(asg_json_event_t kind, asg_str_t raw, asg_buf_t *out)
{
    char *text;
    asg_buf_t plain;

    if (kind == ASG_JSON_NULL) {
        asg_buf_z(out, "-");
        return;
    }
    if (kind != ASG_JSON_STRING) {
        cli_clean_text(raw, out);
        return;
    }
    text = malloc(raw.len + 1);         /* unescaped it is never longer */
    if (text == NULL) {
        return;
    }
    asg_buf_init(&plain, text, raw.len + 1);
    if (asg_json_unescape(raw, &plain)) {
        cli_clean_text(asg_buf_view(&plain), out);
    }
    free(text);
}
