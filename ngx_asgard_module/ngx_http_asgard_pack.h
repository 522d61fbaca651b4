
/*
 * A key's record in few bytes, as the cache in shared memory has it.
 *
 * Without the unused room of its fixed arrays, and without its version, which
 * the entry has.  Never longer than the record as it stands.
 */

#ifndef _NGX_HTTP_ASGARD_PACK_H_INCLUDED_
#define _NGX_HTTP_ASGARD_PACK_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Rises with what records look like in the cache: workers of another build do
 * not read them. */
#define NGX_HTTP_ASGARD_PACK_FORMAT  2


size_t ngx_http_asgard_pack(u_char *out, asg_key_record_t *record);
void ngx_http_asgard_pack_read(u_char *p, asg_key_record_t *record);


#endif /* _NGX_HTTP_ASGARD_PACK_H_INCLUDED_ */
