/*
 * One page of a LiteLLM proxy's keys, judged by what we have.
 *
 * Private to the sweep (litellm_sweep.h).
 */
#ifndef CTL_LITELLM_PAGE_H
#define CTL_LITELLM_PAGE_H

#include "ops/litellm_sweep.h"

/* A key of a page, as PostgreSQL judges it.  CHANGED: the settings that differ
 * from what was approved; of one that rests. */
enum ctl_litellm_column {
    CTL_LITELLM_HASH, CTL_LITELLM_ALIAS, CTL_LITELLM_IS_BLOCKED,
    CTL_LITELLM_ORPHAN, CTL_LITELLM_RESTS, CTL_LITELLM_CHANGED,
    CTL_LITELLM_IS_NEW_PERIOD, CTL_LITELLM_RESOURCE, CTL_LITELLM_PROJECT
};

/* `prefixes` is "asgard\nother", `items` the keys of the answer: a row of each
 * that is ours. */
bool ctl_litellm_page_judge(struct ctl_litellm_sweep *s, asg_view_t *items,
    const char *prefixes, struct ctl_rows *rows, struct ctl_error *e);

#endif
