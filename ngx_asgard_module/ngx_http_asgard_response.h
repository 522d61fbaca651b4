
/*
 * The head and the framing of a provider's answer, read strictly.
 *
 * Where nginx's own proxy is lenient (two lengths, "chunked" anywhere in a
 * list, a 1xx taken for the answer) this reader refuses.  Nothing of the head
 * is passed on; what is needed is copied into this record, so the buffer may
 * be reused at once.
 */

#ifndef _NGX_HTTP_ASGARD_RESPONSE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_RESPONSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#define NGX_HTTP_ASGARD_INTERIM_MAX   8       /* 1xx answers of one call */
#define NGX_HTTP_ASGARD_RETRY_MAX     86400   /* s, of a Retry-After */
#define NGX_HTTP_ASGARD_RID_MAX       128
#define NGX_HTTP_ASGARD_POD_MAX       128


typedef enum {
    NGX_HTTP_ASGARD_TYPE_NONE = 0,
    NGX_HTTP_ASGARD_TYPE_JSON,
    NGX_HTTP_ASGARD_TYPE_SSE,
    NGX_HTTP_ASGARD_TYPE_OTHER
} ngx_http_asgard_type_e;


typedef struct {
    ngx_http_status_t          status;        /* status line as parsed */
    ngx_http_chunked_t         chunks;
    ngx_uint_t                 interim;       /* 1xx seen */
    ngx_http_asgard_type_e     type;
    off_t                      length;        /* promised; -1: not */
    off_t                      rest;          /* of length, still to come */
    ngx_int_t                  retry_after;   /* s; -1: not said */
    size_t                     rid_len;
    u_char                     rid[NGX_HTTP_ASGARD_RID_MAX];
    size_t                     pod_len;
    u_char                     pod[NGX_HTTP_ASGARD_POD_MAX];

    unsigned                   line:1;        /* status line is whole */
    unsigned                   head:1;        /* head is whole */
    unsigned                   chunked:1;
    unsigned                   coded:1;       /* Content-Encoding */
    unsigned                   close:1;       /* connection ends with it */
    unsigned                   whole:1;       /* body is whole */
    unsigned                   excess:1;      /* more than was promised */
} ngx_http_asgard_response_t;


/* Gets body bytes with the framing taken off.  Not NGX_OK: stop. */
typedef ngx_int_t (*ngx_http_asgard_sink_pt)(void *data, u_char *bytes,
    size_t len);


void ngx_http_asgard_response_reset(ngx_http_request_t *r,
    ngx_http_asgard_response_t *resp);

/* Consumes from b->pos: NGX_OK the head of a final answer is whole, NGX_AGAIN,
 * NGX_ERROR not an answer that we accept. */
ngx_int_t ngx_http_asgard_response_head(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_asgard_response_t *resp);

/* Consumes all of b.  NGX_OK go on, NGX_DONE the body is whole, NGX_ERROR
 * broken framing, else what the sink returned. */
ngx_int_t ngx_http_asgard_response_body(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_asgard_response_t *resp, ngx_http_asgard_sink_pt sink,
    void *data);

/* The connection ended: NGX_OK when that is the end of the body. */
ngx_int_t ngx_http_asgard_response_eof(ngx_http_asgard_response_t *resp);


#endif /* _NGX_HTTP_ASGARD_RESPONSE_H_INCLUDED_ */
