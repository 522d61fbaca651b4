/*
 * Verdicts, reply parsers and error texts of the Redis scripts.
 */
#include "core/script.h"

#include <string.h>

#include "core/script_data.h"
#include "core/window.h"

static const char *const verdict_words[] = {
    [ASG_VERDICT_UNKNOWN] = "UNKNOWN",
    [ASG_VERDICT_OK] = "OK",
    [ASG_VERDICT_DUP] = "DUP",
    [ASG_VERDICT_OVER] = "OVER",
    [ASG_VERDICT_RATE] = "RATE",
    [ASG_VERDICT_UNSEEDED] = "UNSEEDED",
    [ASG_VERDICT_GONE] = "GONE",
    [ASG_VERDICT_CLOSED] = "CLOSED",
    [ASG_VERDICT_FENCE] = "FENCE",
    [ASG_VERDICT_BACKLOG] = "BACKLOG",
    [ASG_VERDICT_CLOCK] = "CLOCK",
    [ASG_VERDICT_IDREUSE] = "IDREUSE",
    [ASG_VERDICT_ARG] = "ARG",
    [ASG_VERDICT_LATE] = "LATE",
    [ASG_VERDICT_LIVE] = "LIVE",
    [ASG_VERDICT_KEYS] = "KEYS",
    [ASG_VERDICT_GAP] = "GAP",
    [ASG_VERDICT_BEHIND] = "BEHIND",
    [ASG_VERDICT_STALE] = "STALE",
    [ASG_VERDICT_STATE] = "STATE",
    [ASG_VERDICT_OTHER] = "OTHER",
    [ASG_VERDICT_OLD] = "OLD",
    [ASG_VERDICT_CROWDED] = "CROWDED"
};

#define VERDICTS (sizeof(verdict_words) / sizeof(verdict_words[0]))

/* First words of the errors that Redis raises before a script starts. */
static const struct {
    const char *word;
    asg_script_error_t error;
} error_words[] = {
    {"NOSCRIPT", ASG_SCRIPT_ERROR_NOSCRIPT},
    {"BUSY", ASG_SCRIPT_ERROR_BUSY},
    {"OOM", ASG_SCRIPT_ERROR_OOM},
    {"READONLY", ASG_SCRIPT_ERROR_READONLY},
    {"LOADING", ASG_SCRIPT_ERROR_LOADING},
    {"MASTERDOWN", ASG_SCRIPT_ERROR_MASTERDOWN},
    {"MISCONF", ASG_SCRIPT_ERROR_MISCONF},
    {"NOREPLICAS", ASG_SCRIPT_ERROR_NOREPLICAS},
    {"NOAUTH", ASG_SCRIPT_ERROR_NOAUTH},
    {"NOPERM", ASG_SCRIPT_ERROR_NOPERM}
};

asg_str_t asg_script_text(asg_script_t s)
{
    return (asg_str_t) {asg_script_data[s].text, asg_script_data[s].len};
}

asg_str_t asg_script_sha(asg_script_t s)
{
    return (asg_str_t) {asg_script_data[s].sha, ASG_SCRIPT_SHA_CHARS};
}

asg_str_t asg_script_name(asg_script_t s)
{
    return asg_str_z(asg_script_data[s].name);
}

asg_verdict_t asg_verdict_parse(asg_str_t word)
{
    for (size_t i = ASG_VERDICT_OK; i < VERDICTS; i++) {
        if (asg_str_eq_z(word, verdict_words[i])) {
            return (asg_verdict_t) i;
        }
    }
    return ASG_VERDICT_UNKNOWN;
}

const char *asg_verdict_text(asg_verdict_t verdict)
{
    size_t i = (size_t) verdict;

    return verdict_words[i < VERDICTS ? i : ASG_VERDICT_UNKNOWN];
}

asg_verdict_t asg_reply_verdict(const asg_str_t *reply, size_t n)
{
    return n == 0 ? ASG_VERDICT_UNKNOWN : asg_verdict_parse(reply[0]);
}

/* An integer of the protocol: [0, 2^53 - 1]. */
static bool amount_read(asg_str_t text, int64_t *out)
{
    uint64_t n;

    if (!asg_str_u64(text, &n) || n > (uint64_t) ASG_NUSD_MAX) {
        return false;
    }
    *out = (int64_t) n;
    return true;
}

asg_err_t asg_reply_over(const asg_str_t *reply, size_t n,
    asg_reply_over_t *out)
{
    asg_reply_over_t over = {.budget = ASG_STR_NULL};

    if ((n != 7 && n != 8)
        || asg_reply_verdict(reply, n) != ASG_VERDICT_OVER) {
        return ASG_ERR_SYNTAX;
    }
    over.zone = n == 8 ? reply[7] : ASG_STR("UTC");
    over.budget = reply[1];
    over.window = reply[2];
    over.unlimited = asg_str_eq_z(reply[3], "-");
    if (over.budget.len == 0 || over.budget.len > ASG_SCRIPT_BUDGET_CHARS
        || over.window.len == 0 || over.window.len > ASG_SCRIPT_WINDOW_CHARS
        || !asg_zone_is_name(over.zone)
        || (!over.unlimited && !amount_read(reply[3], &over.limit_nusd))
        /* counters pass the range of amounts by overshoot, and fall below 0
         * by corrections */
        || !asg_str_i64(reply[4], &over.spent_nusd)
        || !asg_str_i64(reply[5], &over.held_nusd)
        || !amount_read(reply[6], &over.resets_at_s)) {
        return ASG_ERR_SYNTAX;
    }
    *out = over;
    return ASG_OK;
}

