/*
 * The states of a request as one table.
 */
#include "flow/ask_state.h"

#include <string.h>

#define NONE CTL_ASK_STATES

static const enum ctl_ask_state table[CTL_ASK_STATES][CTL_ASK_EVENTS] = {
    /*  approve             reject             escalate
     *  cancel              flag               return
     *  fulfil */
    [CTL_ASK_REQUESTED] = {
        CTL_ASK_APPROVED,   CTL_ASK_REJECTED,  CTL_ASK_REVIEWING,
        CTL_ASK_CANCELLED,  CTL_ASK_FLAGGED,   NONE,
        NONE},
    /* who may say yes may say no */
    [CTL_ASK_REVIEWING] = {
        CTL_ASK_APPROVED,   CTL_ASK_REJECTED,  NONE,
        CTL_ASK_CANCELLED,  CTL_ASK_FLAGGED,   CTL_ASK_REQUESTED,
        NONE},
    [CTL_ASK_FLAGGED] = {
        CTL_ASK_APPROVED,   NONE,              CTL_ASK_REQUESTED,
        CTL_ASK_CANCELLED,  NONE,              NONE,
        NONE},
    [CTL_ASK_APPROVED] = {
        NONE,               NONE,              NONE,
        CTL_ASK_CANCELLED,  NONE,              CTL_ASK_REVIEWING,
        CTL_ASK_FULFILLED},
    [CTL_ASK_REJECTED] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    [CTL_ASK_CANCELLED] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE},
    [CTL_ASK_FULFILLED] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE}
};

static const char *const states[CTL_ASK_STATES] = {
    [CTL_ASK_REQUESTED] = "requested", [CTL_ASK_REVIEWING] = "reviewing",
    [CTL_ASK_FLAGGED] = "flagged", [CTL_ASK_APPROVED] = "approved",
    [CTL_ASK_REJECTED] = "rejected", [CTL_ASK_CANCELLED] = "cancelled",
    [CTL_ASK_FULFILLED] = "fulfilled"
};

static const char *const events[CTL_ASK_EVENTS] = {
    [CTL_ASK_APPROVE] = "approve", [CTL_ASK_REJECT] = "reject",
    [CTL_ASK_ESCALATE] = "escalate", [CTL_ASK_CANCEL] = "cancel",
    [CTL_ASK_FLAG] = "flag", [CTL_ASK_RETURN] = "return",
    [CTL_ASK_FULFIL] = "fulfil"
};


bool
ctl_ask_step(enum ctl_ask_state from, enum ctl_ask_event event,
    enum ctl_ask_state *next)
{
    if (table[from][event] == NONE) {
        return false;
    }
    *next = table[from][event];

    return true;
}


bool
ctl_ask_is_open(enum ctl_ask_state state)
{
    return state == CTL_ASK_REQUESTED || state == CTL_ASK_REVIEWING
           || state == CTL_ASK_FLAGGED;
}


const char *
ctl_ask_state_name(enum ctl_ask_state state)
{
    return states[state];
}


bool
ctl_ask_state_parse(const char *name, enum ctl_ask_state *out)
{
    unsigned i;

    for (i = 0; i < CTL_ASK_STATES; i++) {
        if (strcmp(states[i], name) == 0) {
            *out = (enum ctl_ask_state) i;
            return true;
        }
    }

    return false;
}


const char *
ctl_ask_event_name(enum ctl_ask_event event)
{
    return events[event];
}
