/*
 * The keeper's thread that looks after a LiteLLM proxy: how it is, and whether
 * its keys are those that we have (ops/litellm_sweep.h).  One keeper of several
 * does it.
 */
#ifndef CTL_LITELLM_THREAD_H
#define CTL_LITELLM_THREAD_H

#include "connect/connector.h"

struct ctl_litellm_thread;

/* NULL: no memory or no thread.  `with` is there until close(). */
struct ctl_litellm_thread *ctl_litellm_thread_open(
    const struct ctl_connect *with);
void ctl_litellm_thread_close(struct ctl_litellm_thread *t);    /* NULL ok */

#endif
