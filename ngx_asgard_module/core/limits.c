/*
 * Limits: their texts, and the replies of `reserve` that speak of them.
 */
#include "core/limits.h"

#include "core/script.h"

#define ROOM_WORDS 3                     /* of one kind */

static const char *const kind_names[ASG_LIMIT_COUNT] = {
    [ASG_LIMIT_REQUESTS] = "requests",
    [ASG_LIMIT_TOKENS] = "tokens",
    [ASG_LIMIT_PARALLEL] = "parallel"
};

bool asg_limits_has(const asg_limits_t *limits, asg_limit_kind_t kind)
{
    return (limits->set >> kind & 1) != 0;
}

bool asg_limits_put(asg_limits_t *limits, asg_limit_kind_t kind, int64_t most)
{
    if (most == -1) {
        return true;
    }
    if (most < 0 || most > ASG_LIMIT_MAX) {
        return false;
    }
    limits->most[kind] = most;
    limits->set |= (uint8_t) (1 << kind);
    return true;
}

static size_t end(asg_buf_t *b)
{
    b->data[b->len] = '\0';
    return b->len;
}

size_t asg_limits_text(const asg_limits_t *limits, char out[ASG_LIMITS_TEXT])
{
    asg_buf_t b;

    asg_buf_init(&b, out, ASG_LIMITS_TEXT - 1);
    for (int kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        asg_buf_z(&b, kind == 0 ? "" : " ");
        if (asg_limits_has(limits, (asg_limit_kind_t) kind)) {
            asg_buf_u64(&b, (uint64_t) limits->most[kind]);
        } else {
            asg_buf_z(&b, "-");
        }
    }
    return end(&b);
}

const char *asg_limit_kind_name(asg_limit_kind_t kind)
{
    return (unsigned) kind < ASG_LIMIT_COUNT ? kind_names[kind] : "unknown";
}

/* An integer of the scripts: [0, 2^53 - 1]. */
static bool number_read(asg_str_t text, int64_t *out)
{
    uint64_t n;

    if (!asg_str_u64(text, &n) || n > (uint64_t) ASG_NUSD_MAX) {
        return false;
    }
    *out = (int64_t) n;
    return true;
}

/* Cuts the next word off; the words stand one space apart. */
static asg_str_t word_next(asg_str_t *rest)
{
    asg_str_t word = *rest;

    for (size_t i = 0; i < rest->len; i++) {
        if (rest->data[i] == ' ') {
            word.len = i;
            rest->data += i + 1;
            rest->len -= i + 1;
            return word;
        }
    }
    *rest = (asg_str_t) ASG_STR_NULL;
    return word;
}

static bool room_read(asg_str_t *rest, asg_limit_room_t *out)
{
    asg_str_t words[ROOM_WORDS];

    for (size_t i = 0; i < ROOM_WORDS; i++) {
        words[i] = word_next(rest);
    }
    *out = (asg_limit_room_t) {.limited = !asg_str_eq_z(words[0], "-")};
    if (!out->limited) {
        return asg_str_eq_z(words[1], "-") && asg_str_eq_z(words[2], "-");
    }
    return number_read(words[0], &out->limit)
        && number_read(words[1], &out->left)
        && number_read(words[2], &out->resets_ms);
}

asg_err_t asg_limits_room(asg_str_t text, asg_limits_room_t *out)
{
    asg_str_t rest = text;

    if (!room_read(&rest, &out->of[0]) || !room_read(&rest, &out->of[1])
        || rest.data != NULL)
    {
        return ASG_ERR_SYNTAX;
    }
    return ASG_OK;
}

asg_err_t asg_reply_limits(const asg_str_t *reply, size_t n, size_t scopes,
    asg_limits_room_t *room, asg_str_t *marks)
{
    if (asg_reply_verdict(reply, n) != ASG_VERDICT_OK || n != 4 + scopes) {
        return ASG_ERR_SYNTAX;
    }
    for (size_t i = 0; i < scopes; i++) {
        marks[i] = reply[4 + i];
        if (marks[i].len > ASG_LIMIT_MARK) {
            return ASG_ERR_SYNTAX;
        }
    }
    return asg_limits_room(reply[3], room);
}

static bool kind_read(asg_str_t text, asg_limit_kind_t *out)
{
    for (int kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        if (asg_str_eq_z(text, kind_names[kind])) {
            *out = (asg_limit_kind_t) kind;
            return true;
        }
    }
    return false;
}

static bool retry_read(asg_str_t text, int64_t *out)
{
    if (asg_str_eq_z(text, "never")) {
        *out = ASG_LIMIT_NEVER;
        return true;
    }
    if (asg_str_eq_z(text, "unknown")) {
        *out = ASG_LIMIT_UNKNOWN;
        return true;
    }
    return number_read(text, out);
}

asg_err_t asg_reply_rate(const asg_str_t *reply, size_t n,
    asg_reply_rate_t *out)
{
    if (n != 7 || asg_reply_verdict(reply, n) != ASG_VERDICT_RATE
        || reply[1].len < 3 || reply[1].len > ASG_SCRIPT_BUDGET_CHARS
        || !kind_read(reply[2], &out->kind)
        || !number_read(reply[3], &out->limit)
        || !number_read(reply[4], &out->used)
        || !retry_read(reply[5], &out->retry_ms))
    {
        return ASG_ERR_SYNTAX;
    }
    out->scope = reply[1];
    return asg_limits_room(reply[6], &out->room);
}

static void put_padded(asg_buf_t *b, unsigned ms)
{
    char digits[3] = {(char) ('0' + ms / 100), (char) ('0' + ms / 10 % 10),
                      (char) ('0' + ms % 10)};
    size_t len = sizeof(digits);

    while (digits[len - 1] == '0') {
        len--;
    }
    asg_buf_put(b, digits, len);
}

size_t asg_limit_duration(int64_t ms, char out[ASG_LIMIT_DURATION])
{
    uint64_t left = ms > 0 ? (uint64_t) ms : 0;
    asg_buf_t b;

    asg_buf_init(&b, out, ASG_LIMIT_DURATION - 1);
    if (left > 0 && left < 1000) {
        asg_buf_u64(&b, left);
        asg_buf_z(&b, "ms");
        return end(&b);
    }
    if (left >= 60000) {
        asg_buf_u64(&b, left / 60000);
        asg_buf_z(&b, "m");
    }
    asg_buf_u64(&b, left / 1000 % 60);
    if (left % 1000 != 0) {
        asg_buf_z(&b, ".");
        put_padded(&b, (unsigned) (left % 1000));
    }
    asg_buf_z(&b, "s");
    return end(&b);
}
