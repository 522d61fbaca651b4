/*
 * An event detail or a witness line that is read can be written, and what was
 * written is read as the same.
 *
 * Input: one byte (detail or line), the text.
 */
#include <stdlib.h>
#include <string.h>

#include "core/event.h"

static asg_json_t json;
static char scratch_a[ASG_EVENT_LINE], scratch_b[ASG_EVENT_LINE];
static char written[ASG_EVENT_LINE];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void must_be_same(const asg_event_t *a, const asg_event_t *b)
{
    must(asg_str_eq(a->call, b->call) && asg_str_eq(a->trace, b->trace));
    must(asg_str_eq(a->project, b->project) && asg_str_eq(a->key, b->key));
    must(asg_str_eq(a->prefix, b->prefix) && asg_str_eq(a->model, b->model));
    must(asg_str_eq(a->requested, b->requested));
    must(asg_str_eq(a->card, b->card));
    must(a->project_version == b->project_version);
    must(a->card_version == b->card_version);
    must(a->settled == b->settled);
    must(asg_str_eq(a->verdicts, b->verdicts));
    if (a->settled) {
        must(asg_str_eq(a->provider, b->provider));
        must(asg_str_eq(a->endpoint, b->endpoint));
        must(asg_str_eq(a->upstream_id, b->upstream_id));
        must(a->prompt == b->prompt && a->completion == b->completion);
        must(a->cached == b->cached && a->cache_write == b->cache_write);
        must(a->reasoning == b->reasoning && a->status == b->status);
        must(a->latency_ms == b->latency_ms && a->ttft_ms == b->ttft_ms);
        must(a->flags == b->flags);
    }
}

static void check_event(asg_str_t text)
{
    asg_event_t a, b;
    asg_buf_t out, sa, sb;

    asg_buf_init(&sa, scratch_a, sizeof(scratch_a));
    asg_buf_init(&sb, scratch_b, sizeof(scratch_b));
    asg_buf_init(&out, written, sizeof(written));
    if (asg_event_read(&json, text, &sa, &a) != ASG_OK
        || asg_event_write(&out, &a) != ASG_OK)
    {
        return;
    }
    must(asg_event_read(&json, asg_buf_view(&out), &sb, &b) == ASG_OK);
    must_be_same(&a, &b);
}

static void check_line(asg_str_t text)
{
    asg_spool_line_t a, b;
    asg_buf_t out, sa, sb;

    asg_buf_init(&sa, scratch_a, sizeof(scratch_a));
    asg_buf_init(&sb, scratch_b, sizeof(scratch_b));
    asg_buf_init(&out, written, sizeof(written));
    if (asg_spool_read(&json, text, &sa, &a) != ASG_OK
        || asg_spool_write(&out, &a) != ASG_OK)
    {
        return;
    }
    must(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
    must(asg_spool_read(&json, asg_buf_view(&out), &sb, &b) == ASG_OK);
    must_be_same(&a.event, &b.event);
    must(a.at_ms == b.at_ms && a.partition == b.partition);
    must(a.amount_nusd == b.amount_nusd && a.held_nusd == b.held_nusd);
    must(asg_str_eq(a.hold, b.hold) && asg_str_eq(a.pins, b.pins));
    must(asg_str_eq(a.verb, b.verb) && asg_str_eq(a.verdict, b.verdict));
    must(a.epoch == b.epoch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text;

    if (size < 1) {
        return 0;
    }
    text = (asg_str_t) {(const char *) data + 1, size - 1};
    if ((data[0] & 1) != 0) {
        check_event(text);
    } else {
        check_line(text);
    }
    return 0;
}
