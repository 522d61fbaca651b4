/*
 * The connector `exec`; connect/exec.c says what its command is told.
 */
#ifndef CTL_EXEC_H
#define CTL_EXEC_H

#include "connect/connector.h"

const char *ctl_exec_unarmed(const struct ctl_connect *with,
    const char *config, struct ctl_arena *arena);
void ctl_exec_step(const struct ctl_connect *with,
    const struct ctl_step_in *in, struct ctl_step_out *out);

#endif
