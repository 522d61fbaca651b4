/*
 * What an operator's guardrail service is asked, and what it answers.
 *
 * The request is HTTP/1.0 with one JSON object (docs/guardrails.md); its texts
 * are written by core/guard_body.h while the body is scanned.  The answer is
 * read from bytes that anybody may have sent: a status, a body that ends by its
 * Content-Length or with the connection, and in it an object whose "action" is
 * allow, flag or block.  Anything else is no answer.
 */
#ifndef ASG_HOOK_H
#define ASG_HOOK_H

#include "core/guard.h"
#include "core/json.h"

#define ASG_HOOK_ANSWER_MAX  16384      /* bytes of an answer with its head */

typedef enum {
    ASG_HOOK_MORE = 0,          /* it is not whole */
    ASG_HOOK_WHOLE,
    ASG_HOOK_BAD
} asg_hook_state_t;

typedef struct {
    asg_action_t action;
    char rule[ASG_RULE_NAME_MAX];       /* "hook" unless it says */
    char category[ASG_RULE_NAME_MAX];   /* "hook" unless it says */
} asg_hook_verdict_t;

/* `is_over`: no more bytes come. */
asg_hook_state_t asg_hook_answer(asg_str_t bytes, bool is_over,
    unsigned *status, asg_str_t *body);
/* Names are those of guardrails (asg_guard_name_is_good). */
ASG_MUST_CHECK asg_err_t asg_hook_verdict(asg_json_t *json, asg_str_t body,
    asg_hook_verdict_t *out);

#endif
