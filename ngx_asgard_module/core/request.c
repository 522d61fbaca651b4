/*
 * The scan of a request body: one walk along the lines of core/fields.def.
 *
 * The walk follows the reader's events.  Where it stands is a chain of steps
 * on the C stack, written out as a path only for a refusal.  It goes as deep
 * as the reader allows, ASG_JSON_DEPTH_MAX.
 */
#include "core/request.h"

#include <string.h>

#include "core/guard_body.h"
#include "core/request_walk.h"

#define TOKENS_IN_LIST 8192     /* of one input that is given as numbers */

typedef asg_request_walk_t walk_t;

static bool walk_value(walk_t *w, const asg_field_t *field, unsigned kinds,
    asg_json_event_t event, const asg_step_t *at);

static bool is_word(const asg_json_t *j, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (asg_json_is(j, *words)) {
            return true;
        }
    }
    return false;
}

static bool is_integer(asg_str_t number)
{
    for (size_t i = 0; i < number.len; i++) {
        char c = number.data[i];

        if (c == '.' || c == 'e' || c == 'E') {
            return false;
        }
    }
    return true;
}

static unsigned kind_of(const asg_json_t *j, asg_json_event_t event)
{
    switch (event) {
    case ASG_JSON_OBJECT:
        return ASG_FIELD_OBJECT;
    case ASG_JSON_ARRAY:
        return ASG_FIELD_LIST;
    case ASG_JSON_STRING:
        return ASG_FIELD_STRING;
    case ASG_JSON_TRUE:
    case ASG_JSON_FALSE:
        return ASG_FIELD_BOOLEAN;
    case ASG_JSON_NUMBER:
        return is_integer(j->token) ? ASG_FIELD_NUMBER | ASG_FIELD_INTEGER
                                    : ASG_FIELD_NUMBER;
    default:
        return 0;
    }
}

/* --- what guardrails read --- */

#define NUMBER_MIN 13           /* of a number that may be more than a number */

/* What may be done to the string at hand.  The data of a source may be bytes as
 * long as its type was not read. */
static asg_text_t text_of(const walk_t *w, unsigned note)
{
    switch (note) {
    case ASG_NOTE_ARGUMENTS:
        return ASG_TEXT_JSON;
    case ASG_NOTE_SIGNED:
        return ASG_TEXT_SIGNED;
    case ASG_NOTE_ID:
    case ASG_NOTE_NO_URL:
        return ASG_TEXT_NAME;
    case ASG_NOTE_SOURCE_DATA:
        return w->block.has_text ? ASG_TEXT_PLAIN : ASG_TEXT_SIGNED;
    default:
        return ASG_TEXT_PLAIN;
    }
}

/* The string at hand, if it is text. */
static void show_text(walk_t *w, unsigned kinds, unsigned note,
    const asg_step_t *at)
{
    bool is_media = note == ASG_NOTE_SOURCE_DATA && w->block.has_media;

    if (w->guard != NULL && (kinds & ASG_FIELD_TEXT) && !is_media) {
        asg_guard_text(w->guard, w->json->token, w->json->escaped,
                       text_of(w, note), at);
    }
}

/* The name at hand, if the client chose it; a refusal says what it stands in,
 * not the name again. */
static void show_name(walk_t *w, const asg_field_t *field,
    const asg_step_t *up)
{
    if (w->guard != NULL && asg_field_is_named_freely(field)) {
        asg_guard_text(w->guard, w->json->token, w->json->escaped,
                       ASG_TEXT_NAME, up);
    }
}

/* A number that may be more than a number, where any value may stand. */
static void show_number(walk_t *w, const asg_step_t *at)
{
    if (w->guard != NULL && w->json->token.len >= NUMBER_MIN) {
        asg_guard_text(w->guard, w->json->token, /* escaped */ false,
                       ASG_TEXT_SIGNED, at);
    }
}

