/*
 * Idempotency-Key: a repeated POST gives the first one's answer.
 *
 * Scoped to the caller.  The answer is stored in the change's own transaction,
 * so it exists exactly when the change does.  The same key with another
 * request: 409 idempotency_mismatch; while the first is under way: 409
 * idempotency_in_flight.
 */
#ifndef CTL_IDEMPOTENCY_H
#define CTL_IDEMPOTENCY_H

#include "http/route.h"

/* *replayed: `an` holds the stored answer, and rq->change what the first
 * request still has to send; nothing is to be done but to wait for it. */
bool ctl_idempotency_enter(struct ctl_request *rq, struct ctl_answer *an,
    bool *replayed, struct ctl_error *e);
bool ctl_idempotency_leave(struct ctl_request *rq, const struct ctl_answer *an,
    struct ctl_error *e);

#endif
