/*
 * The route table of the control API.
 */
#include "http/handlers.h"

#define PROJECT "/api/projects/{project_id}"

const struct ctl_route ctl_routes[] = {
    {"POST", "/api/projects", CTL_GATE_ADMIN, CTL_WRITE,
        ctl_http_project_register},
    {"GET", "/api/projects", CTL_GATE_ADMIN, CTL_READ, ctl_http_project_list},
    {"GET", PROJECT, CTL_GATE_ADMIN, CTL_READ, ctl_http_project_get},
    {"PATCH", PROJECT, CTL_GATE_ADMIN, CTL_WRITE, ctl_http_project_patch},
    {"POST", PROJECT "/kill", CTL_GATE_ADMIN, CTL_WRITE,
        ctl_http_project_kill},
    {"POST", PROJECT "/unkill", CTL_GATE_ADMIN, CTL_WRITE,
        ctl_http_project_unkill},

    {"POST", PROJECT "/keys", CTL_GATE_ADMIN, CTL_WRITE, ctl_http_key_mint},
    {"GET", PROJECT "/keys", CTL_GATE_ADMIN, CTL_READ, ctl_http_key_list},
    {"PATCH", PROJECT "/keys/{key_id}", CTL_GATE_ADMIN, CTL_WRITE,
        ctl_http_key_patch},
    {"DELETE", PROJECT "/keys/{key_id}", CTL_GATE_ADMIN, CTL_WRITE,
        ctl_http_key_revoke},

    {"GET", PROJECT "/budgets", CTL_GATE_ADMIN, CTL_READ,
        ctl_http_budget_get},
    {"PUT", PROJECT "/budgets", CTL_GATE_ADMIN, CTL_WRITE,
        ctl_http_budget_put},
    {"GET", PROJECT "/usage", CTL_GATE_ADMIN, CTL_READ, ctl_http_usage},

    {"GET", "/api/budgets", CTL_GATE_ADMIN, CTL_READ,
        ctl_http_scope_budget_get},
    {"PUT", "/api/budgets", CTL_GATE_ADMIN, CTL_WRITE,
        ctl_http_scope_budget_put},

    {"GET", "/api/ledger", CTL_GATE_ADMIN, CTL_READ, ctl_http_ledger},
    {"GET", "/api/audit", CTL_GATE_ADMIN, CTL_READ, ctl_http_audit},

    {"GET", "/internal/ready", CTL_GATE_OPEN, CTL_READ, ctl_http_ready},
    {"GET", "/metrics/ctl", CTL_GATE_OPEN, CTL_READ, ctl_http_metrics},

    {NULL, NULL, CTL_GATE_OPEN, CTL_READ, NULL}
};
