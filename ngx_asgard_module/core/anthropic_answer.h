/*
 * Anthropic's answers in OpenAI's shape: a message as a chat.completion, its
 * stream as chat.completion.chunk events, its error as a reason of ours.
 *
 * Text, tool arguments and thoughts are passed on as they were spelled, so no
 * escape and no character is ever cut.  Usage is written as OpenAI's object
 * with the cache's tokens in prompt_tokens_details; core/usage reads all of it
 * there.  So a caller puts this in front of the meter that every other provider
 * has, and the meter in front of the client:
 *
 *     head of the answer is 200     application/json: hold the body; then
 *       asg_anthropic_answer(…, NULL, NULL, &length), memory of that length,
 *       asg_anthropic_answer(…, append, …), asg_answer_json() over the result
 *     text/event-stream             asg_anthropic_stream_init();
 *       asg_anthropic_stream_feed(…, emit = asg_answer_feed of the meter);
 *       at the end asg_answer_end(), as ever.  `include_usage` is always set:
 *       the meter needs the event, and hides it where it was not asked for.
 *       `told` is asg_answer_tell()'s: a stream that breaks has no last event
 *     any other status              asg_anthropic_error() over the body, if
 *       there is one, for reason and request id; the status alone will do
 *
 * The readers are the calling worker's (core/json.h); no call keeps anything in
 * them.
 */
#ifndef ASG_ANTHROPIC_ANSWER_H
#define ASG_ANTHROPIC_ANSWER_H

#include "core/anthropic_shape.h"
#include "core/err.h"
#include "core/json.h"
#include "core/reason.h"
#include "core/sink.h"

#define ASG_ANTHROPIC_EVENT  131072     /* bytes of the data of one event */
#define ASG_ANTHROPIC_ANSWER_ID 128     /* bytes of an id that is kept */
#define ASG_ANTHROPIC_HEAD   3584       /* two names as JSON, and more */
#define ASG_ANTHROPIC_OUT    4096       /* bytes passed on at once; more, where
                                         * a piece is longer */

/* What the client is to see. */
typedef struct {
    asg_str_t model;            /* the name that was asked for */
    asg_str_t id;               /* null: the message's own */
    int64_t created;            /* seconds since 1970 */
    bool include_usage;         /* of a stream: its last event */
} asg_anthropic_show_t;

/* SYNTAX: no whole message; an error inside a 200 is none either.  SPACE: the
 * callback returned non-zero.  Without a callback: the check, and the
 * length. */
ASG_MUST_CHECK asg_err_t asg_anthropic_answer(asg_json_t *json, uint64_t seed,
    asg_str_t body, const asg_anthropic_show_t *show, asg_emit_pt emit,
    void *data, uint64_t *length);

/* --- streams --- */

typedef enum {
    ASG_ANTHROPIC_BEGINS,       /* no message_start yet */
    ASG_ANTHROPIC_RUNS,
    ASG_ANTHROPIC_ENDED,        /* message_stop: [DONE] was written */
    ASG_ANTHROPIC_FAILED        /* an error event was written; reason says */
} asg_anthropic_state_t;

/* Usage that the stream has told, all that it wrote so far being passed on. */
typedef void (*asg_anthropic_told_pt)(void *data,
    const asg_anthropic_usage_t *usage);

typedef struct {
    asg_anthropic_state_t state;
    bool is_broken;             /* FAILED by what is no such stream, and not by
                                 * an error that the provider told */
    asg_reason_t reason;        /* FAILED: the provider's error, or
                                 * UPSTREAM_ERROR for what is no such stream */
    asg_anthropic_usage_t usage;        /* as it was said last */
    asg_anthropic_told_pt told;         /* may be set after init */
    void *told_data;
    /* private */
    asg_anthropic_show_t show;
    asg_json_t *json;
    uint64_t seed;
    char *event;                /* ASG_ANTHROPIC_EVENT bytes of the caller's */
    size_t event_len;
    unsigned field;             /* how much of "data:" the line has */
    bool has_data;              /* the event has a line of data */
    bool after_cr;
    unsigned block;             /* kind of the open one */
    int64_t index;              /* of it */
    int64_t tools;              /* that were begun */
    bool has_arguments;         /* the open tool's */
    bool has_whole;             /* they came with its beginning */
    const char *finish;
    char head[ASG_ANTHROPIC_HEAD];      /* of each event, up to its choices */
    size_t head_len;
    char out[ASG_ANTHROPIC_OUT];        /* what is to be passed on */
    size_t out_len;
} asg_anthropic_stream_t;

void asg_anthropic_stream_init(asg_anthropic_stream_t *s, asg_json_t *json,
    uint64_t seed, const asg_anthropic_show_t *show,
    char event[ASG_ANTHROPIC_EVENT]);
/* Bytes, however they were cut.  Returns 0, or what emit returned.  After ENDED
 * or FAILED nothing is written any more.  An event above the bound, one that is
 * no JSON object, and events out of their order end the stream as FAILED. */
int asg_anthropic_stream_feed(asg_anthropic_stream_t *s, const char *bytes,
    size_t len, asg_emit_pt emit, void *data);

/* --- errors --- */

typedef struct {
    asg_reason_t reason;        /* status, type and code of ours */
    bool is_too_long;           /* the prompt is longer than the window: a
                                 * larger model may take it */
    char request_id[ASG_ANTHROPIC_ANSWER_ID];   /* "" where none was said */
} asg_anthropic_error_t;

/* Of an answer that is not 2xx.  The error's type counts, and where there is
 * none (or no JSON at all) the status. */
void asg_anthropic_error(asg_json_t *json, uint64_t seed, unsigned status,
    asg_str_t body, asg_anthropic_error_t *out);
/* Of the type alone, raw; null or unknown: of the status (0: none). */
/* The status that a type comes with; 500 for one that is not known. */
unsigned asg_anthropic_error_status(asg_str_t type);
asg_reason_t asg_anthropic_error_reason(unsigned status, asg_str_t type);
/* OpenAI's error object with our words and the provider's request id. */
void asg_anthropic_error_body(asg_buf_t *out,
    const asg_anthropic_error_t *error);

#endif
