/*
 * The table of keys at a LiteLLM proxy.
 */
#include "flow/mint.h"

#include <string.h>

#define S(name) CTL_MINT_ ## name
#define TO(state, act) {S(state), CTL_MINT_ ## act}

struct edge {
    enum ctl_mint_state next;
    enum ctl_mint_act act;              /* NOTHING: there is no edge */
};

static const struct edge table[CTL_MINT_STATES][CTL_MINT_EVENTS] = {
    [S(START)] = {
        [S(BEGIN)] = TO(START, ASK_READY), [S(OK)] = TO(LOOK, INTEND),
        [S(ABSENT)] = TO(START, FAIL), [S(TAKEN)] = TO(START, FAIL),
        [S(REFUSED)] = TO(START, FAIL), [S(DENIED)] = TO(START, FAIL),
        [S(NO_DATABASE)] = TO(START, FAIL), [S(AWAY)] = TO(START, FAIL)},
    [S(LOOK)] = {
        [S(BEGIN)] = TO(LOOK, FIND_NEW), [S(OK)] = TO(FIX, UPDATE_NEW),
        [S(ABSENT)] = TO(MAKE, GENERATE), [S(TAKEN)] = TO(LOOK, FAIL),
        [S(REFUSED)] = TO(LOOK, FAIL), [S(DENIED)] = TO(LOOK, FAIL),
        [S(NO_DATABASE)] = TO(LOOK, FAIL), [S(AWAY)] = TO(LOOK, LATER)},
    [S(DOUBT)] = {
        [S(BEGIN)] = TO(DOUBT, FIND_NEW), [S(OK)] = TO(FIX, UPDATE_NEW),
        [S(ABSENT)] = TO(LOOK, FAIL), [S(TAKEN)] = TO(DOUBT, FAIL),
        [S(REFUSED)] = TO(DOUBT, FAIL), [S(DENIED)] = TO(DOUBT, FAIL),
        [S(NO_DATABASE)] = TO(DOUBT, FAIL), [S(AWAY)] = TO(DOUBT, LATER)},
    /* What a refusal says is believed when the key is not there. */
    [S(MAKE)] = {
        [S(OK)] = TO(HANDED, HAND), [S(ABSENT)] = TO(CONFIRM, FIND_NEW),
        [S(TAKEN)] = TO(CONFIRM, FIND_NEW),
        [S(REFUSED)] = TO(CONFIRM, FIND_NEW),
        [S(DENIED)] = TO(CONFIRM, FIND_NEW),
        [S(NO_DATABASE)] = TO(CONFIRM, FIND_NEW),
        [S(AWAY)] = TO(DOUBT, SOON)},
    [S(CONFIRM)] = {
        [S(OK)] = TO(FIX, UPDATE_NEW), [S(ABSENT)] = TO(LOOK, FAIL),
        [S(TAKEN)] = TO(DOUBT, FAIL), [S(REFUSED)] = TO(DOUBT, FAIL),
        [S(DENIED)] = TO(DOUBT, FAIL), [S(NO_DATABASE)] = TO(DOUBT, FAIL),
        [S(AWAY)] = TO(DOUBT, LATER)},
    /* One that is found may be of an earlier try, with other settings. */
    [S(FIX)] = {
        [S(OK)] = TO(HANDED, HAND), [S(ABSENT)] = TO(LOOK, LATER),
        [S(TAKEN)] = TO(LOOK, GIVE_UP), [S(REFUSED)] = TO(LOOK, GIVE_UP),
        [S(DENIED)] = TO(LOOK, FAIL), [S(NO_DATABASE)] = TO(LOOK, FAIL),
        [S(AWAY)] = TO(DOUBT, LATER)},

    [S(OLD)] = {
        [S(BEGIN)] = TO(OLD, FIND_OLD), [S(OK)] = TO(SHRINK, INTEND),
        [S(ABSENT)] = TO(LOOK, INTEND), [S(TAKEN)] = TO(OLD, FAIL),
        [S(REFUSED)] = TO(OLD, FAIL), [S(DENIED)] = TO(OLD, FAIL),
        [S(NO_DATABASE)] = TO(OLD, FAIL), [S(AWAY)] = TO(OLD, FAIL)},
    [S(SHRINK)] = {
        [S(BEGIN)] = TO(SHRINK, UPDATE_OLD),
        [S(OK)] = TO(MEASURE, WAIT_SPEND),
        [S(ABSENT)] = TO(LOOK, COMMIT), [S(TAKEN)] = TO(OLD, FAIL),
        [S(REFUSED)] = TO(OLD, GIVE_UP), [S(DENIED)] = TO(OLD, FAIL),
        [S(NO_DATABASE)] = TO(OLD, FAIL), [S(AWAY)] = TO(SHRINK, LATER)},
    [S(MEASURE)] = {
        [S(BEGIN)] = TO(MEASURE, FIND_OLD), [S(OK)] = TO(LOOK, COMMIT),
        [S(ABSENT)] = TO(LOOK, COMMIT), [S(TAKEN)] = TO(OLD, FAIL),
        [S(REFUSED)] = TO(OLD, FAIL), [S(DENIED)] = TO(OLD, FAIL),
        [S(NO_DATABASE)] = TO(OLD, FAIL), [S(AWAY)] = TO(MEASURE, LATER)},
    [S(HANDED)] = {
        [S(BEGIN)] = TO(HANDED, BLOCK_OLD), [S(OK)] = TO(SETTLE, WAIT_SPEND),
        [S(ABSENT)] = TO(HANDED, DONE), [S(TAKEN)] = TO(HANDED, FAIL),
        [S(REFUSED)] = TO(HANDED, FAIL), [S(DENIED)] = TO(HANDED, FAIL),
        [S(NO_DATABASE)] = TO(HANDED, FAIL), [S(AWAY)] = TO(HANDED, LATER)},
    [S(SETTLE)] = {
        [S(BEGIN)] = TO(SETTLE, FIND_OLD), [S(OK)] = TO(CARRY, UPDATE_NEW),
        [S(ABSENT)] = TO(SETTLE, DONE), [S(TAKEN)] = TO(SETTLE, FAIL),
        [S(REFUSED)] = TO(SETTLE, FAIL), [S(DENIED)] = TO(SETTLE, FAIL),
        [S(NO_DATABASE)] = TO(SETTLE, FAIL), [S(AWAY)] = TO(SETTLE, LATER)},
    [S(CARRY)] = {
        [S(OK)] = TO(DROP, COMMIT), [S(ABSENT)] = TO(DROP, COMMIT),
        [S(TAKEN)] = TO(SETTLE, FAIL), [S(REFUSED)] = TO(SETTLE, FAIL),
        [S(DENIED)] = TO(SETTLE, FAIL), [S(NO_DATABASE)] = TO(SETTLE, FAIL),
        [S(AWAY)] = TO(SETTLE, LATER)},
    [S(DROP)] = {
        [S(BEGIN)] = TO(DROP, DELETE_OLD), [S(OK)] = TO(DROP, DONE),
        [S(ABSENT)] = TO(DROP, DONE), [S(TAKEN)] = TO(DROP, FAIL),
        [S(REFUSED)] = TO(DROP, FAIL), [S(DENIED)] = TO(DROP, FAIL),
        [S(NO_DATABASE)] = TO(DROP, FAIL), [S(AWAY)] = TO(DROP, LATER)},

    /* What a rotation began and did not end goes first: the key that is there
     * may get what that one had. */
    [S(CLEAR)] = {
        [S(BEGIN)] = TO(CLEAR, DELETE_NEW), [S(OK)] = TO(CHANGE, FIND_ACTIVE),
        [S(ABSENT)] = TO(CHANGE, FIND_ACTIVE), [S(TAKEN)] = TO(CLEAR, FAIL),
        [S(REFUSED)] = TO(CLEAR, FAIL), [S(DENIED)] = TO(CLEAR, FAIL),
        [S(NO_DATABASE)] = TO(CLEAR, FAIL), [S(AWAY)] = TO(CLEAR, LATER)},
    /* Somebody deleted it there: a new one. */
    [S(CHANGE)] = {
        [S(BEGIN)] = TO(CHANGE, FIND_ACTIVE), [S(OK)] = TO(SET, UPDATE_ACTIVE),
        [S(ABSENT)] = TO(START, ASK_READY), [S(TAKEN)] = TO(CHANGE, FAIL),
        [S(REFUSED)] = TO(CHANGE, GIVE_UP), [S(DENIED)] = TO(CHANGE, FAIL),
        [S(NO_DATABASE)] = TO(CHANGE, FAIL), [S(AWAY)] = TO(CHANGE, LATER)},
    [S(SET)] = {
        [S(OK)] = TO(CHANGE, DONE), [S(ABSENT)] = TO(CHANGE, LATER),
        [S(TAKEN)] = TO(CHANGE, FAIL), [S(REFUSED)] = TO(CHANGE, GIVE_UP),
        [S(DENIED)] = TO(CHANGE, FAIL), [S(NO_DATABASE)] = TO(CHANGE, FAIL),
        [S(AWAY)] = TO(CHANGE, LATER)},
    [S(END)] = {
        [S(BEGIN)] = TO(END, DELETE_EACH), [S(OK)] = TO(END, DELETE_EACH),
        [S(ABSENT)] = TO(END, DELETE_EACH), [S(TAKEN)] = TO(END, FAIL),
        [S(REFUSED)] = TO(END, FAIL), [S(DENIED)] = TO(END, FAIL),
        [S(NO_DATABASE)] = TO(END, FAIL), [S(AWAY)] = TO(END, LATER)},
    [S(BLOCK)] = {
        [S(BEGIN)] = TO(BLOCK, BLOCK_EACH), [S(OK)] = TO(BLOCK, BLOCK_EACH),
        [S(ABSENT)] = TO(BLOCK, BLOCK_EACH), [S(TAKEN)] = TO(BLOCK, FAIL),
        [S(REFUSED)] = TO(BLOCK, FAIL), [S(DENIED)] = TO(BLOCK, FAIL),
        [S(NO_DATABASE)] = TO(BLOCK, FAIL), [S(AWAY)] = TO(BLOCK, LATER)},
    [S(UNBLOCK)] = {
        [S(BEGIN)] = TO(UNBLOCK, UNBLOCK_ACTIVE), [S(OK)] = TO(UNBLOCK, DONE),
        [S(ABSENT)] = TO(UNBLOCK, GIVE_UP), [S(TAKEN)] = TO(UNBLOCK, FAIL),
        [S(REFUSED)] = TO(UNBLOCK, FAIL), [S(DENIED)] = TO(UNBLOCK, FAIL),
        [S(NO_DATABASE)] = TO(UNBLOCK, FAIL), [S(AWAY)] = TO(UNBLOCK, LATER)}
};


