/*
 * The states of a resource as one table.
 */
#include "flow/resource_state.h"

#include <string.h>

#define S(name) CTL_RESOURCE_ ## name
#define NONE    CTL_RESOURCE_STATES

static const enum ctl_resource_state
table[CTL_RESOURCE_STATES][CTL_RESOURCE_EVENTS] = {
    /*                     apply            done            fail
     *                     suspend          resume          destroy
     *                     lose */
    [S(PROVISIONING)]   = {S(PROVISIONING), S(PROVISIONED), S(FAILED),
                           NONE,            NONE,           S(DESTROYING),
                           NONE},
    [S(PROVISIONED)]    = {S(PROVISIONING), NONE,           NONE,
                           S(SUSPENDING),   NONE,           S(DESTROYING),
                           S(FAILED)},
    [S(FAILED)]         = {S(PROVISIONING), NONE,           NONE,
                           NONE,            NONE,           S(DESTROYING),
                           NONE},
    [S(SUSPENDING)]     = {NONE,            S(SUSPENDED),   S(PROVISIONED),
                           NONE,            NONE,           S(DESTROYING),
                           NONE},
    [S(SUSPENDED)]      = {NONE,            NONE,           NONE,
                           NONE,            S(RESUMING),    S(DESTROYING),
                           S(FAILED)},
    [S(RESUMING)]       = {NONE,            S(PROVISIONED), S(SUSPENDED),
                           NONE,            NONE,           S(DESTROYING),
                           NONE},
    [S(DESTROYING)]     = {NONE,            S(DESTROYED),   S(DESTROY_FAILED),
                           NONE,            NONE,           S(DESTROYING),
                           NONE},
    [S(DESTROYED)]      = {NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    [S(DESTROY_FAILED)] = {NONE,            NONE,           NONE,
                           NONE,            NONE,           S(DESTROYING),
                           NONE},
    [S(LINKED)]         = {NONE,            NONE,           NONE,
                           NONE,            NONE,           S(DESTROYED),
                           NONE}
};

static const char *const names[CTL_RESOURCE_STATES] = {
    [S(PROVISIONING)] = "provisioning", [S(PROVISIONED)] = "provisioned",
    [S(FAILED)] = "failed", [S(SUSPENDING)] = "suspending",
    [S(SUSPENDED)] = "suspended", [S(RESUMING)] = "resuming",
    [S(DESTROYING)] = "destroying", [S(DESTROYED)] = "destroyed",
    [S(DESTROY_FAILED)] = "destroy_failed", [S(LINKED)] = "linked"
};


bool
ctl_resource_step(enum ctl_resource_state from, enum ctl_resource_event event,
    enum ctl_resource_state *next)
{
    if (table[from][event] == NONE) {
        return false;
    }
    *next = table[from][event];

    return true;
}


bool
ctl_resource_due(enum ctl_resource_state state, bool killed, bool over,
    enum ctl_resource_event *event)
{
    bool rests = state == CTL_RESOURCE_PROVISIONED
                 || state == CTL_RESOURCE_SUSPENDED
                 || state == CTL_RESOURCE_FAILED;

    if (over) {
        *event = CTL_RESOURCE_DESTROY;
        return rests || state == CTL_RESOURCE_LINKED;
    }
    *event = killed ? CTL_RESOURCE_SUSPEND : CTL_RESOURCE_RESUME;

    return state == (killed ? CTL_RESOURCE_PROVISIONED
                            : CTL_RESOURCE_SUSPENDED);
}


const char *
ctl_resource_state_name(enum ctl_resource_state state)
{
    return names[state];
}


bool
ctl_resource_state_parse(const char *name, enum ctl_resource_state *out)
{
    unsigned i;

    for (i = 0; i < CTL_RESOURCE_STATES; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum ctl_resource_state) i;
            return true;
        }
    }

    return false;
}
