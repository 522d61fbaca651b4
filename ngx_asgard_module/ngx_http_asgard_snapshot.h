
/*
 * The catalog that this worker serves: fetched from Redis when the channel
 * announces a version, verified, parsed, provider keys opened; counted
 * references keep an old one alive for the requests that use it.
 *
 * A bad, older or unverifiable snapshot leaves the old one in service, counts
 * an alarm and says why once in the error log.  The last good one is also kept
 * in shared memory, so that a new worker can serve while Redis is away.
 */

#ifndef _NGX_HTTP_ASGARD_SNAPSHOT_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SNAPSHOT_H_INCLUDED_


#include "ngx_http_asgard.h"


struct ngx_http_asgard_snapshot_s {
    asg_catalog_t   catalog;
    ngx_uint_t      refs;
    ngx_str_t      *keys;       /* by endpoint: opened API key, empty = none;
                                 * in a MADV_DONTDUMP mapping */
    asg_leak_t    **leaks;      /* by endpoint: how its key is found in what
                                 * comes back; NULL: none.  In that mapping */
    void          **peers;      /* by endpoint: owned by candidate.c */
    void           *memory;
    void           *secrets;    /* the mapping of keys and leaks */
    size_t          secrets_size;
};


/* The zone beside asgard_zone NAME that keeps the last good snapshot. */
ngx_shm_zone_t *ngx_http_asgard_snapshot_zone_add(ngx_conf_t *cf,
    ngx_str_t *name);


ngx_int_t ngx_http_asgard_snapshot_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf);
void ngx_http_asgard_snapshot_exit(void);
/* A version was announced (or the connection came back): fetch if newer. */
void ngx_http_asgard_snapshot_wanted(void);
/* The first one of this worker is on its way. */
ngx_uint_t ngx_http_asgard_snapshot_awaited(void);

/* A reference, or NULL: none loaded, or older than its max_age since ctl was
 * last heard. */
ngx_http_asgard_snapshot_t *ngx_http_asgard_snapshot_take(void);
/* The version that take() would give; 0: it would give NULL. */
uint64_t ngx_http_asgard_snapshot_version(void);
void ngx_http_asgard_snapshot_drop(ngx_http_asgard_snapshot_t *s);


#endif /* _NGX_HTTP_ASGARD_SNAPSHOT_H_INCLUDED_ */
