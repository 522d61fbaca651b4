/*
 * Reading a map of prices.
 *
 * The JSON reader bounds the keys of one document and a map has more, so the
 * outer object is walked here and each model is read as a document of its own.
 */
#include "catalog/price_map.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/manifest.h"
#include "catalog/price_field.h"
#include "core/json.h"

struct reading {
    struct ctl_price_map *map;
    struct ctl_findings *findings;
    const char *file;
    asg_json_t *json;
    asg_str_t text;
    size_t at;
    size_t counted;                     /* `line` is of this offset */
    unsigned line;
    unsigned room;                      /* of map->items */
    bool importing;                     /* a map of others */
};

/* One model, while its fields are read. */
struct model {
    struct ctl_price price;
    bool other_mode;                    /* nothing that we route */
    bool by_length;                     /* a list of prices by length */
    bool by_request;                    /* a price beside those by token */
    bool merged;
    bool unusable;                      /* a price is none, and was named */
};


static unsigned
line_of(struct reading *r, size_t at)
{
    for (; r->counted < at; r->counted++) {
        r->line += r->text.data[r->counted] == '\n';
    }

    return r->line;
}


static bool
wrong(struct reading *r, const char *what)
{
    return ctl_finding_error(r->findings, r->file, line_of(r, r->at), "%s",
                             what);
}


/* --- the outer object --- */

static void
space_skip(struct reading *r)
{
    while (r->at < r->text.len
           && memchr(" \t\r\n", r->text.data[r->at], 4) != NULL)
    {
        r->at++;
    }
}


static bool
sign_take(struct reading *r, char sign)
{
    space_skip(r);
    if (r->at == r->text.len || r->text.data[r->at] != sign) {
        return false;
    }
    r->at++;

    return true;
}


/* Past the string that begins here; false when it does not end. */
static bool
string_skip(struct reading *r)
{
    for (r->at++; r->at < r->text.len; r->at++) {
        if (r->text.data[r->at] == '\\') {
            r->at++;
        } else if (r->text.data[r->at] == '"') {
            r->at++;
            return true;
        }
    }
    r->at = r->text.len;

    return false;
}


/* Only where the value ends; the JSON reader checks what it is. */
static asg_str_t
value_take(struct reading *r)
{
    size_t from = r->at;
    unsigned depth = 0;
    char c;

    while (r->at < r->text.len) {
        c = r->text.data[r->at];
        if (c == '"') {
            if (!string_skip(r)) {
                break;
            }
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}')) {
            break;
        }
        depth += c == '{' || c == '[';
        depth -= (c == '}' || c == ']') && depth > 0;
        r->at++;
    }

    return (asg_str_t) {r->text.data + from, r->at - from};
}


/* --- one model --- */

/* A price that is none.  In the operator's own table nothing may stand for it,
 * so the table is refused; of a map of others the model is left out. */
static bool
price_unusable(struct reading *r, struct model *m, const char *what,
    const char *of)
{
    const struct ctl_price *p = &m->price;

    if (!r->importing) {
        return ctl_finding_error(r->findings, r->file, p->line,
                                 "\"%s\" has %s%s", p->name, what, of);
    }
    if (!m->unusable) {
        ctl_finding_warn(r->findings, r->file, p->line,
                         "\"%s\" is left out: it has %s%s", p->name, what, of);
    }
    m->unusable = true;

    return true;
}


static bool
number_take(struct reading *r, const asg_json_t *json,
    const struct ctl_price_field *field, struct model *m)
{
    struct ctl_price *p = &m->price;
    struct ctl_prices *to = field->above_tokens > 0 ? &p->above[field->tier]
                                                    : &p->base[field->tier];
    int64_t pusd;

    if (asg_price_parse(json->token, field->per, &pusd) != ASG_OK) {
        return price_unusable(r, m, "a price that is no number from 0 to "
                                    "1,000 USD a token", "");
    }
    if (field->above_tokens > 0) {
        m->merged = m->merged || (p->above_tokens > 0
                                  && p->above_tokens != field->above_tokens);
        if (p->above_tokens == 0 || field->above_tokens < p->above_tokens) {
            p->above_tokens = field->above_tokens;
        }
        if (ctl_prices_say(to, field->kind) && to->pusd[field->kind] > pusd) {
            return true;
        }
    } else if (ctl_prices_say(to, field->kind)) {
        return price_unusable(r, m, "in two units the price of ",
                              ctl_price_kind_name(field->kind));
    }
    ctl_prices_set(to, field->kind, pusd);

    return true;
}


