/*
 * An OpenAI chat request as the body of Anthropic's POST /v1/messages.
 *
 * The request was scanned by core/request: this knows that it is JSON, that no
 * key stands twice, and of which kind each field is.  The translation is
 * written piece by piece to a callback; a piece that lies within the request's
 * body may be kept by reference as long as the body is, so a prompt need not be
 * copied.  No memory but the C stack; the work is a few walks over the body.
 *
 * What becomes of each member: anthropic_fields.def; of what stands in
 * messages and tools: docs/anthropic.md, which has the whole table.
 *
 * Use: once without a callback, before money is held.  It finds every reason to
 * refuse and gives the length.  Then, for each attempt, with a callback that
 * writes into memory of that length or builds a chain.
 *
 *     if (asg_anthropic_request(r, &rewrite, NULL, NULL, &length, &why)
 *         != ASG_OK) { refuse with why.reason, why.param }
 *     POST <path> with x-api-key, anthropic-version, Content-Length: length
 *     asg_anthropic_request(r, &rewrite, append, chain, &length, &why)
 */
#ifndef ASG_ANTHROPIC_REQUEST_H
#define ASG_ANTHROPIC_REQUEST_H

#include "core/request.h"
#include "core/sink.h"

#define ASG_ANTHROPIC_ID_MAX     256    /* bytes of the id of a tool call */
#define ASG_ANTHROPIC_BUDGET_MIN 1024   /* tokens; the API takes no smaller */

typedef struct {
    asg_str_t model;            /* served name */
    asg_str_t user;             /* project id; null: nothing is said */
    int64_t max_tokens;         /* at least 1: the API wants it */
    bool refuse_unsupported;    /* what has no counterpart is refused; else it
                                 * is dropped */
    bool structured;            /* the model takes output_config.format and
                                 * strict tools */
} asg_anthropic_rewrite_t;

/* SYNTAX: refused, `why` is filled (INVALID_VALUE, MISSING_FIELD,
 * UNSUPPORTED_FIELD).  SPACE: the callback
 * returned non-zero.  The bytes written before either are of no use. */
ASG_MUST_CHECK asg_err_t asg_anthropic_request(const asg_request_t *r,
    const asg_anthropic_rewrite_t *rewrite, asg_emit_pt emit, void *data,
    uint64_t *length, asg_refusal_t *why);

#endif
