/*
 * From the numbers of a usage object to a verdict.
 */
#include "core/answer.h"

#include "core/answer_parts.h"

#define BYTES_PER_TOKEN  4

static int64_t count_of(const asg_answer_scan_t *s, asg_count_t first,
    asg_count_t second)
{
    asg_count_t which = (s->counts & 1u << first) != 0 ? first : second;

    return (s->counts & 1u << which) != 0 ? (int64_t) s->count[which] : 0;
}

/* A part that is too large is above its whole in any case. */
static int32_t narrow(int64_t count)
{
    return (int32_t) (count < INT32_MAX ? count : INT32_MAX);
}

static int64_t most_tokens(int64_t limit)
{
    return limit > 0 && limit < ASG_TOKENS_MAX ? limit : ASG_TOKENS_MAX;
}

/* What the call can have used at most. */
static bool tokens_are_affordable(const asg_answer_t *a, int64_t prompt,
    int64_t completion)
{
    int64_t most = most_tokens(a->context_tokens);

    if (prompt > most || completion > most
        || completion > most_tokens(a->total_tokens) - prompt)
    {
        return false;
    }
    if (a->bound.hold_nusd == 0) {
        return true;
    }
    most = completion - a->bound.output;
    return prompt <= a->bound.prompt
        && (most <= 0 || (uint64_t) most <= a->text_bytes);
}

static bool parts_are_possible(const asg_tokens_t *t)
{
    return t->cached <= t->prompt
        && t->cache_write <= t->prompt - t->cached
        && t->cache_write_1h <= t->cache_write && t->audio_in <= t->prompt
        && t->reasoning <= t->completion && t->audio_out <= t->completion;
}

static bool has_count(const asg_answer_scan_t *s, asg_count_t first,
    asg_count_t second)
{
    return (s->counts & (1u << first | 1u << second)) != 0;
}

/* Tokens written to be kept for an hour cost more; where the answer does not
 * tell them apart from the others, all count as such. */
static void read_writes(const asg_answer_scan_t *s, asg_tokens_t *out)
{
    int64_t brief = count_of(s, ASG_COUNT_WRITE_5M, ASG_COUNT_WRITE_5M_DEEP);
    int64_t hour = count_of(s, ASG_COUNT_WRITE_1H, ASG_COUNT_WRITE_1H_DEEP);
    int64_t all = has_count(s, ASG_COUNT_WRITE, ASG_COUNT_WRITE_FLAT)
        ? count_of(s, ASG_COUNT_WRITE, ASG_COUNT_WRITE_FLAT)
        : brief + hour;

    hour = all - brief > hour ? all - brief : hour;
    out->cache_write = narrow(all);
    out->cache_write_1h = narrow(hour);
}

/* Usage that comes in parts: what this one does not say, the last one did. */
static void join_parts(asg_answer_t *a)
{
    asg_answer_scan_t *s = &a->scan;

    for (unsigned i = 0; i < ASG_COUNT_COUNT; i++) {
        unsigned bit = 1u << i;

        if ((s->counts & bit) != 0) {
            a->count[i] = s->count[i];
        } else if ((a->counts & bit) != 0) {
            s->count[i] = a->count[i];
        }
    }
    s->counts |= a->counts;
    a->counts = s->counts;
}

/* The whole prompt: in these words, what was read from a cache or written to
 * one is no part of the input. */
static bool add_cached(asg_tokens_t *t)
{
    int64_t prompt = (int64_t) t->prompt + t->cached + t->cache_write;

    if (prompt > ASG_TOKENS_MAX) {
        return false;
    }
    t->prompt = (int32_t) prompt;
    return true;
}

