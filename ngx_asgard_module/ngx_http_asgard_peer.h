
/*
 * What a worker knows of an endpoint beyond the catalog: addresses, kept
 * connections, trust, the last TLS session.
 *
 * A peer is found by what identifies the endpoint on the wire (id, scheme,
 * host, port, TLS name, trust, which addresses it may have), so it survives a
 * new catalog that says the same, and a kept connection is never used for
 * anything else; nor when its address is none of those that the name has now.
 * Snapshots hold it by counted references through snapshot->peers; a request
 * holds its snapshot.
 */

#ifndef _NGX_HTTP_ASGARD_PEER_H_INCLUDED_
#define _NGX_HTTP_ASGARD_PEER_H_INCLUDED_


#include "ngx_http_asgard.h"
#include "ngx_http_asgard_resolve.h"


#define NGX_HTTP_ASGARD_IDLE_MAX   64         /* kept connections a peer */
#define NGX_HTTP_ASGARD_IDLE_TIME  30000      /* ms */


typedef struct ngx_http_asgard_peer_s  ngx_http_asgard_peer_t;


typedef struct {
    ngx_queue_t                queue;         /* of idle or of spare */
    ngx_connection_t          *connection;
    ngx_http_asgard_addr_t     addr;
    ngx_http_asgard_peer_t    *peer;
} ngx_http_asgard_idle_t;


struct ngx_http_asgard_peer_s {
    ngx_queue_t                queue;         /* all of this worker */
    ngx_uint_t                 refs;          /* snapshots */
    ngx_str_t                  id;
    ngx_str_t                  tls_name;
    ngx_str_t                  ca_file;
    ngx_uint_t                 tls;           /* unsigned, 0 or 1 */
    ngx_ssl_t                 *ssl;           /* own, or the shared one */
    ngx_ssl_t                  own;           /* when it has a trust of its
                                               * own */
    ngx_ssl_session_t         *session;
    ngx_http_asgard_resolve_t  resolve;
    ngx_queue_t                idle;          /* newest first */
    ngx_queue_t                spare;
    ngx_http_asgard_idle_t     items[NGX_HTTP_ASGARD_IDLE_MAX];
};


/* The shared TLS context: amcf->ca_file, else the system's trust. */
ngx_int_t ngx_http_asgard_peer_init_main(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);

/* NULL: no memory, or a CA file that cannot be read (logged). */
ngx_http_asgard_peer_t *ngx_http_asgard_peer(ngx_http_asgard_snapshot_t *s,
    ngx_uint_t endpoint);

/* A new snapshot takes over what `old` knows of endpoints that it has too. */
void ngx_http_asgard_peer_inherit(ngx_http_asgard_snapshot_t *s,
    ngx_http_asgard_snapshot_t *old);

/* To be called once before a snapshot's memory is freed. */
void ngx_http_asgard_peer_release(ngx_http_asgard_snapshot_t *s);

/* A kept connection into pc and where it goes into *addr, or NGX_DECLINED. */
ngx_int_t ngx_http_asgard_peer_reuse(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc, ngx_http_asgard_addr_t *addr);
/* Keeps pc->connection, to `addr`, (and sets it NULL) when it is clean. */
void ngx_http_asgard_peer_keep(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc, ngx_http_asgard_addr_t *addr);

ngx_int_t ngx_http_asgard_peer_set_session(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc);
void ngx_http_asgard_peer_save_session(ngx_http_asgard_peer_t *peer,
    ngx_peer_connection_t *pc);


#endif /* _NGX_HTTP_ASGARD_PEER_H_INCLUDED_ */
