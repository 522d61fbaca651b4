
/*
 * Commands to Redis as they go over the wire.
 */

#include "ngx_http_asgard_redis_bytes.h"


static u_char *
ngx_http_asgard_redis_size(u_char *p, u_char mark, size_t n)
{
    u_char   digits[NGX_SIZE_T_LEN];
    u_char  *d;

    d = digits + sizeof(digits);

    do {
        *--d = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    *p++ = mark;
    p = ngx_cpymem(p, d, digits + sizeof(digits) - d);
    *p++ = CR;
    *p++ = LF;

    return p;
}


u_char *
ngx_http_asgard_redis_word(u_char *p, const char *data, size_t len)
{
    p = ngx_http_asgard_redis_size(p, '$', len);
    p = ngx_cpymem(p, data, len);
    *p++ = CR;
    *p++ = LF;

    return p;
}


u_char *
ngx_http_asgard_redis_head(u_char *p, ngx_uint_t words, asg_str_t command,
    asg_str_t script)
{
    p = ngx_http_asgard_redis_size(p, '*', words);
    p = ngx_http_asgard_redis_word(p, command.data, command.len);

    return ngx_http_asgard_redis_word(p, script.data, script.len);
}


static ngx_int_t
ngx_http_asgard_redis_bytes_room(ngx_http_asgard_redis_bytes_t *bytes,
    size_t size)
{
    u_char  *data;

    if (size <= bytes->size) {
        return NGX_OK;
    }

    data = ngx_alloc(size, ngx_cycle->log);
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (bytes->data) {
        ngx_free(bytes->data);
    }

    bytes->data = data;
    bytes->size = size;
    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_redis_bytes_script(ngx_http_asgard_redis_bytes_t *bytes,
    asg_script_t script, ngx_uint_t nkeys, ngx_uint_t argc, const char **argv,
    const size_t *lens)
{
    u_char      count[NGX_INT_T_LEN];
    u_char     *p;
    size_t      size;
    ngx_uint_t  i;

    size = ASG_SCRIPT_SHA_CHARS + (argc + 5) * NGX_HTTP_ASGARD_REDIS_WORD;

    for (i = 0; i < argc; i++) {
        size += lens[i];
    }

    if (ngx_http_asgard_redis_bytes_room(bytes, size) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_http_asgard_redis_head(bytes->data, argc + 3, ASG_STR("EVALSHA"),
                                   asg_script_sha(script));
    bytes->tail = p - bytes->data;
    p = ngx_http_asgard_redis_word(p, (const char *) count,
                                   ngx_sprintf(count, "%ui", nkeys) - count);

    for (i = 0; i < argc; i++) {
        p = ngx_http_asgard_redis_word(p, argv[i], lens[i]);
    }

    bytes->len = p - bytes->data;
    return NGX_OK;
}