void
ctl_mint_enter(struct ctl_mint *m, enum ctl_mint_want want,
    enum ctl_mint_state kept, bool is_active)
{
    bool mints = kept == CTL_MINT_LOOK || kept == CTL_MINT_DOUBT;

    switch (want) {
    case CTL_MINT_WANT_NONE:
        m->state = CTL_MINT_END;
        break;
    case CTL_MINT_WANT_BLOCKED:
        m->state = CTL_MINT_BLOCK;
        break;
    case CTL_MINT_WANT_UNBLOCKED:
        m->state = CTL_MINT_UNBLOCK;
        break;
    case CTL_MINT_WANT_NEW:
        m->state = kept;
        if (is_active && kept == CTL_MINT_START) {
            m->rotates = true;
            m->state = CTL_MINT_OLD;
        }
        break;
    default:
        m->state = mints && (!is_active || !m->rotates) ? kept
                   : !is_active ? CTL_MINT_START
                   : mints ? CTL_MINT_CLEAR : CTL_MINT_CHANGE;
    }
}


/* Of several keys: the next one, or none is left. */
static enum ctl_mint_act
each(struct ctl_mint *m, enum ctl_mint_event event, enum ctl_mint_act act)
{
    if (act != CTL_MINT_DELETE_EACH && act != CTL_MINT_BLOCK_EACH) {
        return act;
    }
    if (event != CTL_MINT_BEGIN) {
        m->keys--;
    }

    return m->keys > 0 ? act : CTL_MINT_DONE;
}


