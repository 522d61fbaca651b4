/*
 * Between the generator (scripts/embed-lua) and script.c: the embedded texts.
 *
 * The generated file defines asg_script_data, indexed by asg_script_t.  The
 * texts are static and not NUL-terminated.
 */
#ifndef ASG_SCRIPT_DATA_H
#define ASG_SCRIPT_DATA_H

#include <stddef.h>

#include "core/script.h"

typedef struct {
    const char *name;
    const char *text;
    size_t len;
    const char *sha;            /* ASG_SCRIPT_SHA_CHARS hex digits */
} asg_script_data_t;

extern const asg_script_data_t asg_script_data[ASG_SCRIPT_COUNT];

#endif
