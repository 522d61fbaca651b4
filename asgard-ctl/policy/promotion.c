/*
 * The rules of promotion.
 */
#include "policy/promotion.h"

#include <string.h>

static const char *const accountable[] = {
    "business_owner", "technical_owner", "team_or_org_of_record", NULL
};

static const char *const exceptions[] = {
    "missing_evidence", "data_without_review", "stack_exception",
    "no_accountability"
};

static const char *const verdicts[] = {
    [CTL_PROMOTION_ALLOWED] = "allowed",
    [CTL_PROMOTION_PLATFORM] = "approval",
    [CTL_PROMOTION_SECURITY] = "approval",
    [CTL_PROMOTION_FLAGGED] = "flagged",
    [CTL_PROMOTION_FORBIDDEN] = "forbidden",
    [CTL_PROMOTION_NOT_A_STEP] = "not_a_step"
};


static bool
is_sensitive(const char *data_class)
{
    return strcmp(data_class, "confidential") == 0
           || strcmp(data_class, "restricted") == 0;
}


static bool
is_accountable(const struct ctl_dossier *dossier)
{
    unsigned i;

    for (i = 0; accountable[i] != NULL; i++) {
        if (!ctl_dossier_has(dossier->given, accountable[i])) {
            return false;
        }
    }

    return true;
}


static unsigned
find_exceptions(const struct ctl_promotion_facts *f, ctl_dossier_set_t missing)
{
    unsigned found = 0;

    if (missing != 0) {
        found |= CTL_EXCEPTION_EVIDENCE;
    }
    if (is_sensitive(f->data_class) && !f->dossier->security_cleared) {
        found |= CTL_EXCEPTION_DATA;
    }
    if (f->dossier->stack_exception) {
        found |= CTL_EXCEPTION_STACK;
    }
    if (!is_accountable(f->dossier)) {
        found |= CTL_EXCEPTION_OWNER;
    }

    return found;
}


struct ctl_promotion
ctl_promotion_decide(const struct ctl_promotion_facts *f)
{
    struct ctl_promotion p = {.security = f->to == CTL_CLASS_CRITICAL};

    if (f->to != f->from + 1) {
        p.verdict = CTL_PROMOTION_NOT_A_STEP;
        p.rule = "promotion-one-step";
        return p;
    }
    p.missing = ctl_dossier_missing(f->dossier, f->to);
    p.exceptions = find_exceptions(f, p.missing);
    if (p.security
        && !ctl_dossier_has(f->dossier->given, "risk_acceptance_url"))
    {
        p.verdict = CTL_PROMOTION_FORBIDDEN;
        p.rule = "promotion-risk-acceptance";
    } else if (p.missing != 0) {
        p.verdict = CTL_PROMOTION_FLAGGED;
        p.rule = "promotion-evidence";
    } else if (p.security) {
        p.verdict = CTL_PROMOTION_SECURITY;
        p.rule = "promotion-critical";
    } else if (f->to == CTL_CLASS_WIDE) {
        p.verdict = CTL_PROMOTION_PLATFORM;
        p.rule = "promotion-wide";
    } else if (p.exceptions != 0) {
        p.verdict = CTL_PROMOTION_PLATFORM;
        p.rule = "promotion-exception";
    } else {
        p.verdict = CTL_PROMOTION_ALLOWED;
        p.rule = "promotion-light";
    }

    return p;
}


enum ctl_class
ctl_promotion_granted(enum ctl_class to, const char *data_class,
    const struct ctl_dossier *dossier)
{
    struct ctl_promotion_facts f = {CTL_CLASS_POC, CTL_CLASS_POC, data_class,
                                    dossier};

    while (f.from < to) {
        f.to = (enum ctl_class) (f.from + 1);
        if (ctl_promotion_decide(&f).verdict != CTL_PROMOTION_ALLOWED) {
            break;
        }
        f.from = f.to;
    }

    return f.from;
}


const char *
ctl_exception_name(unsigned i)
{
    return i < sizeof(exceptions) / sizeof(exceptions[0]) ? exceptions[i]
                                                          : NULL;
}


const char *
ctl_promotion_verdict_name(enum ctl_promotion_verdict verdict)
{
    return verdicts[verdict];
}
