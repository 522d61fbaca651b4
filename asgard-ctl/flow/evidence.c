/*
 * The join of evidence.
 */
#include "flow/evidence.h"

#include <stddef.h>


bool
ctl_evidence_of_verb(char verb, asg_nusd_t amount_nusd,
    struct ctl_evidence *out)
{
    switch (verb) {
    case 's':
        out->rank = CTL_EVIDENCE_MEASURED;
        break;
    case 'e':
        out->rank = CTL_EVIDENCE_ESTIMATE;
        break;
    case 'v':
        out->rank = CTL_EVIDENCE_VOID;
        break;
    case 'x':
        out->rank = CTL_EVIDENCE_EXPIRY;
        break;
    case 'p':
        out->rank = CTL_EVIDENCE_PROVIDER;
        break;
    default:
        return false;
    }
    out->amount_nusd = out->rank == CTL_EVIDENCE_VOID ? 0 : amount_nusd;

    return true;
}


static bool
is_greater(const struct ctl_evidence *a, const struct ctl_evidence *b)
{
    return a->rank != b->rank ? a->rank > b->rank
           : a->amount_nusd > b->amount_nusd;
}


/* The first entry is due when anything but a void is the best there is. */
static enum ctl_evidence_entry
entry_due(const struct ctl_evidence_hold *hold, asg_nusd_t delta_nusd)
{
    if (hold->entered) {
        return delta_nusd != 0 ? CTL_ENTRY_ADJUST : CTL_ENTRY_NONE;
    }
    if (hold->best.rank == CTL_EVIDENCE_VOID) {
        return CTL_ENTRY_NONE;
    }

    return hold->best.rank == CTL_EVIDENCE_EXPIRY ? CTL_ENTRY_UNKNOWN
           : CTL_ENTRY_SETTLE;
}


void
ctl_evidence_join(struct ctl_evidence_hold *hold,
    const struct ctl_evidence *event, int64_t held_nusd,
    struct ctl_evidence_change *change)
{
    asg_nusd_t before = hold->known ? hold->best.amount_nusd : 0;

    if (!hold->known) {
        hold->least_nusd = held_nusd > 0 ? held_nusd : 0;
    }
    change->better = !hold->known || is_greater(event, &hold->best);
    if (change->better) {
        hold->best = *event;
        hold->known = true;
    }
    change->delta_nusd = hold->best.amount_nusd - before;
    if (hold->least_nusd > hold->best.amount_nusd) {
        hold->least_nusd = hold->best.amount_nusd;
    }
    change->entry = entry_due(hold, change->delta_nusd);
    hold->entered = hold->entered || change->entry != CTL_ENTRY_NONE;
}


const char *
ctl_evidence_state(const struct ctl_evidence_hold *hold)
{
    switch (hold->best.rank) {
    case CTL_EVIDENCE_EXPIRY:
        return "unknown";
    case CTL_EVIDENCE_VOID:
        return "voided";
    default:
        return "settled";
    }
}


const char *
ctl_evidence_kind(enum ctl_evidence_entry entry)
{
    static const char *const kinds[] = {
        [CTL_ENTRY_SETTLE] = "settle", [CTL_ENTRY_UNKNOWN] = "unknown",
        [CTL_ENTRY_ADJUST] = "adjust"
    };

    return entry == CTL_ENTRY_NONE ? NULL : kinds[entry];
}


const char *
ctl_evidence_cause(enum ctl_evidence_rank rank)
{
    static const char *const causes[] = {
        [CTL_EVIDENCE_EXPIRY] = "expiry", [CTL_EVIDENCE_ESTIMATE] = "estimate",
        [CTL_EVIDENCE_VOID] = "void", [CTL_EVIDENCE_MEASURED] = "usage",
        [CTL_EVIDENCE_PROVIDER] = "provider"
    };

    return causes[rank];
}
