/*
 * A secret text: wiped when freed, kept out of core dumps, not printable.
 */
#ifndef CTL_SECRET_H
#define CTL_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

struct stat;

#define CTL_SECRET_MAX 4096

struct ctl_secret {
    char *bytes;                        /* NULL: none */
    size_t len;
};

bool ctl_secret_set(struct ctl_secret *s, asg_str_t from);
asg_str_t ctl_secret_view(const struct ctl_secret *s);
void ctl_secret_wipe(struct ctl_secret *s);
/* Of a file with secrets: root's, or of the user that we run as. */
bool ctl_secret_owner_is_right(const struct stat *st);
/* PR_SET_DUMPABLE 0, RLIMIT_CORE 0: the first thing that main() does. */
bool ctl_secret_harden(void);

#endif
