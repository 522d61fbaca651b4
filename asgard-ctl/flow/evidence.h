/*
 * What is known of a hold, and how a further event changes it: pure.
 *
 * An event says (rank, amount): expiry 0, estimate 1, void 2, measured usage 3,
 * provider's record 4.  The balance of a hold is the amount of its greatest
 * evidence (rank, then amount), so that duplicates and any order of events
 * give one balance.  The ledger gets an entry when the greatest evidence is for
 * the first time another than a void, and then for each change of balance.
 *
 * Redis is owed what it has not moved itself: `delta` on the pins of the hold,
 * and `-moved` on the pins of the event; they are one figure when the pins
 * are the same.
 *
 * `least_nusd` is the least that a hold ever stood for: its room, its balance
 * after any event.  What a balance is above that was never checked against a
 * limit, which it may pass: an overshoot, or a correction upward of money that
 * others were given meanwhile.
 */
#ifndef CTL_EVIDENCE_H
#define CTL_EVIDENCE_H

#include <stdbool.h>

#include "core/money.h"

enum ctl_evidence_rank {
    CTL_EVIDENCE_EXPIRY, CTL_EVIDENCE_ESTIMATE, CTL_EVIDENCE_VOID,
    CTL_EVIDENCE_MEASURED, CTL_EVIDENCE_PROVIDER
};

struct ctl_evidence {
    enum ctl_evidence_rank rank;
    asg_nusd_t amount_nusd;             /* 0 of a void */
};

/* Zeroed: no evidence was seen. */
struct ctl_evidence_hold {
    bool known;
    bool entered;                       /* it has a first ledger entry */
    struct ctl_evidence best;
    int64_t least_nusd;                 /* -1: not known */
};

enum ctl_evidence_entry {
    CTL_ENTRY_NONE, CTL_ENTRY_SETTLE, CTL_ENTRY_UNKNOWN, CTL_ENTRY_ADJUST
};

struct ctl_evidence_change {
    enum ctl_evidence_entry entry;
    asg_nusd_t delta_nusd;              /* new balance - old */
    bool better;                        /* the event is the greatest now */
};

/* 's', 'e', 'v', 'x', 'p' of a usage event; false: no such verb. */
bool ctl_evidence_of_verb(char verb, asg_nusd_t amount_nusd,
    struct ctl_evidence *out);
/* `held_nusd`: what the hold held, -1 when that was never heard of. */
void ctl_evidence_join(struct ctl_evidence_hold *hold,
    const struct ctl_evidence *event, int64_t held_nusd,
    struct ctl_evidence_change *change);

const char *ctl_evidence_state(const struct ctl_evidence_hold *hold);
const char *ctl_evidence_kind(enum ctl_evidence_entry entry);
const char *ctl_evidence_cause(enum ctl_evidence_rank rank);

#endif
