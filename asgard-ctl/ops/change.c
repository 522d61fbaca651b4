/*
 * Transactions with audit and outbox.
 */
#include "ops/change.h"

#include <stdio.h>
#include <string.h>


bool
ctl_change_begin(struct ctl_change *c, struct ctl_pg *pg,
    struct ctl_arena *arena, const char *actor, const char *trace_id,
    struct ctl_error *e)
{
    memset(c, 0, sizeof(*c));
    c->pg = pg;
    c->arena = arena;
    c->actor = actor;
    c->trace_id = trace_id;
    c->open = ctl_pg_begin(pg, e);

    return c->open;
}


bool
ctl_change_commit(struct ctl_change *c, struct ctl_error *e)
{
    c->open = false;

    return ctl_pg_commit(c->pg, e);
}


void
ctl_change_abort(struct ctl_change *c)
{
    if (c->open) {
        ctl_pg_rollback(c->pg);
        c->open = false;
    }
}


/* Rows and whatever else a transaction writes have its own time. */
bool
ctl_change_recall(struct ctl_change *c, const char *at, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT id FROM outbox WHERE sent_at IS NULL"
            " AND created_at = $1::timestamptz ORDER BY id LIMIT 16", at))
    {
        return false;
    }
    for (i = 0; i < rows.nrows && i < CTL_CHANGE_OUTBOX_MAX; i++) {
        c->outbox[i] = ctl_rows_i64(&rows, i, 0);
    }
    c->noutbox = i;

    return true;
}


bool
ctl_change_wait(struct ctl_change *c, int timeout_ms, struct ctl_error *e)
{
    if (c->noutbox == 0
        || ctl_outbox_wait(c->pg, c->arena, c->outbox, c->noutbox, timeout_ms,
                           e))
    {
        return true;
    }
    snprintf(e->text, sizeof(e->text), "%s is recorded, but Redis has not "
             "heard of it yet; it will. Read it back before you repeat it.",
             c->entity != NULL ? c->entity : "The change");

    return false;
}


bool
ctl_change_send(struct ctl_change *c, enum ctl_outbox_kind kind,
    const char *target, int64_t version, struct ctl_error *e)
{
    if (c->noutbox == CTL_CHANGE_OUTBOX_MAX) {
        return ctl_error_internal(e, "too many outbox rows in one change");
    }

    return ctl_outbox_add(c->pg, c->arena, kind, target, version,
                          &c->outbox[c->noutbox++], e);
}


bool
ctl_change_audit(struct ctl_change *c, const char *action,
    const char *entity_kind, const char *entity_id, const char *also,
    const char *reason, const char *data, struct ctl_error *e)
{
    struct ctl_audit_event event = {
        .actor = c->actor, .action = action, .entity_kind = entity_kind,
        .entity_id = entity_id, .trace_id = c->trace_id, .reason = reason,
        .data = data
    };
    unsigned n = 0;

    /* what a person did, and their agents, is found by the person's id */
    if (also != NULL) {
        event.also[n++] = also;
    }
    if (c->person != NULL && strcmp(c->person, entity_id) != 0
        && (also == NULL || strcmp(c->person, also) != 0))
    {
        event.also[n++] = c->person;
    }

    if (c->entity == NULL) {
        c->entity = entity_id;
    }

    return ctl_audit_write(c->pg, c->arena, &event, e);
}
