/*
 * A whole message of Anthropic's as a chat.completion.
 *
 * Blocks of text are joined; so are thoughts, as reasoning_content.  What has
 * no place in OpenAI's shape (signatures, thoughts that are redacted, tools
 * that the provider ran itself) is left out.
 */
#include "core/anthropic_answer.h"

#include "core/view.h"

typedef struct {
    asg_sink_t out;
    asg_str_t blocks;           /* the message's content */
    unsigned texts;
    unsigned thoughts;
    unsigned tools;
} writer_t;

static bool is_type(asg_str_t block, const char *type)
{
    asg_str_t text = asg_view_find_text(block, "type");

    return text.data != NULL && asg_view_spells(text, type);
}

static bool is_call(asg_str_t block)
{
    return asg_view_find_text(block, "id").data != NULL
        && asg_view_find_text(block, "name").data != NULL
        && asg_view_is_object(asg_view_find(block, "input"));
}

/* Counts the blocks; false when one of them is not what it says. */
static bool count_blocks(writer_t *w)
{
    asg_view_t view = asg_view_open(w->blocks);
    asg_str_t block;

    while (asg_view_item(&view, &block)) {
        if (is_type(block, "text")) {
            w->texts++;
            if (asg_view_find_text(block, "text").data == NULL) {
                return false;
            }
        } else if (is_type(block, "thinking")) {
            w->thoughts++;
        } else if (is_type(block, "tool_use")) {
            w->tools++;
            if (!is_call(block)) {
                return false;
            }
        } else if (!asg_view_is_object(block)) {
            return false;
        }
    }
    return true;
}

/* The texts of all blocks of a type, as one string. */
static void write_joined(writer_t *w, const char *type, const char *member)
{
    asg_view_t view = asg_view_open(w->blocks);
    asg_str_t block;

    asg_sink_z(&w->out, "\"");
    while (asg_view_item(&view, &block)) {
        if (is_type(block, type)) {
            asg_sink_str(&w->out, asg_view_find_text(block, member));
        }
    }
    asg_sink_z(&w->out, "\"");
}

static void write_call(writer_t *w, asg_str_t block)
{
    asg_sink_z(&w->out, "{\"id\":\"");
    asg_sink_str(&w->out, asg_view_find_text(block, "id"));
    asg_sink_z(&w->out, "\",\"type\":\"function\",\"function\":{\"name\":\"");
    asg_sink_str(&w->out, asg_view_find_text(block, "name"));
    asg_sink_z(&w->out, "\",\"arguments\":\"");
    asg_sink_quoted(&w->out, asg_view_find(block, "input"));
    asg_sink_z(&w->out, "\"}}");
}

static void write_calls(writer_t *w)
{
    asg_view_t view = asg_view_open(w->blocks);
    asg_str_t block;
    bool is_first = true;

    asg_sink_z(&w->out, ",\"tool_calls\":[");
    while (asg_view_item(&view, &block)) {
        if (is_type(block, "tool_use")) {
            asg_sink_z(&w->out, is_first ? "" : ",");
            write_call(w, block);
            is_first = false;
        }
    }
    asg_sink_z(&w->out, "]");
}

static void write_message(writer_t *w)
{
    asg_sink_z(&w->out, "{\"role\":\"assistant\",\"content\":");
    if (w->texts == 0 && w->tools > 0) {
        asg_sink_z(&w->out, "null");
    } else {
        write_joined(w, "text", "text");
    }
    asg_sink_z(&w->out, ",\"refusal\":null");
    if (w->thoughts > 0) {
        asg_sink_z(&w->out, ",\"reasoning_content\":");
        write_joined(w, "thinking", "thinking");
    }
    if (w->tools > 0) {
        write_calls(w);
    }
    asg_sink_z(&w->out, "}");
}

static void write_id(writer_t *w, const asg_anthropic_show_t *show,
    asg_str_t message)
{
    if (show->id.data != NULL) {
        asg_sink_name(&w->out, show->id);
        return;
    }
    asg_sink_z(&w->out, "\"");
    asg_sink_str(&w->out, asg_view_find_text(message, "id"));
    asg_sink_z(&w->out, "\"");
}

static void write_completion(writer_t *w, const asg_anthropic_show_t *show,
    asg_str_t message)
{
    asg_anthropic_usage_t usage = {.seen = 0};

    asg_anthropic_usage_read(&usage, message);
    asg_sink_z(&w->out, "{\"id\":");
    write_id(w, show, message);
    asg_sink_z(&w->out, ",\"object\":\"chat.completion\",\"created\":");
    asg_sink_i64(&w->out, show->created);
    asg_sink_z(&w->out, ",\"model\":");
    asg_sink_name(&w->out, show->model);
    asg_sink_z(&w->out, ",\"choices\":[{\"index\":0,\"message\":");
    write_message(w);
    asg_sink_z(&w->out, ",\"logprobs\":null,\"finish_reason\":\"");
    asg_sink_z(&w->out, asg_anthropic_finish_reason(
        asg_view_find_text(message, "stop_reason")));
    asg_sink_z(&w->out, "\"}],\"usage\":");
    asg_anthropic_usage_write(&w->out, &usage);
    asg_sink_z(&w->out, "}");
}

asg_err_t asg_anthropic_answer(asg_json_t *json, uint64_t seed,
    asg_str_t body, const asg_anthropic_show_t *show, asg_emit_pt emit,
    void *data, uint64_t *length)
{
    asg_str_t message = asg_anthropic_object(json, seed, body);
    writer_t w = {.blocks = asg_view_find(message, "content")};

    asg_sink_init(&w.out, emit, data);
    if (!is_type(message, "message") || !asg_view_is_list(w.blocks)
        || !count_blocks(&w))
    {
        return ASG_ERR_SYNTAX;
    }
    write_completion(&w, show, message);
    if (w.out.status != 0) {
        return ASG_ERR_SPACE;
    }
    *length = w.out.length;
    return ASG_OK;
}
