/*
 * The scan of a request body: one walk along the lines of core/fields.def.
 *
 * The walk follows the reader's events.  Where it stands is a chain of steps
 * on the C stack, written out as a path only for a refusal.  It goes as deep
 * as the reader allows, ASG_JSON_DEPTH_MAX.
 */
#include "core/request.h"

#include <string.h>

#include "core/media.h"
#include "core/refusal.h"

#define MAX_TOKENS_MAX 1000000000
#define USER_MAX       512
#define TOKENS_IN_LIST 8192     /* of one input that is given as numbers */

typedef struct {
    asg_json_t *json;
    asg_request_t *r;
    asg_refusal_t *why;
    asg_buf_t scratch;
    int64_t samples;            /* n or best_of, the larger */
    int64_t prompts;
    char key[ASG_JSON_KEY_BYTES];       /* an escaped key, resolved */
} walk_t;

static bool walk_value(walk_t *w, const asg_field_t *field, unsigned kinds,
    asg_json_event_t event, const asg_step_t *at);

/* --- single values --- */

/* The string token, borrowed from the body or resolved into the scratch. */
static bool take_string(walk_t *w, size_t max, asg_str_t *out)
{
    const asg_json_t *j = w->json;
    size_t from = w->scratch.len;

    if (!j->escaped) {
        *out = j->token;
        return j->token.len <= max;
    }
    if (!asg_json_unescape(j->token, &w->scratch)) {
        return false;
    }
    *out = (asg_str_t) {w->scratch.data + from, w->scratch.len - from};
    return out->len <= max;
}

static bool is_model_name(asg_str_t name)
{
    if (name.len == 0) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char) name.data[i];

        if (c < 0x20 || c == 0x7f
            || (c == '.' && i > 0 && name.data[i - 1] == '.'))
        {
            return false;
        }
    }
    return true;
}

static bool take_int(walk_t *w, int64_t max, int64_t *out)
{
    return asg_json_int(w->json, out) && *out >= 1 && *out <= max;
}

static bool note_max_tokens(walk_t *w, const asg_step_t *at)
{
    if (w->r->has_max_tokens) {
        return asg_refuse(w->why, ASG_REASON_CONFLICTING_FIELDS, at);
    }
    if (!take_int(w, MAX_TOKENS_MAX, &w->r->max_tokens)) {
        return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
    }
    w->r->has_max_tokens = true;
    return true;
}

static bool note_samples(walk_t *w, const asg_step_t *at)
{
    int64_t n;

    if (!take_int(w, ASG_REQUEST_N_MAX, &n)) {
        return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
    }
    if (n > w->samples) {
        w->samples = n;
    }
    return true;
}

static bool note_string(walk_t *w, const asg_step_t *at, size_t max,
    asg_str_t *out)
{
    return take_string(w, max, out)
           || asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
}

static bool note_model(walk_t *w, const asg_step_t *at)
{
    asg_str_t *model = &w->r->model;

    return (take_string(w, ASG_REQUEST_MODEL_MAX, model)
            && is_model_name(*model))
           || asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
}

static bool note_url(walk_t *w, const asg_step_t *at, bool allowed)
{
    return allowed || asg_refuse(w->why, ASG_REASON_URL_NOT_ALLOWED, at);
}

static void count_part(walk_t *w, asg_part_t part, int64_t *count,
    const asg_step_t *at)
{
    if ((*count)++ == 0) {
        asg_step_path(at, w->r->first_at[part]);
    }
}

static bool note_image_url(walk_t *w, const asg_step_t *at)
{
    asg_str_t url = w->json->token;

    if (asg_media_is_data(url)) {
        w->r->parts.media_bytes += (int64_t) url.len;
    }
    return note_url(w, at, asg_media_image_is_allowed(url));
}

static bool note_image(walk_t *w, asg_json_event_t event, const asg_step_t *at)
{
    count_part(w, ASG_PART_IMAGE, &w->r->parts.images, at);
    return event != ASG_JSON_STRING || note_image_url(w, at);
}

static bool note_audio_data(walk_t *w, const asg_step_t *at)
{
    w->r->parts.media_bytes += (int64_t) w->json->token.len;
    return note_url(w, at, asg_media_is_no_url(w->json->token));
}

/* `audio`, or the word in the list of `modalities`. */
static void note_voice(walk_t *w, asg_json_event_t event, const asg_step_t *at)
{
    if (event == ASG_JSON_OBJECT
        || (event == ASG_JSON_STRING && asg_json_is(w->json, "audio")))
    {
        count_part(w, ASG_PART_VOICE, &w->r->parts.voices, at);
    }
}

/* JSON inside a string, that a backend may take apart and write anew: as many
 * values as it has signs. */
static void note_arguments(walk_t *w)
{
    asg_str_t text = w->json->token;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        w->r->parts.values += c == ',' || c == ':' || c == '[' || c == ']'
            || c == '{' || c == '}';
    }
}

/* What a line of the table asks beyond its kind; before a container is
 * entered. */
