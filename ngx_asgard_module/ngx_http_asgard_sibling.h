
/*
 * The word of a worker that is stopped, not dead, told by a sibling.
 *
 * After a loss of Redis each worker announces what it holds and tells again
 * what it ended. One that does not run cannot, and what it holds would be room
 * for others until it goes on; so the first of the workers that do run reads
 * the slots of those that do not and tells them as their owner would: open
 * holds by reserve in mode A, outcomes by finish, both under the hold's own id.
 * Slots are only read, never taken, freed or settled: their owner may go on at
 * any moment, even in the middle, and tells all of it again, which counts once.
 */

#ifndef _NGX_HTTP_ASGARD_SIBLING_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SIBLING_H_INCLUDED_


#include "ngx_http_asgard_journal.h"


/* At each tick: who is silent, and how much of theirs is to be told. */
void ngx_http_asgard_sibling_look(void);
/* Tells of it what the pace allows. */
void ngx_http_asgard_sibling_tell(void);
/* Something of this partition is still to be told for others. */
ngx_uint_t ngx_http_asgard_sibling_is_behind(ngx_uint_t part);


#endif /* _NGX_HTTP_ASGARD_SIBLING_H_INCLUDED_ */
