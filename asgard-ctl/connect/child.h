/*
 * One child process, with bounds: its time, what it writes, how long it
 * survives us.
 *
 * It leads a process group of its own; when it ends, or is ended, all of the
 * group is.  It inherits nothing but three descriptors and its environment;
 * when the process that waits dies, it is killed.
 */
#ifndef CTL_CHILD_H
#define CTL_CHILD_H

#include <stdatomic.h>

#include "base/arena.h"

enum ctl_child_end {
    CTL_CHILD_ENDED,                    /* by itself: see status */
    CTL_CHILD_LATE, CTL_CHILD_TOO_LONG, CTL_CHILD_STOPPED,
    CTL_CHILD_UNSTARTED
};

struct ctl_child {
    const char *const *argv, *const *envp;      /* NULL-ended */
    const char *input;                  /* NULL: no memory for it */
    int64_t timeout_ms;
    size_t output_max;
    struct ctl_arena *arena;
    const atomic_bool *stop;
    /* set: */
    int status;                         /* as of waitpid() */
    char *output;                       /* of the arena */
    size_t output_len;
};

enum ctl_child_end ctl_child_run(struct ctl_child *c);

#endif