/* What was refused by its words stays so; an alias gets free, a master key is
 * set right. */
static enum ctl_mint_act
failed(struct ctl_mint *m, enum ctl_mint_act act)
{
    m->laters = 0;
    if (m->state == CTL_MINT_DOUBT) {
        m->state = CTL_MINT_LOOK;       /* which looks first, as well */
    }

    return act == CTL_MINT_FAIL && m->why == CTL_MINT_REFUSED
           ? CTL_MINT_GIVE_UP : act;
}


enum ctl_mint_act
ctl_mint_next(struct ctl_mint *m, enum ctl_mint_event event)
{
    const struct edge *edge = &table[m->state][event];
    bool confirmed = m->state == CTL_MINT_CONFIRM && event == CTL_MINT_ABSENT;
    enum ctl_mint_act act = each(m, event, edge->act);

    if (act == CTL_MINT_NOTHING) {
        return act;
    }
    if (event != CTL_MINT_BEGIN && !confirmed) {
        m->why = event;                 /* else: of the call that failed */
    }
    m->state = edge->next;
    if (act == CTL_MINT_LATER && ++m->laters > CTL_MINT_LATERS) {
        act = CTL_MINT_FAIL;
    }
    if (act == CTL_MINT_FAIL || act == CTL_MINT_GIVE_UP) {
        return failed(m, act);
    }
    if (act != CTL_MINT_LATER && event != CTL_MINT_BEGIN) {
        m->laters = 0;
    }

    return act;
}


