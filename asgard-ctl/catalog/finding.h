/*
 * What is wrong with an operator's files: "file:line: text", all of it at once.
 *
 * A list has a bound; what does not fit is only counted.  A text never holds
 * the value of a field, only names: a value may be a secret.  Everything
 * belongs to the arena.
 */
#ifndef CTL_FINDING_H
#define CTL_FINDING_H

#include <stdbool.h>

#include "base/arena.h"

#define CTL_FINDINGS_MAX 256

struct ctl_finding {
    bool warning;
    const char *text;
};

struct ctl_findings {
    struct ctl_arena *arena;
    struct ctl_finding items[CTL_FINDINGS_MAX];
    unsigned n;
    unsigned nerrors;                   /* also of those that did not fit */
};

void ctl_findings_init(struct ctl_findings *f, struct ctl_arena *arena);
/* Always false, so that a failing check can `return ctl_finding_error(…)`.
 * Line 0: the file as a whole. */
bool ctl_finding_error(struct ctl_findings *f, const char *file,
    unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* There was no memory to look: what was not found is not known to be wrong, so
 * nothing may be built on the list.  The arena remembers it (`failed`). */
bool ctl_finding_memory(struct ctl_findings *f, const char *file);
void ctl_finding_warn(struct ctl_findings *f, const char *file,
    unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
