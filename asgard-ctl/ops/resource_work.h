/*
 * Work on a resource: how it begins, and what its end changes.
 *
 * What begins moves the state (flow/resource_state.h) and writes a job in the
 * same change; what is only a stub is done in it.  Everything here is called
 * with the project's row locked.
 */
#ifndef CTL_RESOURCE_WORK_H
#define CTL_RESOURCE_WORK_H

#include "ops/job.h"
#include "ops/resource.h"

/* One step, with its audit entry; 400 illegal_transition. */
bool ctl_resource_move(struct ctl_change *c, struct ctl_resource *r,
    enum ctl_resource_event event, const char *reason, struct ctl_error *e);

/* Begins `act`, for the request that wants it or NULL; r->state says whether it
 * is done already. */
bool ctl_resource_begin(struct ctl_change *c, struct ctl_resource *r,
    enum ctl_act act, const char *request_id, const char *reason,
    struct ctl_error *e);

/* What ended well, badly, or is tried again at `next_retry_ms`; the job is
 * held, and as it is afterwards. */
bool ctl_resource_ended(struct ctl_change *c, struct ctl_resource *r,
    const struct ctl_job *job, const char *code, const char *text,
    struct ctl_error *e);

/* What was made is gone, and we did not end it: it has failed with this reason,
 * and a retry makes it again.  No job of it is live. */
bool ctl_resource_lost(struct ctl_change *c, struct ctl_resource *r,
    const char *code, const char *text, struct ctl_error *e);

/* What the state of its project wants of a resource that rests: suspends what
 * is killed, resumes what is not, ends what is over. */
bool ctl_resource_follow(struct ctl_change *c, struct ctl_resource *r,
    struct ctl_error *e);
/* All of a project, after its state has changed. */
bool ctl_resource_follow_all(struct ctl_change *c, const char *project_id,
    struct ctl_error *e);

/* A failed job once more, now: 400 illegal_transition where none has failed;
 * 403 of a project that is not live, unless it ends something. */
bool ctl_resource_retry(struct ctl_change *c, const char *project_id,
    const char *id, const char *reason, struct ctl_resource *out,
    struct ctl_error *e);

#endif
