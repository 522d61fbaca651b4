/*
 * How the answer is to be made: thinking, sampling, where to stop, its form.
 *
 * Thinking.  `thinking` is the API's own member and passed on; its budget must
 * be within max_tokens.  `reasoning_effort` becomes a budget of at most half of
 * max_tokens, which is what was held for the call, and nothing where that would
 * be less than the API takes.  A conversation that goes on after a call of a
 * tool would have to repeat the model's thoughts with their signatures, which
 * OpenAI's format cannot carry: so there thinking is left out.
 */
#include "core/anthropic_write.h"

static const struct {
    const char *effort;
    int64_t budget_tokens;      /* 0: does not think */
} efforts[] = {
    {"none", 0}, {"minimal", 0}, {"low", 1024}, {"medium", 4096},
    {"high", 16384}, {"xhigh", 32768}
};

/* Does the conversation end in what cannot be thought on?  The last message of
 * the assistant called a tool, or is to be continued. */
static bool goes_on(const asg_anthropic_writer_t *w)
{
    asg_view_t view = asg_view_open(w->field[ASG_ANTHROPIC_MESSAGES]);
    asg_str_t message;
    bool called = false;
    bool is_last = false;

    while (asg_view_item(&view, &message)) {
        asg_str_t role = asg_view_find_text(message, "role");

        is_last = asg_view_spells(role, "assistant");
        if (is_last) {
            asg_view_t calls = asg_view_open(asg_view_find(message,
                                                           "tool_calls"));
            asg_str_t call;

            called = asg_view_item(&calls, &call);
        }
    }
    return called || is_last;
}

static bool is_budget(const asg_anthropic_writer_t *w, asg_str_t value)
{
    int64_t tokens;

    return asg_str_i64(value, &tokens) && tokens >= ASG_ANTHROPIC_BUDGET_MIN
        && tokens < w->rewrite->max_tokens;
}

static bool write_own_thinking(asg_anthropic_writer_t *w, asg_str_t thinking)
{
    asg_step_t at = {.name = ASG_STR("thinking")};
    asg_step_t budget = {.up = &at, .name = ASG_STR("budget_tokens")};
    asg_step_t choice = {.name = ASG_STR("tool_choice")};
    asg_str_t type = asg_view_find_text(thinking, "type");

    if (type.data == NULL) {
        return asg_anthropic_refuse_value(w, &at);
    }
    if (asg_view_spells(type, "enabled")
        && !is_budget(w, asg_view_find(thinking, "budget_tokens")))
    {
        return asg_anthropic_refuse_value(w, &budget);
    }
    w->thinks = !asg_view_spells(type, "disabled");
    if (w->thinks && asg_anthropic_forces_tool(w)) {
        return asg_anthropic_refuse_unsupported(w, &choice);
    }
    if (w->thinks && goes_on(w)) {
        w->thinks = false;
        return true;
    }
    asg_sink_z(&w->out, ",\"thinking\":");
    asg_sink_str(&w->out, thinking);
    return true;
}

static bool write_effort(asg_anthropic_writer_t *w, asg_str_t effort)
{
    asg_step_t at = {.name = ASG_STR("reasoning_effort")};
    size_t n = sizeof(efforts) / sizeof(*efforts);
    int64_t most = w->rewrite->max_tokens / 2;
    int64_t budget;
    size_t i = 0;

    while (i < n && !asg_view_spells(effort, efforts[i].effort)) {
        i++;
    }
    if (i == n) {
        return asg_anthropic_refuse_value(w, &at);
    }
    budget = efforts[i].budget_tokens < most ? efforts[i].budget_tokens : most;
    if (budget < ASG_ANTHROPIC_BUDGET_MIN || asg_anthropic_forces_tool(w)
        || goes_on(w))
    {
        return true;
    }
    w->thinks = true;
    asg_sink_z(&w->out, ",\"thinking\":{\"type\":\"enabled\","
               "\"budget_tokens\":");
    asg_sink_i64(&w->out, budget);
    asg_sink_z(&w->out, "}");
    return true;
}

bool asg_anthropic_write_thinking(asg_anthropic_writer_t *w)
{
    asg_str_t own = w->field[ASG_ANTHROPIC_THINKING];
    asg_str_t effort = w->field[ASG_ANTHROPIC_EFFORT];

    if (own.data != NULL) {
        return write_own_thinking(w, own);
    }
    return effort.data == NULL || write_effort(w, asg_view_text(effort));
}

/* --- sampling --- */

static void write_number(asg_anthropic_writer_t *w, const char *name,
    asg_str_t number)
{
    asg_sink_z(&w->out, name);
    asg_sink_str(&w->out, number);
}

