
/*
 * kind: echo.  A backend inside the worker: a socketpair whose far end speaks
 * HTTP, so that its answers pass the same parser, meter and settle as any
 * provider's.
 *
 * What it does is said in the name that was asked for, after a colon:
 * latency_ms=N before the first byte, gap_ms=N between chunks, chunks=N,
 * tokens=N (an answer of N tokens, whatever the limit), status=N,
 * usage=none|bad|zero, cut=N (the connection ends after N chunks of a stream,
 * or N bytes of a JSON body).  Another option or value refuses the call.
 */

#ifndef _NGX_HTTP_ASGARD_ECHO_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ECHO_H_INCLUDED_


#include "ngx_http_asgard.h"


#define NGX_HTTP_ASGARD_ECHO_DELAY_MAX   60000    /* ms */
#define NGX_HTTP_ASGARD_ECHO_CHUNKS_MAX  100000
#define NGX_HTTP_ASGARD_ECHO_TOKENS_MAX  1000000
#define NGX_HTTP_ASGARD_ECHO_CUT_MAX     0x7fffffff
#define NGX_HTTP_ASGARD_ECHO_ANSWER_MAX  (64 * 1024 * 1024)
#define NGX_HTTP_ASGARD_ECHO_CHOICE      192      /* bytes beside its text */


typedef enum {
    NGX_HTTP_ASGARD_ECHO_USAGE_TRUE = 0,
    NGX_HTTP_ASGARD_ECHO_USAGE_NONE,
    NGX_HTTP_ASGARD_ECHO_USAGE_BAD,
    NGX_HTTP_ASGARD_ECHO_USAGE_ZERO
} ngx_http_asgard_echo_usage_e;


typedef struct {
    ngx_uint_t                    latency_ms;
    ngx_uint_t                    gap_ms;
    ngx_uint_t                    chunks;     /* 0: not said */
    ngx_uint_t                    tokens;     /* 0: not said */
    ngx_uint_t                    status;
    ngx_int_t                     cut;        /* -1: not */
    ngx_http_asgard_echo_usage_e  usage;
} ngx_http_asgard_echo_options_t;


/* Reads the options of a name that has some; NGX_ERROR when one is not known or
 * out of its range. */
ngx_int_t ngx_http_asgard_echo_options(ngx_str_t *asked,
    ngx_http_asgard_echo_options_t *options);

/* A connection for pc, with options from `asked`; NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_asgard_echo_connect(ngx_peer_connection_t *pc,
    ngx_str_t *asked);


#endif /* _NGX_HTTP_ASGARD_ECHO_H_INCLUDED_ */
