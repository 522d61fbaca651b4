
/*
 * From the bytes of a snapshot to something that can be served: verified,
 * parsed, its provider keys opened.  Blocking, in memory, no I/O.
 */

#ifndef _NGX_HTTP_ASGARD_SNAPSHOT_LOAD_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SNAPSHOT_LOAD_H_INCLUDED_


#include "ngx_http_asgard_snapshot.h"


/* With one reference; NULL: `why` says in words what is wrong.  Versions below
 * `floor` are refused. */
ngx_http_asgard_snapshot_t *ngx_http_asgard_snapshot_load(asg_json_t *json,
    const asg_keyfile_t *keys, asg_str_t text, uint64_t floor,
    const char **why);

void ngx_http_asgard_snapshot_free(ngx_http_asgard_snapshot_t *s);


#endif /* _NGX_HTTP_ASGARD_SNAPSHOT_LOAD_H_INCLUDED_ */
