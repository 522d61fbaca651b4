/*
 * Writing text whose length nobody knows before: pieces to a callback.
 *
 * After the callback returned non-zero once, nothing more is written and
 * `status` keeps what it returned.  Without a callback the bytes are only
 * counted: so a caller can learn the length first, and then write into storage
 * that fits.  A piece is valid during the call; one that was passed on from
 * another text as it is (asg_sink_str) points into that text.
 */
#ifndef ASG_SINK_H
#define ASG_SINK_H

#include "core/str.h"

#define ASG_SINK_NAME 256

typedef int (*asg_emit_pt)(void *data, const char *bytes, size_t len);

typedef struct {
    asg_emit_pt emit;           /* NULL: count only */
    void *data;
    int status;
    uint64_t length;            /* of what was written */
} asg_sink_t;

void asg_sink_init(asg_sink_t *s, asg_emit_pt emit, void *data);
void asg_sink_str(asg_sink_t *s, asg_str_t text);
void asg_sink_z(asg_sink_t *s, const char *z);
void asg_sink_i64(asg_sink_t *s, int64_t n);
/* Of at most ASG_SINK_NAME bytes, as a JSON string in its quotes; a longer one
 * spoils the whole: `status` is set. */
void asg_sink_name(asg_sink_t *s, asg_str_t name);
/* JSON text as the inside of a JSON string: quotes, backslashes and controls
 * are escaped.  Without the quotes around it. */
void asg_sink_quoted(asg_sink_t *s, asg_str_t json);
/* The inside of a JSON string as what it spells; of text that was checked. */
void asg_sink_plain(asg_sink_t *s, asg_str_t raw);

#endif
