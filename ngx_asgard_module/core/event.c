/*
 * The detail of a usage event and the line of the witness file.
 *
 * Both are one flat object of the same members; the line has more of them.
 * Reading a line therefore walks it twice, once for each table.
 */
#include "core/event.h"

#include <string.h>

#include "core/members.h"
#include "core/rkey.h"
#include "core/window.h"

#define TS_SECONDS  19          /* "2026-11-21T10:00:00" */
#define TS_CHARS    24          /* with ".123Z" */

typedef struct {
    asg_str_t ts;
    int64_t partition;
    asg_spool_line_t line;
} line_parts_t;

static const char *const flag_names[ASG_FLAG_COUNT] = {
    "estimated", "overshoot", "resent", "client_gone", "cut", "no_usage",
    "bad_usage", "dead_worker"
};

static asg_err_t read_flags(asg_json_t *json, asg_buf_t *scratch, void *out);

static const asg_member_t detail_members[] = {
    ASG_MEMBER(STRING, "call", asg_event_t, call),
    ASG_MEMBER(STRING, "trace", asg_event_t, trace),
    ASG_MEMBER(STRING, "project", asg_event_t, project),
    ASG_MEMBER(VERSION, "pv", asg_event_t, project_version),
    ASG_MEMBER(STRING, "key", asg_event_t, key),
    ASG_MEMBER(STRING, "prefix", asg_event_t, prefix),
    ASG_MEMBER_MAYBE(STRING, "group", asg_event_t, group),
    ASG_MEMBER_MAYBE(STRING, "user", asg_event_t, end_user),
    ASG_MEMBER(STRING, "model", asg_event_t, model),
    ASG_MEMBER(STRING, "rm", asg_event_t, requested),
    ASG_MEMBER(STRING, "card", asg_event_t, card),
    ASG_MEMBER(VERSION, "cv", asg_event_t, card_version),
    ASG_MEMBER_MAYBE(STRING, "provider", asg_event_t, provider),
    ASG_MEMBER_MAYBE(STRING, "ep", asg_event_t, endpoint),
    ASG_MEMBER_MAYBE(STRING, "gr", asg_event_t, verdicts),
    ASG_MEMBER_MAYBE(STRING, "fm", asg_event_t, fail_mode),
    ASG_MEMBER_MAYBE(STRING, "rid", asg_event_t, upstream_id),
    ASG_MEMBER_MAYBE(COUNT, "pt", asg_event_t, prompt),
    ASG_MEMBER_MAYBE(COUNT, "ct", asg_event_t, completion),
    ASG_MEMBER_MAYBE(COUNT, "cat", asg_event_t, cached),
    ASG_MEMBER_MAYBE(COUNT, "cwt", asg_event_t, cache_write),
    ASG_MEMBER_MAYBE(COUNT, "rt", asg_event_t, reasoning),
    ASG_MEMBER_MAYBE(COUNT, "cwh", asg_event_t, cache_write_1h),
    ASG_MEMBER_MAYBE(COUNT, "ait", asg_event_t, audio_in),
    ASG_MEMBER_MAYBE(COUNT, "aot", asg_event_t, audio_out),
    ASG_MEMBER_MAYBE(COUNT, "st", asg_event_t, status),
    ASG_MEMBER_MAYBE(COUNT, "lat", asg_event_t, latency_ms),
    ASG_MEMBER_MAYBE(COUNT, "ttft", asg_event_t, ttft_ms),
    ASG_MEMBER_MAYBE_BY(read_flags, "flags")
};

static const asg_member_t line_members[] = {
    ASG_MEMBER(STRING, "ts", line_parts_t, ts),
    ASG_MEMBER(STRING, "hold", line_parts_t, line.hold),
    ASG_MEMBER(VERSION, "epoch", line_parts_t, line.epoch),
    ASG_MEMBER(COUNT, "part", line_parts_t, partition),
    ASG_MEMBER(STRING, "pins", line_parts_t, line.pins),
    ASG_MEMBER(COUNT, "amount", line_parts_t, line.amount_nusd),
    ASG_MEMBER(STRING, "verb", line_parts_t, line.verb),
    ASG_MEMBER(COUNT, "held", line_parts_t, line.held_nusd),
    ASG_MEMBER(STRING, "verdict", line_parts_t, line.verdict)
};

/* As it was written; within a string of JSON the quotes would be escaped. */
bool asg_event_is_alone(asg_str_t detail)
{
    static const char member[] = ",\"fm\":\"";

    return detail.len > 0
           && memmem(detail.data, detail.len, member, sizeof(member) - 1)
              != NULL;
}

const char *asg_flag_name(unsigned bit_index)
{
    return bit_index < ASG_FLAG_COUNT ? flag_names[bit_index] : "unknown";
}

/* --- writing --- */

