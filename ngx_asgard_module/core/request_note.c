/*
 * Single values of a request body: what is checked beyond their kind, and what
 * is kept of them.
 */
#include "core/request_walk.h"

#include "core/end_user.h"
#include "core/media.h"

#define MAX_TOKENS_MAX 1000000000
#define WORD_MAX       512

typedef asg_request_walk_t walk_t;

bool asg_request_take_string(walk_t *w, size_t max, asg_str_t *out)
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
    return asg_request_take_string(w, max, out)
           || asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
}

static bool note_model(walk_t *w, const asg_step_t *at)
{
    asg_str_t *model = &w->r->model;

    return (asg_request_take_string(w, ASG_REQUEST_MODEL_MAX, model)
            && is_model_name(*model))
           || asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
}

static bool note_url(walk_t *w, const asg_step_t *at, bool allowed)
{
    return allowed || asg_refuse(w->why, ASG_REASON_URL_NOT_ALLOWED, at);
}

void asg_request_count_part(walk_t *w, asg_part_t part, int64_t *count,
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
    asg_request_count_part(w, ASG_PART_IMAGE, &w->r->parts.images, at);
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
        asg_request_count_part(w, ASG_PART_VOICE, &w->r->parts.voices, at);
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

bool asg_request_note_value(walk_t *w, const asg_field_t *field,
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
    case ASG_NOTE_USER_ID:
        return note_string(w, at, ASG_END_USER_SAID, &r->user);
    case ASG_NOTE_SAFETY_ID:
        return note_string(w, at, ASG_END_USER_SAID, &r->safety_id);
    case ASG_NOTE_DATA_CLASS:
        return note_string(w, at, WORD_MAX, &r->data_class);
    case ASG_NOTE_TIER:
        return note_string(w, at, WORD_MAX, &r->service_tier);
    case ASG_NOTE_IMAGE:
        return note_image(w, event, at);
    case ASG_NOTE_URL:
        return note_image_url(w, at);
    case ASG_NOTE_NO_URL:
        return note_url(w, at, asg_media_is_no_url(w->json->token));
    case ASG_NOTE_AUDIO:
        asg_request_count_part(w, ASG_PART_AUDIO, &r->parts.audios, at);
        return true;
    case ASG_NOTE_AUDIO_DATA:
        return note_audio_data(w, at);
    case ASG_NOTE_FILE:
        asg_request_count_part(w, ASG_PART_FILE, &r->parts.files, at);
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
    case ASG_NOTE_BLOCK_TYPE:
    case ASG_NOTE_SOURCE_TYPE:
    case ASG_NOTE_SOURCE_DATA:
    case ASG_NOTE_SOURCE_URL:
    case ASG_NOTE_TOOL_TYPE:
    case ASG_NOTE_THINKING:
        return asg_request_note_block(w, field, at);
    default:
        return true;
    }
}

/* --- where members stand --- */

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

/* The last of them that was listed. */
static void note_unknown_member(walk_t *w, size_t value)
{
    asg_request_t *r = w->r;

    if (r->api == ASG_API_CHAT
        && asg_str_eq_z(r->unknown[r->nunknown - 1], "thinking"))
    {
        asg_request_note_own_thinking(w, (asg_str_t) {
            r->body.data + value, w->json->end - value
        });
    }
}

void asg_request_note_member(walk_t *w, const asg_field_t *field, size_t key,
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
    case ASG_NOTE_METADATA:
        set_span(&r->metadata_member, key, end);
        return;
    case ASG_NOTE_DATA_CLASS:
        set_span(&r->data_class_member, key, end);
        return;
    case ASG_NOTE_UNKNOWN:
        note_unknown_member(w, value);
        return;
    case ASG_NOTE_PREDICTION:
        r->parts.predicted_bytes = (int64_t) (end - value);
        return;
    default:
        return;
    }
}
