/*
 * A refusal of a caller that is known, as a gateway tells it to the meter: the
 * fields of an entry of the stream {asg}:refused (docs/formats.md).
 */
#ifndef ASG_REFUSED_H
#define ASG_REFUSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define ASG_REFUSED_FIELDS_MAX 32       /* names and values */
#define ASG_REFUSED_CODE_MAX   64
#define ASG_REFUSED_MORE_MAX   31       /* traces beside the first */
#define ASG_REFUSED_NUMBER_MAX 99999999999999   /* ms, of the year 5138 */

typedef struct {
    asg_str_t key, project;             /* ids */
    asg_str_t code;                     /* a-z and _ */
    asg_str_t trace;                    /* of the first */
    asg_str_t more;                     /* of those after it, apart by commas,
                                         * at most ASG_REFUSED_MORE_MAX */
    uint64_t count;                     /* not 0 */
    uint64_t since_ms, until_ms;        /* of the first and the last */
} asg_refused_t;

/* `fields` are names and values in turn; names that are not known are passed
 * over.  Anything else than such an entry is ASG_ERR_SYNTAX, and *out is as it
 * was.  What is read points into `fields`. */
ASG_MUST_CHECK asg_err_t asg_refused_parse(const asg_str_t *fields, size_t n,
    asg_refused_t *out);

#endif
