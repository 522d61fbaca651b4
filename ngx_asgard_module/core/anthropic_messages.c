/*
 * The conversation: `system` and `messages` of a Messages body.
 *
 * The API has two roles that take turns, and instructions apart from them.  So
 * system and developer messages are put together in front, in their order;
 * answers of tools belong to the user; and messages of one role that follow
 * each other become one turn.  A turn is opened by its first block: what has
 * nothing to say leaves no trace.
 */
#include "core/anthropic_write.h"

/* What a part may be, beside text. */
#define PART_MEDIA   0x01u
#define PART_REFUSAL 0x02u

typedef enum {
    ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL, ROLE_OTHER
} role_t;

typedef struct {
    role_t role;
    asg_str_t content;          /* null: none */
    asg_str_t refusal;
    asg_str_t calls;
    asg_str_t call_id;
} message_t;

/* The turns of `messages`. */
typedef struct {
    asg_anthropic_list_t blocks;
    bool is_user;               /* whose the message at hand is */
    bool has_turn;
    bool is_open_user;          /* whose the last turn is */
} turns_t;

void asg_anthropic_begin_block(asg_anthropic_writer_t *w)
{
    asg_sink_z(&w->out, w->list->is_open ? "," : w->list->opener);
    w->list->is_open = true;
}

void asg_anthropic_write_text(asg_anthropic_writer_t *w, asg_str_t raw)
{
    if (asg_view_is_blank(raw)) {
        return;
    }
    asg_anthropic_begin_block(w);
    asg_sink_z(&w->out, "{\"type\":\"text\",\"text\":\"");
    asg_sink_str(&w->out, raw);
    asg_sink_z(&w->out, "\"}");
}

/* --- parts --- */

static bool write_text_part(asg_anthropic_writer_t *w, asg_str_t part,
    const char *name, const asg_step_t *at)
{
    asg_str_t text = asg_view_find_text(part, name);

    if (text.data == NULL) {
        return asg_anthropic_refuse_missing(w, at, name);
    }
    asg_anthropic_write_text(w, text);
    return true;
}

static bool write_part(asg_anthropic_writer_t *w, asg_str_t part,
    unsigned may, const asg_step_t *at)
{
    asg_str_t type = asg_view_find_text(part, "type");

    if (asg_view_spells(type, "text")) {
        return write_text_part(w, part, "text", at);
    }
    if (asg_view_spells(type, "refusal") && (may & PART_REFUSAL)) {
        return write_text_part(w, part, "refusal", at);
    }
    if (asg_view_spells(type, "image_url") && (may & PART_MEDIA)) {
        return asg_anthropic_write_image(w, part, at);
    }
    if (asg_view_spells(type, "file") && (may & PART_MEDIA)) {
        return asg_anthropic_write_file(w, part, at);
    }
    return asg_anthropic_refuse_unsupported(w,
        &(asg_step_t) {.up = at, .name = ASG_STR("type")});
}

/* A string, a list of parts, or nothing. */
static bool write_content(asg_anthropic_writer_t *w, asg_str_t content,
    unsigned may, const asg_step_t *message)
{
    asg_step_t at = {.up = message, .name = ASG_STR("content")};
    asg_step_t item = {.up = &at};
    asg_view_t view = asg_view_open(content);
    asg_str_t part;

    if (asg_view_is_string(content)) {
        asg_anthropic_write_text(w, asg_view_text(content));
        return true;
    }
    for (; asg_view_item(&view, &part); item.index++) {
        if (!write_part(w, part, may, &item)) {
            return false;
        }
    }
    return true;
}

/* --- messages --- */

static role_t read_role(asg_str_t raw)
{
    if (asg_view_spells(raw, "system") || asg_view_spells(raw, "developer")) {
        return ROLE_SYSTEM;
    }
    if (asg_view_spells(raw, "user")) {
        return ROLE_USER;
    }
    if (asg_view_spells(raw, "assistant")) {
        return ROLE_ASSISTANT;
    }
    return asg_view_spells(raw, "tool") ? ROLE_TOOL : ROLE_OTHER;
}

/* Members of messages that the API cannot have. */
static bool judge_member(asg_anthropic_writer_t *w,
    const asg_view_member_t *member, const asg_step_t *message)
{
    asg_step_t at = {.up = message, .name = member->key};

    if (asg_view_spells(member->key, "name")) {
        return asg_anthropic_leave_out(w, &at);
    }
    if (asg_view_spells(member->key, "audio")
        || asg_view_spells(member->key, "function_call"))
    {
        return asg_anthropic_refuse_unsupported(w, &at);
    }
    return true;
}

/* Walks the message to its end. */
static bool read_message(asg_anthropic_writer_t *w, asg_view_t *message,
    const asg_step_t *at, message_t *out)
{
    asg_view_member_t member;

    *out = (message_t) {.role = ROLE_OTHER};
    while (asg_view_member(message, &member)) {
        if (asg_view_is_null(member.value)) {
            continue;
        }
        if (asg_view_spells(member.key, "role")) {
            out->role = read_role(asg_view_text(member.value));
        } else if (asg_view_spells(member.key, "content")) {
            out->content = member.value;
        } else if (asg_view_spells(member.key, "refusal")) {
            out->refusal = asg_view_text(member.value);
        } else if (asg_view_spells(member.key, "tool_calls")) {
            out->calls = member.value;
        } else if (asg_view_spells(member.key, "tool_call_id")) {
            out->call_id = asg_view_text(member.value);
        } else if (!judge_member(w, &member, at)) {
            return false;
        }
    }
    return true;
}

