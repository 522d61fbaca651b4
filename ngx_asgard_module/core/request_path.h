/*
 * Where in a body something was refused, and the writing of it.
 *
 * A place is a chain of steps from the member up to the top-level object; it
 * costs nothing until it is written out as a path such as
 * `messages[0].content[1].image_url`.  A path that is too long ends after
 * the last name that fits.  All functions return false, so that a caller can
 * end with `return asg_refuse(…)`.
 */
#ifndef ASG_REQUEST_PATH_H
#define ASG_REQUEST_PATH_H

#include <stdint.h>

#include "core/json.h"
#include "core/reason.h"
#include "core/request.h"

typedef struct asg_step {
    const struct asg_step *up;      /* NULL: of the top-level object */
    asg_str_t name;             /* raw key; null data: an index */
    uint32_t index;
} asg_step_t;

/* NUL-terminated. */
void asg_step_path(const asg_step_t *at, char path[ASG_REQUEST_PATH_MAX]);
/* `at` may be NULL: the body as a whole; `param` is then empty. */
bool asg_refuse(asg_refusal_t *why, asg_reason_t reason,
    const asg_step_t *at);
/* What the reader stopped at; `at` is the place that was being read. */
bool asg_refuse_json(asg_refusal_t *why, const asg_json_t *json,
    const asg_step_t *at);

#endif
