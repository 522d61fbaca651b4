
/*
 * The echo backend in the words of Anthropic's Messages API.
 */

#ifndef _NGX_HTTP_ASGARD_ECHO_MESSAGES_H_INCLUDED_
#define _NGX_HTTP_ASGARD_ECHO_MESSAGES_H_INCLUDED_


#include "ngx_http_asgard_echo_answer.h"


/* A message, or how many tokens the prompt has. */
void ngx_http_asgard_echo_message_whole(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out);

/* The events for the next piece of the text, those that begin and end the
 * message among them. */
void ngx_http_asgard_echo_message_events(ngx_http_asgard_echo_answer_t *a,
    asg_buf_t *out, asg_str_t text, ngx_uint_t last);


#endif /* _NGX_HTTP_ASGARD_ECHO_MESSAGES_H_INCLUDED_ */