static bool write_assistant(asg_anthropic_writer_t *w, const message_t *m,
    const asg_step_t *at)
{
    if (!write_content(w, m->content, PART_REFUSAL, at)) {
        return false;
    }
    if (m->refusal.data != NULL) {
        asg_anthropic_write_text(w, m->refusal);
    }
    return asg_anthropic_write_calls(w, m->calls, at);
}

/* The answer of a tool is a block of the user's turn, with blocks in it. */
static bool write_result(asg_anthropic_writer_t *w, const message_t *m,
    const asg_step_t *at)
{
    asg_anthropic_list_t inner = {.opener = ",\"content\":["};
    asg_anthropic_list_t *outer = w->list;
    asg_step_t id = {.up = at, .name = ASG_STR("tool_call_id")};

    if (m->call_id.data == NULL) {
        return asg_anthropic_refuse_missing(w, at, "tool_call_id");
    }
    asg_anthropic_begin_block(w);
    asg_sink_z(&w->out, "{\"type\":\"tool_result\",\"tool_use_id\":");
    if (!asg_anthropic_write_id(w, m->call_id, &id)) {
        return false;
    }
    w->list = &inner;
    if (!write_content(w, m->content, PART_MEDIA, at)) {
        return false;
    }
    asg_sink_z(&w->out, inner.is_open ? "]}" : "}");
    w->list = outer;
    return true;
}

/* Notes what the blocks since the last change of role have opened. */
static void note_turn(turns_t *turns)
{
    if (turns->blocks.is_open) {
        turns->has_turn = true;
        turns->is_open_user = turns->is_user;
    }
}

/* The blocks that follow are of this role.  The first of them ends the turn of
 * the other role; if there are none, that turn goes on. */
static void take_turn(turns_t *turns, bool is_user)
{
    static const char *const openers[2][2] = {
        {"{\"role\":\"assistant\",\"content\":[",
         "{\"role\":\"user\",\"content\":["},
        {"]},{\"role\":\"assistant\",\"content\":[",
         "]},{\"role\":\"user\",\"content\":["}
    };

    note_turn(turns);
    turns->is_user = is_user;
    turns->blocks.opener = openers[turns->has_turn][is_user];
    turns->blocks.is_open = turns->has_turn && turns->is_open_user == is_user;
}

static bool write_message(asg_anthropic_writer_t *w, turns_t *turns,
    const message_t *m, const asg_step_t *at)
{
    switch (m->role) {
    case ROLE_SYSTEM:
        return true;
    case ROLE_USER:
        take_turn(turns, /* is_user */ true);
        return write_content(w, m->content, PART_MEDIA, at);
    case ROLE_ASSISTANT:
        take_turn(turns, /* is_user */ false);
        return write_assistant(w, m, at);
    case ROLE_TOOL:
        take_turn(turns, /* is_user */ true);
        return write_result(w, m, at);
    default:
        return asg_anthropic_refuse_unsupported(w,
            &(asg_step_t) {.up = at, .name = ASG_STR("role")});
    }
}

bool asg_anthropic_write_messages(asg_anthropic_writer_t *w)
{
    asg_step_t list = {.name = ASG_STR("messages")};
    asg_step_t at = {.up = &list};
    asg_view_t view = asg_view_open(w->field[ASG_ANTHROPIC_MESSAGES]);
    turns_t turns = {.has_turn = false};
    asg_view_t message;
    message_t m;

    w->list = &turns.blocks;
    asg_sink_z(&w->out, ",\"messages\":[");
    for (; asg_view_enter(&view, &message); at.index++) {
        if (!read_message(w, &message, &at, &m)
            || !write_message(w, &turns, &m, &at))
        {
            return false;
        }
        asg_view_leave(&view, &message);
    }
    note_turn(&turns);
    asg_sink_z(&w->out, "]}]");
    return turns.has_turn || asg_anthropic_refuse_value(w, &list);
}

bool asg_anthropic_write_system(asg_anthropic_writer_t *w)
{
    asg_anthropic_list_t blocks = {.opener = ",\"system\":["};
    asg_step_t list = {.name = ASG_STR("messages")};
    asg_step_t at = {.up = &list};
    asg_view_t view = asg_view_open(w->field[ASG_ANTHROPIC_MESSAGES]);
    asg_view_t message;
    message_t m;

    w->list = &blocks;
    for (; asg_view_enter(&view, &message); at.index++) {
        if (!read_message(w, &message, &at, &m)
            || (m.role == ROLE_SYSTEM
                && !write_content(w, m.content, /* may */ 0, &at)))
        {
            return false;
        }
        asg_view_leave(&view, &message);
    }
    asg_sink_z(&w->out, blocks.is_open ? "]" : "");
    return true;
}
