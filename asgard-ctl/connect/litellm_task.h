/*
 * What one step on a LiteLLM key knows: its progress, its spec, the keys that
 * it is about; and the bodies and texts that are made of them.
 *
 * Private to connect/.  Texts are of the step's arena.
 */
#ifndef CTL_LITELLM_TASK_H
#define CTL_LITELLM_TASK_H

#include "connect/connector.h"
#include "connect/litellm.h"
#include "flow/mint.h"

#define CTL_LITELLM_PREFIX  "asgard"    /* of our aliases, unless it is said */
#define CTL_LITELLM_SECRET  "api_key"   /* the output */
#define CTL_LITELLM_EACH    3

struct ctl_litellm_task {
    const struct ctl_connect *with;
    const struct ctl_step_in *in;
    asg_str_t spec, config, outputs;    /* JSON objects */
    struct ctl_mint mint;
    enum ctl_mint_state kept;           /* of the progress, as it was read */
    /* the new key; NULL: none was chosen yet */
    const char *hash, *alias;
    asg_nusd_t new_nusd;                /* what it may spend */
    /* the key that a rotation ends; NULL: none */
    const char *old;
    asg_nusd_t keep_nusd, full_nusd;    /* while both live; all in all */
    const char *active;                 /* the hash among the outputs */
    asg_nusd_t approved_nusd;
    asg_nusd_t before_nusd;             /* of it, spent by earlier keys */
    bool is_period_other;               /* there, than we were told */
    const char *each[CTL_LITELLM_EACH]; /* all that may be there */
    unsigned neach;
    const char *prefix;
    int64_t handover_ms, spend_lag_ms;
    int timeout_ms;
};

/* 500: what our own database holds is not of this shape. */
bool ctl_litellm_task_read(struct ctl_litellm_task *t,
    const struct ctl_connect *with, const struct ctl_step_in *in,
    struct ctl_error *e);

/* A value of its own, its hash and alias in *t; wipe it. */
bool ctl_litellm_task_choose(struct ctl_litellm_task *t,
    struct ctl_secret *value, struct ctl_error *e);
/* What the old key keeps: what it is told to have spent, and half of what is
 * left. */
void ctl_litellm_task_divide(struct ctl_litellm_task *t,
    asg_nusd_t spent_nusd);
/* What the new one gets beside it, when that is in force and all is told that
 * was spent before. */
void ctl_litellm_task_measure(struct ctl_litellm_task *t,
    asg_nusd_t spent_nusd);
/* What the proxy tells of the active key.  When its period is over nothing
 * counts that earlier keys spent. */
void ctl_litellm_task_reset(struct ctl_litellm_task *t, asg_str_t reset_at,
    asg_str_t period);
/* What the new key may spend, the old one being over. */
void ctl_litellm_task_carry(struct ctl_litellm_task *t,
    asg_nusd_t spent_nusd);

/* NULL: no memory. */
const char *ctl_litellm_task_progress(const struct ctl_litellm_task *t);
const char *ctl_litellm_task_outputs(const struct ctl_litellm_task *t,
    const char *hash, const char *alias, asg_str_t reset_at,
    const char *base_url);

/* Bodies; of *_body with `value` the caller wipes the text. */
const char *ctl_litellm_generate_body(const struct ctl_litellm_task *t,
    asg_str_t value);
const char *ctl_litellm_settings_body(const struct ctl_litellm_task *t,
    const char *hash, asg_nusd_t max_nusd);
const char *ctl_litellm_budget_body(const struct ctl_litellm_task *t,
    const char *hash, asg_nusd_t max_nusd);

#endif
