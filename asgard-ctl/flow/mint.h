/*
 * A key at a LiteLLM proxy: minted, changed, rotated, blocked, deleted.  Pure:
 * one table of state and event, which says what to do next.
 *
 * The key's value, its alias and its SHA-256 are our own and are committed
 * before the proxy is asked (INTEND).  From then on the key is looked up by its
 * hash before it is asked for, and after any doubt; so a crash between any two
 * acts leads to one live key or none, and never to a second one.
 *
 *   START -- intent --> LOOK -- asked for --> [DOUBT] -- found --> handed over
 *
 * A rotation keeps what is left of the budget, although the proxy tells late
 * what was spent: the old key keeps half of it while both live (SHRINK); when
 * all that it spent before that is told (MEASURE), the new one is minted with
 * the rest and handed over (HANDED).  Later the old one is blocked, what it has
 * spent is told (SETTLE), the new one gets all that is left, and the old one is
 * deleted (DROP).  At no moment may both together spend more than was left.
 *
 * What a step commits is one of the states above CTL_MINT_COMMITTED; the
 * others are within a step.  A step begins with BEGIN; its acts that are calls
 * lead to another event, the others end it.
 */
#ifndef CTL_MINT_H
#define CTL_MINT_H

#include <stdbool.h>

#define CTL_MINT_SOON_MS  1000          /* after the first doubt */
#define CTL_MINT_LATER_MS 5000
#define CTL_MINT_LATERS   24            /* in a row; then it has failed */

enum ctl_mint_state {
    CTL_MINT_START,                     /* nothing is under way */
    CTL_MINT_LOOK,                      /* our key may be there */
    CTL_MINT_DOUBT,                     /* it was asked for, and no answer */
    CTL_MINT_OLD,                       /* a rotation begins */
    CTL_MINT_SHRINK, CTL_MINT_MEASURE, CTL_MINT_HANDED, CTL_MINT_SETTLE,
    CTL_MINT_DROP,
    CTL_MINT_CLEAR, CTL_MINT_CHANGE,    /* an active key gets other settings */
    CTL_MINT_END, CTL_MINT_BLOCK, CTL_MINT_UNBLOCK,
    CTL_MINT_COMMITTED,
    CTL_MINT_MAKE = CTL_MINT_COMMITTED, CTL_MINT_CONFIRM, CTL_MINT_FIX,
    CTL_MINT_CARRY, CTL_MINT_SET,
    CTL_MINT_STATES
};

enum ctl_mint_event {
    CTL_MINT_BEGIN,
    CTL_MINT_OK,                        /* done, or found */
    CTL_MINT_ABSENT,                    /* there is no such key */
    CTL_MINT_TAKEN,                     /* the alias is another key's */
    CTL_MINT_REFUSED, CTL_MINT_DENIED, CTL_MINT_NO_DATABASE,
    CTL_MINT_AWAY,                      /* no answer, or none that says */
    CTL_MINT_EVENTS
};

enum ctl_mint_act {
    CTL_MINT_NOTHING,                   /* no edge: a programmer's error */
    /* calls */
    CTL_MINT_ASK_READY, CTL_MINT_FIND_NEW, CTL_MINT_GENERATE,
    CTL_MINT_UPDATE_NEW, CTL_MINT_FIND_OLD, CTL_MINT_UPDATE_OLD,
    CTL_MINT_BLOCK_OLD, CTL_MINT_DELETE_OLD, CTL_MINT_FIND_ACTIVE,
    CTL_MINT_UPDATE_ACTIVE, CTL_MINT_DELETE_NEW, CTL_MINT_DELETE_EACH,
    CTL_MINT_BLOCK_EACH, CTL_MINT_UNBLOCK_ACTIVE,
    /* ends of a step */
    CTL_MINT_INTEND,                    /* commit a key of our own; go on */
    CTL_MINT_HAND,                      /* commit the new key as the active */
    CTL_MINT_COMMIT,                    /* the state; go on */
    CTL_MINT_WAIT_SPEND,                /* until the proxy has written spend */
    CTL_MINT_SOON, CTL_MINT_LATER,
    CTL_MINT_DONE,
    CTL_MINT_FAIL,                      /* try again by the policy: why */
    CTL_MINT_GIVE_UP,                   /* trying again would not help */
    CTL_MINT_ACTS
};

enum ctl_mint_want {
    CTL_MINT_WANT_KEY,                  /* or other settings of it */
    CTL_MINT_WANT_NEW, CTL_MINT_WANT_BLOCKED, CTL_MINT_WANT_UNBLOCKED,
    CTL_MINT_WANT_NONE
};

struct ctl_mint {
    enum ctl_mint_state state;
    bool rotates;
    unsigned laters;                    /* in a row */
    unsigned keys;                      /* of DELETE_EACH, BLOCK_EACH: left */
    enum ctl_mint_event why;            /* of FAIL and GIVE_UP */
};

/* Where a step begins follows from what is wanted, what was committed, and
 * whether there is a key that is handed over. */
void ctl_mint_enter(struct ctl_mint *m, enum ctl_mint_want want,
    enum ctl_mint_state kept, bool is_active);
enum ctl_mint_act ctl_mint_next(struct ctl_mint *m, enum ctl_mint_event event);
bool ctl_mint_is_call(enum ctl_mint_act act);

const char *ctl_mint_state_name(enum ctl_mint_state state);
bool ctl_mint_state_parse(const char *name, enum ctl_mint_state *out);
const char *ctl_mint_event_name(enum ctl_mint_event event);
const char *ctl_mint_act_name(enum ctl_mint_act act);

#endif