/* What the object at hand says; false when it cannot be true. */
static bool read_tokens(asg_answer_t *a, asg_tokens_t *out)
{
    const asg_answer_scan_t *s = &a->scan;
    int64_t prompt = count_of(s, ASG_COUNT_PROMPT, ASG_COUNT_PROMPT);
    int64_t completion = count_of(s, ASG_COUNT_COMPLETION,
                                  ASG_COUNT_COMPLETION);

    if (s->usage_huge) {
        a->usage.above = true;
        return false;
    }
    if (s->usage_bad || (s->counts & 1u << ASG_COUNT_PROMPT) == 0) {
        return false;
    }
    *out = (asg_tokens_t) {
        .prompt = narrow(prompt),
        .completion = narrow(completion),
        .cached = narrow(count_of(s, ASG_COUNT_CACHED,
                                  ASG_COUNT_CACHED_FLAT)),
        .reasoning = narrow(count_of(s, ASG_COUNT_REASONING,
                                     ASG_COUNT_REASONING_FLAT)),
        .audio_in = narrow(count_of(s, ASG_COUNT_AUDIO_IN,
                                    ASG_COUNT_AUDIO_IN)),
        .audio_out = narrow(count_of(s, ASG_COUNT_AUDIO_OUT,
                                     ASG_COUNT_AUDIO_OUT))
    };
    read_writes(s, out);
    if (a->words == ASG_WORDS_MESSAGES && !add_cached(out)) {
        a->usage.above = true;
        return false;
    }
    if (!tokens_are_affordable(a, out->prompt, completion)) {
        a->usage.above = true;
        return false;
    }
    return parts_are_possible(out);
}

/* A stream says it more than once, and it can only grow. */
static bool falls(const asg_answer_t *a, const asg_tokens_t *tokens)
{
    const asg_tokens_t *have = &a->usage.tokens;

    return a->has_usage && !a->was_told
        && (tokens->prompt < have->prompt
            || tokens->completion < have->completion);
}

void asg_answer_take_usage(asg_answer_t *a)
{
    asg_tokens_t tokens;

    if (!a->scan.has_usage) {
        return;
    }
    if (a->words == ASG_WORDS_MESSAGES) {
        join_parts(a);
    }
    if (!read_tokens(a, &tokens) || falls(a, &tokens)) {
        a->bad_usage = true;
        return;
    }
    a->has_usage = true;
    a->usage.partial = a->scan.begins;
    a->was_told = false;
    a->usage_at = a->usage.content_bytes;
    a->usage_text = a->text_bytes;
    a->usage.tokens = tokens;
}

/* By what had come when it was said. */
static bool is_too_little(const asg_answer_t *a)
{
    const asg_tokens_t *t = &a->usage.tokens;

    return t->prompt == 0 || (t->completion == 0 && a->usage_at > 0)
        || a->usage_text > (uint64_t) t->completion * ASG_TOKEN_BYTES_MAX
                           + ASG_TEXT_BYTES_FREE + a->echoed_bytes;
}

void asg_answer_judge(asg_answer_t *a)
{
    asg_usage_t *u = &a->usage;

    u->has_content = u->content_bytes > 0;
    u->content_after_usage = a->has_usage ? u->content_bytes - a->usage_at : 0;
    if (a->bad_usage) {
        u->verdict = ASG_USAGE_BAD;
    } else if (!a->has_usage) {
        u->verdict = ASG_USAGE_NONE;
    } else {
        u->verdict = is_too_little(a) ? ASG_USAGE_BAD : ASG_USAGE_GOOD;
    }
}

void asg_answer_tell(asg_answer_t *a, asg_str_t object)
{
    asg_answer_scan_begin(&a->scan, a->words);
    asg_answer_scan_feed(&a->scan, object.data, object.len, 0);
    if (asg_answer_scan_is_whole(&a->scan)) {
        asg_answer_take_usage(a);
        a->was_told = true;
        asg_answer_judge(a);
    }
    asg_answer_scan_begin(&a->scan, a->words);
}

int64_t asg_usage_estimate(uint64_t content_bytes, int64_t bound_tokens)
{
    uint64_t tokens = content_bytes / BYTES_PER_TOKEN
        + (content_bytes % BYTES_PER_TOKEN != 0);

    if (bound_tokens <= 0) {
        return 0;
    }
    return tokens < (uint64_t) bound_tokens ? (int64_t) tokens : bound_tokens;
}
