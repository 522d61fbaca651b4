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

/* http/project_routes.c */
CTL_HANDLER(ctl_http_project_register);
CTL_HANDLER(ctl_http_project_list);
CTL_HANDLER(ctl_http_project_get);
CTL_HANDLER(ctl_http_project_patch);
CTL_HANDLER(ctl_http_project_kill);
CTL_HANDLER(ctl_http_project_unkill);
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
/* http/ledger_routes.c */
CTL_HANDLER(ctl_http_ledger);
CTL_HANDLER(ctl_http_audit);
/* http/probe_routes.c */
CTL_HANDLER(ctl_http_ready);
CTL_HANDLER(ctl_http_metrics);

#endif
