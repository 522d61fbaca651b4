/*
 * What Redis must hear of a change: rows written in the change's transaction.
 *
 * The sender (meter/outbox_send.h) reads the record's present state when it
 * sends, so a row only names what changed; versions make replay and
 * reordering harmless.
 */
#ifndef CTL_OUTBOX_H
#define CTL_OUTBOX_H

#include "store/pg.h"

enum ctl_outbox_kind {
    CTL_OUTBOX_KEY, CTL_OUTBOX_PROJECT, CTL_OUTBOX_BUDGET, CTL_OUTBOX_CATALOG
};

/* Also notifies the sender, at commit.  *id is the row's id, for the wait. */
bool ctl_outbox_add(struct ctl_pg *pg, struct ctl_arena *arena,
    enum ctl_outbox_kind kind, const char *target, int64_t version,
    int64_t *id, struct ctl_error *e);

/* Waits until every row up to `id` of these targets was sent: at most
 * timeout_ms.  False with 503 when the time passed; the change stays. */
bool ctl_outbox_wait(struct ctl_pg *pg, struct ctl_arena *arena,
    const int64_t *ids, unsigned n, int timeout_ms, struct ctl_error *e);

#endif
