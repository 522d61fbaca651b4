/*
 * The walk over a request body: what its files share.  Private to core/.
 *
 * request.c goes along the lines of core/fields.def; request_note.c takes note
 * of single values and of where members stand; request_block.c of what a block
 * of the Messages API is, which is known only at its end.
 */
#ifndef ASG_REQUEST_WALK_H
#define ASG_REQUEST_WALK_H

#include "core/request_path.h"
#include "core/request.h"

/* A block of content, as far as it was read. */
typedef struct {
    bool is_image;
    bool is_call;               /* of a tool */
    bool is_result;
    bool has_media;             /* its source is bytes or a URL */
    bool has_text;              /* its source is text */
    size_t data_bytes;          /* of that source */
} asg_block_t;

typedef struct {
    asg_json_t *json;
    struct asg_guard *guard;    /* NULL: nobody reads the text */
    asg_request_t *r;
    asg_refusal_t *why;
    asg_buf_t scratch;
    asg_block_t block;          /* the innermost */
    int64_t samples;            /* n or best_of, the larger */
    int64_t prompts;
    char key[ASG_JSON_KEY_BYTES];       /* an escaped key, resolved */
} asg_request_walk_t;

/* The string token, borrowed from the body or resolved into the scratch; false:
 * longer than `max`. */
bool asg_request_take_string(asg_request_walk_t *w, size_t max,
    asg_str_t *out);
/* What a line of the table asks beyond its kind; before a container is
 * entered. */
bool asg_request_note_value(asg_request_walk_t *w, const asg_field_t *field,
    asg_json_event_t event, const asg_step_t *at);
/* Where the member stands, after its value was read. */
void asg_request_note_member(asg_request_walk_t *w, const asg_field_t *field,
    size_t key, size_t value);
/* Counts a part, and notes where the first of its kind stands. */
void asg_request_count_part(asg_request_walk_t *w, asg_part_t part,
    int64_t *count, const asg_step_t *at);

/* The notes of blocks, of the thinking budget, of the kinds of tools. */
bool asg_request_note_block(asg_request_walk_t *w, const asg_field_t *field,
    const asg_step_t *at);
/* The same budget in the value of a member of chat that nobody judges. */
void asg_request_note_own_thinking(asg_request_walk_t *w, asg_str_t value);
/* The block at `at` is over: counts what it was. */
void asg_request_block_done(asg_request_walk_t *w, const asg_step_t *at);
/* What the Messages API asks of a body as a whole. */
bool asg_request_check_messages(asg_request_walk_t *w);

#endif