/* What `event` tells of data that is nobody's to judge. */
static void show_opaque(walk_t *w, asg_json_event_t event,
    const asg_step_t *at)
{
    if (event == ASG_JSON_KEY || event == ASG_JSON_STRING) {
        show_text(w, ASG_FIELD_TEXT, event == ASG_JSON_KEY ? ASG_NOTE_SIGNED
                                                           : ASG_NOTE_NONE,
                  at);
    } else if (event == ASG_JSON_NUMBER) {
        show_number(w, at);
    }
}

/* --- prompts and embedding inputs: text, texts, tokens, lists of tokens --- */

/* Numbers up to the end of the list; the first is the current event. */
static bool walk_tokens(walk_t *w, asg_json_event_t event, const asg_step_t *at)
{
    for (unsigned n = 0; event != ASG_JSON_ARRAY_END; n++) {
        if (event == ASG_JSON_ERROR) {
            return asg_refuse_json(w->why, w->json, at);
        }
        if (n == TOKENS_IN_LIST || event != ASG_JSON_NUMBER
            || !is_integer(w->json->token))
        {
            return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
        }
        event = asg_json_next(w->json);
    }
    return true;
}

static bool walk_inputs(walk_t *w, const asg_step_t *at)
{
    asg_json_event_t first = asg_json_next(w->json);
    asg_json_event_t event = first;
    asg_step_t item = {.up = at};

    if (first == ASG_JSON_NUMBER) {
        w->prompts = 1;
        return walk_tokens(w, first, at);
    }
    for (; event != ASG_JSON_ARRAY_END; event = asg_json_next(w->json)) {
        if (event == ASG_JSON_ERROR) {
            return asg_refuse_json(w->why, w->json, at);
        }
        if (event != first || item.index == ASG_REQUEST_INPUTS_MAX
            || (event != ASG_JSON_STRING && event != ASG_JSON_ARRAY))
        {
            return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
        }
        if (event == ASG_JSON_STRING) {
            show_text(w, ASG_FIELD_TEXT, ASG_NOTE_NONE, &item);
        } else if (!walk_tokens(w, asg_json_next(w->json), &item)) {
            return false;
        }
        item.index++;
    }
    w->prompts = item.index;
    return item.index > 0 || asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
}

/* --- containers --- */

static void count_item(walk_t *w, const asg_field_t *field)
{
    if (field->note == ASG_NOTE_MESSAGES) {
        w->r->parts.messages++;
    } else if (field->note == ASG_NOTE_TOOLS) {
        w->r->parts.tools++;
    }
}

static bool walk_list(walk_t *w, const asg_field_t *field, const asg_step_t *at)
{
    asg_step_t item = {.up = at};
    asg_json_event_t event = asg_json_next(w->json);

    for (; event != ASG_JSON_ARRAY_END; event = asg_json_next(w->json)) {
        /* an item is judged by what the line says of items */
        if (!walk_value(w, field, field->items | ASG_FIELD_REQUIRED, event,
                        &item))
        {
            return false;
        }
        count_item(w, field);
        item.index++;
    }
    if (item.index == 0 && (field->value & ASG_FIELD_REQUIRED)) {
        return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
    }
    return true;
}

/* Lists a top-level name that only the model can allow. */
static bool list_unknown(walk_t *w, const asg_step_t *at)
{
    asg_request_t *r = w->r;

    if (r->nunknown == ASG_REQUEST_UNKNOWN_MAX
        || !asg_request_take_string(w, ASG_JSON_KEY_BYTES,
                                    &r->unknown[r->nunknown]))
    {
        return asg_refuse(w->why, ASG_REASON_UNKNOWN_FIELD, at);
    }
    r->nunknown++;
    return true;
}

static const asg_field_t *find_field(walk_t *w, asg_object_t object)
{
    asg_str_t name = w->json->token;
    asg_buf_t plain;

    if (w->json->escaped) {
        asg_buf_init(&plain, w->key, sizeof(w->key));
        if (!asg_json_unescape(name, &plain)) {
            return NULL;
        }
        name = asg_buf_view(&plain);
    }
    return asg_field_find(object, w->r->api, name);
}

