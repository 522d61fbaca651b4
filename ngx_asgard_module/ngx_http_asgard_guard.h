
/*
 * Guardrails: what is found in the text of a call, and what is done about it.
 *
 * The scan of the body looks for it; the step after the policy decides: refuse,
 * replace the body by one with the matches redacted, before anything is held
 * for it, or take note.  In the mode `monitor` all is noted and nothing done.
 * What matched is kept nowhere.
 */

#ifndef _NGX_HTTP_ASGARD_GUARD_H_INCLUDED_
#define _NGX_HTTP_ASGARD_GUARD_H_INCLUDED_


#include "ngx_http_asgard.h"

#include "core/guard_body.h"


/* Of a call in which something was found. */
struct ngx_http_asgard_guard_s {
    asg_guard_mode_t  mode;
    asg_rule_t        blocked;      /* ASG_RULE_COUNT: none was */
    uint32_t          matches[ASG_RULE_COUNT];
    asg_action_t      actions[ASG_RULE_COUNT];  /* that were taken */
    char              param[ASG_REQUEST_PATH_MAX];
};


ngx_int_t ngx_http_asgard_guard_init(ngx_cycle_t *cycle);
/* asgard_guardrails enforce|monitor|off [RULE=ACTION …] */
char *ngx_http_asgard_guard_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* For the scan of this call's body; NULL: nothing is looked for. */
asg_guard_t *ngx_http_asgard_guard_begin(ngx_http_asgard_ctx_t *ctx);
/* Of that scan, if it was good.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_asgard_guard_keep(ngx_http_asgard_ctx_t *ctx);
/* The step. */
ngx_int_t ngx_http_asgard_guard(ngx_http_asgard_ctx_t *ctx);
/* The rule that refused the call, as further members of "error". */
void ngx_http_asgard_guard_error(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx);
/* `{"rule_id":…,"category":…,"action":…,"matches":…}`, … as JSON. */
void ngx_http_asgard_guard_verdicts(asg_buf_t *out,
    ngx_http_asgard_ctx_t *ctx);


#endif /* _NGX_HTTP_ASGARD_GUARD_H_INCLUDED_ */