static inline void put_string(asg_buf_t *out, const char *before,
    asg_str_t value)
{
    asg_buf_z(out, before);
    asg_buf_json(out, value);
}

static inline void put_number(asg_buf_t *out, const char *before,
    int64_t value)
{
    asg_buf_z(out, before);
    asg_buf_i64(out, value);
}

static inline void put_known(asg_buf_t *out, const char *before,
    asg_str_t value)
{
    if (value.data != NULL) {
        put_string(out, before, value);
    }
}

static inline void put_measured(asg_buf_t *out, const char *before,
    int64_t value)
{
    if (value >= 0) {
        put_number(out, before, value);
    }
}

static void put_flags(asg_buf_t *out, unsigned flags)
{
    const char *before = "";

    asg_buf_z(out, ",\"flags\":[");
    for (unsigned i = 0; i < ASG_FLAG_COUNT; i++) {
        if ((flags >> i & 1) != 0) {
            put_string(out, before, asg_str_z(flag_names[i]));
            before = ",";
        }
    }
    asg_buf_z(out, "]");
}

static void put_settled(asg_buf_t *out, const asg_event_t *e)
{
    put_known(out, ",\"rid\":", e->upstream_id);
    put_measured(out, ",\"pt\":", e->prompt);
    put_measured(out, ",\"ct\":", e->completion);
    put_measured(out, ",\"cat\":", e->cached);
    put_measured(out, ",\"cwt\":", e->cache_write);
    put_measured(out, ",\"rt\":", e->reasoning);
    put_measured(out, ",\"cwh\":", e->cache_write_1h);
    put_measured(out, ",\"ait\":", e->audio_in);
    put_measured(out, ",\"aot\":", e->audio_out);
    put_measured(out, ",\"st\":", e->status);
    put_measured(out, ",\"lat\":", e->latency_ms);
    put_measured(out, ",\"ttft\":", e->ttft_ms);
    put_flags(out, e->flags);
}

/* The members after "f", each with its comma. */
static void put_event(asg_buf_t *out, const asg_event_t *e)
{
    put_string(out, ",\"call\":", e->call);
    put_string(out, ",\"trace\":", e->trace);
    put_string(out, ",\"project\":", e->project);
    put_number(out, ",\"pv\":", (int64_t) e->project_version);
    put_string(out, ",\"key\":", e->key);
    put_string(out, ",\"prefix\":", e->prefix);
    put_known(out, ",\"group\":", e->group);
    put_known(out, ",\"user\":", e->end_user);
    put_string(out, ",\"model\":", e->model);
    put_string(out, ",\"rm\":", e->requested);
    put_string(out, ",\"card\":", e->card);
    put_number(out, ",\"cv\":", (int64_t) e->card_version);
    put_known(out, ",\"provider\":", e->provider);
    put_known(out, ",\"ep\":", e->endpoint);
    put_known(out, ",\"gr\":", e->verdicts);
    put_known(out, ",\"fm\":", e->fail_mode);
    if (e->settled) {
        put_settled(out, e);
    }
}

#define DETAIL_HEAD  "{\"f\":1"

_Static_assert(ASG_EVENT_FORMAT == 1, "DETAIL_HEAD names the format");

/* The same members, out of a detail that has been written already. */
static void put_detail(asg_buf_t *out, const asg_spool_line_t *line)
{
    asg_str_t text = line->detail;
    size_t head = sizeof(DETAIL_HEAD) - 1;

    if (text.len <= head || memcmp(text.data, DETAIL_HEAD, head) != 0) {
        put_event(out, &line->event);
        return;
    }
    asg_buf_put(out, text.data + head, text.len - head - 1);
}

static bool versions_fit(const asg_event_t *e)
{
    return e->project_version <= INT64_MAX && e->card_version <= INT64_MAX;
}

/* What was written from `from` on is within `max`; else it is taken back. */
static asg_err_t end_writing(asg_buf_t *out, size_t from, size_t max)
{
    if (asg_buf_ok(out) && out->len - from <= max) {
        return ASG_OK;
    }
    out->len = from;
    return ASG_ERR_SPACE;
}

asg_err_t asg_event_write(asg_buf_t *out, const asg_event_t *e)
{
    size_t from = out->len;

    if (!versions_fit(e)) {
        return ASG_ERR_RANGE;
    }
    asg_buf_z(out, DETAIL_HEAD);
    put_event(out, e);
    asg_buf_z(out, "}");
    return end_writing(out, from, ASG_EVENT_DETAIL);
}

