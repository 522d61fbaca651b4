/*
 * Secrets of what a step has made: kept in the step's own commit
 * (ops/secret_store.h), read back by its later steps.
 */
#ifndef CTL_JOB_SECRETS_H
#define CTL_JOB_SECRETS_H

#include "connect/connector.h"
#include "core/keyfile.h"
#include "ops/job.h"

/* Stores what the step hands over, activates what it says, takes all away at
 * the end of a destroy; then the outputs have a reference to each that is
 * active.  `keks` NULL: there is none to keep. */
bool ctl_job_secrets_save(struct ctl_change *c, const asg_keks_t *keks,
    const struct ctl_job *job, const struct ctl_step_out *out,
    struct ctl_error *e);

/* As ctl_connect's `secret`. */
bool ctl_job_secret_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_keks_t *keks, const char *resource_id, const char *output,
    bool pending, struct ctl_secret *out, struct ctl_error *e);

#endif
