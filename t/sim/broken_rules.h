/*
 * The rules that can be broken, by name: passages of a script or of SQL that
 * are replaced, or what broken.c and the model of a gateway do instead.
 *
 * A rule is found soon while much is lost, or while little is.
 */
#ifndef SIM_BROKEN_RULES_H
#define SIM_BROKEN_RULES_H

#include "core/script.h"

#define SIM_PASSAGES  2

enum sim_rule_kind {
    SIM_RULE_NONE, SIM_RULE_SCRIPT,
    /* asgard-ctl */
    SIM_RULE_RUN_ID, SIM_RULE_CATCH_UP, SIM_RULE_FIRST_WINS, SIM_RULE_TWICE,
    SIM_RULE_RESTORED, SIM_RULE_ADDED, SIM_RULE_OPENING, SIM_RULE_SUMMER,
    SIM_RULE_PROVIDER, SIM_RULE_START, SIM_RULE_CLOCK_BACK, SIM_RULE_SQL,
    SIM_RULE_OVERLAY,
    /* what a call holds and is billed */
    SIM_RULE_ROUND, SIM_RULE_FIRST, SIM_RULE_BILL, SIM_RULE_NEW_PRICE,
    SIM_RULE_NO_OWN_CARD
};

struct sim_rule {
    const char *name;
    enum sim_rule_kind kind;
    asg_script_t script;                /* ASG_SCRIPT_COUNT: none */
    struct {
        const char *from, *to;          /* from NULL: no further one */
    } passages[SIM_PASSAGES];
    enum { LOSSES, CALM } runs;
};

extern const struct sim_rule sim_rules[];
extern const unsigned sim_nrules;

#endif
