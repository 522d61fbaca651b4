/*
 * A stream of Anthropic's as chat.completion.chunk events.
 *
 * Bytes become lines, lines the data of an event, and an event is looked at
 * when it is whole: its JSON is read, its type chosen from one table.  What an
 * event tells is written at once.  Blocks do not overlap: one is open at most.
 */
#include <stddef.h>
#include <string.h>

#include "core/anthropic_answer.h"
#include "core/scan.h"
#include "core/view.h"

#define FIELD_NAME  "data:"
#define FIELD_LEN   5u
#define FIELD_OTHER 6u          /* the line has no data */
#define FIELD_DATA  7u          /* behind the name and one space */

#define ERROR_BYTES 1024

enum { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL, BLOCK_OTHER };

typedef struct {
    asg_anthropic_stream_t *s;
    asg_sink_t out;             /* into s->out */
    asg_sink_t down;            /* from there */
    asg_str_t event;            /* its JSON object */
} writer_t;

typedef void (*write_pt)(writer_t *w);

static int flush_out(writer_t *w);

void asg_anthropic_stream_init(asg_anthropic_stream_t *s, asg_json_t *json,
    uint64_t seed, const asg_anthropic_show_t *show,
    char event[ASG_ANTHROPIC_EVENT])
{
    memset(s, 0, offsetof(asg_anthropic_stream_t, head));
    s->head_len = 0;
    s->out_len = 0;
    s->json = json;
    s->seed = seed;
    s->show = *show;
    s->event = event;
    s->finish = "stop";
}

/* --- what is written --- */

static void fail(writer_t *w, asg_reason_t reason)
{
    char storage[ERROR_BYTES];
    asg_buf_t body;

    asg_buf_init(&body, storage, sizeof(storage));
    asg_reason_body(&body, reason, ASG_STR_NULL, ASG_STR_NULL, ASG_STR_NULL);
    asg_sink_z(&w->out, "data: ");
    asg_sink_str(&w->out, asg_buf_view(&body));
    asg_sink_z(&w->out, "\n\n");
    w->s->state = ASG_ANTHROPIC_FAILED;
    w->s->reason = reason;
}

/* It is no stream of the Messages API. */
static void fail_shape(writer_t *w)
{
    w->s->is_broken = true;
    fail(w, ASG_REASON_UPSTREAM_ERROR);
}

static int put_head(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return asg_buf_ok(data) ? 0 : 1;
}

/* The same for all events; false: a name is above its bound. */
static bool make_head(asg_anthropic_stream_t *s, asg_str_t own_id)
{
    asg_sink_t sink;
    asg_buf_t head;

    asg_buf_init(&head, s->head, sizeof(s->head));
    asg_sink_init(&sink, put_head, &head);
    asg_sink_z(&sink, "data: {\"id\":");
    if (s->show.id.data != NULL) {
        asg_sink_name(&sink, s->show.id);
    } else {
        asg_sink_z(&sink, "\"");
        asg_sink_str(&sink, own_id);
        asg_sink_z(&sink, "\"");
    }
    asg_sink_z(&sink, ",\"object\":\"chat.completion.chunk\",\"created\":");
    asg_sink_i64(&sink, s->show.created);
    asg_sink_z(&sink, ",\"model\":");
    asg_sink_name(&sink, s->show.model);
    s->head_len = head.len;
    return sink.status == 0;
}

static void begin_event(writer_t *w)
{
    asg_sink_str(&w->out, (asg_str_t) {w->s->head, w->s->head_len});
}

static void begin_delta(writer_t *w)
{
    begin_event(w);
    asg_sink_z(&w->out, ",\"choices\":[{\"index\":0,\"delta\":{");
}

static void end_delta(writer_t *w, const char *finish)
{
    asg_sink_z(&w->out, "},\"logprobs\":null,\"finish_reason\":");
    asg_sink_z(&w->out, finish != NULL ? "\"" : "null");
    asg_sink_z(&w->out, finish);
    asg_sink_z(&w->out, finish != NULL ? "\"}]}\n\n" : "}]}\n\n");
}

