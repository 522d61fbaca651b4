
/*
 * Guardrails: what is found in the text of a call, and what is done about it.
 *
 * The scan of the body looks for it; the step after the policy decides: refuse,
 * replace the body by one with the matches redacted, before anything is held
 * for it, or take note.  Of the answer guard_answer.h does the same.  In the
 * mode `monitor` all is noted and nothing done.  What matched is kept nowhere.
 */

#ifndef _NGX_HTTP_ASGARD_GUARD_H_INCLUDED_
#define _NGX_HTTP_ASGARD_GUARD_H_INCLUDED_


#include "ngx_http_asgard.h"

#include "core/event.h"
#include "core/guard_body.h"
#include "core/hook.h"


typedef struct {
    uint32_t          matches[ASG_RULE_MAX];
    asg_action_t      actions[ASG_RULE_MAX];  /* that were taken */
    uint64_t          gave_up;                /* core/guard_body.h */
    ngx_uint_t        lost;                   /* core/guard_answer.h */
} ngx_http_asgard_guard_side_t;


/* Of a call in which something was found. */
struct ngx_http_asgard_guard_s {
    asg_guard_mode_t  mode;
    asg_rule_t        blocked;      /* ASG_RULE_MAX: none was */
    ngx_uint_t        blocked_in;   /* ngx_http_asgard_guard_in_e */
    char              param[ASG_REQUEST_PATH_MAX];
    const asg_hook_verdict_t  *hook;    /* of the service; NULL: none */
    ngx_http_asgard_guard_side_t  side[NGX_HTTP_ASGARD_GUARD_SIDES];
    char              said[ASG_EVENT_VERDICTS];     /* when the hold ends, that
                                                     * may be without a pool */
};


ngx_int_t ngx_http_asgard_guard_init(ngx_cycle_t *cycle);
/* asgard_guardrails enforce|monitor|off [RULE=ACTION …] */
char *ngx_http_asgard_guard_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* asgard_guardrails_answers RULE=ACTION … */
char *ngx_http_asgard_guard_set_answers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* The rules of this configuration's operator; NULL: none. */
const asg_guard_set_t *ngx_http_asgard_guard_set_of(
    ngx_http_asgard_ctx_t *ctx);
/* That holds for this call: its project's, else the configuration's. */
asg_guard_mode_t ngx_http_asgard_guard_mode(ngx_http_asgard_ctx_t *ctx);
/* ctx->guard, made if there is none; NULL: no memory. */
ngx_http_asgard_guard_t *ngx_http_asgard_guard_of(ngx_http_asgard_ctx_t *ctx);

/* For the scan of this call's body; NULL: nothing is looked for. */
asg_guard_t *ngx_http_asgard_guard_begin(ngx_http_asgard_ctx_t *ctx);
/* Of that scan, if it was good.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_asgard_guard_keep(ngx_http_asgard_ctx_t *ctx);
/* Writes the texts of the body (core/guard_body.h, `texts`). */
ngx_int_t ngx_http_asgard_guard_texts(ngx_http_asgard_ctx_t *ctx,
    asg_buf_t *texts);
/* The step. */
ngx_int_t ngx_http_asgard_guard(ngx_http_asgard_ctx_t *ctx);
/* What was found on that side, into the metrics. */
void ngx_http_asgard_guard_count(ngx_http_asgard_ctx_t *ctx, ngx_uint_t in);
/* The rule that refused the call, as further members of "error". */
void ngx_http_asgard_guard_error(asg_buf_t *out, ngx_http_asgard_ctx_t *ctx);
/* What was found, for the ledger: `q:pii-email:pii:redact:2,a:…`, q of the
 * request and a of the answer.  The null string: nothing was. */
asg_str_t ngx_http_asgard_guard_text(ngx_http_asgard_ctx_t *ctx);
/* `{"rule_id":…,"category":…,"action":…,"matches":…}`, … as JSON; of the answer
 * with `"in":"answer"`. */
void ngx_http_asgard_guard_verdicts(asg_buf_t *out,
    ngx_http_asgard_ctx_t *ctx);


#endif /* _NGX_HTTP_ASGARD_GUARD_H_INCLUDED_ */
