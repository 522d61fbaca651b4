/*
 * The states of a request and what leads from one to the next: pure.
 *
 * The table in ask_state.c is all there is; what it does not have is refused.
 * `reviewing` is looked at by administrators: a manager handed it up, or what
 * was approved has to be looked at again.  `flagged` waits for its requester,
 * who puts right what is missing or escalates.  rejected, cancelled and
 * fulfilled are ends.
 */
#ifndef CTL_ASK_STATE_H
#define CTL_ASK_STATE_H

#include <stdbool.h>

enum ctl_ask_state {
    CTL_ASK_REQUESTED, CTL_ASK_REVIEWING, CTL_ASK_FLAGGED, CTL_ASK_APPROVED,
    CTL_ASK_REJECTED, CTL_ASK_CANCELLED, CTL_ASK_FULFILLED, CTL_ASK_STATES
};

enum ctl_ask_event {
    CTL_ASK_APPROVE, CTL_ASK_REJECT, CTL_ASK_ESCALATE, CTL_ASK_CANCEL,
    CTL_ASK_FLAG, CTL_ASK_RETURN, CTL_ASK_FULFIL, CTL_ASK_EVENTS
};

/* False: the event leads nowhere from there; *next stays. */
bool ctl_ask_step(enum ctl_ask_state from, enum ctl_ask_event event,
    enum ctl_ask_state *next);
bool ctl_ask_is_open(enum ctl_ask_state state);     /* still to be decided */

const char *ctl_ask_state_name(enum ctl_ask_state state);
bool ctl_ask_state_parse(const char *name, enum ctl_ask_state *out);
const char *ctl_ask_event_name(enum ctl_ask_event event);

#endif