asg_err_t asg_spool_write(asg_buf_t *out, const asg_spool_line_t *line)
{
    size_t from = out->len;
    char ts[28];

    if (!versions_fit(&line->event) || line->epoch > INT64_MAX
        || line->amount_nusd < 0 || line->held_nusd < 0 || line->at_ms < 0
        || line->partition >= ASG_PARTITIONS)
    {
        return ASG_ERR_RANGE;
    }
    asg_time_rfc3339_ms(line->at_ms, ts);
    put_number(out, "{\"f\":", ASG_EVENT_FORMAT);
    put_string(out, ",\"ts\":", asg_str_z(ts));
    put_string(out, ",\"hold\":", line->hold);
    put_number(out, ",\"epoch\":", (int64_t) line->epoch);
    put_number(out, ",\"part\":", line->partition);
    put_string(out, ",\"pins\":", line->pins);
    put_number(out, ",\"amount\":", line->amount_nusd);
    put_string(out, ",\"verb\":", line->verb);
    put_number(out, ",\"held\":", line->held_nusd);
    put_detail(out, line);
    put_string(out, ",\"verdict\":", line->verdict);
    asg_buf_z(out, "}\n");
    return end_writing(out, from, ASG_EVENT_LINE);
}

/* --- reading --- */

/* A flag that we do not know says something that we cannot use: no reason to
 * refuse the money beside it. */
static unsigned flag_bit(const asg_json_t *json)
{
    for (unsigned i = 0; i < ASG_FLAG_COUNT; i++) {
        if (asg_json_is(json, flag_names[i])) {
            return 1u << i;
        }
    }
    return 0;
}

static asg_err_t read_flags(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_event_t *e = out;
    asg_json_event_t event = asg_json_next(json);

    (void) scratch;
    if (event != ASG_JSON_ARRAY) {
        return asg_members_fault(json);
    }
    while ((event = asg_json_next(json)) == ASG_JSON_STRING) {
        e->flags |= flag_bit(json);
    }
    e->settled = true;
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

static asg_err_t read_detail(asg_json_t *json, asg_str_t text,
    asg_buf_t *scratch, asg_event_t *out)
{
    asg_event_t event = {
        .prompt = -1, .completion = -1, .cached = -1, .cache_write = -1,
        .reasoning = -1, .cache_write_1h = -1, .audio_in = -1,
        .audio_out = -1, .status = -1, .latency_ms = -1, .ttft_ms = -1
    };
    asg_err_t rc = asg_members_check_format(json, text, ASG_EVENT_FORMAT);

    if (rc == ASG_OK) {
        rc = asg_members_read_text(json, text, scratch,
                                   ASG_MEMBERS(detail_members), &event);
    }
    if (rc == ASG_OK) {
        *out = event;
    }
    return rc;
}

asg_err_t asg_event_read(asg_json_t *json, asg_str_t text, asg_buf_t *scratch,
    asg_event_t *out)
{
    if (text.len > ASG_EVENT_DETAIL) {
        return ASG_ERR_LIMIT;
    }
    return read_detail(json, text, scratch, out);
}

static asg_err_t read_ts(asg_str_t ts, int64_t *at_ms)
{
    char seconds[TS_SECONDS + 1];
    int64_t epoch_s;
    uint64_t ms = 0;

    if (ts.len != TS_CHARS || ts.data[TS_SECONDS] != '.'
        || ts.data[TS_CHARS - 1] != 'Z')
    {
        return ASG_ERR_SYNTAX;
    }
    memcpy(seconds, ts.data, TS_SECONDS);
    seconds[TS_SECONDS] = 'Z';
    if (asg_time_parse((asg_str_t) {seconds, sizeof(seconds)}, &epoch_s)
            != ASG_OK
        || epoch_s < 0)
    {
        return ASG_ERR_SYNTAX;
    }
    for (size_t i = TS_SECONDS + 1; i < TS_CHARS - 1; i++) {
        if (ts.data[i] < '0' || ts.data[i] > '9') {
            return ASG_ERR_SYNTAX;
        }
        ms = ms * 10 + (uint64_t) (ts.data[i] - '0');
    }
    *at_ms = epoch_s * 1000 + (int64_t) ms;
    return ASG_OK;
}

asg_err_t asg_spool_read(asg_json_t *json, asg_str_t text, asg_buf_t *scratch,
    asg_spool_line_t *out)
{
    line_parts_t parts;
    asg_err_t rc;

    if (text.len > ASG_EVENT_LINE) {
        return ASG_ERR_LIMIT;
    }
    memset(&parts, 0, sizeof(parts));
    rc = read_detail(json, text, scratch, &parts.line.event);
    if (rc == ASG_OK) {
        rc = asg_members_read_text(json, text, scratch,
                                   ASG_MEMBERS(line_members), &parts);
    }
    if (rc == ASG_OK) {
        rc = read_ts(parts.ts, &parts.line.at_ms);
    }
    if (rc == ASG_OK && parts.partition >= ASG_PARTITIONS) {
        rc = ASG_ERR_RANGE;
    }
    if (rc != ASG_OK) {
        return rc;
    }
    parts.line.partition = (unsigned) parts.partition;
    *out = parts.line;
    return ASG_OK;
}
