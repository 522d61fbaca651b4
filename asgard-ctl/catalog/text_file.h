/*
 * A whole file of the operator's as text of an arena, with a bound.
 *
 * Only a regular file is read, and nothing is waited for.
 */
#ifndef CTL_TEXT_FILE_H
#define CTL_TEXT_FILE_H

#include "catalog/finding.h"
#include "core/str.h"

/* False after an error.  *missing (may be NULL: then that is an error too) says
 * that there is none: no error, and false. */
bool ctl_text_file_read(const char *file, size_t max, bool *missing,
    struct ctl_arena *arena, asg_str_t *text, struct ctl_findings *f);

#endif
