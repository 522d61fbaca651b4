
/*
 * A provider's JSON answer: held whole, metered, rewritten, sent.
 *
 * It is held so that its cost can stand in a header and so that whatever goes
 * wrong before its end is a clean error.  It is bounded, and its memory counts
 * against the same cap as the request bodies.  Streams are stream.h's.
 */

#ifndef _NGX_HTTP_ASGARD_ANSWER_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ANSWER_H_INCLUDED_


#include "ngx_http_asgard.h"


#define NGX_HTTP_ASGARD_ANSWER_MAX  (64 * 1024 * 1024)
#define NGX_HTTP_ASGARD_ANSWER_NAME (ASG_TRACE_MAX + 16)


typedef struct {
    asg_answer_t               core;
    asg_answer_splice_t       *splice;        /* NULL: not a whole JSON */
    u_char                    *body;
    size_t                     len;
    size_t                     size;          /* allocated and charged; 0:
                                               * body is in u->buffer */
    size_t                     seen;          /* of a stream: its bytes */
    ssize_t                  (*recv)(ngx_connection_t *c, u_char *buf,
                                     size_t size);
    asg_reason_t               reason;        /* why it cannot be held */
    char                       name[NGX_HTTP_ASGARD_ANSWER_NAME];
                                              /* of core.name */
    unsigned                   eof:1;
    unsigned                   ended:1;       /* a stream's meter is closed */
} ngx_http_asgard_answer_t;


/* Consumes r->upstream->buffer: NGX_OK the answer is whole, NGX_AGAIN, or
 * NGX_ERROR (broken, or too large: answer.reason is set). */
ngx_int_t ngx_http_asgard_answer_hold(ngx_http_asgard_attempt_t *a);

/* Another body of `len` bytes, to be written; the old one stays as it is, for
 * the caller to drop. */
ngx_int_t ngx_http_asgard_answer_renew(ngx_http_asgard_attempt_t *a,
    size_t len);

/* Gives the memory of the body back. */
void ngx_http_asgard_answer_drop(ngx_http_asgard_answer_t *answer);

/* Gives back what was held; as if nothing had come. */
void ngx_http_asgard_answer_reset(ngx_http_asgard_answer_t *answer);

/* Reads usage and prepares the pieces.  NGX_ERROR: not an answer that a client
 * can be given. */
ngx_int_t ngx_http_asgard_answer_read(ngx_http_asgard_attempt_t *a);

/* After the call was settled: u->out_bufs, lengths, so that head and body
 * leave in one write. */
ngx_int_t ngx_http_asgard_answer_send(ngx_http_asgard_attempt_t *a);

/* input_filter of an answer that was sent so: takes nothing more. */
ngx_int_t ngx_http_asgard_answer_filter_init(void *data);
ngx_int_t ngx_http_asgard_answer_filter(void *data, ssize_t bytes);

/* The meter of this attempt's answer: what the client is shown, what can be
 * believed of its usage, and the key that must not be in it. */
void ngx_http_asgard_answer_meter(ngx_http_asgard_attempt_t *a,
    asg_str_t shown, ngx_uint_t hide_usage);


#endif /* _NGX_HTTP_ASGARD_ANSWER_H_INCLUDED_ */
