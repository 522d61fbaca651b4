/*
 * Why an answer ended, and its usage, in OpenAI's words.
 *
 * `prompt_tokens` is the whole prompt, as OpenAI counts it: the API's
 * input_tokens leave out what was read from a cache or written to one.  The
 * tokens written, and for how long they are kept, stand in
 * prompt_tokens_details, where the meter reads them too.
 */
#include "core/anthropic_shape.h"

#include "core/price.h"
#include "core/view.h"

static const struct {
    const char *stop;
    const char *finish;
} reasons[] = {
    {"end_turn", "stop"}, {"stop_sequence", "stop"}, {"pause_turn", "stop"},
    {"max_tokens", "length"}, {"model_context_window_exceeded", "length"},
    {"tool_use", "tool_calls"}, {"refusal", "content_filter"}
};

static const struct {
    const char *name;
    asg_anthropic_count_t count;
} flat_counts[] = {
    {"input_tokens", ASG_ANTHROPIC_INPUT},
    {"output_tokens", ASG_ANTHROPIC_OUTPUT},
    {"cache_read_input_tokens", ASG_ANTHROPIC_READ},
    {"cache_creation_input_tokens", ASG_ANTHROPIC_WRITE}
}, tier_counts[] = {
    {"ephemeral_5m_input_tokens", ASG_ANTHROPIC_WRITE_5M},
    {"ephemeral_1h_input_tokens", ASG_ANTHROPIC_WRITE_1H}
};

#define LENGTH(list)  (sizeof(list) / sizeof(*(list)))

asg_str_t asg_anthropic_object(asg_json_t *json, uint64_t seed, asg_str_t text)
{
    asg_str_t object;

    asg_json_begin(json, text, seed);
    json->may_repeat = true;
    if (asg_json_next(json) != ASG_JSON_OBJECT || !asg_json_skip(json)) {
        return ASG_STR_NULL;
    }
    object = json->token;
    return asg_json_next(json) == ASG_JSON_END ? object : ASG_STR_NULL;
}

const char *asg_anthropic_finish_reason(asg_str_t stop_reason)
{
    for (size_t i = 0; i < LENGTH(reasons); i++) {
        if (stop_reason.data != NULL
            && asg_view_spells(stop_reason, reasons[i].stop))
        {
            return reasons[i].finish;
        }
    }
    return "stop";
}

static void read_count(asg_anthropic_usage_t *usage, asg_str_t object,
    const char *name, asg_anthropic_count_t count)
{
    asg_str_t value = asg_view_find(object, name);
    int64_t n;

    if (asg_view_repeats(object, name)) {
        usage->is_bad = true;
        return;
    }
    if (value.data == NULL) {
        return;
    }
    if (!asg_str_i64(value, &n) || n < 0 || n > ASG_TOKENS_MAX) {
        usage->is_bad = true;
        return;
    }
    usage->tokens[count] = n;
    usage->seen |= 1u << count;
}

void asg_anthropic_usage_read(asg_anthropic_usage_t *usage, asg_str_t object)
{
    asg_str_t told = asg_view_find(object, "usage");
    asg_str_t tiers = asg_view_find(told, "cache_creation");

    usage->is_bad = usage->is_bad || asg_view_repeats(object, "usage")
        || asg_view_repeats(told, "cache_creation")
        || (told.data != NULL && !asg_view_is_object(told));
    for (size_t i = 0; i < LENGTH(flat_counts); i++) {
        read_count(usage, told, flat_counts[i].name, flat_counts[i].count);
    }
    for (size_t i = 0; i < LENGTH(tier_counts); i++) {
        read_count(usage, tiers, tier_counts[i].name, tier_counts[i].count);
    }
}

static bool has(const asg_anthropic_usage_t *usage, asg_anthropic_count_t count)
{
    return (usage->seen & 1u << count) != 0;
}

bool asg_anthropic_usage_is_told(const asg_anthropic_usage_t *usage)
{
    return usage->is_bad || (has(usage, ASG_ANTHROPIC_INPUT)
                             && has(usage, ASG_ANTHROPIC_OUTPUT));
}

/* Told as a whole, or by its tiers alone. */
static int64_t written(const asg_anthropic_usage_t *usage)
{
    return has(usage, ASG_ANTHROPIC_WRITE)
        ? usage->tokens[ASG_ANTHROPIC_WRITE]
        : usage->tokens[ASG_ANTHROPIC_WRITE_5M]
          + usage->tokens[ASG_ANTHROPIC_WRITE_1H];
}

static void write_tiers(asg_sink_t *out, const asg_anthropic_usage_t *usage)
{
    if (!has(usage, ASG_ANTHROPIC_WRITE_5M)
        && !has(usage, ASG_ANTHROPIC_WRITE_1H))
    {
        return;
    }
    asg_sink_z(out, ",\"cache_creation_token_details\":{"
               "\"ephemeral_5m_input_tokens\":");
    asg_sink_i64(out, usage->tokens[ASG_ANTHROPIC_WRITE_5M]);
    asg_sink_z(out, ",\"ephemeral_1h_input_tokens\":");
    asg_sink_i64(out, usage->tokens[ASG_ANTHROPIC_WRITE_1H]);
    asg_sink_z(out, "}");
}

void asg_anthropic_usage_write(asg_sink_t *out,
    const asg_anthropic_usage_t *usage)
{
    int64_t prompt = usage->tokens[ASG_ANTHROPIC_INPUT]
        + usage->tokens[ASG_ANTHROPIC_READ] + written(usage);
    int64_t completion = usage->tokens[ASG_ANTHROPIC_OUTPUT];

    if (usage->seen == 0 && !usage->is_bad) {
        asg_sink_z(out, "null");
        return;
    }
    if (usage->is_bad || !has(usage, ASG_ANTHROPIC_INPUT)
        || !has(usage, ASG_ANTHROPIC_OUTPUT))
    {
        asg_sink_z(out, "{}");
        return;
    }
    asg_sink_z(out, "{\"prompt_tokens\":");
    asg_sink_i64(out, prompt);
    asg_sink_z(out, ",\"completion_tokens\":");
    asg_sink_i64(out, completion);
    asg_sink_z(out, ",\"total_tokens\":");
    asg_sink_i64(out, prompt + completion);
    asg_sink_z(out, ",\"prompt_tokens_details\":{\"cached_tokens\":");
    asg_sink_i64(out, usage->tokens[ASG_ANTHROPIC_READ]);
    asg_sink_z(out, ",\"cache_creation_tokens\":");
    asg_sink_i64(out, written(usage));
    write_tiers(out, usage);
    asg_sink_z(out, "}}");
}
