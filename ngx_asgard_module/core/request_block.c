/*
 * What only the Messages API has: blocks of content, thoughts that are paid,
 * tools of a kind.
 *
 * A block's members come in any order, so what its source counts as is decided
 * when the block ends.
 */
#include "core/request_walk.h"

#include <string.h>

#include "core/media.h"
#include "core/view.h"

#define TOKENS_MAX     1000000000
#define VERSION_DIGITS 8

typedef asg_request_walk_t walk_t;

static bool note_url(walk_t *w, const asg_step_t *at)
{
    asg_str_t url = w->json->token;

    return (asg_media_image_is_allowed(url) && !asg_media_is_data(url))
        || asg_refuse(w->why, ASG_REASON_URL_NOT_ALLOWED, at);
}

static void note_type(walk_t *w)
{
    w->block.is_image = asg_json_is(w->json, "image");
    w->block.is_call = asg_json_is(w->json, "tool_use");
    w->block.is_result = asg_json_is(w->json, "tool_result");
}

/* `bash_20250124`: the name of a kind, and the day of its version. */
static bool is_of_kind(asg_str_t type, const char *kind)
{
    size_t n = strlen(kind);

    if (type.len != n + VERSION_DIGITS || memcmp(type.data, kind, n) != 0) {
        return false;
    }
    for (size_t i = n; i < type.len; i++) {
        if (type.data[i] < '0' || type.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Tools that the provider describes to its model and the client runs. */
static bool is_client_tool(asg_str_t type)
{
    static const char *const kinds[] = {
        "bash_", "text_editor_", "computer_", "memory_"
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (is_of_kind(type, kinds[i])) {
            return true;
        }
    }
    return false;
}

/* What the provider runs costs more than tokens of this body. */
static bool note_tool(walk_t *w, const asg_step_t *at)
{
    if (asg_json_is(w->json, "custom")) {
        return true;
    }
    if (w->json->escaped || !is_client_tool(w->json->token)) {
        return asg_refuse(w->why, ASG_REASON_UNBOUND_CONTENT, at);
    }
    asg_request_count_part(w, ASG_PART_TYPED_TOOL, &w->r->parts.typed_tools,
                           at);
    return true;
}

static bool note_thinking(walk_t *w, const asg_step_t *at)
{
    int64_t *tokens = &w->r->thinking_tokens;

    return (asg_json_int(w->json, tokens) && *tokens >= 1
            && *tokens <= TOKENS_MAX)
        || asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
}

void asg_request_note_own_thinking(walk_t *w, asg_str_t value)
{
    int64_t tokens;

    if (asg_view_spells(asg_view_find_text(value, "type"), "enabled")
        && asg_str_i64(asg_view_find(value, "budget_tokens"), &tokens)
        && tokens > 0)
    {
        w->r->thinking_tokens = tokens;
    }
}

bool asg_request_note_block(walk_t *w, const asg_field_t *field,
    const asg_step_t *at)
{
    switch ((asg_note_t) field->note) {
    case ASG_NOTE_BLOCK_TYPE:
        note_type(w);
        return true;
    case ASG_NOTE_SOURCE_TYPE:
        w->block.has_media = asg_json_is(w->json, "base64")
            || asg_json_is(w->json, "url");
        w->block.has_text = asg_json_is(w->json, "text");
        return true;
    case ASG_NOTE_SOURCE_DATA:
        w->block.data_bytes = w->json->token.len;
        return true;
    case ASG_NOTE_SOURCE_URL:
        return note_url(w, at);
    case ASG_NOTE_TOOL_TYPE:
        return note_tool(w, at);
    case ASG_NOTE_THINKING:
        return note_thinking(w, at);
    default:
        return true;
    }
}

void asg_request_block_done(walk_t *w, const asg_step_t *at)
{
    asg_parts_t *parts = &w->r->parts;

    if (w->block.has_media && w->block.is_image) {
        asg_request_count_part(w, ASG_PART_IMAGE, &parts->images, at);
        parts->media_bytes += (int64_t) w->block.data_bytes;
    } else if (w->block.has_media) {
        asg_request_count_part(w, ASG_PART_FILE, &parts->files, at);
    }
    parts->tools += w->block.is_call;
    parts->messages += w->block.is_result;
}

bool asg_request_check_messages(walk_t *w)
{
    asg_step_t thinking = {.name = ASG_STR("thinking")};
    asg_step_t budget = {.up = &thinking, .name = ASG_STR("budget_tokens")};

    return w->r->api != ASG_API_MESSAGES || w->r->thinking_tokens == 0
        || w->r->thinking_tokens < w->r->max_tokens
        || asg_refuse(w->why, ASG_REASON_INVALID_VALUE, &budget);
}
