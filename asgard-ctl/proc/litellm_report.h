/*
 * What `asgard-ctl check` says of a LiteLLM proxy.
 */
#ifndef CTL_LITELLM_REPORT_H
#define CTL_LITELLM_REPORT_H

#include "base/config.h"

/* Nothing where its variables are not set; a line each of what is well, and of
 * what is not: no proxy is a part of Asgard, so none of these is a failure. */
void ctl_litellm_report(const struct ctl_config *config);

#endif
