
/*
 * The heads of the partitions, `{pNN}:m`, read twice a second by one worker of
 * all: the epoch, whether gateways are listened to under it, and what the
 * ledger has.
 */

#ifndef _NGX_HTTP_ASGARD_HEAD_H_INCLUDED_
#define _NGX_HTTP_ASGARD_HEAD_H_INCLUDED_


#include "ngx_http_asgard_shm.h"


/* Asks for each head whose turn it is; slots that the ledger has are freed when
 * the answer comes. */
void ngx_http_asgard_head_read(void);

/* The highest epoch under which the partition was seen adopting or open; 0:
 * none. */
uint64_t ngx_http_asgard_head_heard(ngx_uint_t part);


#endif /* _NGX_HTTP_ASGARD_HEAD_H_INCLUDED_ */
