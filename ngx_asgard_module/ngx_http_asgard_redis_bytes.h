
/*
 * Commands to Redis as they go over the wire: hiredis formats an argument byte
 * by byte.  What returns the end of what it wrote wants room for
 * NGX_HTTP_ASGARD_REDIS_WORD bytes more than each word has.
 */

#ifndef _NGX_HTTP_ASGARD_REDIS_BYTES_H_INCLUDED_
#define _NGX_HTTP_ASGARD_REDIS_BYTES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/script.h"
#include "core/str.h"


#define NGX_HTTP_ASGARD_REDIS_WORD  28      /* around its bytes */


/* Zeroed before its first use; its memory is used again. */
typedef struct {
    u_char  *data;
    size_t   size;
    size_t   len;
    size_t   tail;              /* where the words behind the script begin */
} ngx_http_asgard_redis_bytes_t;


u_char *ngx_http_asgard_redis_word(u_char *p, const char *data, size_t len);
/* `*words`, the command, what names the script. */
u_char *ngx_http_asgard_redis_head(u_char *p, ngx_uint_t words,
    asg_str_t command, asg_str_t script);
/* EVALSHA; argv: keys, then args.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_asgard_redis_bytes_script(
    ngx_http_asgard_redis_bytes_t *bytes, asg_script_t script,
    ngx_uint_t nkeys, ngx_uint_t argc, const char **argv, const size_t *lens);


#endif /* _NGX_HTTP_ASGARD_REDIS_BYTES_H_INCLUDED_ */
