/*
 * The lines of a witness file, cut out of the pieces that it is read in.
 *
 * The bytes are untrusted: a file may have been cut by a loss of power, edited
 * or be another one altogether.  A line that was cut and then appended to is
 * still one whole line behind a torn one, and is found as that.
 */
#ifndef ASG_SPOOL_H
#define ASG_SPOOL_H

#include "core/event.h"

#define ASG_SPOOL_TEXT (2 * ASG_EVENT_LINE)     /* a torn line and a whole */

typedef struct {
    char text[ASG_SPOOL_TEXT];
    size_t len;
    bool given;                         /* `text` was handed out */
    uint64_t number;                    /* of the line last handed out */
} asg_spool_lines_t;

typedef enum {
    ASG_SPOOL_WHOLE,                    /* one line, as it was written */
    ASG_SPOOL_BEHIND_TORN,              /* likewise, behind a torn one */
    ASG_SPOOL_TORN,                     /* the end of the file is missing */
    ASG_SPOOL_DAMAGED                   /* anything else */
} asg_spool_state_t;

void asg_spool_lines_begin(asg_spool_lines_t *lines);
/* Takes of `piece` what belongs to the next line.  True: *line is one, without
 * its newline, valid until the next call.  False: `piece` is used up. */
bool asg_spool_lines_next(asg_spool_lines_t *lines, asg_str_t *piece,
    asg_str_t *line);
/* At the end of the file: what stands behind the last newline; false: nothing.
 * More may be fed afterwards, as if this had not been asked. */
bool asg_spool_lines_rest(asg_spool_lines_t *lines, asg_str_t *line);

/* Reads one line, whole or the rest.  *out is set in the first two states.
 * *why, of the others: what is wrong with it. */
asg_spool_state_t asg_spool_judge(asg_json_t *json, asg_str_t line, bool rest,
    asg_buf_t *scratch, asg_spool_line_t *out, asg_err_t *why);

#endif
