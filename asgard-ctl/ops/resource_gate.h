/*
 * Whether a project may have a resource: the facts of one request, gathered
 * with the project's row locked, and the decision of policy/decide.h.
 *
 * Asked when a resource is requested and again when it is about to be made.
 */
#ifndef CTL_RESOURCE_GATE_H
#define CTL_RESOURCE_GATE_H

#include "base/config.h"
#include "core/money.h"
#include "ops/change.h"
#include "policy/decide.h"

#define CTL_RESOURCE_NAME_MAX 40
#define CTL_RESOURCE_SPEC_MAX (64 * 1024)

/* Members of the tags of whatever a project has; `p` is its row. */
#define CTL_RESOURCE_TAGS_OF_PROJECT \
    "'project', p.project_id, 'owner', owner_email, 'manager', manager_email," \
    " 'group', group_key, 'cost-center', cost_center," \
    " 'classification', classification"

struct ctl_resource_wish {
    const char *project_id;
    const char *rtype, *name;
    const char *spec;                   /* a JSON object */
    const char *account;                /* as it was approved; NULL: not yet */
};

/* Texts are of the arena. */
struct ctl_resource_facts {
    struct ctl_decision decision;
    const char *payload;                /* JSON: all that an approver sees */
    const char *tags;                   /* JSON */
    const char *connector;
    const char *backend;                /* what runs it now */
    const char *service_sha256;         /* hex, of the manifest */
    const char *resource_id;            /* one of this name; NULL: none yet */
    bool same;                          /* it has this spec, and works */
    asg_nusd_t est_monthly_nusd;
};

/* `config` NULL: targets were looked at before.  400 invalid_value,
 * missing_field; 403 of a project that is not live;
 * 404 service_not_found.  Any other denial is no failure: see decision, and
 * ctl_resource_denied(). */
bool ctl_resource_gate(struct ctl_change *c, const struct ctl_config *config,
    const struct ctl_resource_wish *wish, struct ctl_resource_facts *out,
    struct ctl_error *e);

/* 403 project_inactive, project_killed, policy_denied; names the rule. */
bool ctl_resource_denied(const struct ctl_decision *decision,
    struct ctl_error *e);

#endif
