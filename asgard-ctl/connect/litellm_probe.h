/*
 * How a LiteLLM proxy was deployed, as far as it shows: for the keeper, `check`
 * and `status`.
 */
#ifndef CTL_LITELLM_PROBE_H
#define CTL_LITELLM_PROBE_H

#include "connect/litellm.h"

#define CTL_LITELLM_WARNINGS 4

/* Texts are constant or of the arena, and hold no secret. */
struct ctl_litellm_health {
    bool armed;                         /* both variables are there */
    const char *reason;                 /* why it cannot make keys; or NULL */
    const char *warnings[CTL_LITELLM_WARNINGS];
    unsigned nwarnings;
};

/* Three calls at most.  What could not be looked at is no warning. */
void ctl_litellm_probe(const struct ctl_connect *with,
    const atomic_bool *stop, struct ctl_arena *arena,
    struct ctl_litellm_health *out);

#endif
