
/*
 * Secrets that the master reads as root: the key file, Redis' password.
 *
 * Both live in one mapping of this configuration that core dumps leave
 * out; it is wiped when the configuration dies.  No message shows a byte of
 * them.
 */

#ifndef _NGX_HTTP_ASGARD_KEYFILE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_KEYFILE_H_INCLUDED_


#include "ngx_http_asgard.h"


/* Fills amcf->keys and amcf->pads from amcf->key_file. */
char *ngx_http_asgard_keyfile_load(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);

/* Fills amcf->redis_password with the first line of the file. */
char *ngx_http_asgard_keyfile_password(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf, ngx_str_t *path);

/* A secret for the guardrail service, likewise; it has no sign that a header
 * may not have. */
char *ngx_http_asgard_keyfile_hook(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf, ngx_str_t *path, ngx_str_t *out);

/* Memory that core dumps leave out, zeroed; NULL: none.  unmap wipes it. */
void *ngx_http_asgard_secret_map(size_t size);
void ngx_http_asgard_secret_unmap(void *memory, size_t size);

/* In a worker or helper: no core dump and no debugger from now on. */
void ngx_http_asgard_keyfile_shut(ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_ASGARD_KEYFILE_H_INCLUDED_ */
