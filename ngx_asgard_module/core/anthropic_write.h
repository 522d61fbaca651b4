/*
 * What the parts of the translation of a request share.  Private to core/.
 *
 * anthropic_request.c puts the members of the body in their order,
 * anthropic_messages.c writes system and messages, anthropic_media.c images and
 * files, anthropic_tools.c tools and calls of them, anthropic_params.c the
 * rest.  A function that returns bool returns false when it refused.
 */
#ifndef ASG_ANTHROPIC_WRITE_H
#define ASG_ANTHROPIC_WRITE_H

#include "core/anthropic_fields.h"
#include "core/anthropic_request.h"
#include "core/request_path.h"
#include "core/view.h"

/* A list of content blocks that is opened by its first block. */
typedef struct {
    const char *opener;
    bool is_open;
} asg_anthropic_list_t;

typedef struct {
    asg_sink_t out;
    const asg_request_t *r;
    const asg_anthropic_rewrite_t *rewrite;
    asg_refusal_t *why;
    asg_str_t field[ASG_ANTHROPIC_COUNT];       /* values; null: not there */
    bool thinks;                /* thinking is written, and on */
    asg_anthropic_list_t *list; /* where blocks go now */
} asg_anthropic_writer_t;

/* A thing without a counterpart: true, and it is to be left out; or refused, if
 * that is the setting. */
bool asg_anthropic_leave_out(asg_anthropic_writer_t *w, const asg_step_t *at);
bool asg_anthropic_refuse_unsupported(asg_anthropic_writer_t *w,
    const asg_step_t *at);
bool asg_anthropic_refuse_value(asg_anthropic_writer_t *w,
    const asg_step_t *at);
/* The member `name` of what stands at `up` is not there. */
bool asg_anthropic_refuse_missing(asg_anthropic_writer_t *w,
    const asg_step_t *up, const char *name);

/* Opens the list, or puts a comma: a block follows. */
void asg_anthropic_begin_block(asg_anthropic_writer_t *w);
/* Blank text makes no block: the API refuses it. */
void asg_anthropic_write_text(asg_anthropic_writer_t *w, asg_str_t raw);

bool asg_anthropic_write_system(asg_anthropic_writer_t *w);
bool asg_anthropic_write_messages(asg_anthropic_writer_t *w);

/* `part` has an image_url, or a file. */
bool asg_anthropic_write_image(asg_anthropic_writer_t *w, asg_str_t part,
    const asg_step_t *at);
bool asg_anthropic_write_file(asg_anthropic_writer_t *w, asg_str_t part,
    const asg_step_t *at);

bool asg_anthropic_has_tools(const asg_anthropic_writer_t *w);
/* Must the answer be a call of a tool? */
bool asg_anthropic_forces_tool(const asg_anthropic_writer_t *w);
bool asg_anthropic_write_tools(asg_anthropic_writer_t *w);
bool asg_anthropic_write_tool_choice(asg_anthropic_writer_t *w);
/* `calls`: the tool_calls of an assistant's message at `message`. */
bool asg_anthropic_write_calls(asg_anthropic_writer_t *w, asg_str_t calls,
    const asg_step_t *message);
/* An id as the API takes it, in its quotes. */
bool asg_anthropic_write_id(asg_anthropic_writer_t *w, asg_str_t raw,
    const asg_step_t *at);

bool asg_anthropic_write_thinking(asg_anthropic_writer_t *w);
/* After the above. */
bool asg_anthropic_write_sampling(asg_anthropic_writer_t *w);
bool asg_anthropic_write_stop(asg_anthropic_writer_t *w);
bool asg_anthropic_write_format(asg_anthropic_writer_t *w);

#endif
