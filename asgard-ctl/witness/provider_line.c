/*
 * Reading lines of a provider's record.
 */
#include "witness/provider_line.h"

#include <string.h>

#include "base/json_put.h"
#include "core/rkey.h"

#define FORMAT       1
#define RID_MAX      128
#define SOURCE_MAX   100

static const char *const counts[CTL_PROVIDER_COUNTS] = {
    "pt", "ct", "cat", "cwt", "rt", "cwh", "ait", "aot"
};

/* A line as far as it was read. */
struct reading {
    struct ctl_provider_line *line;
    int64_t format;
};


static bool
text_take(const asg_json_t *json, asg_json_event_t event, asg_str_t *out)
{
    *out = json->token;

    return event == ASG_JSON_STRING && !json->escaped && json->token.len > 0;
}


static bool
number_take(const asg_json_t *json, asg_json_event_t event, int64_t max,
    int64_t *out)
{
    return event == ASG_JSON_NUMBER && asg_json_int(json, out) && *out >= 0
           && *out <= max;
}


/* Where the value of this key goes, when it is a number of its own. */
static int64_t *
number_of(struct reading *r, const asg_json_t *json, int64_t *max)
{
    size_t i;

    *max = ASG_NUSD_MAX;
    if (asg_json_is(json, "f")) {
        return &r->format;
    }
    if (asg_json_is(json, "amount")) {
        return &r->line->amount_nusd;
    }
    *max = ASG_TOKENS_MAX;
    for (i = 0; i < CTL_PROVIDER_COUNTS; i++) {
        if (asg_json_is(json, counts[i])) {
            return &r->line->counts[i];
        }
    }

    return NULL;
}


static asg_str_t *
text_of(struct reading *r, const asg_json_t *json)
{
    return asg_json_is(json, "hold") ? &r->line->hold
           : asg_json_is(json, "rid") ? &r->line->rid
           : asg_json_is(json, "source") ? &r->line->source : NULL;
}


/* The key was read. */
static const char *
member_take(struct reading *r, asg_json_t *json)
{
    asg_str_t *text = text_of(r, json);
    bool overshoot = asg_json_is(json, "overshoot");
    asg_json_event_t event;
    int64_t *number, max;

    number = number_of(r, json, &max);
    event = asg_json_next(json);
    if (text != NULL) {
        return text_take(json, event, text) ? NULL
               : "a member of it is no plain text";
    }
    if (number != NULL) {
        return number_take(json, event, max, number) ? NULL
               : "a member of it is no number, or too large";
    }
    if (!overshoot) {
        return "it has a member that is not known";
    }
    r->line->overshoot = event == ASG_JSON_TRUE;

    return event == ASG_JSON_TRUE || event == ASG_JSON_FALSE ? NULL
           : "a member of it is neither true nor false";
}


static const char *
line_judge(const struct reading *r)
{
    const struct ctl_provider_line *line = r->line;

    if (r->format != FORMAT) {
        return "it is not of format 1";
    }
    if ((line->hold.len > 0) == (line->rid.len > 0)
        || (line->hold.len > 0 && !asg_id_is_valid(line->hold))
        || line->rid.len > RID_MAX)
    {
        return "it names no call, by `hold` or by `rid`";
    }
    if (line->source.len == 0 || line->source.len > SOURCE_MAX) {
        return "it does not say its source, in at most 100 bytes";
    }
    if (ctl_provider_line_has_tokens(line) ? line->counts[0] < 0
                                           : line->amount_nusd < 0)
    {
        return "it has neither tokens, `pt` among them, nor an amount";
    }

    return NULL;
}


bool
ctl_provider_line_read(asg_json_t *json, asg_str_t text,
    struct ctl_provider_line *out, const char **why)
{
    struct reading r = {out, 0};
    asg_json_event_t event;
    size_t i;

    memset(out, 0, sizeof(*out));
    out->amount_nusd = -1;
    for (i = 0; i < CTL_PROVIDER_COUNTS; i++) {
        out->counts[i] = -1;
    }
    *why = "it is no JSON object, or too long";
    asg_json_begin(json, text, 0);
    if (text.len > CTL_PROVIDER_LINE
        || asg_json_next(json) != ASG_JSON_OBJECT)
    {
        return false;
    }
    while ((event = asg_json_next(json)) == ASG_JSON_KEY) {
        *why = member_take(&r, json);
        if (*why != NULL) {
            return false;
        }
    }
    *why = event == ASG_JSON_OBJECT_END && asg_json_next(json) == ASG_JSON_END
           ? line_judge(&r) : "it is no JSON object, or too long";

    return *why == NULL;
}


bool
ctl_provider_line_has_tokens(const struct ctl_provider_line *line)
{
    size_t i;

    for (i = 0; i < CTL_PROVIDER_COUNTS; i++) {
        if (line->counts[i] >= 0) {
            return true;
        }
    }

    return false;
}


static int32_t
tokens_of(const struct ctl_provider_line *line, size_t i)
{
    return line->counts[i] > 0 ? (int32_t) line->counts[i] : 0;
}


void
ctl_provider_line_tokens(const struct ctl_provider_line *line,
    asg_tokens_t *out)
{
    *out = (asg_tokens_t) {
        .prompt = tokens_of(line, 0), .completion = tokens_of(line, 1),
        .cached = tokens_of(line, 2), .cache_write = tokens_of(line, 3),
        .reasoning = tokens_of(line, 4), .cache_write_1h = tokens_of(line, 5),
        .audio_in = tokens_of(line, 6), .audio_out = tokens_of(line, 7)
    };
}


void
ctl_provider_line_put(asg_buf_t *out, const struct ctl_provider_line *line)
{
    size_t i;

    for (i = 0; i < CTL_PROVIDER_COUNTS; i++) {
        if (line->counts[i] >= 0) {
            asg_buf_z(out, ",\"");
            asg_buf_z(out, counts[i]);
            ctl_put_i64(out, "\":", line->counts[i]);
        }
    }
    ctl_put_text(out, ",\"source\":", line->source);
    asg_buf_z(out, line->overshoot ? ",\"flags\":[\"overshoot\"]"
                                   : ",\"flags\":[]");
}
