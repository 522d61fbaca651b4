
/*
 * Extend: the hold of a call that goes on does not expire.
 */

#ifndef _NGX_HTTP_ASGARD_EXTEND_H_INCLUDED_
#define _NGX_HTTP_ASGARD_EXTEND_H_INCLUDED_


#include "ngx_http_asgard_journal.h"


/* Of a slot in HELD or SENT; slot->due is the next time. */
void ngx_http_asgard_extend(ngx_http_asgard_slot_t *slot);


#endif /* _NGX_HTTP_ASGARD_EXTEND_H_INCLUDED_ */
