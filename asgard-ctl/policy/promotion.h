/*
 * Whether a project may climb a step of the ladder, and who must say so: facts
 * in, decision with the id of its rule out.
 *
 * The rules, the first that fits: more than one step is no promotion; a
 * critical path without an accepted risk is forbidden; what the step demands
 * must be shown, or its project is flagged, which it mends or escalates; a
 * critical path is for security to decide; a wide one, and any with an
 * exception, for the platform; a light one that shows all is promoted at once.
 */
#ifndef CTL_PROMOTION_H
#define CTL_PROMOTION_H

#include "policy/dossier.h"

/* Bits: why a person must look. */
enum ctl_exception {
    CTL_EXCEPTION_EVIDENCE = 1,         /* something is missing */
    CTL_EXCEPTION_DATA = 2,             /* confidential, and not reviewed */
    CTL_EXCEPTION_STACK = 4,            /* a declared stack exception */
    CTL_EXCEPTION_OWNER = 8             /* nobody is accountable */
};

enum ctl_promotion_verdict {
    CTL_PROMOTION_ALLOWED,              /* no decision needed */
    CTL_PROMOTION_PLATFORM, CTL_PROMOTION_SECURITY,     /* they decide */
    CTL_PROMOTION_FLAGGED,              /* as PLATFORM or SECURITY, when it is
                                         * escalated; mended before */
    CTL_PROMOTION_FORBIDDEN,
    CTL_PROMOTION_NOT_A_STEP
};

struct ctl_promotion_facts {
    enum ctl_class from, to;
    const char *data_class;
    const struct ctl_dossier *dossier;
};

struct ctl_promotion {
    enum ctl_promotion_verdict verdict;
    const char *rule;                   /* "promotion-wide"; constant */
    bool security;                      /* of FLAGGED too: whose it is */
    ctl_dossier_set_t missing;
    unsigned exceptions;
};

struct ctl_promotion ctl_promotion_decide(
    const struct ctl_promotion_facts *facts);

/* The highest step, not above `to`, that needs nobody's decision. */
enum ctl_class ctl_promotion_granted(enum ctl_class to,
    const char *data_class, const struct ctl_dossier *dossier);

/* Bit `i` as a word, NULL after the last. */
const char *ctl_exception_name(unsigned i);
const char *ctl_promotion_verdict_name(enum ctl_promotion_verdict verdict);

#endif
