/*
 * Keys of resources that a LiteLLM proxy has no more.
 *
 * Private to the sweep (litellm_sweep.h).
 */
#ifndef CTL_LITELLM_LOST_H
#define CTL_LITELLM_LOST_H

#include "connect/litellm.h"
#include "ops/litellm_sweep.h"

/* What rests and was on no page of a whole sweep (s->seen) is asked for by its
 * hash; what the proxy does not know then has failed. */
bool ctl_litellm_lost_judge(struct ctl_litellm_sweep *s,
    struct ctl_litellm *l, struct ctl_error *e);

#endif
