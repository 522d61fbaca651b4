/*
 * A file that is there whole or not at all, and is never written over.
 *
 * It is written under a name beside its own; ctl_new_file_finish() brings it to
 * the disk and gives it its name.  Whatever fails, then or later, ends with
 * ctl_new_file_drop().
 */
#ifndef CTL_NEW_FILE_H
#define CTL_NEW_FILE_H

#include <stdio.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

struct ctl_new_file {
    const char *name, *work;            /* NULL: it has not that name */
    FILE *out;
};

/* 409 file_exists, 400 invalid_value: then there is nothing to drop. */
bool ctl_new_file_open(struct ctl_new_file *f, struct ctl_arena *arena,
    const char *name, mode_t mode, struct ctl_error *e);
/* 409 file_exists when another made it meanwhile. */
bool ctl_new_file_finish(struct ctl_new_file *f, struct ctl_arena *arena,
    struct ctl_error *e);
void ctl_new_file_drop(struct ctl_new_file *f);

#endif