/* The key is the current event; reads its value. */
static bool walk_member(walk_t *w, asg_object_t object, const asg_step_t *up,
    const asg_field_t **found)
{
    asg_step_t at = {.up = up, .name = w->json->token};
    const asg_field_t *field = find_field(w, object);
    size_t key = w->json->start;
    asg_json_event_t event;
    size_t value;

    if (field == NULL || field->value == 0) {
        return asg_refuse(w->why, ASG_REASON_UNKNOWN_FIELD, &at);
    }
    if (field->note == ASG_NOTE_UNKNOWN && !list_unknown(w, &at)) {
        return false;
    }
    show_name(w, field, up);
    event = asg_json_next(w->json);
    value = w->json->start;
    if (!walk_value(w, field, field->value, event, &at)) {
        return false;
    }
    asg_request_note_member(w, field, key, value);
    *found = field;
    return true;
}

static bool check_required(walk_t *w, asg_object_t object, const asg_step_t *at,
    uint64_t seen)
{
    const asg_field_t *field;

    for (unsigned i = 0; (field = asg_field_at(object, i)) != NULL; i++) {
        if ((field->value & ASG_FIELD_REQUIRED)
            && (field->apis & 1u << w->r->api)
            && !(seen & UINT64_C(1) << i))
        {
            asg_step_t missing = {.up = at, .name = asg_str_z(field->name)};

            return asg_refuse(w->why, ASG_REASON_MISSING_FIELD, &missing);
        }
    }
    return true;
}

/* Members up to the end of the object whose brace was read. */
static bool walk_object(walk_t *w, asg_object_t object, const asg_step_t *at)
{
    const asg_field_t *first = asg_field_at(object, 0);
    const asg_field_t *field = NULL;
    asg_json_event_t event = asg_json_next(w->json);
    uint64_t seen = 0;

    for (; event == ASG_JSON_KEY; event = asg_json_next(w->json)) {
        if (!walk_member(w, object, at, &field)) {
            return false;
        }
        seen |= UINT64_C(1) << (field - first);
    }
    if (event != ASG_JSON_OBJECT_END) {
        return asg_refuse_json(w->why, w->json, at);
    }
    return check_required(w, object, at, seen);
}

/* Blocks stand in blocks: the result of a tool has some. */
static bool walk_block(walk_t *w, const asg_step_t *at)
{
    asg_block_t outer = w->block;

    w->block = (asg_block_t) {0};
    if (!walk_object(w, ASG_OBJECT_BLOCK, at)) {
        return false;
    }
    asg_request_block_done(w, at);
    w->block = outer;
    return true;
}

/* Unread, but for how many values it has: a backend that writes them anew puts
 * space between them. */
static bool walk_opaque(walk_t *w, const asg_field_t *field,
    const asg_step_t *at)
{
    bool is_text = ((field->value | field->items) & ASG_FIELD_TEXT) != 0;
    unsigned outer = w->json->depth - 1;

    while (w->json->depth > outer) {
        asg_json_event_t event = asg_json_next(w->json);

        if (event == ASG_JSON_ERROR) {
            return asg_refuse_json(w->why, w->json, at);
        }
        if (is_text) {
            show_opaque(w, event, at);
        }
        w->r->parts.values++;
    }
    return true;
}

static bool walk_inside(walk_t *w, const asg_field_t *field,
    asg_json_event_t event, const asg_step_t *at)
{
    if (field->inside == ASG_OBJECT_OPAQUE) {
        return walk_opaque(w, field, at);
    }
    if (event == ASG_JSON_OBJECT) {
        return field->inside == ASG_OBJECT_BLOCK
            ? walk_block(w, at)
            : walk_object(w, (asg_object_t) field->inside, at);
    }
    return field->note == ASG_NOTE_INPUT ? walk_inputs(w, at)
                                         : walk_list(w, field, at);
}

