/*
 * From the numbers of a usage object to a verdict.
 */
#include "core/usage.h"

#include "core/answer.h"

#define BYTES_PER_TOKEN  4

static int64_t count_of(const asg_answer_scan_t *s, asg_count_t first,
    asg_count_t second)
{
    asg_count_t which = (s->counts & 1u << first) != 0 ? first : second;

    return (s->counts & 1u << which) != 0 ? (int64_t) s->count[which] : 0;
}

static int64_t most_tokens(int64_t limit)
{
    return limit > 0 && limit < ASG_TOKENS_MAX ? limit : ASG_TOKENS_MAX;
}

static bool tokens_are_possible(const asg_answer_t *a, const asg_tokens_t *t)
{
    int64_t most = most_tokens(a->context_tokens);

    return t->prompt <= most && t->completion <= most
        && t->completion <= most_tokens(a->total_tokens) - t->prompt
        && t->cached <= t->prompt
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

    out->cache_write = has_count(s, ASG_COUNT_WRITE, ASG_COUNT_WRITE_FLAT)
        ? count_of(s, ASG_COUNT_WRITE, ASG_COUNT_WRITE_FLAT)
        : brief + hour;
    out->cache_write_1h = out->cache_write - brief > hour
        ? out->cache_write - brief : hour;
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
static bool read_tokens(const asg_answer_t *a, asg_tokens_t *out)
{
    const asg_answer_scan_t *s = &a->scan;

    if (s->usage_bad || (s->counts & 1u << ASG_COUNT_PROMPT) == 0) {
        return false;
    }
    *out = (asg_tokens_t) {
        .prompt = (int64_t) s->count[ASG_COUNT_PROMPT],
        .completion = count_of(s, ASG_COUNT_COMPLETION, ASG_COUNT_COMPLETION),
        .cached = count_of(s, ASG_COUNT_CACHED, ASG_COUNT_CACHED_FLAT),
        .reasoning = count_of(s, ASG_COUNT_REASONING, ASG_COUNT_REASONING_FLAT),
        .audio_in = count_of(s, ASG_COUNT_AUDIO_IN, ASG_COUNT_AUDIO_IN),
        .audio_out = count_of(s, ASG_COUNT_AUDIO_OUT, ASG_COUNT_AUDIO_OUT)
    };
    read_writes(s, out);
    return (a->words != ASG_WORDS_MESSAGES || add_cached(out))
        && tokens_are_possible(a, out);
}

void asg_answer_take_usage(asg_answer_t *a)
{
    asg_tokens_t *have = &a->usage.tokens;
    asg_tokens_t tokens;

    a->has_choices |= a->scan.has_choices;
    if (!a->scan.has_usage) {
        return;
    }
    if (a->words == ASG_WORDS_MESSAGES) {
        join_parts(a);
    }
    if (!read_tokens(a, &tokens)
        || (a->has_usage && (tokens.prompt < have->prompt
                             || tokens.completion < have->completion)))
    {
        a->bad_usage = true;
        return;
    }
    a->has_usage = true;
    a->usage.partial = a->scan.begins;
    a->usage_at = a->usage.content_bytes;
    *have = tokens;
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
        u->verdict = (u->has_content && u->tokens.completion == 0)
            || (a->has_choices && u->tokens.prompt == 0)
            ? ASG_USAGE_BAD : ASG_USAGE_GOOD;
    }
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