bool
ctl_mint_is_call(enum ctl_mint_act act)
{
    return act >= CTL_MINT_ASK_READY && act < CTL_MINT_INTEND;
}


/* --- names --- */

static const char *const states[CTL_MINT_STATES] = {
    [S(START)] = "start", [S(LOOK)] = "look", [S(DOUBT)] = "doubt",
    [S(OLD)] = "old", [S(SHRINK)] = "shrink", [S(MEASURE)] = "measure",
    [S(HANDED)] = "handed", [S(SETTLE)] = "settle", [S(DROP)] = "drop",
    [S(CLEAR)] = "clear", [S(CHANGE)] = "change",
    [S(END)] = "end", [S(BLOCK)] = "block", [S(UNBLOCK)] = "unblock",
    [S(MAKE)] = "make", [S(CONFIRM)] = "confirm", [S(FIX)] = "fix",
    [S(CARRY)] = "carry", [S(SET)] = "set"
};

static const char *const events[CTL_MINT_EVENTS] = {
    [S(BEGIN)] = "begin", [S(OK)] = "ok", [S(ABSENT)] = "absent",
    [S(TAKEN)] = "taken", [S(REFUSED)] = "refused", [S(DENIED)] = "denied",
    [S(NO_DATABASE)] = "no_database", [S(AWAY)] = "away"
};

static const char *const acts[CTL_MINT_ACTS] = {
    [S(NOTHING)] = "nothing", [S(ASK_READY)] = "ask_ready",
    [S(FIND_NEW)] = "find_new", [S(GENERATE)] = "generate",
    [S(UPDATE_NEW)] = "update_new", [S(FIND_OLD)] = "find_old",
    [S(UPDATE_OLD)] = "update_old", [S(BLOCK_OLD)] = "block_old",
    [S(DELETE_OLD)] = "delete_old", [S(UPDATE_ACTIVE)] = "update_active",
    [S(FIND_ACTIVE)] = "find_active", [S(DELETE_NEW)] = "delete_new",
    [S(DELETE_EACH)] = "delete_each",
    [S(BLOCK_EACH)] = "block_each",
    [S(UNBLOCK_ACTIVE)] = "unblock_active", [S(INTEND)] = "intend",
    [S(HAND)] = "hand", [S(COMMIT)] = "commit",
    [S(WAIT_SPEND)] = "wait_spend", [S(SOON)] = "soon", [S(LATER)] = "later",
    [S(DONE)] = "done", [S(FAIL)] = "fail", [S(GIVE_UP)] = "give_up"
};


const char *
ctl_mint_state_name(enum ctl_mint_state state)
{
    return states[state];
}


bool
ctl_mint_state_parse(const char *name, enum ctl_mint_state *out)
{
    unsigned i;

    for (i = 0; i < CTL_MINT_COMMITTED; i++) {
        if (strcmp(states[i], name) == 0) {
            *out = (enum ctl_mint_state) i;
            return true;
        }
    }

    return false;
}


const char *
ctl_mint_event_name(enum ctl_mint_event event)
{
    return events[event];
}


const char *
ctl_mint_act_name(enum ctl_mint_act act)
{
    return acts[act];
}
