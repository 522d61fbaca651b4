/*
 * Tools: what the model may call, whether it must, and what it called.
 */
#include "core/answer_scan.h"
#include "core/anthropic_write.h"
#include "core/escape.h"
#include "core/json.h"

bool asg_anthropic_has_tools(const asg_anthropic_writer_t *w)
{
    asg_view_t view = asg_view_open(w->field[ASG_ANTHROPIC_TOOLS]);
    asg_str_t tool;

    return asg_view_item(&view, &tool);
}

/* --- what there is to call --- */

/* The API wants to be told that a schema is one of an object. */
static void write_schema(asg_anthropic_writer_t *w, asg_str_t schema)
{
    asg_view_t view = asg_view_open(schema);
    asg_view_member_t first;

    asg_sink_z(&w->out, ",\"input_schema\":");
    if (!asg_view_member(&view, &first)) {
        asg_sink_z(&w->out, "{\"type\":\"object\",\"properties\":{}}");
    } else if (asg_view_find(schema, "type").data != NULL) {
        asg_sink_str(&w->out, schema);
    } else {
        asg_sink_z(&w->out, "{\"type\":\"object\",");
        asg_sink_str(&w->out, (asg_str_t) {schema.data + 1, schema.len - 1});
    }
}

static bool write_strict(asg_anthropic_writer_t *w, asg_str_t function,
    const asg_step_t *at)
{
    asg_step_t place = {.up = at, .name = ASG_STR("strict")};

    if (!asg_str_eq_z(asg_view_find(function, "strict"), "true")) {
        return true;
    }
    if (!w->rewrite->structured) {
        return asg_anthropic_leave_out(w, &place);
    }
    asg_sink_z(&w->out, ",\"strict\":true");
    return true;
}

static bool write_tool(asg_anthropic_writer_t *w, asg_str_t tool,
    const asg_step_t *at)
{
    asg_step_t type = {.up = at, .name = ASG_STR("type")};
    asg_step_t place = {.up = at, .name = ASG_STR("function")};
    asg_str_t function = asg_view_find(tool, "function");
    asg_str_t about = asg_view_find_text(function, "description");

    if (!asg_view_spells(asg_view_find_text(tool, "type"), "function")) {
        return asg_anthropic_refuse_unsupported(w, &type);
    }
    if (function.data == NULL) {
        return asg_anthropic_refuse_missing(w, at, "function");
    }
    asg_sink_z(&w->out, at->index > 0 ? ",{\"name\":\"" : "{\"name\":\"");
    asg_sink_str(&w->out, asg_view_find_text(function, "name"));
    asg_sink_z(&w->out, "\"");
    if (!asg_view_is_blank(about)) {
        asg_sink_z(&w->out, ",\"description\":\"");
        asg_sink_str(&w->out, about);
        asg_sink_z(&w->out, "\"");
    }
    write_schema(w, asg_view_find(function, "parameters"));
    if (!write_strict(w, function, &place)) {
        return false;
    }
    asg_sink_z(&w->out, "}");
    return true;
}

bool asg_anthropic_write_tools(asg_anthropic_writer_t *w)
{
    asg_step_t list = {.name = ASG_STR("tools")};
    asg_step_t at = {.up = &list};
    asg_view_t view = asg_view_open(w->field[ASG_ANTHROPIC_TOOLS]);
    asg_str_t tool;

    if (!asg_anthropic_has_tools(w)) {
        return true;
    }
    asg_sink_z(&w->out, ",\"tools\":[");
    for (; asg_view_item(&view, &tool); at.index++) {
        if (!write_tool(w, tool, &at)) {
            return false;
        }
    }
    asg_sink_z(&w->out, "]");
    return true;
}

/* --- whether it must --- */

bool asg_anthropic_forces_tool(const asg_anthropic_writer_t *w)
{
    asg_str_t choice = w->field[ASG_ANTHROPIC_TOOL_CHOICE];

    return asg_view_is_object(choice)
        || asg_view_spells(asg_view_text(choice), "required");
}

static bool write_named(asg_anthropic_writer_t *w, asg_str_t choice,
    const asg_step_t *at)
{
    asg_str_t function = asg_view_find(choice, "function");

    if (!asg_view_spells(asg_view_find_text(choice, "type"), "function")) {
        return asg_anthropic_refuse_unsupported(w,
            &(asg_step_t) {.up = at, .name = ASG_STR("type")});
    }
    if (function.data == NULL) {
        return asg_anthropic_refuse_missing(w, at, "function");
    }
    asg_sink_z(&w->out, ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"");
    asg_sink_str(&w->out, asg_view_find_text(function, "name"));
    asg_sink_z(&w->out, "\"");
    return true;
}

