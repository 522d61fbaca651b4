/*
 * Random texts that open something: made once, kept only as a digest.
 *
 * A text is a prefix that says what it opens and 64 hex digits of 256 random
 * bits, so a lookup by its SHA-256 tells nothing by its time.
 */
#ifndef CTL_CREDENTIAL_H
#define CTL_CREDENTIAL_H

#include "base/arena.h"
#include "base/error.h"

#define CTL_CREDENTIAL_TEXT   80
#define CTL_CREDENTIAL_SUFFIX 8

/* `text` gets the credential itself: wipe it after use. */
bool ctl_credential_make(const char *prefix, char text[CTL_CREDENTIAL_TEXT],
    struct ctl_error *e);
/* "\x…", for a bytea parameter; NULL: no memory. */
const char *ctl_credential_sha(struct ctl_arena *arena, asg_str_t text);

#endif