static void
mode_take(const asg_json_t *json, struct model *m)
{
    static const char *const modes[] = {
        "chat", "responses", "completion", "embedding"
    };
    size_t i;

    m->other_mode = true;
    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (asg_str_eq_z(json->token, modes[i])) {
            m->other_mode = false;
        }
    }
    m->price.embedding = asg_str_eq_z(json->token, "embedding");
}


/* A price that is nothing, whatever it is for. */
static bool
is_nothing(const asg_json_t *json, asg_json_event_t event)
{
    int64_t pusd;

    return event == ASG_JSON_NULL
           || (event == ASG_JSON_NUMBER
               && asg_price_parse(json->token, 1, &pusd) == ASG_OK
               && pusd == 0);
}


static bool
field_take(struct reading *r, asg_str_t name, struct model *m)
{
    asg_json_t *json = r->json;
    struct ctl_price_field field;
    bool known = ctl_price_field_read(name, &field);
    bool of_request = ctl_price_field_is_of_request(name);
    asg_json_event_t event = asg_json_next(json);

    if (event == ASG_JSON_ERROR) {
        return wrong(r, "is no JSON");
    }
    if (event == ASG_JSON_NUMBER && known) {
        return number_take(r, json, &field, m);
    }
    if (event == ASG_JSON_STRING && asg_str_eq_z(name, "mode")) {
        mode_take(json, m);
        return true;
    }
    if (known && event != ASG_JSON_NULL) {
        return price_unusable(r, m, "a price that is no number", "")
               && (asg_json_skip(json) || wrong(r, "is no JSON"));
    }
    if (event == ASG_JSON_ARRAY && asg_str_eq_z(name, "tiered_pricing")) {
        m->by_length = true;
    }
    if (of_request && !is_nothing(json, event)) {
        m->by_request = true;
    }
    if (event != ASG_JSON_NULL && ctl_price_field_is_cost(name)) {
        r->map->fields_left_out++;
    }

    return asg_json_skip(json) || wrong(r, "is no JSON");
}


static bool
fields_take(struct reading *r, asg_str_t text, struct model *m)
{
    asg_json_event_t event;

    asg_json_begin(r->json, text, 0);
    if (asg_json_next(r->json) != ASG_JSON_OBJECT) {
        return wrong(r, "a model must be a map of fields, in JSON");
    }
    while ((event = asg_json_next(r->json)) == ASG_JSON_KEY) {
        if (!field_take(r, r->json->token, m)) {
            return false;
        }
    }

    return (event == ASG_JSON_OBJECT_END
            && asg_json_next(r->json) == ASG_JSON_END)
           || wrong(r, "is no JSON, or a model with too many fields");
}


/* No answer is no answer for nothing. */
static void
embedding_settle(struct ctl_price *p)
{
    struct ctl_prices *base = &p->base[CTL_TIER_STANDARD];

    if (p->embedding && base->pusd[CTL_PRICE_OUT] == 0) {
        base->said &= ~(1u << CTL_PRICE_OUT);
    }
}


/* Its prices by token are whole and all that there is, and it costs
 * something. */
static bool
is_priced(const struct model *m)
{
    const struct ctl_prices *p = &m->price.base[CTL_TIER_STANDARD];

    return !m->unusable && !m->other_mode && !m->by_length && !m->by_request
           && ctl_prices_say(p, CTL_PRICE_IN)
           && (m->price.embedding || ctl_prices_say(p, CTL_PRICE_OUT))
           && (p->pusd[CTL_PRICE_IN] > 0 || p->pusd[CTL_PRICE_OUT] > 0);
}


static bool
item_add(struct reading *r, const struct ctl_price *p)
{
    struct ctl_price_map *map = r->map;
    struct ctl_price *more;
    unsigned room = r->room > 0 ? 2 * r->room : 128;

    if (map->n == CTL_PRICE_MAP_MODELS_MAX) {
        return wrong(r, "has more than 16,384 models");
    }
    if (map->n == r->room) {
        more = ctl_arena_alloc(r->findings->arena, room * sizeof(*more));
        if (more == NULL) {
            return ctl_finding_memory(r->findings, r->file);
        }
        if (map->n > 0) {
            memcpy(more, map->items, map->n * sizeof(*more));
        }
        map->items = more;
        r->room = room;
    }
    map->items[map->n++] = *p;

    return true;
}


