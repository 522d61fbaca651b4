/*
 * The states of a resource and what leads from one to the next: pure, one
 * table.
 *
 * A row says `provisioning` before anything is done, so what a crash leaves is
 * work that is known.  A changed spec is applied again to the same resource.
 * What is linked is somebody else's: destroying it only forgets it.
 */
#ifndef CTL_RESOURCE_STATE_H
#define CTL_RESOURCE_STATE_H

#include <stdbool.h>

enum ctl_resource_state {
    CTL_RESOURCE_PROVISIONING, CTL_RESOURCE_PROVISIONED, CTL_RESOURCE_FAILED,
    CTL_RESOURCE_SUSPENDING, CTL_RESOURCE_SUSPENDED, CTL_RESOURCE_RESUMING,
    CTL_RESOURCE_DESTROYING, CTL_RESOURCE_DESTROYED,
    CTL_RESOURCE_DESTROY_FAILED, CTL_RESOURCE_LINKED, CTL_RESOURCE_STATES
};

enum ctl_resource_event {
    CTL_RESOURCE_APPLY,                 /* begin, or begin again */
    CTL_RESOURCE_DONE, CTL_RESOURCE_FAIL,       /* what runs has ended */
    CTL_RESOURCE_SUSPEND, CTL_RESOURCE_RESUME, CTL_RESOURCE_DESTROY,
    CTL_RESOURCE_LOSE,                  /* somebody else has ended it */
    CTL_RESOURCE_EVENTS
};

/* False: the event leads nowhere from there; *next stays. */
bool ctl_resource_step(enum ctl_resource_state from,
    enum ctl_resource_event event, enum ctl_resource_state *next);

/* What its project wants of a resource that rests: nothing (false), to suspend
 * it while it is killed, to resume it after, to destroy it when it is over. */
bool ctl_resource_due(enum ctl_resource_state state, bool killed, bool over,
    enum ctl_resource_event *event);

const char *ctl_resource_state_name(enum ctl_resource_state state);
bool ctl_resource_state_parse(const char *name, enum ctl_resource_state *out);

#endif