/* Judges the value that `event` began, and reads it to its end. */
static bool walk_value(walk_t *w, const asg_field_t *field, unsigned kinds,
    asg_json_event_t event, const asg_step_t *at)
{
    if (event == ASG_JSON_ERROR) {
        return asg_refuse_json(w->why, w->json, at);
    }
    if (event == ASG_JSON_NULL && !(kinds & ASG_FIELD_REQUIRED)) {
        return true;
    }
    if (!(kinds & kind_of(w->json, event))) {
        return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
    }
    if (event == ASG_JSON_STRING && field->words != NULL
        && !is_word(w->json, field->words))
    {
        return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
    }
    if (field->note != ASG_NOTE_NONE
        && !asg_request_note_value(w, field, event, at))
    {
        return false;
    }
    if (event != ASG_JSON_OBJECT && event != ASG_JSON_ARRAY) {
        if (event == ASG_JSON_STRING) {
            show_text(w, kinds, field->note, at);
        } else if (event == ASG_JSON_NUMBER && (kinds & ASG_FIELD_TEXT)) {
            show_number(w, at);
        }
        return true;
    }
    return walk_inside(w, field, event, at);
}

/* --- the whole --- */

static bool settle_counts(walk_t *w)
{
    asg_request_t *r = w->r;

    r->n = w->samples;
    if (r->api == ASG_API_COMPLETIONS) {
        r->n *= w->prompts;
        if (r->n > ASG_REQUEST_N_MAX) {
            asg_step_t at = {.name = ASG_STR("prompt")};

            return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, &at);
        }
    }
    if (r->api == ASG_API_COMPLETIONS || r->api == ASG_API_EMBEDDINGS) {
        r->parts.messages = w->prompts;
    }
    r->parts.bytes = (int64_t) r->body.len;
    return asg_request_check_messages(w);
}

static bool walk_document(walk_t *w)
{
    asg_json_event_t event = asg_json_next(w->json);

    if (event == ASG_JSON_ERROR) {
        return asg_refuse_json(w->why, w->json, NULL);
    }
    if (event != ASG_JSON_OBJECT) {
        return asg_refuse(w->why, ASG_REASON_INVALID_JSON, NULL);
    }
    w->r->open = (uint32_t) w->json->end;
    if (!walk_object(w, asg_field_top(w->r->api), NULL)) {
        return false;
    }
    if (asg_json_next(w->json) != ASG_JSON_END) {
        return asg_refuse_json(w->why, w->json, NULL);
    }
    return settle_counts(w);
}

static bool scan(walk_t *w, uint64_t seed)
{
    if (w->r->body.len == 0) {
        return asg_refuse(w->why, ASG_REASON_EMPTY_BODY, NULL);
    }
    if (w->r->body.len > ASG_REQUEST_BODY_MAX) {
        return asg_refuse(w->why, ASG_REASON_BODY_TOO_LARGE, NULL);
    }
    asg_json_begin(w->json, w->r->body, seed);
    return walk_document(w);
}

asg_err_t asg_request_scan(asg_request_reader_t *reader, asg_api_t api,
    asg_str_t body, asg_request_t *out, asg_refusal_t *why)
{
    walk_t w = {.json = &reader->json, .guard = reader->guard, .r = out,
                .why = why,
                .samples = 1, .prompts = 1};

    memset(out, 0, offsetof(asg_request_t, scratch));
    out->api = api;
    out->body = body;
    asg_buf_init(&w.scratch, out->scratch, sizeof(out->scratch));
    return scan(&w, reader->seed) ? ASG_OK : ASG_ERR_SYNTAX;
}

asg_str_t asg_request_first_unknown(const asg_request_t *r,
    const asg_str_t *allow, unsigned nallow)
{
    for (unsigned i = 0; i < r->nunknown; i++) {
        unsigned k = 0;

        while (k < nallow && !asg_str_eq(r->unknown[i], allow[k])) {
            k++;
        }
        if (k == nallow) {
            return r->unknown[i];
        }
    }
    return ASG_STR_NULL;
}
