/*
 * JSON as rows of names and raw values.
 */
#ifndef CTL_CLI_FLAT_H
#define CTL_CLI_FLAT_H

#include "core/json.h"

#define CLI_FLAT_NAME 256

/* One member that is no object: `name` with a dot for each object around it,
 * `raw` as it stands in the text, a string without its quotes. */
typedef void cli_flat_fn(void *data, asg_str_t name, asg_json_event_t kind,
    asg_str_t raw);

/* False when `object` is no valid JSON object.  `depth`: which reader. */
bool cli_flat_each(asg_str_t object, unsigned depth, cli_flat_fn *fn,
    void *data);
/* The value of one such name; false when there is none. */
bool cli_flat_find(asg_str_t object, unsigned depth, const char *name,
    asg_json_event_t *kind, asg_str_t *raw);

/* A value as text: unescaped, null as "-", what a terminal would take for a
 * command as "?".  Cut where it does not fit. */
void cli_flat_text(asg_json_event_t kind, asg_str_t raw, asg_buf_t *out);
/* The same of any text that came from elsewhere, line ends and tabs kept. */
void cli_clean_text(asg_str_t text, asg_buf_t *out);

#endif
