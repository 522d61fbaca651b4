
/*
 * What this machine's own files say of names: /etc/hosts, /etc/resolv.conf.
 *
 * Each is read whole and at once, up to 64 kB: no disk is waited for beyond
 * that.
 */

#ifndef _NGX_HTTP_ASGARD_HOSTS_H_INCLUDED_
#define _NGX_HTTP_ASGARD_HOSTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_ASGARD_SERVERS_MAX  3
#define NGX_HTTP_ASGARD_SEARCH_MAX   6


typedef struct {
    ngx_str_t   servers[NGX_HTTP_ASGARD_SERVERS_MAX];
    ngx_uint_t  nservers;
    ngx_str_t   search[NGX_HTTP_ASGARD_SEARCH_MAX];   /* domains */
    ngx_uint_t  nsearch;
} ngx_http_asgard_resolv_t;


typedef void (*ngx_http_asgard_hosts_found_pt)(void *data,
    ngx_str_t *address);


/* Tells every address that /etc/hosts has for `host`; how many. */
ngx_uint_t ngx_http_asgard_hosts_find(ngx_str_t *host,
    ngx_http_asgard_hosts_found_pt found, void *data);

/* Of /etc/resolv.conf, into memory of `pool`; without that file nothing. */
ngx_int_t ngx_http_asgard_hosts_resolv(ngx_pool_t *pool,
    ngx_http_asgard_resolv_t *found);


#endif /* _NGX_HTTP_ASGARD_HOSTS_H_INCLUDED_ */