/* `member`: its name and the quote of its value. */
static void write_text(writer_t *w, const char *member, asg_str_t raw)
{
    if (raw.len == 0) {
        return;
    }
    begin_delta(w);
    asg_sink_z(&w->out, member);
    asg_sink_str(&w->out, raw);
    asg_sink_z(&w->out, "\"");
    end_delta(w, NULL);
}

static void begin_call(writer_t *w)
{
    begin_delta(w);
    asg_sink_z(&w->out, "\"tool_calls\":[{\"index\":");
    asg_sink_i64(&w->out, w->s->tools - 1);
}

static void begin_arguments(writer_t *w)
{
    w->s->has_arguments = true;
    begin_call(w);
    asg_sink_z(&w->out, ",\"function\":{\"arguments\":\"");
}

static void end_arguments(writer_t *w)
{
    asg_sink_z(&w->out, "\"}}]");
    end_delta(w, NULL);
}

/* After all that was written before it. */
static void tell_usage(writer_t *w)
{
    asg_anthropic_stream_t *s = w->s;

    if (s->told != NULL && asg_anthropic_usage_is_told(&s->usage)
        && flush_out(w) == 0)
    {
        s->told(s->told_data, &s->usage);
    }
}

/* --- events --- */

static void start_message(writer_t *w)
{
    asg_anthropic_stream_t *s = w->s;
    asg_str_t message = asg_view_find(w->event, "message");
    asg_str_t id = asg_view_find_text(message, "id");

    if (s->state != ASG_ANTHROPIC_BEGINS || message.data == NULL
        || id.len > ASG_ANTHROPIC_ANSWER_ID || !make_head(s, id))
    {
        fail_shape(w);
        return;
    }
    s->state = ASG_ANTHROPIC_RUNS;
    asg_anthropic_usage_read(&s->usage, message);
    begin_delta(w);
    asg_sink_z(&w->out, "\"role\":\"assistant\",\"content\":\"\"");
    end_delta(w, NULL);
    tell_usage(w);
}

static unsigned kind_of(asg_str_t block)
{
    asg_str_t type = asg_view_find_text(block, "type");

    if (asg_view_spells(type, "text")) {
        return BLOCK_TEXT;
    }
    if (asg_view_spells(type, "thinking")) {
        return BLOCK_THINKING;
    }
    return asg_view_spells(type, "tool_use") ? BLOCK_TOOL : BLOCK_OTHER;
}

static void start_tool(writer_t *w, asg_str_t block)
{
    asg_str_t id = asg_view_find_text(block, "id");
    asg_str_t name = asg_view_find_text(block, "name");
    asg_str_t input = asg_view_find(block, "input");
    asg_view_t view = asg_view_open(input);
    asg_view_member_t first;

    if (id.data == NULL || name.data == NULL) {
        fail_shape(w);
        return;
    }
    w->s->tools++;
    w->s->has_arguments = false;
    w->s->has_whole = false;
    begin_call(w);
    asg_sink_z(&w->out, ",\"id\":\"");
    asg_sink_str(&w->out, id);
    asg_sink_z(&w->out, "\",\"type\":\"function\",\"function\":{\"name\":\"");
    asg_sink_str(&w->out, name);
    asg_sink_z(&w->out, "\",\"arguments\":\"\"}}]");
    end_delta(w, NULL);
    if (asg_view_member(&view, &first)) {
        w->s->has_whole = true;         /* all at once, and not in pieces */
        begin_arguments(w);
        asg_sink_quoted(&w->out, input);
        end_arguments(w);
    }
}