static bool
model_take(struct reading *r, const char *name, unsigned line, asg_str_t text)
{
    struct model m = {.price = {.name = name, .line = line}};
    unsigned tier;

    if (!fields_take(r, text, &m)) {
        return false;
    }
    if (!is_priced(&m)) {
        r->map->models_left_out++;
        r->map->models_by_request += m.by_request;
        r->map->models_unusable += m.unusable;
        return true;
    }
    embedding_settle(&m.price);
    for (tier = 0; tier < CTL_TIERS; tier++) {
        ctl_prices_settle(&m.price.base[tier], &m.price.above[tier]);
    }
    r->map->lengths_merged += m.merged;

    return item_add(r, &m.price);
}


static bool
is_no_model(const char *name)
{
    return name[0] == '_' || strcmp(name, "sample_spec") == 0;
}


static bool
is_json(struct reading *r, asg_str_t text)
{
    asg_json_begin(r->json, text, 0);
    (void) asg_json_next(r->json);

    return (asg_json_skip(r->json) && asg_json_next(r->json) == ASG_JSON_END)
           || wrong(r, "is no JSON");
}


/* `"name": value`; what is no model must be JSON all the same. */
static bool
entry_take(struct reading *r)
{
    unsigned line = line_of(r, r->at);
    size_t from = r->at + 1;
    asg_str_t text;
    char *name;

    if (!string_skip(r)) {
        return wrong(r, "a name does not end");
    }
    name = ctl_arena_text(r->findings->arena, r->text.data + from,
                          r->at - 1 - from);
    if (name == NULL) {
        return ctl_finding_memory(r->findings, r->file);
    }
    if (!sign_take(r, ':')) {
        return wrong(r, "expects \":\" behind a name");
    }
    space_skip(r);
    text = value_take(r);
    if (!is_no_model(name) && ctl_manifest_is_name(name)) {
        return model_take(r, name, line, text);
    }
    r->map->models_left_out += !is_no_model(name);

    return is_json(r, text);
}


static int
by_name(const void *a, const void *b)
{
    const struct ctl_price *x = a, *y = b;

    return strcmp(x->name, y->name);
}


static bool
names_settle(struct reading *r)
{
    struct ctl_price_map *map = r->map;
    unsigned i;

    if (map->n > 0) {
        qsort(map->items, map->n, sizeof(*map->items), by_name);
    }
    for (i = 1; i < map->n; i++) {
        if (strcmp(map->items[i - 1].name, map->items[i].name) == 0) {
            return ctl_finding_error(r->findings, r->file,
                map->items[i].line, "\"%s\" stands twice",
                map->items[i].name);
        }
    }

    return true;
}


static bool
entries_take(struct reading *r)
{
    if (!sign_take(r, '{')) {
        return wrong(r, "expects a map of models, in JSON");
    }
    if (!sign_take(r, '}')) {
        do {
            space_skip(r);
            if (r->at == r->text.len || r->text.data[r->at] != '"') {
                return wrong(r, "expects the name of a model");
            }
            if (!entry_take(r)) {
                return false;
            }
        } while (sign_take(r, ','));
        if (!sign_take(r, '}')) {
            return wrong(r, "expects \",\" or \"}\" behind a model");
        }
    }
    space_skip(r);

    return r->at == r->text.len || wrong(r, "goes on behind its end");
}


static bool
map_read(struct ctl_price_map *map, const char *file, asg_str_t text,
    bool importing, struct ctl_findings *f)
{
    struct reading r = {.map = map, .findings = f, .file = file, .text = text,
                        .line = 1, .importing = importing};

    memset(map, 0, sizeof(*map));
    if (text.len > CTL_PRICE_MAP_BYTES_MAX) {
        return ctl_finding_error(f, file, 0, "larger than 16 MiB");
    }
    r.json = ctl_arena_alloc(f->arena, sizeof(*r.json));

    return (r.json != NULL || ctl_finding_memory(f, file))
           && entries_take(&r) && names_settle(&r);
}


bool
ctl_price_map_parse(struct ctl_price_map *map, const char *file,
    asg_str_t text, struct ctl_findings *f)
{
    return map_read(map, file, text, false, f);
}


bool
ctl_price_map_import(struct ctl_price_map *map, const char *file,
    asg_str_t text, struct ctl_findings *f)
{
    return map_read(map, file, text, true, f);
}