bool asg_anthropic_write_tool_choice(asg_anthropic_writer_t *w)
{
    asg_step_t at = {.name = ASG_STR("tool_choice")};
    asg_str_t choice = w->field[ASG_ANTHROPIC_TOOL_CHOICE];
    asg_str_t word = asg_view_text(choice);
    bool one_by_one = asg_str_eq_z(w->field[ASG_ANTHROPIC_PARALLEL], "false");

    if (!asg_anthropic_has_tools(w)) {
        return !asg_anthropic_forces_tool(w)
            || asg_anthropic_refuse_value(w, &at);
    }
    if (asg_view_is_object(choice)) {
        if (!write_named(w, choice, &at)) {
            return false;
        }
    } else if (asg_view_spells(word, "none")) {
        asg_sink_z(&w->out, ",\"tool_choice\":{\"type\":\"none\"}");
        return true;
    } else if (asg_view_spells(word, "required")) {
        asg_sink_z(&w->out, ",\"tool_choice\":{\"type\":\"any\"");
    } else if (word.data != NULL || one_by_one) {
        asg_sink_z(&w->out, ",\"tool_choice\":{\"type\":\"auto\"");
    } else {
        return true;
    }
    asg_sink_z(&w->out, one_by_one ? ",\"disable_parallel_tool_use\":true}"
                                   : "}");
    return true;
}

/* --- what it called --- */

static bool is_id_char(uint32_t point)
{
    return (point >= '0' && point <= '9') || (point >= 'a' && point <= 'z')
        || (point >= 'A' && point <= 'Z') || point == '_' || point == '-';
}

/* Ids of other providers have characters that this one refuses; a call and its
 * result are changed alike, so they still meet. */
bool asg_anthropic_write_id(asg_anthropic_writer_t *w, asg_str_t raw,
    const asg_step_t *at)
{
    char id[ASG_ANTHROPIC_ID_MAX];
    asg_buf_t text;

    asg_buf_init(&text, id, sizeof(id));
    if (raw.len == 0 || !asg_json_unescape(raw, &text)) {
        return asg_anthropic_refuse_value(w, at);
    }
    for (size_t i = 0; i < text.len; i++) {
        id[i] = is_id_char((uint8_t) id[i]) ? id[i] : '_';
    }
    asg_sink_z(&w->out, "\"");
    asg_sink_str(&w->out, asg_buf_view(&text));
    asg_sink_z(&w->out, "\"");
    return true;
}

static int feed_scan(void *data, const char *bytes, size_t len)
{
    asg_answer_scan_feed(data, bytes, len, 0);
    return 0;
}

/* Does the raw text of a string spell one JSON object? */
static bool spells_object(asg_str_t raw)
{
    asg_answer_scan_t scan;
    asg_sink_t sink;

    asg_answer_scan_begin(&scan, ASG_WORDS_OPENAI);
    asg_sink_init(&sink, feed_scan, &scan);
    asg_sink_plain(&sink, raw);
    return asg_answer_scan_is_whole(&scan) && !scan.done_mark;
}

static bool write_input(asg_anthropic_writer_t *w, asg_str_t function,
    const asg_step_t *at)
{
    asg_step_t place = {.up = at, .name = ASG_STR("arguments")};
    asg_str_t arguments = asg_view_find_text(function, "arguments");

    if (asg_view_is_blank(arguments)) {
        asg_sink_z(&w->out, "{}");      /* a tool without parameters */
        return true;
    }
    if (!spells_object(arguments)) {
        return asg_anthropic_refuse_value(w, &place);
    }
    asg_sink_plain(&w->out, arguments);
    return true;
}

static bool write_call(asg_anthropic_writer_t *w, asg_str_t call,
    const asg_step_t *at)
{
    asg_step_t id = {.up = at, .name = ASG_STR("id")};
    asg_step_t place = {.up = at, .name = ASG_STR("function")};
    asg_str_t function = asg_view_find(call, "function");
    asg_str_t name = asg_view_find_text(function, "name");
    asg_str_t call_id = asg_view_find_text(call, "id");

    if (asg_view_find(call, "custom").data != NULL) {
        return asg_anthropic_refuse_unsupported(w,
            &(asg_step_t) {.up = at, .name = ASG_STR("custom")});
    }
    if (call_id.data == NULL) {
        return asg_anthropic_refuse_missing(w, at, "id");
    }
    if (function.data == NULL) {
        return asg_anthropic_refuse_missing(w, at, "function");
    }
    if (name.data == NULL) {
        return asg_anthropic_refuse_missing(w, &place, "name");
    }
    asg_anthropic_begin_block(w);
    asg_sink_z(&w->out, "{\"type\":\"tool_use\",\"id\":");
    if (!asg_anthropic_write_id(w, call_id, &id)) {
        return false;
    }
    asg_sink_z(&w->out, ",\"name\":\"");
    asg_sink_str(&w->out, name);
    asg_sink_z(&w->out, "\",\"input\":");
    if (!write_input(w, function, &place)) {
        return false;
    }
    asg_sink_z(&w->out, "}");
    return true;
}

bool asg_anthropic_write_calls(asg_anthropic_writer_t *w, asg_str_t calls,
    const asg_step_t *message)
{
    asg_step_t list = {.up = message, .name = ASG_STR("tool_calls")};
    asg_step_t at = {.up = &list};
    asg_view_t view = asg_view_open(calls);
    asg_str_t call;

    for (; asg_view_item(&view, &call); at.index++) {
        if (!write_call(w, call, &at)) {
            return false;
        }
    }
    return true;
}