/* OpenAI's goes to 2; the API's highest is 1. */
static bool write_temperature(asg_anthropic_writer_t *w)
{
    asg_step_t at = {.name = ASG_STR("temperature")};
    asg_str_t t = w->field[ASG_ANTHROPIC_TEMPERATURE];
    int above;

    if (t.data == NULL) {
        return true;
    }
    if (asg_anthropic_compare(t, ASG_STR("0")) < 0
        || asg_anthropic_compare(t, ASG_STR("2")) > 0)
    {
        return asg_anthropic_refuse_value(w, &at);
    }
    above = asg_anthropic_compare(t, ASG_STR("1"));
    if (w->thinks && above != 0) {
        return asg_anthropic_leave_out(w, &at);
    }
    write_number(w, ",\"temperature\":", above > 0 ? ASG_STR("1") : t);
    return true;
}

/* Newer models refuse it beside temperature; thinking wants it near 1. */
static bool write_top_p(asg_anthropic_writer_t *w)
{
    asg_step_t at = {.name = ASG_STR("top_p")};
    asg_str_t p = w->field[ASG_ANTHROPIC_TOP_P];

    if (p.data == NULL) {
        return true;
    }
    if (asg_anthropic_compare(p, ASG_STR("0")) < 0
        || asg_anthropic_compare(p, ASG_STR("1")) > 0)
    {
        return asg_anthropic_refuse_value(w, &at);
    }
    if (asg_anthropic_compare(p, ASG_STR("1")) == 0) {
        return true;                    /* as if it had not been said */
    }
    if (w->field[ASG_ANTHROPIC_TEMPERATURE].data != NULL
        || (w->thinks && asg_anthropic_compare(p, ASG_STR("0.95")) < 0))
    {
        return asg_anthropic_leave_out(w, &at);
    }
    write_number(w, ",\"top_p\":", p);
    return true;
}

static bool write_top_k(asg_anthropic_writer_t *w)
{
    asg_step_t at = {.name = ASG_STR("top_k")};
    asg_str_t k = w->field[ASG_ANTHROPIC_TOP_K];
    int64_t n;

    if (k.data == NULL) {
        return true;
    }
    if (!asg_str_i64(k, &n) || n < 0) {
        return asg_anthropic_refuse_value(w, &at);
    }
    if (w->thinks) {
        return asg_anthropic_leave_out(w, &at);
    }
    write_number(w, ",\"top_k\":", k);
    return true;
}

bool asg_anthropic_write_sampling(asg_anthropic_writer_t *w)
{
    return write_temperature(w) && write_top_p(w) && write_top_k(w);
}

/* --- where to stop --- */

static bool write_stop_text(asg_anthropic_writer_t *w, asg_str_t value,
    const asg_step_t *at)
{
    if (asg_view_is_blank(asg_view_text(value))) {
        return asg_anthropic_leave_out(w, at);
    }
    asg_anthropic_begin_block(w);
    asg_sink_str(&w->out, value);
    return true;
}

bool asg_anthropic_write_stop(asg_anthropic_writer_t *w)
{
    asg_anthropic_list_t list = {.opener = ",\"stop_sequences\":["};
    asg_step_t at = {.name = ASG_STR("stop")};
    asg_step_t item = {.up = &at};
    asg_str_t stop = w->field[ASG_ANTHROPIC_STOP];
    asg_view_t view = asg_view_open(stop);
    asg_str_t text;

    w->list = &list;
    if (asg_view_is_string(stop) && !write_stop_text(w, stop, &at)) {
        return false;
    }
    for (; asg_view_item(&view, &text); item.index++) {
        if (!write_stop_text(w, text, &item)) {
            return false;
        }
    }
    asg_sink_z(&w->out, list.is_open ? "]" : "");
    return true;
}

/* --- its form --- */

bool asg_anthropic_write_format(asg_anthropic_writer_t *w)
{
    asg_step_t at = {.name = ASG_STR("response_format")};
    asg_step_t inner = {.up = &at, .name = ASG_STR("json_schema")};
    asg_str_t format = w->field[ASG_ANTHROPIC_FORMAT];
    asg_str_t type = asg_view_find_text(format, "type");
    asg_str_t schema;

    if (format.data == NULL || asg_view_spells(type, "text")) {
        return true;
    }
    if (asg_view_spells(type, "json_object") || !w->rewrite->structured) {
        return asg_anthropic_leave_out(w, &at);
    }
    schema = asg_view_find(asg_view_find(format, "json_schema"), "schema");
    if (schema.data == NULL) {
        return asg_anthropic_refuse_missing(w, &inner, "schema");
    }
    asg_sink_z(&w->out, ",\"output_config\":{\"format\":{\"type\":"
               "\"json_schema\",\"schema\":");
    asg_sink_str(&w->out, schema);
    asg_sink_z(&w->out, "}}");
    return true;
}
