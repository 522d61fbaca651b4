/*
 * What an approved request does: a row a kind in ask_effect.c.
 *
 * An effect runs inside the transaction of the last approval (or of the asking,
 * when none is needed), with that change's actor.  What it needs it reads from
 * `ask->payload`, which is what the approvers were shown.  When it fails
 * nothing of the approval stays.
 */
#ifndef CTL_ASK_EFFECT_H
#define CTL_ASK_EFFECT_H

#include "ops/ask.h"

enum ctl_ask_done {
    CTL_ASK_DONE,                       /* the request is fulfilled */
    CTL_ASK_STARTED,                    /* whoever ends it says so, with
                                         * ctl_ask_move(CTL_ASK_FULFIL) */
    CTL_ASK_CHANGED                     /* the plan is not what would be done
                                         * now: the request is cancelled */
};

struct ctl_ask_kind {
    const char *kind;                   /* "budget"; "provision:": a prefix */
    /* NULL: people do it, and say so (ctl_ask_fulfil()) */
    bool (*effect)(struct ctl_change *c, const struct ctl_ask *ask,
        enum ctl_ask_done *done, struct ctl_error *e);
    bool ends;                          /* what costs: of what is killed, too */
};

/* NULL: there is no such kind. */
const struct ctl_ask_kind *ctl_ask_kind_find(const char *kind);
/* Nothing of Asgard does it. */
bool ctl_ask_by_people(const struct ctl_ask *ask);
/* 403 project_killed: of a killed project nothing is asked or approved but what
 * ends something. */
bool ctl_ask_kind_check(const char *kind, bool killed, struct ctl_error *e);
/* Of a request that is approved now: its state afterwards is fulfilled,
 * approved (started), or cancelled (CTL_ASK_CHANGED). */
bool ctl_ask_effect_run(struct ctl_change *c, struct ctl_ask *ask,
    struct ctl_error *e);

#endif
