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


const char *
ctl_audit_data(struct ctl_arena *arena, const struct ctl_audit_field *fields,
    unsigned n)
{
    size_t cap = 8;
    asg_buf_t b;
    char *text;
    unsigned i;

    /* each byte may become \uXXXX */
    for (i = 0; i < n; i++) {
        cap += fields[i].value == NULL ? 0 : strlen(fields[i].name) + 8
                                             + 6 * strlen(fields[i].value);
    }
    text = ctl_arena_alloc(arena, cap + 1);
    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, cap);
    asg_buf_z(&b, "{");
    for (i = 0; i < n; i++) {
        if (fields[i].value == NULL) {
            continue;
        }
        asg_buf_z(&b, b.len > 1 ? "," : "");
        asg_buf_json(&b, asg_str_z(fields[i].name));
        asg_buf_z(&b, ":");
        asg_buf_json(&b, asg_str_z(fields[i].value));
    }
    asg_buf_z(&b, "}");

    return asg_buf_ok(&b) ? text : NULL;
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
