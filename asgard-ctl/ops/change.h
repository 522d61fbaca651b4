/*
 * A change: one transaction that holds the mutation, its audit entries and
 * its outbox rows.
 *
 * begin → operations (they take the change) → commit → wait until Redis has
 * it.  Whatever fails before the commit leaves nothing behind; abort() is safe
 * at any time.
 */
#ifndef CTL_CHANGE_H
#define CTL_CHANGE_H

#include "base/self_service.h"
#include "policy/access.h"
#include "store/audit.h"
#include "store/outbox.h"
#include "store/pg.h"

#define CTL_CHANGE_OUTBOX_MAX 16

struct ctl_ask;

struct ctl_change {
    struct ctl_pg *pg;
    struct ctl_arena *arena;
    const char *actor;
    const char *person;                 /* user id of who answers; or NULL */
    const struct ctl_principal *who;    /* whose change it is; NULL: ours */
    bool may_exceed;                    /* budgets above their ceiling */
    const struct ctl_self_service *self_service;        /* NULL: none */
    struct ctl_ask *review;             /* asked for instead of done; or NULL */
    const char *trace_id;
    const char *entity;                 /* of the first audit entry, or NULL */
    int64_t outbox[CTL_CHANGE_OUTBOX_MAX];
    unsigned noutbox;
    bool open;
};

bool ctl_change_begin(struct ctl_change *c, struct ctl_pg *pg,
    struct ctl_arena *arena, const char *actor, const char *trace_id,
    struct ctl_error *e);
bool ctl_change_commit(struct ctl_change *c, struct ctl_error *e);
void ctl_change_abort(struct ctl_change *c);
/* Instead of a change of its own: what an earlier change, whose transaction
 * began `at`, still has to send is what wait() waits for. */
bool ctl_change_recall(struct ctl_change *c, const char *at,
    struct ctl_error *e);
/* After commit: true when every outbox row was sent within timeout_ms; else
 * 503 delivery_pending that names what is recorded. */
bool ctl_change_wait(struct ctl_change *c, int timeout_ms,
    struct ctl_error *e);

bool ctl_change_send(struct ctl_change *c, enum ctl_outbox_kind kind,
    const char *target, int64_t version, struct ctl_error *e);
/* actor, trace and outcome are filled in. */
bool ctl_change_audit(struct ctl_change *c, const char *action,
    const char *entity_kind, const char *entity_id, const char *also,
    const char *reason, const char *data, struct ctl_error *e);

#endif