static void start_block(writer_t *w)
{
    asg_anthropic_stream_t *s = w->s;
    asg_str_t block = asg_view_find(w->event, "content_block");

    if (s->state != ASG_ANTHROPIC_RUNS || s->block != BLOCK_NONE
        || !asg_view_is_object(block)
        || !asg_str_i64(asg_view_find(w->event, "index"), &s->index))
    {
        fail_shape(w);
        return;
    }
    s->block = kind_of(block);
    if (s->block == BLOCK_TEXT) {
        write_text(w, "\"content\":\"", asg_view_find_text(block, "text"));
    } else if (s->block == BLOCK_THINKING) {
        write_text(w, "\"reasoning_content\":\"",
                   asg_view_find_text(block, "thinking"));
    } else if (s->block == BLOCK_TOOL) {
        start_tool(w, block);
    }
}

/* Is the event about the block that is open? */
static bool is_open(const writer_t *w)
{
    int64_t index;

    return w->s->block != BLOCK_NONE
        && asg_str_i64(asg_view_find(w->event, "index"), &index)
        && index == w->s->index;
}

static void write_arguments(writer_t *w, asg_str_t piece)
{
    if (piece.len == 0) {
        return;
    }
    if (w->s->has_whole) {
        fail_shape(w);
        return;
    }
    begin_arguments(w);
    asg_sink_str(&w->out, piece);
    end_arguments(w);
}

static void write_delta(writer_t *w)
{
    asg_str_t delta = asg_view_find(w->event, "delta");

    if (!is_open(w) || !asg_view_is_object(delta)) {
        fail_shape(w);
        return;
    }
    switch (w->s->block) {
    case BLOCK_TEXT:
        write_text(w, "\"content\":\"", asg_view_find_text(delta, "text"));
        break;
    case BLOCK_THINKING:
        write_text(w, "\"reasoning_content\":\"",
                   asg_view_find_text(delta, "thinking"));
        break;
    case BLOCK_TOOL:
        write_arguments(w, asg_view_find_text(delta, "partial_json"));
        break;
    default:
        break;
    }
}

static void stop_block(writer_t *w)
{
    if (!is_open(w)) {
        fail_shape(w);
        return;
    }
    if (w->s->block == BLOCK_TOOL && !w->s->has_arguments) {
        write_arguments(w, ASG_STR("{}"));      /* it takes none */
    }
    w->s->block = BLOCK_NONE;
}

static void change_message(writer_t *w)
{
    asg_str_t stop = asg_view_find_text(asg_view_find(w->event, "delta"),
                                        "stop_reason");

    if (w->s->state != ASG_ANTHROPIC_RUNS) {
        fail_shape(w);
        return;
    }
    if (stop.data != NULL) {
        w->s->finish = asg_anthropic_finish_reason(stop);
    }
    asg_anthropic_usage_read(&w->s->usage, w->event);
    tell_usage(w);
}

static void stop_message(writer_t *w)
{
    asg_anthropic_stream_t *s = w->s;

    if (s->state != ASG_ANTHROPIC_RUNS || s->block != BLOCK_NONE) {
        fail_shape(w);
        return;
    }
    begin_delta(w);
    end_delta(w, s->finish);
    if (s->show.include_usage) {
        begin_event(w);
        asg_sink_z(&w->out, ",\"choices\":[],\"usage\":");
        asg_anthropic_usage_write(&w->out, &s->usage);
        asg_sink_z(&w->out, "}\n\n");
    }
    asg_sink_z(&w->out, "data: [DONE]\n\n");
    s->state = ASG_ANTHROPIC_ENDED;
}

static void pass_error(writer_t *w)
{
    asg_str_t error = asg_view_find(w->event, "error");

    fail(w, asg_anthropic_error_reason(0, asg_view_find_text(error, "type")));
}

static const struct {
    const char *type;
    write_pt write;
} events[] = {
    {"message_start", start_message}, {"content_block_start", start_block},
    {"content_block_delta", write_delta}, {"content_block_stop", stop_block},
    {"message_delta", change_message}, {"message_stop", stop_message},
    {"error", pass_error}
};

