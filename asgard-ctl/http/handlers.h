/*
 * The handlers of the control API, one file a subject, listed in routes.c.
 *
 * Each has the type of struct ctl_route's `handler`.
 */
#ifndef CTL_HANDLERS_H
#define CTL_HANDLERS_H

#include "http/route.h"

#define CTL_HANDLER(name) \
    bool name(struct ctl_request *rq, struct ctl_answer *an, \
        struct ctl_error *e)

/* http/auth_routes.c */
CTL_HANDLER(ctl_http_login);
CTL_HANDLER(ctl_http_logout);
CTL_HANDLER(ctl_http_password);
CTL_HANDLER(ctl_http_me);
/* http/token_routes.c */
CTL_HANDLER(ctl_http_token_mint);
CTL_HANDLER(ctl_http_token_list);
CTL_HANDLER(ctl_http_token_revoke);
CTL_HANDLER(ctl_http_agent_create);
CTL_HANDLER(ctl_http_agent_list);
CTL_HANDLER(ctl_http_agent_retire);
/* http/user_routes.c */
CTL_HANDLER(ctl_http_user_create);
CTL_HANDLER(ctl_http_user_list);
CTL_HANDLER(ctl_http_user_role);
CTL_HANDLER(ctl_http_user_active);
CTL_HANDLER(ctl_http_user_password);
/* http/project_routes.c */
CTL_HANDLER(ctl_http_project_register);
CTL_HANDLER(ctl_http_project_list);
CTL_HANDLER(ctl_http_project_get);
CTL_HANDLER(ctl_http_project_patch);
CTL_HANDLER(ctl_http_project_kill);
CTL_HANDLER(ctl_http_project_unkill);
/* http/approver_routes.c */
CTL_HANDLER(ctl_http_approvers_list);
CTL_HANDLER(ctl_http_approvers_add);
CTL_HANDLER(ctl_http_approvers_remove);

/* http/group_routes.c */
CTL_HANDLER(ctl_http_group_create);
CTL_HANDLER(ctl_http_group_list);
/* http/life_routes.c */
CTL_HANDLER(ctl_http_promotion_get);
CTL_HANDLER(ctl_http_promotion_ask);
CTL_HANDLER(ctl_http_demote);
CTL_HANDLER(ctl_http_extend);
CTL_HANDLER(ctl_http_decommission);
CTL_HANDLER(ctl_http_archive);
/* http/key_routes.c */
CTL_HANDLER(ctl_http_key_mint);
CTL_HANDLER(ctl_http_key_list);
CTL_HANDLER(ctl_http_key_patch);
CTL_HANDLER(ctl_http_key_revoke);
/* http/budget_routes.c */
CTL_HANDLER(ctl_http_budget_get);
CTL_HANDLER(ctl_http_budget_put);
CTL_HANDLER(ctl_http_scope_budget_get);
CTL_HANDLER(ctl_http_scope_budget_put);
CTL_HANDLER(ctl_http_usage);
/* http/resource_routes.c */
CTL_HANDLER(ctl_http_resource_ask);
CTL_HANDLER(ctl_http_resource_link);
CTL_HANDLER(ctl_http_resource_list);
CTL_HANDLER(ctl_http_resource_get);
CTL_HANDLER(ctl_http_resource_end);
CTL_HANDLER(ctl_http_resource_retry);
CTL_HANDLER(ctl_http_secret_rotate);
/* http/secret_routes.c */
CTL_HANDLER(ctl_http_secret_list);
CTL_HANDLER(ctl_http_secret_read);
CTL_HANDLER(ctl_http_secret_acknowledge);
/* http/service_routes.c */
CTL_HANDLER(ctl_http_service_list);
CTL_HANDLER(ctl_http_service_get);
/* http/ask_routes.c */
CTL_HANDLER(ctl_http_ask_create);
CTL_HANDLER(ctl_http_ask_list);
CTL_HANDLER(ctl_http_ask_get);
CTL_HANDLER(ctl_http_ask_follow);
CTL_HANDLER(ctl_http_ask_approve);
CTL_HANDLER(ctl_http_ask_reject);
CTL_HANDLER(ctl_http_ask_fulfil);
CTL_HANDLER(ctl_http_ask_escalate);
CTL_HANDLER(ctl_http_ask_cancel);
/* http/link_routes.c */
CTL_HANDLER(ctl_http_link_page);
CTL_HANDLER(ctl_http_link_look);
CTL_HANDLER(ctl_http_link_act);
/* Of the gate: who asks is the person of the link, whose token is in the body;
 * 404 link_not_found, 410 link_ended. */
bool ctl_http_link_enter(struct ctl_request *rq, struct ctl_error *e);
/* http/ledger_routes.c */
CTL_HANDLER(ctl_http_ledger);
CTL_HANDLER(ctl_http_audit);
/* http/probe_routes.c */
CTL_HANDLER(ctl_http_ready);
CTL_HANDLER(ctl_http_metrics);
CTL_HANDLER(ctl_http_openapi);

#endif
