/*
 * The connector litellm: a key of a LiteLLM proxy as a resource.
 *
 * One step function for all that is done with it; flow/mint.h says in which
 * order.  The value of a key is a pending secret of the resource before the
 * proxy has heard of it, and what is read from when the proxy has confirmed it.
 */
#ifndef CTL_LITELLM_STEP_H
#define CTL_LITELLM_STEP_H

#include "connect/connector.h"

/* NULL: it can work.  Without both variables the stub works in its place. */
const char *ctl_litellm_step_unarmed(const struct ctl_connect *with,
    const char *config, struct ctl_arena *arena);
void ctl_litellm_step(const struct ctl_connect *with,
    const struct ctl_step_in *in, struct ctl_step_out *out);

#endif
