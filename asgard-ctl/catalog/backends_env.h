/*
 * The variables of the backends: addresses and keys, as KEY=VALUE lines.
 *
 * `#` comments and blank lines are skipped; `export ` before a name and one
 * pair of quotes around a value are accepted; an empty value counts as unset;
 * of a name that stands twice the last counts.  In a file a line that is none
 * of this is an error; of an environment it is skipped.  Every value is a
 * secret until proven otherwise.
 */
#ifndef CTL_BACKENDS_ENV_H
#define CTL_BACKENDS_ENV_H

#include "base/error.h"
#include "base/secret.h"

#define CTL_BACKENDS_MAX      4096     /* a pod's environment is large */
#define CTL_BACKENDS_NAME_MAX 128

struct ctl_backend_value {
    char name[CTL_BACKENDS_NAME_MAX + 1];
    struct ctl_secret value;
};

struct ctl_backends {
    struct ctl_backend_value *values;   /* owned */
    unsigned n;
};

/* `file` is named in errors, with the line; NULL: the text is an environment.
 * Owned: finish() it, also after a failure. */
bool ctl_backends_read(struct ctl_backends *b, asg_str_t text,
    const char *file, struct ctl_error *e);
void ctl_backends_finish(struct ctl_backends *b);
/* Null when unset or empty. */
asg_str_t ctl_backends_get(const struct ctl_backends *b, const char *name);

#endif
