/*
 * Names that become part of other systems' names, of paths and of tags: a-z,
 * 0-9 and -, not beginning with -, so that none of them is anything else there.
 */
#ifndef CTL_NAME_H
#define CTL_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* "<field> must be …", before the greatest length. */
#define CTL_NAME_MUST_BE "a-z, 0-9 and -, not beginning with -, of 1 to"

bool ctl_name_is_plain(const char *text, size_t max);

#endif