asg_err_t asg_reply_hold(const asg_str_t *reply, size_t n,
    asg_reply_hold_t *out)
{
    asg_verdict_t verdict = asg_reply_verdict(reply, n);
    int64_t expires;

    if (n < 3 || (verdict != ASG_VERDICT_OK && verdict != ASG_VERDICT_DUP)
        || (n > 3 && verdict == ASG_VERDICT_DUP)
        || reply[1].len == 0 || reply[1].len > ASG_SCRIPT_PINS_BYTES
        || !amount_read(reply[2], &expires)) {
        return ASG_ERR_SYNTAX;
    }
    out->pins = reply[1];
    out->expires_s = expires;
    return ASG_OK;
}

asg_err_t asg_stream_id_parse(asg_str_t text, uint64_t *ms, uint64_t *seq)
{
    const char *dash = text.len > 0 ? memchr(text.data, '-', text.len) : NULL;
    asg_str_t left, right;

    if (dash == NULL) {
        return ASG_ERR_SYNTAX;
    }
    left = (asg_str_t) {text.data, (size_t) (dash - text.data)};
    right = (asg_str_t) {dash + 1, text.len - left.len - 1};
    return asg_str_u64(left, ms) && asg_str_u64(right, seq) ? ASG_OK
                                                            : ASG_ERR_SYNTAX;
}

asg_err_t asg_reply_event(const asg_str_t *reply, size_t n,
    asg_str_t *stream_id)
{
    asg_verdict_t verdict = asg_reply_verdict(reply, n);
    uint64_t ms, seq;

    if (n != 2 || (verdict != ASG_VERDICT_OK && verdict != ASG_VERDICT_LATE
                   && verdict != ASG_VERDICT_GONE)) {
        return ASG_ERR_SYNTAX;
    }
    *stream_id = reply[1];
    return asg_stream_id_parse(reply[1], &ms, &seq);
}

asg_err_t asg_reply_expires(const asg_str_t *reply, size_t n,
    int64_t *expires_s)
{
    asg_verdict_t verdict = asg_reply_verdict(reply, n);

    if (n != 2 || (verdict != ASG_VERDICT_OK && verdict != ASG_VERDICT_LIVE)
        || !amount_read(reply[1], expires_s)) {
        return ASG_ERR_SYNTAX;
    }
    return ASG_OK;
}

asg_err_t asg_fence_parse(asg_str_t text, asg_fence_t *out)
{
    const char *colon = text.len == 0 ? NULL
                        : memchr(text.data, ':', text.len);
    asg_str_t epoch, run;
    uint64_t n;

    if (colon == NULL) {
        return ASG_ERR_SYNTAX;
    }
    epoch = (asg_str_t) {text.data, (size_t) (colon - text.data)};
    run = (asg_str_t) {colon + 1, text.len - epoch.len - 1};
    if (!asg_str_u64(epoch, &n) || n == 0 || n > (uint64_t) ASG_NUSD_MAX
        || run.len != ASG_SCRIPT_RUN_ID_CHARS) {
        return ASG_ERR_SYNTAX;
    }
    for (size_t i = 0; i < run.len; i++) {
        if (strchr("0123456789abcdef", run.data[i]) == NULL
            || run.data[i] == '\0') {
            return ASG_ERR_SYNTAX;
        }
    }
    out->epoch = n;
    out->run_id = run;
    return ASG_OK;
}

asg_err_t asg_reply_fence(const asg_str_t *reply, size_t n,
    asg_fence_t *out)
{
    if (n != 2 || asg_reply_verdict(reply, n) != ASG_VERDICT_FENCE) {
        return ASG_ERR_SYNTAX;
    }
    if (reply[1].len == 0) {
        return ASG_ERR_MISSING;
    }
    return asg_fence_parse(reply[1], out);
}

asg_script_error_t asg_script_error(asg_str_t text)
{
    const char *space = text.len == 0 ? NULL
                        : memchr(text.data, ' ', text.len);
    asg_str_t word = text;

    if (space != NULL) {
        word.len = (size_t) (space - text.data);
    }
    for (size_t i = 0; i < sizeof(error_words) / sizeof(error_words[0]); i++) {
        if (asg_str_eq_z(word, error_words[i].word)) {
            return error_words[i].error;
        }
    }
    return ASG_SCRIPT_ERROR_OTHER;
}

bool asg_script_error_is_clean(asg_str_t text)
{
    /* Redis appends this to an error that a running script raised, and such a
     * script may have written before. */
    static const char inside[] = "script: ";

    if (asg_script_error(text) == ASG_SCRIPT_ERROR_OTHER) {
        return false;
    }
    for (size_t i = 0; i + sizeof(inside) - 1 <= text.len; i++) {
        if (memcmp(text.data + i, inside, sizeof(inside) - 1) == 0) {
            return false;
        }
    }
    return true;
}
