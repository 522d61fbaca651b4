/*
 * A body whose matches are redacted is the same body outside of them: it is
 * JSON of the same shape, every byte that is not of a match stays, and JSON
 * within a string stays JSON.
 *
 * Input: a byte of choices (which text of which API, actions); one for how much
 * stands before the text, so that it lies across the guard's pieces; the text
 * as it stands between the quotes.
 */
#include <stdlib.h>
#include <string.h>

#include "core/guard_body.h"
#include "core/request.h"

#define TEXT_MAX  4096
#define BODY_MAX  65536
#define OUT_MAX   (1 << 21)
#define MARK      "[REDACTED:"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    asg_api_t api;
    const char *before, *after;
} place_t;

static const place_t places[] = {
    {ASG_API_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
     "\"content\":\"", "\"}]}"},
    {ASG_API_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
     "\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
     "\"function\":{\"name\":\"f\",\"arguments\":\"", "\"}}]}]}"},
    {ASG_API_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
     "\"content\":\"a\"}],\"metadata\":{\"", "\":\"jane@example.com\"}}"},
    {ASG_API_MESSAGES, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{"
     "\"role\":\"user\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\","
     "\"name\":\"f\",\"input\":{\"a\":[7,\"", "\"]}}]}]}"}
};

static asg_request_reader_t reader = {.seed = 7};
static asg_guard_t guard;
static asg_request_t request;
static asg_refusal_t why;
static asg_json_t left, right;
static char body[BODY_MAX], out[OUT_MAX], inner[2][OUT_MAX];

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

/* As many bytes as the byte says, half of them escapes, then the text. */
static asg_str_t body_of(const place_t *place, unsigned before, asg_str_t text)
{
    asg_buf_t b;

    asg_buf_init(&b, body, sizeof(body));
    asg_buf_z(&b, place->before);
    for (unsigned i = 0; i < before * 8; i++) {
        asg_buf_z(&b, i % 2 == 0 ? " \\u0061" : " word, ");
    }
    asg_buf_str(&b, text);
    asg_buf_z(&b, place->after);
    must(asg_buf_ok(&b));
    return asg_buf_view(&b);
}

static bool scan(asg_api_t api, asg_str_t text, asg_guard_t *with)
{
    reader.guard = with;
    return asg_request_scan(&reader, api, text, &request, &why) == ASG_OK;
}

static void actions_of(bool all, asg_action_t actions[ASG_RULE_MAX])
{
    asg_guard_actions_default(actions);
    for (unsigned i = 0; all && i < ASG_RULE_COUNT; i++) {
        actions[i] = ASG_ACTION_REDACT;
    }
}

/* The bytes of a mark at `p`; 0: there is none. */
static size_t mark_at(const char *p, const char *end)
{
    for (unsigned i = 0; i < ASG_RULE_COUNT; i++) {
        const char *rule = asg_rule_name((asg_rule_t) i);
        size_t n = sizeof(MARK) - 1 + strlen(rule) + 1;

        if ((size_t) (end - p) >= n
            && memcmp(p, MARK, sizeof(MARK) - 1) == 0
            && memcmp(p + sizeof(MARK) - 1, rule, strlen(rule)) == 0
            && p[n - 1] == ']')
        {
            return n;
        }
    }
    return 0;
}

/* What stands between the marks stands in the original, in that order, from its
 * first byte to its last. */
static void check_outside(asg_str_t was, asg_str_t is)
{
    const char *p = is.data, *end = is.data + is.len, *piece = is.data;
    size_t at = 0, n = 0;
    bool first = true;

    for (; p <= end; p += n > 0 ? n : 1) {
        n = p < end ? mark_at(p, end) : 0;
        if (p < end && n == 0) {
            continue;
        }
        const size_t len = (size_t) (p - piece);
        const char *found = first || p == end || len == 0
            ? NULL : memmem(was.data + at, was.len - at, piece, len);

        if (first) {
            must(len <= was.len && memcmp(was.data, piece, len) == 0);
            at = len;
        } else if (p == end) {
            must(len <= was.len - at && memcmp(was.data + was.len - len,
                                               piece, len) == 0);
        } else if (len > 0) {
            must(found != NULL);
            at = (size_t) (found - was.data) + len;
        }
        first = false;
        piece = p + n;
    }
}

/* Names of JSON within a string may stand twice: it is another's to judge. */
static void begin(asg_json_t *json, asg_str_t text)
{
    asg_json_begin(json, text, 7);
    json->may_repeat = true;
}

static bool is_json(asg_str_t text)
{
    asg_json_event_t event;

    begin(&left, text);
    do {
        event = asg_json_next(&left);
    } while (event != ASG_JSON_END && event != ASG_JSON_ERROR);
    return event == ASG_JSON_END;
}

/* Of two that are JSON: the same values but for the text in strings. */
static void check_shape(asg_str_t was, asg_str_t is)
{
    asg_json_event_t a, b;

    begin(&left, was);
    begin(&right, is);
    do {
        a = asg_json_next(&left);
        b = asg_json_next(&right);
        must(a == b && a != ASG_JSON_ERROR);
        must((a != ASG_JSON_KEY && a != ASG_JSON_NUMBER)
             || asg_str_eq(left.token, right.token));
    } while (a != ASG_JSON_END);
}

static asg_str_t plain_of(asg_str_t raw, char *storage)
{
    asg_buf_t b;

    asg_buf_init(&b, storage, OUT_MAX);
    must(asg_json_unescape(raw, &b) && asg_buf_ok(&b));
    return asg_buf_view(&b);
}

/* The text of the body at hand: what the place has around it is cut off. */
static asg_str_t text_of(const place_t *place, asg_str_t whole)
{
    size_t before = strlen(place->before), after = strlen(place->after);

    return (asg_str_t) {whole.data + before, whole.len - before - after};
}

static void check(const place_t *place, asg_str_t was, asg_str_t is)
{
    asg_str_t within;

    must(scan(place->api, is, NULL));
    check_shape(was, is);
    check_outside(was, is);
    if (place != &places[1]) {
        return;
    }
    within = plain_of(text_of(place, was), inner[0]);
    if (is_json(within)) {
        check_shape(within, plain_of(text_of(place, is), inner[1]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_action_t actions[ASG_RULE_MAX];
    const place_t *place;
    asg_str_t was, text;
    asg_buf_t b;

    if (size < 2 || size - 2 > TEXT_MAX) {
        return 0;
    }
    text = (asg_str_t) {(const char *) data + 2, size - 2};
    place = &places[data[0] & 3];
    was = body_of(place, data[1], text);
    actions_of(data[0] & 4, actions);
    asg_guard_begin(&guard, actions);
    if (!scan(place->api, was, &guard)) {
        return 0;
    }
    must(was.len + asg_guard_growth(&guard) <= OUT_MAX);
    asg_buf_init(&b, out, was.len + asg_guard_growth(&guard));
    asg_guard_rewrite(&guard, was, &b);
    must(scan(place->api, was, &guard));
    asg_guard_rewrite_end(&guard);
    must(asg_buf_ok(&b));
    check(place, was, asg_buf_view(&b));
    return 0;
}