static bool note_value(walk_t *w, const asg_field_t *field,
    asg_json_event_t event, const asg_step_t *at)
{
    asg_request_t *r = w->r;

    switch ((asg_note_t) field->note) {
    case ASG_NOTE_MODEL:
        return note_model(w, at);
    case ASG_NOTE_MAX_TOKENS:
        return note_max_tokens(w, at);
    case ASG_NOTE_N:
        return note_samples(w, at);
    case ASG_NOTE_STREAM:
        r->stream = event == ASG_JSON_TRUE;
        return true;
    case ASG_NOTE_INCLUDE_USAGE:
        r->include_usage = event == ASG_JSON_TRUE;
        return true;
    case ASG_NOTE_USER:
        return note_string(w, at, USER_MAX, &r->user);
    case ASG_NOTE_DATA_CLASS:
        return note_string(w, at, USER_MAX, &r->data_class);
    case ASG_NOTE_TIER:
        return note_string(w, at, USER_MAX, &r->service_tier);
    case ASG_NOTE_IMAGE:
        return note_image(w, event, at);
    case ASG_NOTE_URL:
        return note_image_url(w, at);
    case ASG_NOTE_NO_URL:
        return note_url(w, at, asg_media_is_no_url(w->json->token));
    case ASG_NOTE_AUDIO:
        count_part(w, ASG_PART_AUDIO, &r->parts.audios, at);
        return true;
    case ASG_NOTE_AUDIO_DATA:
        return note_audio_data(w, at);
    case ASG_NOTE_FILE:
        count_part(w, ASG_PART_FILE, &r->parts.files, at);
        return true;
    case ASG_NOTE_VOICE:
        note_voice(w, event, at);
        return true;
    case ASG_NOTE_FORMAT:
        r->parts.tools++;               /* some backends make it one */
        return true;
    case ASG_NOTE_ARGUMENTS:
        note_arguments(w);
        return true;
    default:
        return true;
    }
}

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
        if (event == ASG_JSON_ARRAY
            && !walk_tokens(w, asg_json_next(w->json), &item))
        {
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

static void set_span(asg_span_t *span, size_t start, size_t end)
{
    span->start = (uint32_t) start;
    span->end = (uint32_t) end;
}

static void note_max_tokens_member(walk_t *w, size_t key, bool is_null)
{
    asg_request_t *r = w->r;
    asg_span_t *span = &r->max_tokens_member;

    if (span->end != 0) {
        /* of two, one is null: the other keeps the place */
        if (is_null) {
            span = &r->null_max_tokens_member;
        } else {
            r->null_max_tokens_member = *span;
        }
    }
    set_span(span, key, w->json->end);
}

/* Where the member stands, after its value was read. */
static void note_member(walk_t *w, const asg_field_t *field, size_t key,
    size_t value)
{
    asg_request_t *r = w->r;
    size_t end = w->json->end;

    switch ((asg_note_t) field->note) {
    case ASG_NOTE_MODEL:
        set_span(&r->model_value, value, end);
        return;
    case ASG_NOTE_MESSAGES:
        set_span(&r->messages_value, value, end);
        return;
    case ASG_NOTE_MAX_TOKENS:
        note_max_tokens_member(w, key, r->body.data[value] == 'n');
        return;
    case ASG_NOTE_STREAM_OPTIONS:
        set_span(&r->stream_options_member, key, end);
        return;
    case ASG_NOTE_USER:
        set_span(&r->user_member, key, end);
        return;
    case ASG_NOTE_SAFETY_ID:
        set_span(&r->safety_id_member, key, end);
        return;
    case ASG_NOTE_METADATA_USER:
        set_span(&r->metadata_user_value, value, end);
        return;
    case ASG_NOTE_DATA_CLASS:
        set_span(&r->data_class_member, key, end);
        return;
    case ASG_NOTE_PREDICTION:
        r->parts.predicted_bytes = (int64_t) (end - value);
        return;
    default:
        return;
    }
}

/* Lists a top-level name that only the model can allow. */
static bool list_unknown(walk_t *w, const asg_step_t *at)
{
    asg_request_t *r = w->r;

    if (r->nunknown == ASG_REQUEST_UNKNOWN_MAX
        || !take_string(w, ASG_JSON_KEY_BYTES, &r->unknown[r->nunknown]))
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
    event = asg_json_next(w->json);
    value = w->json->start;
    if (!walk_value(w, field, field->value, event, &at)) {
        return false;
    }
    note_member(w, field, key, value);
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

/* Unread, but for how many values it has: a backend that writes them anew puts
 * space between them. */
static bool walk_opaque(walk_t *w, const asg_step_t *at)
{
    unsigned outer = w->json->depth - 1;

    while (w->json->depth > outer) {
        if (asg_json_next(w->json) == ASG_JSON_ERROR) {
            return asg_refuse_json(w->why, w->json, at);
        }
        w->r->parts.values++;
    }
    return true;
}

static bool walk_inside(walk_t *w, const asg_field_t *field,
    asg_json_event_t event, const asg_step_t *at)
{
    if (field->inside == ASG_OBJECT_OPAQUE) {
        return walk_opaque(w, at);
    }
    if (event == ASG_JSON_OBJECT) {
        return walk_object(w, (asg_object_t) field->inside, at);
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
    if (field->note != ASG_NOTE_NONE && !note_value(w, field, event, at)) {
        return false;
    }
    if (event != ASG_JSON_OBJECT && event != ASG_JSON_ARRAY) {
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
    return true;
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
    if (!walk_object(w, ASG_OBJECT_TOP, NULL)) {
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
    walk_t w = {.json = &reader->json, .r = out, .why = why,
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
