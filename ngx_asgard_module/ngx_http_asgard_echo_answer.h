
/*
 * What the echo backend answers: OpenAI-shaped JSON or SSE, or Anthropic's
 * messages (echo_messages.h), with true usage.
 *
 * A token is four bytes of text as it stands in the JSON, rounded up, at least
 * one.  A chat or completion answers the last user text, cut to the limit, as
 * often as choices are asked for; an embedding is a fixed vector for each
 * input.
 */

#ifndef _NGX_HTTP_ASGARD_ECHO_ANSWER_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ECHO_ANSWER_H_INCLUDED_


#include "ngx_http_asgard_echo.h"


typedef struct {
    ngx_http_asgard_echo_options_t  options;
    ngx_pool_t                     *pool;

    /* the request */
    asg_api_t                       api;
    ngx_uint_t                      stream;
    ngx_uint_t                      include_usage;
    ngx_uint_t                      base64;   /* embeddings as one string */
    ngx_uint_t                      inputs;   /* prompts, inputs */
    int64_t                         n;        /* asked for; 0: not */
    ngx_uint_t                      choices;  /* n for each prompt */
    int64_t                         max_tokens;     /* 0: none */
    uint64_t                        prompt_bytes;
    asg_str_t                       model;    /* raw, between its quotes */
    asg_str_t                       text;     /* of the answer, raw */

    /* the answer */
    u_char                          id[32];
    int64_t                         prompt_tokens;
    int64_t                         completion_tokens;
    ngx_uint_t                      limited;  /* by max_tokens */
    size_t                          units;    /* characters of text */
    ngx_uint_t                      chunks;
    ngx_uint_t                      chunk;    /* next */
    size_t                          at;       /* offset of it in text */
    ngx_uint_t                      started;
} ngx_http_asgard_echo_answer_t;


/* Reads path and body of a request; a->options and a->pool are set. */
ngx_int_t ngx_http_asgard_echo_answer_init(ngx_http_asgard_echo_answer_t *a,
    asg_str_t path, asg_str_t body);

/* Bytes of the first character of raw JSON text: an escape, or UTF-8. */
size_t ngx_http_asgard_echo_unit(asg_str_t text);

/* What it says of its tokens, as the options want it; 0: nothing. */
ngx_uint_t ngx_http_asgard_echo_tokens(ngx_http_asgard_echo_answer_t *a,
    int64_t *prompt, int64_t *completion);

/* Writes the next piece: NGX_OK more follow, NGX_DONE
 * it was the last, NGX_ABORT the connection is to be closed after it. */
ngx_int_t ngx_http_asgard_echo_answer_next(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);


#endif /* _NGX_HTTP_ASGARD_ECHO_ANSWER_H_INCLUDED_ */
