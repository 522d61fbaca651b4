/*
 * Reading witness files (docs/formats.md, "the spool line"): a stream of lines,
 * however large the file, also of one that is written meanwhile.
 *
 * Every line is given to one of the two callbacks, none is passed over.
 */
#ifndef CTL_WITNESS_H
#define CTL_WITNESS_H

#include "base/error.h"
#include "core/spool.h"
#include "flow/evidence.h"

struct ctl_witness {
    const char *file;                   /* of the line that is given */
    uint64_t number;
    struct ctl_evidence evidence;       /* what it says */
    uint64_t lines, torn, damaged;      /* of all files so far */
    int64_t first_ms, last_ms;          /* the period of the lines */
    char scratch[ASG_EVENT_LINE];
    asg_json_t json;
    asg_spool_lines_t cut;
};

/* False with *e ends the reading. */
typedef bool (*ctl_witness_line_pt)(void *data, const asg_spool_line_t *line,
    struct ctl_error *e);
/* A line, or a beginning of one, that cannot be read. */
typedef void (*ctl_witness_bad_pt)(void *data, asg_spool_state_t state,
    const char *why);

/* `w` zeroed before the first file.  404 missing_file. */
bool ctl_witness_read(struct ctl_witness *w, const char *file,
    ctl_witness_line_pt line, ctl_witness_bad_pt bad, void *data,
    struct ctl_error *e);

#endif
