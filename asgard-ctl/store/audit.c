/*
 * Insertion of audit events.
 */
#include "store/audit.h"

#include <string.h>


/* A text[] literal; ids are of a grammar without quotes, braces and commas. */
static const char *
audit_entities(struct ctl_arena *arena, const struct ctl_audit_event *event)
{
    char *list = ctl_arena_printf(arena, "{\"%s\"", event->entity_id);
    unsigned i;

    for (i = 0; i < CTL_AUDIT_ENTITIES_MAX && event->also[i] != NULL; i++) {
        if (list != NULL) {
            list = ctl_arena_printf(arena, "%s,\"%s\"", list, event->also[i]);
        }
    }

    return list != NULL ? ctl_arena_printf(arena, "%s}", list) : NULL;
}


bool
ctl_audit_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_audit_event *event, struct ctl_error *e)
{
    const char *entities = audit_entities(arena, event);
    const char *ref = ctl_arena_printf(arena, "%s:%s", event->entity_kind,
                                       event->entity_id);

    if (entities == NULL || ref == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(pg, arena, NULL, e,
        "INSERT INTO audit_events"
        " (actor, action, entity_ref, entities, trace_id, outcome, reason,"
        "  data)"
        " VALUES ($1, $2, $3, $4::text[], coalesce($5, ''),"
        "  coalesce($6, 'ok'), coalesce($7, ''), coalesce($8, '{}')::jsonb)",
        event->actor, event->action, ref, entities, event->trace_id,
        event->outcome, event->reason, event->data);
}
