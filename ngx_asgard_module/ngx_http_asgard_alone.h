
/*
 * Calls that are let in while Redis cannot say whether their budgets have room:
 * asgard_fail_mode.
 *
 * Such a call has a slot of the journal like any other, and a hold of its own
 * id, of which Redis does not know: the slot is `untold`.  Before it ends, or
 * when it has ended, the hold is announced by reserve in mode L (adopt.h),
 * which no limit refuses; from then on it is like any other.  The witness has a
 * line of it from the beginning, so that it is not lost with this memory.
 *
 * Money.  What is untold counts against the allowance of its project's bucket
 * (share.h), over all workers: the whole hold, after its end what it cost.  And
 * nothing is let in but what every one of its budgets let in when Redis was
 * asked last: those stand in a table by the hash of their names, where one may
 * displace another, which then is refused.  A hold that was announced and found
 * a limit passed takes its budgets out of the table.  So a budget is passed by
 * no more than the allowance, however often Redis comes and goes.
 *
 * Identity.  Records are used as they were read last, for a bounded time,
 * unless a newer one was announced.
 */

#ifndef _NGX_HTTP_ASGARD_ALONE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ALONE_H_INCLUDED_


#include "ngx_http_asgard_journal.h"
#include "ngx_http_asgard_limits.h"


#define NGX_HTTP_ASGARD_ALONE_TEXT  2048        /* of its metrics */


/* asgard_fail_mode: what is done with a call while Redis cannot say whether its
 * budgets have room. */
typedef enum {
    NGX_HTTP_ASGARD_FAIL_CLOSED = 0,    /* refused */
    NGX_HTTP_ASGARD_FAIL_LOCAL,         /* let in within an allowance */
    NGX_HTTP_ASGARD_FAIL_OPEN           /* let in */
} ngx_http_asgard_fail_e;


/* asgard_fail_mode closed | local USD [known=TIME] | open [known=TIME] */
char *ngx_http_asgard_alone_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* "closed", "local", "open". */
asg_str_t ngx_http_asgard_alone_name(ngx_uint_t mode);
/* How many ms ago a record may have been read that is used while Redis cannot
 * be asked; 0: it may not. */
ngx_msec_t ngx_http_asgard_alone_known(void);

/* Redis' last word: the budgets of the slot have let it in; or one has not. */
void ngx_http_asgard_alone_passed(ngx_http_asgard_slot_t *slot);
void ngx_http_asgard_alone_over(asg_str_t budget);
void ngx_http_asgard_alone_forget(ngx_http_asgard_slot_t *slot); /* all */

/* NGX_OK: the call of the slot, which was filled, is let in.  NGX_DECLINED: it
 * is not, ctx->message may say why. */
ngx_int_t ngx_http_asgard_alone_take(ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_slot_t *slot);
/* It has ended with this cost. */
void ngx_http_asgard_alone_end(ngx_http_asgard_slot_t *slot, asg_nusd_t cost);
/* Redis has its hold, or its end; or the slot is given back. */
void ngx_http_asgard_alone_told(ngx_http_asgard_slot_t *slot);
/* Redis has its hold, and by its reply no room, or perhaps none. */
void ngx_http_asgard_alone_taken(ngx_http_asgard_slot_t *slot,
    const asg_str_t *reply, ngx_uint_t n);

ngx_int_t ngx_http_asgard_alone_header(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push);
u_char *ngx_http_asgard_alone_write(u_char *p, u_char *last);


#endif /* _NGX_HTTP_ASGARD_ALONE_H_INCLUDED_ */