/* A type that the table does not know is a ping, or newer than this. */
static void take_event(writer_t *w)
{
    asg_anthropic_stream_t *s = w->s;
    asg_str_t type;

    w->event = asg_anthropic_object(s->json, s->seed,
                                    (asg_str_t) {s->event, s->event_len});
    if (w->event.data == NULL) {
        fail_shape(w);
        return;
    }
    type = asg_view_find_text(w->event, "type");
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        if (asg_view_spells(type, events[i].type)) {
            events[i].write(w);
            return;
        }
    }
}

/* --- lines --- */

static void end_line(writer_t *w)
{
    asg_anthropic_stream_t *s = w->s;
    bool is_blank = s->field == 0;

    s->field = 0;
    if (is_blank && s->has_data) {
        s->has_data = false;
        take_event(w);
        s->event_len = 0;
    }
}

/* One byte of what may be the field's name. */
static void take_name(writer_t *w, char c)
{
    asg_anthropic_stream_t *s = w->s;

    if (s->field < FIELD_LEN) {
        s->field = c == FIELD_NAME[s->field] ? s->field + 1 : FIELD_OTHER;
    }
    if (s->field == FIELD_LEN && s->has_data) {
        /* a further line of the same data */
        if (s->event_len == ASG_ANTHROPIC_EVENT) {
            fail_shape(w);
            return;
        }
        s->event[s->event_len++] = '\n';
    }
    s->has_data |= s->field == FIELD_LEN;
}

/* Bytes of a line, up to its end. */
static void take_line(writer_t *w, const char *p, const char *end)
{
    asg_anthropic_stream_t *s = w->s;

    while (p < end && s->field < FIELD_LEN) {
        take_name(w, *p++);
    }
    if (p == end || s->field == FIELD_OTHER
        || s->state == ASG_ANTHROPIC_FAILED)
    {
        return;
    }
    if (s->field == FIELD_LEN) {
        p += *p == ' ';
        s->field = FIELD_DATA;
    }
    if ((size_t) (end - p) > ASG_ANTHROPIC_EVENT - s->event_len) {
        fail_shape(w);
        return;
    }
    memcpy(s->event + s->event_len, p, (size_t) (end - p));
    s->event_len += (size_t) (end - p);
}

static bool is_over(const asg_anthropic_stream_t *s)
{
    return s->state == ASG_ANTHROPIC_ENDED || s->state == ASG_ANTHROPIC_FAILED;
}

/* --- what is passed on, many small pieces at once --- */

static int flush_out(writer_t *w)
{
    asg_sink_str(&w->down, (asg_str_t) {w->s->out, w->s->out_len});
    w->s->out_len = 0;
    return w->down.status;
}

static int take_out(void *data, const char *bytes, size_t len)
{
    writer_t *w = data;
    asg_anthropic_stream_t *s = w->s;

    if (len > sizeof(s->out) - s->out_len && flush_out(w) != 0) {
        return w->down.status;
    }
    if (len > sizeof(s->out)) {
        asg_sink_str(&w->down, (asg_str_t) {bytes, len});
        return w->down.status;
    }
    memcpy(s->out + s->out_len, bytes, len);
    s->out_len += len;
    return 0;
}

int asg_anthropic_stream_feed(asg_anthropic_stream_t *s, const char *bytes,
    size_t len, asg_emit_pt emit, void *data)
{
    const char *end = bytes + len;
    const char *p = bytes;
    writer_t w = {.s = s};

    asg_sink_init(&w.out, take_out, &w);
    asg_sink_init(&w.down, emit, data);
    while (p < end && !is_over(s) && w.out.status == 0) {
        const char *stop = (const char *) asg_scan_chosen.line(
            (const uint8_t *) p, (const uint8_t *) end);

        if (s->after_cr && *p == '\n') {
            s->after_cr = false;        /* the second half of a line's end */
            p++;
            continue;
        }
        s->after_cr = false;
        take_line(&w, p, stop);
        p = stop;
        if (p < end && !is_over(s)) {
            s->after_cr = *p++ == '\r';
            end_line(&w);
        }
    }
    return w.out.status != 0 ? w.out.status : flush_out(&w);
}
