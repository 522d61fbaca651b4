
/*
 * The head and the framing of a provider's answer, read strictly.
 */

#include "ngx_http_asgard_response.h"


typedef ngx_int_t (*ngx_http_asgard_header_pt)(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);

typedef struct {
    ngx_str_t                  name;          /* lower case */
    ngx_http_asgard_header_pt  handler;
} ngx_http_asgard_header_t;


static ngx_int_t ngx_http_asgard_response_line(ngx_http_request_t *r,
    ngx_buf_t *b, ngx_http_asgard_response_t *resp);
static ngx_int_t ngx_http_asgard_response_headers(ngx_http_request_t *r,
    ngx_buf_t *b, ngx_http_asgard_response_t *resp);
static ngx_int_t ngx_http_asgard_response_header(ngx_http_request_t *r,
    ngx_http_asgard_response_t *resp);
static ngx_int_t ngx_http_asgard_response_check(
    ngx_http_asgard_response_t *resp);
static ngx_int_t ngx_http_asgard_response_content_length(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static ngx_int_t ngx_http_asgard_response_transfer_encoding(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static ngx_int_t ngx_http_asgard_response_content_type(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static ngx_int_t ngx_http_asgard_response_content_encoding(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static ngx_int_t ngx_http_asgard_response_connection(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static ngx_int_t ngx_http_asgard_response_retry_after(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static ngx_int_t ngx_http_asgard_response_request_id(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static ngx_int_t ngx_http_asgard_response_pod(
    ngx_http_asgard_response_t *resp, ngx_str_t *value);
static size_t ngx_http_asgard_response_word(ngx_str_t *value, u_char *out,
    size_t max);
static ngx_int_t ngx_http_asgard_response_chunks(ngx_http_request_t *r,
    ngx_buf_t *b, ngx_http_asgard_response_t *resp,
    ngx_http_asgard_sink_pt sink, void *data);


/* All that is ever looked at; every other header is dropped unseen. */
static ngx_http_asgard_header_t  ngx_http_asgard_headers[] = {
    { ngx_string("content-length"),
      ngx_http_asgard_response_content_length },
    { ngx_string("transfer-encoding"),
      ngx_http_asgard_response_transfer_encoding },
    { ngx_string("content-type"),
      ngx_http_asgard_response_content_type },
    { ngx_string("content-encoding"),
      ngx_http_asgard_response_content_encoding },
    { ngx_string("connection"),
      ngx_http_asgard_response_connection },
    { ngx_string("retry-after"),
      ngx_http_asgard_response_retry_after },
    { ngx_string("x-request-id"),
      ngx_http_asgard_response_request_id },
    { ngx_string("request-id"),                /* Anthropic's */
      ngx_http_asgard_response_request_id },
    { ngx_string("x-inference-pod"),
      ngx_http_asgard_response_pod },
    { ngx_null_string, NULL }
};


void
ngx_http_asgard_response_reset(ngx_http_request_t *r,
    ngx_http_asgard_response_t *resp)
{
    ngx_memzero(resp, sizeof(ngx_http_asgard_response_t));

    resp->length = -1;
    resp->retry_after = -1;

    /* the parsers of nginx keep their state in the request */
    r->state = 0;
}


ngx_int_t
ngx_http_asgard_response_head(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_asgard_response_t *resp)
{
    ngx_int_t   rc;
    ngx_uint_t  interim;

    for ( ;; ) {

        if (!resp->line) {
            rc = ngx_http_asgard_response_line(r, b, resp);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        rc = ngx_http_asgard_response_headers(r, b, resp);

        if (rc != NGX_OK) {
            return rc;
        }

        if (resp->status.code >= NGX_HTTP_OK) {
            resp->head = 1;
            return ngx_http_asgard_response_check(resp);
        }

        interim = resp->interim + 1;

        if (resp->status.code == NGX_HTTP_SWITCHING_PROTOCOLS
            || interim > NGX_HTTP_ASGARD_INTERIM_MAX)
        {
            return NGX_ERROR;
        }

        ngx_http_asgard_response_reset(r, resp);
        resp->interim = interim;
    }
}


static ngx_int_t
ngx_http_asgard_response_line(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_asgard_response_t *resp)
{
    ngx_int_t  rc;

    rc = ngx_http_parse_status_line(r, b, &resp->status);

    if (rc != NGX_OK) {
        return rc;
    }

    if (resp->status.code < 100 || resp->status.code > 599) {
        return NGX_ERROR;
    }

    resp->line = 1;
    resp->close = (resp->status.http_version < NGX_HTTP_VERSION_11);

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_headers(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_asgard_response_t *resp)
{
    ngx_int_t  rc;

    for ( ;; ) {

        rc = ngx_http_parse_header_line(r, b, 1);

        if (rc == NGX_HTTP_PARSE_HEADER_DONE) {
            return NGX_OK;
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_http_asgard_response_header(r, resp) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_asgard_response_header(ngx_http_request_t *r,
    ngx_http_asgard_response_t *resp)
{
    ngx_str_t                  name, value;
    ngx_http_asgard_header_t  *h;

    name.data = r->header_name_start;
    name.len = r->header_name_end - r->header_name_start;
    value.data = r->header_start;
    value.len = r->header_end - r->header_start;

    for (h = ngx_http_asgard_headers; h->name.len; h++) {

        if (h->name.len == name.len
            && ngx_strncasecmp(h->name.data, name.data, name.len) == 0)
        {
            return h->handler(resp, &value);
        }
    }

    return NGX_OK;
}


/* A head is whole: what its parts say together. */

static ngx_int_t
ngx_http_asgard_response_check(ngx_http_asgard_response_t *resp)
{
    if (resp->chunked
        && (resp->length != -1
            || resp->status.http_version < NGX_HTTP_VERSION_11))
    {
        return NGX_ERROR;
    }

    if (resp->status.code == NGX_HTTP_NO_CONTENT
        || resp->status.code == NGX_HTTP_NOT_MODIFIED)
    {
        resp->chunked = 0;
        resp->length = 0;
    }

    resp->rest = resp->length;
    resp->whole = (resp->length == 0);

    if (resp->length == -1 && !resp->chunked) {
        resp->close = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_content_length(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    if (resp->length != -1) {
        return NGX_ERROR;
    }

    /* digits only, without overflow; a sign or a list is an error */
    resp->length = ngx_atoof(value->data, value->len);

    return (resp->length == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_transfer_encoding(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    if (resp->chunked
        || value->len != sizeof("chunked") - 1
        || ngx_strncasecmp(value->data, (u_char *) "chunked", value->len)
           != 0)
    {
        return NGX_ERROR;
    }

    resp->chunked = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_content_type(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    size_t   i, len;
    u_char  *p;

    p = value->data;

    for (len = 0; len < value->len; len++) {
        if (p[len] == ';' || p[len] == ' ') {
            break;
        }
    }

    resp->type = NGX_HTTP_ASGARD_TYPE_OTHER;

    if (len == sizeof("text/event-stream") - 1
        && ngx_strncasecmp(p, (u_char *) "text/event-stream", len) == 0)
    {
        resp->type = NGX_HTTP_ASGARD_TYPE_SSE;
        return NGX_OK;
    }

    i = sizeof("json") - 1;

    if (len > i
        && (p[len - i - 1] == '/' || p[len - i - 1] == '+')
        && ngx_strncasecmp(p + len - i, (u_char *) "json", i) == 0)
    {
        resp->type = NGX_HTTP_ASGARD_TYPE_JSON;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_content_encoding(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    if (value->len
        && (value->len != sizeof("identity") - 1
            || ngx_strncasecmp(value->data, (u_char *) "identity", value->len)
               != 0))
    {
        resp->coded = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_connection(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    if (ngx_strlcasestrn(value->data, value->data + value->len,
                         (u_char *) "close", 5 - 1)
        != NULL)
    {
        resp->close = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_retry_after(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    time_t     at;
    ngx_int_t  seconds;

    seconds = ngx_atoi(value->data, value->len);

    if (seconds == NGX_ERROR) {
        at = ngx_parse_http_time(value->data, value->len);

        if (at == NGX_ERROR) {
            return NGX_OK;
        }

        seconds = (at > ngx_time()) ? (ngx_int_t) (at - ngx_time()) : 0;
    }

    resp->retry_after = ngx_min(seconds, NGX_HTTP_ASGARD_RETRY_MAX);

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_request_id(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    resp->rid_len = ngx_http_asgard_response_word(value, resp->rid,
                                                  NGX_HTTP_ASGARD_RID_MAX);
    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_pod(ngx_http_asgard_response_t *resp,
    ngx_str_t *value)
{
    resp->pod_len = ngx_http_asgard_response_word(value, resp->pod,
                                                  NGX_HTTP_ASGARD_POD_MAX);
    return NGX_OK;
}


/* What may stand in a log or a header of ours; anything else counts as not
 * said. */

static size_t
ngx_http_asgard_response_word(ngx_str_t *value, u_char *out, size_t max)
{
    size_t  i;

    if (value->len > max) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] >= 0x7f) {
            return 0;
        }
    }

    ngx_memcpy(out, value->data, value->len);

    return value->len;
}


ngx_int_t
ngx_http_asgard_response_body(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_asgard_response_t *resp, ngx_http_asgard_sink_pt sink, void *data)
{
    size_t     size;
    ngx_int_t  rc;

    if (resp->chunked && !resp->whole) {
        return ngx_http_asgard_response_chunks(r, b, resp, sink, data);
    }

    size = b->last - b->pos;

    if (resp->length != -1 && (off_t) size > resp->rest) {
        resp->excess = 1;
        size = (size_t) resp->rest;
    }

    rc = size ? sink(data, b->pos, size) : NGX_OK;

    b->pos = b->last;

    if (resp->length != -1) {
        resp->rest -= size;
        resp->whole = (resp->rest == 0);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return resp->whole ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_http_asgard_response_chunks(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_asgard_response_t *resp, ngx_http_asgard_sink_pt sink, void *data)
{
    size_t     size;
    ngx_int_t  rc;

    for ( ;; ) {

        rc = ngx_http_parse_chunked(r, b, &resp->chunks);

        if (rc == NGX_AGAIN) {
            return NGX_OK;
        }

        if (rc == NGX_DONE) {
            resp->whole = 1;
            resp->excess = (b->pos != b->last);
            b->pos = b->last;
            return NGX_DONE;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        size = b->last - b->pos;

        if ((off_t) size > resp->chunks.size) {
            size = (size_t) resp->chunks.size;
        }

        rc = size ? sink(data, b->pos, size) : NGX_OK;

        b->pos += size;
        resp->chunks.size -= size;

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


ngx_int_t
ngx_http_asgard_response_eof(ngx_http_asgard_response_t *resp)
{
    if (!resp->head || resp->chunked || resp->length != -1) {
        return resp->whole ? NGX_OK : NGX_ERROR;
    }

    resp->whole = 1;

    return NGX_OK;
}
