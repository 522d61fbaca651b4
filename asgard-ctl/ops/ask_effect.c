/*
 * The kinds of requests and their effects.
 */
#include "ops/ask_effect.h"

#include <string.h>

#include "ops/project_ask.h"
#include "ops/resource.h"
#include "ops/resource_gate.h"

/* A kind that ends in a colon stands for all that begin so. */
static const struct ctl_ask_kind kinds[] = {
    {"generic", NULL, false},
    {"budget", ctl_project_grant_budget, false},
    {"promotion", ctl_project_grant_promotion, false},
    {"review-extension", ctl_project_grant_extension, false},
    {"decommission", ctl_project_grant_end, true},
    {"provision:", ctl_resource_provision, false},
    {"destroy:", ctl_resource_destroy, true}
};


const struct ctl_ask_kind *
ctl_ask_kind_find(const char *kind)
{
    size_t i, n;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        n = strlen(kinds[i].kind);
        if (kinds[i].kind[n - 1] == ':'
            ? strncmp(kinds[i].kind, kind, n) == 0
            : strcmp(kinds[i].kind, kind) == 0)
        {
            return &kinds[i];
        }
    }

    return NULL;
}


bool
ctl_ask_by_people(const struct ctl_ask *ask)
{
    const struct ctl_ask_kind *kind = ctl_ask_kind_find(ask->kind);

    return kind != NULL && kind->effect == NULL;
}


bool
ctl_ask_kind_check(const char *name, bool killed, struct ctl_error *e)
{
    const struct ctl_ask_kind *kind = ctl_ask_kind_find(name);
    struct ctl_decision d = ctl_decide(CTL_ACTION_APPROVE,
        CTL_FACT_LIVE | (killed ? CTL_FACT_KILLED : 0));

    return (kind != NULL && kind->ends) || d.effect != CTL_EFFECT_DENY
           || ctl_resource_denied(&d, e);
}


bool
ctl_ask_effect_run(struct ctl_change *c, struct ctl_ask *ask,
    struct ctl_error *e)
{
    const struct ctl_ask_kind *kind = ctl_ask_kind_find(ask->kind);
    enum ctl_ask_done done = CTL_ASK_STARTED;

    if (kind == NULL) {
        return ctl_error_internal(e, "a request of no kind");
    }
    if (kind->effect != NULL && !kind->effect(c, ask, &done, e)) {
        return false;
    }
    switch (done) {
    case CTL_ASK_DONE:
        return ctl_ask_move(c, ask, CTL_ASK_FULFIL, NULL, e);
    case CTL_ASK_CHANGED:
        return ctl_ask_move(c, ask, CTL_ASK_CANCEL,
                            "what would be done is not what was asked", e);
    default:
        return true;
    }
}
