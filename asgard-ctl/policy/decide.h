/*
 * The rules of the control plane: plain facts in, a decision with the id of
 * the rule out, and of the rules by which groups of approvers must agree.
 * Pure; the rules are the table in decide.c.
 *
 * Of the rules that fit, one that forbids wins; else the one that asks most
 * people; else one that allows.  Where none fits the answer is no.
 */
#ifndef CTL_DECIDE_H
#define CTL_DECIDE_H

#include "policy/approval.h"

enum ctl_action {
    CTL_ACTION_DEPLOY = 1,              /* make or change a resource */
    CTL_ACTION_DESTROY = 2,             /* end one */
    CTL_ACTION_EXTEND = 4,              /* a review's time, once more */
    CTL_ACTION_SET_BUDGET = 8,          /* above the ceiling */
    CTL_ACTION_DECOMMISSION = 16,
    CTL_ACTION_APPROVE = 32,            /* a request that ends nothing */
    CTL_ACTION_LINK = 64,               /* note what was made elsewhere */
    CTL_ACTION_ANY = 127
};

enum ctl_fact {
    CTL_FACT_LIVE = 1,                  /* the project, active or provisional */
    CTL_FACT_KILLED = 2,
    CTL_FACT_RESTRICTED = 4,            /* its data */
    CTL_FACT_CRITICAL = 8,              /* its classification: critical-path */
    CTL_FACT_IN_SERVICE = 16,           /* the service, not planned, retired */
    CTL_FACT_TARGET = 32,               /* cloud and account are allowed */
    CTL_FACT_FLOOR = 64,                /* at or above classification_min */
    CTL_FACT_ROOF = 128,                /* at or below classification_max */
    CTL_FACT_AUTO = 256,                /* self-service, by the manifest */
    CTL_FACT_VARIANT = 512,             /* and the variant, which is known */
    CTL_FACT_CEILING = 1024,            /* it fits under the tier's ceiling */
    CTL_FACT_OWNER = 2048,              /* who asks owns or manages it */
    CTL_FACT_CAP = 4096,                /* it is no dearer than one may be */
    CTL_FACT_LOSES_NOTHING = 8192       /* its end: a link, a key */
};

enum ctl_effect { CTL_EFFECT_DENY, CTL_EFFECT_ASK, CTL_EFFECT_ALLOW };

struct ctl_decision {
    enum ctl_effect effect;
    enum ctl_tier tier;                 /* of ASK; else none */
    const char *rule;                   /* its id, constant */
    const char *why;                    /* of a person's language, constant */
    /* The rule by which each group of approvers must agree, for any that fits
     * names its group; NULL: none. */
    const char *group_rules[CTL_APPROVERS_COUNT];
};

struct ctl_decision ctl_decide(enum ctl_action action, unsigned facts);

#endif
