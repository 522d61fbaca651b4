/*
 * The audit entry of a change: written in the change's own transaction.
 *
 * No audit, no change: when this fails the caller rolls back.  `data` is JSON
 * that the caller built and never holds a secret.  `entities` are the bare
 * ids that the event is about; the one in `entity_ref` is added.
 */
#ifndef CTL_AUDIT_H
#define CTL_AUDIT_H

#include "store/pg.h"

#define CTL_AUDIT_ENTITIES_MAX 4
#define CTL_AUDIT_COMMAND "system:asgard-ctl"   /* the actor of a command */

struct ctl_audit_event {
    const char *actor;                  /* "token:<id>", "system:<role>" */
    const char *action;                 /* "project.registered" */
    const char *entity_kind;            /* "project" */
    const char *entity_id;
    const char *also[CTL_AUDIT_ENTITIES_MAX];   /* NULL-ended unless full */
    const char *trace_id;               /* NULL: none */
    const char *outcome;                /* NULL: "ok" */
    const char *reason;                 /* NULL: none */
    const char *data;                   /* NULL: {} */
};

/* A member of `data`; a NULL value is left out. */
struct ctl_audit_field {
    const char *name;
    const char *value;
};

/* {"name":"value",…} as text of the arena; NULL when memory ran out. */
const char *ctl_audit_data(struct ctl_arena *arena,
    const struct ctl_audit_field *fields, unsigned n);

bool ctl_audit_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_audit_event *event, struct ctl_error *e);

#endif
