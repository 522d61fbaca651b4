
/*
 * The witness: one line of JSON per hold, one write(2) each.
 *
 * The file is appended to and reopened on USR1 like nginx's logs. The line is
 * written in the pass of the event loop at whose end Redis is told; a write
 * that fails is an alert, is counted, and changes nothing else: the journal's
 * slot and Redis have the call until the ledger does. After a line that was
 * torn the next one begins on a line of its own. No prompt and no secret is
 * ever in it.
 */

#ifndef _NGX_HTTP_ASGARD_SPOOL_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SPOOL_H_INCLUDED_


#include "ngx_http_asgard_journal.h"


/* Before the core opens the file: a new one is its owner's alone. */
void ngx_http_asgard_spool_guard(ngx_open_file_t *file, ngx_log_t *log);

/* `verb`: s, e, v, or x for a hold that is left to expire. */
void ngx_http_asgard_spool_call(ngx_http_asgard_slot_t *slot,
    const asg_event_t *event, u_char verb, asg_nusd_t amount_nusd,
    asg_str_t verdict);
/* The same where the request is gone, from the slot's detail. */
void ngx_http_asgard_spool_slot(ngx_http_asgard_slot_t *slot, u_char verb,
    asg_nusd_t amount_nusd, asg_str_t verdict);


#endif /* _NGX_HTTP_ASGARD_SPOOL_H_INCLUDED_ */
