/*
 * The route table of the control API: each route with the rule that says who
 * may enter (policy/access.h), and whether it changes something.
 */
#include "http/handlers.h"

#define PROJECT "/api/projects/{project_id}"

const struct ctl_route ctl_routes[] = {
    {"POST", "/api/auth/login", CTL_RULE_OPEN, CTL_OWN, ctl_http_login},
    {"POST", "/api/auth/logout", CTL_RULE_SESSION, CTL_WRITE,
        ctl_http_logout},
    {"POST", "/api/auth/password", CTL_RULE_OWN_AGENTS, CTL_OWN,
        ctl_http_password},
    {"GET", "/api/auth/me", CTL_RULE_SIGNED_IN, CTL_READ, ctl_http_me},

    {"GET", "/api/auth/tokens", CTL_RULE_OWN_TOKENS_READ, CTL_READ,
        ctl_http_token_list},
    {"POST", "/api/auth/tokens", CTL_RULE_OWN_TOKENS, CTL_WRITE,
        ctl_http_token_mint},
    {"DELETE", "/api/auth/tokens/{token_id}", CTL_RULE_OWN_TOKENS, CTL_WRITE,
        ctl_http_token_revoke},

    {"GET", "/api/agent-principals", CTL_RULE_OWN_AGENTS_READ, CTL_READ,
        ctl_http_agent_list},
    {"POST", "/api/agent-principals", CTL_RULE_OWN_AGENTS, CTL_WRITE,
        ctl_http_agent_create},
    {"DELETE", "/api/agent-principals/{agent_id}", CTL_RULE_OWN_TOKENS,
        CTL_WRITE, ctl_http_agent_retire},

    {"POST", "/api/users", CTL_RULE_ADMIN, CTL_WRITE, ctl_http_user_create},
    {"GET", "/api/users", CTL_RULE_ADMIN, CTL_READ, ctl_http_user_list},
    {"POST", "/api/users/{user_id}/role", CTL_RULE_ADMIN, CTL_WRITE,
        ctl_http_user_role},
    {"POST", "/api/users/{user_id}/active", CTL_RULE_ADMIN, CTL_WRITE,
        ctl_http_user_active},
    {"POST", "/api/users/{user_id}/password", CTL_RULE_ADMIN, CTL_WRITE,
        ctl_http_user_password},

    {"POST", "/api/groups", CTL_RULE_ADMIN, CTL_WRITE, ctl_http_group_create},
    {"GET", "/api/groups", CTL_RULE_READ, CTL_READ, ctl_http_group_list},

    {"GET", "/api/approver-groups", CTL_RULE_ADMIN, CTL_READ,
        ctl_http_approvers_list},
    {"POST", "/api/approver-groups/{group}/members", CTL_RULE_ADMIN, CTL_WRITE,
        ctl_http_approvers_add},
    {"DELETE", "/api/approver-groups/{group}/members/{member}", CTL_RULE_ADMIN,
        CTL_WRITE, ctl_http_approvers_remove},

    {"POST", "/api/projects", CTL_RULE_ASK, CTL_WRITE,
        ctl_http_project_register},
    {"GET", "/api/projects", CTL_RULE_READ, CTL_READ, ctl_http_project_list},
    {"GET", PROJECT, CTL_RULE_PROJECT_SEE, CTL_READ, ctl_http_project_get},
    {"PATCH", PROJECT, CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_project_patch},
    {"POST", PROJECT "/kill", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_project_kill},
    {"POST", PROJECT "/unkill", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_project_unkill},

    {"GET", PROJECT "/promotion", CTL_RULE_PROJECT_SEE, CTL_READ,
        ctl_http_promotion_get},
    {"POST", PROJECT "/promotion", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_promotion_ask},
    {"POST", PROJECT "/demote", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_demote},
    {"POST", PROJECT "/extend", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_extend},
    {"POST", PROJECT "/decommission", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_decommission},
    {"POST", PROJECT "/archive", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_archive},

    {"POST", PROJECT "/keys", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_key_mint},
    {"GET", PROJECT "/keys", CTL_RULE_PROJECT_SEE, CTL_READ,
        ctl_http_key_list},
    {"PATCH", PROJECT "/keys/{key_id}", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_key_patch},
    {"DELETE", PROJECT "/keys/{key_id}", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_key_revoke},

    {"GET", PROJECT "/budgets", CTL_RULE_PROJECT_SEE, CTL_READ,
        ctl_http_budget_get},
    {"PUT", PROJECT "/budgets", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_budget_put},
    {"POST", PROJECT "/resources", CTL_RULE_PROJECT_STEER, CTL_WRITE,
        ctl_http_resource_ask},
    {"GET", PROJECT "/resources", CTL_RULE_PROJECT_SEE, CTL_READ,
        ctl_http_resource_list},
    {"GET", PROJECT "/resources/{resource_id}", CTL_RULE_PROJECT_SEE, CTL_READ,
        ctl_http_resource_get},
    {"DELETE", PROJECT "/resources/{resource_id}", CTL_RULE_PROJECT_STEER,
        CTL_WRITE, ctl_http_resource_end},
    {"POST", PROJECT "/resources/{resource_id}/retry", CTL_RULE_PROJECT_STEER,
        CTL_WRITE, ctl_http_resource_retry},

    {"GET", PROJECT "/secrets", CTL_RULE_PROJECT_SEE, CTL_READ,
        ctl_http_secret_list},
    {"POST", PROJECT "/secrets/{name}/read", CTL_RULE_PROJECT_STEER, CTL_OWN,
        ctl_http_secret_read},
    {"POST", PROJECT "/secrets/{name}/acknowledge", CTL_RULE_PROJECT_STEER,
        CTL_WRITE, ctl_http_secret_acknowledge},
    {"POST", PROJECT "/secrets/{name}/rotate", CTL_RULE_PROJECT_STEER,
        CTL_WRITE, ctl_http_secret_rotate},
    {"GET", PROJECT "/usage", CTL_RULE_PROJECT_SEE, CTL_READ, ctl_http_usage},

    {"GET", "/api/budgets", CTL_RULE_READ, CTL_READ,
        ctl_http_scope_budget_get},
    {"PUT", "/api/budgets", CTL_RULE_ASK, CTL_WRITE,
        ctl_http_scope_budget_put},

    {"GET", "/api/services", CTL_RULE_READ, CTL_READ, ctl_http_service_list},
    {"GET", "/api/services/{service_id}", CTL_RULE_READ, CTL_READ,
        ctl_http_service_get},

    {"POST", "/api/requests", CTL_RULE_ASK, CTL_WRITE, ctl_http_ask_create},
    {"GET", "/api/requests", CTL_RULE_READ, CTL_READ, ctl_http_ask_list},
    {"GET", "/api/requests/{request_id}", CTL_RULE_READ, CTL_READ,
        ctl_http_ask_get},
    {"GET", "/api/requests/{request_id}/events", CTL_RULE_READ, CTL_READ,
        ctl_http_ask_follow},
    {"POST", "/api/requests/{request_id}/approve", CTL_RULE_DECIDE, CTL_WRITE,
        ctl_http_ask_approve},
    {"POST", "/api/requests/{request_id}/reject", CTL_RULE_DECIDE, CTL_WRITE,
        ctl_http_ask_reject},
    {"POST", "/api/requests/{request_id}/escalate", CTL_RULE_REQUEST, CTL_WRITE,
        ctl_http_ask_escalate},
    {"POST", "/api/requests/{request_id}/cancel", CTL_RULE_REQUEST, CTL_WRITE,
        ctl_http_ask_cancel},

    {"GET", "/api/decide", CTL_RULE_OPEN, CTL_READ, ctl_http_link_page},
    {"POST", "/api/decide/look", CTL_RULE_LINK, CTL_READ, ctl_http_link_look},
    {"POST", "/api/decide/act", CTL_RULE_LINK, CTL_WRITE, ctl_http_link_act},

    {"GET", "/api/ledger", CTL_RULE_READ, CTL_READ, ctl_http_ledger},
    {"GET", "/api/audit", CTL_RULE_READ, CTL_READ, ctl_http_audit},

    {"GET", "/api/openapi.json", CTL_RULE_OPEN, CTL_READ, ctl_http_openapi},
    {"GET", "/internal/ready", CTL_RULE_OPEN, CTL_READ, ctl_http_ready},
    {"GET", "/metrics/ctl", CTL_RULE_OPEN, CTL_READ, ctl_http_metrics},

    {NULL, NULL, CTL_RULE_ADMIN, CTL_READ, NULL}
};
