/*
 * What a call costs, and what it can cost at most.  The only place that
 * multiplies tokens by a price.
 *
 * A price is an integer of pico-USD (10^-12 USD) per token.  The cost of a
 * call is the sum over its kinds of token, rounded up once to a nano-dollar.
 * `cached` and `cache_write` are parts of `prompt`; `reasoning` is a part of
 * `completion` (as in OpenAI's usage object).
 */
#ifndef ASG_PRICE_H
#define ASG_PRICE_H

#include "core/err.h"
#include "core/money.h"
#include "core/str.h"

#define ASG_PUSD_MAX     ((int64_t) 1000000000000000)   /* 1,000 USD a token */
#define ASG_TOKENS_MAX   ((int64_t) 1000000000)         /* of one call */

typedef struct {
    int64_t in_pusd;
    int64_t out_pusd;
    int64_t cached_pusd;
    int64_t cache_write_pusd;
    int64_t reasoning_pusd;
    /* tokens that a part of a prompt may cost at most beyond its bytes; 0 for
     * image, file and audio: no bound is known, the part is refused */
    int64_t request_tokens;
    int64_t message_tokens;
    int64_t tool_tokens;
    int64_t image_tokens;
    int64_t file_tokens;
    int64_t audio_tokens;
} asg_card_t;

typedef struct {
    int64_t prompt;
    int64_t completion;
    int64_t cached;
    int64_t cache_write;
    int64_t reasoning;
} asg_tokens_t;

/* What is counted in a request for its bound; filled by core/request. */
typedef struct {
    int64_t bytes;              /* of the whole body */
    int64_t messages;
    int64_t tools;
    int64_t images;
    int64_t files;
    int64_t audios;
} asg_parts_t;

/* RANGE: a count is negative, above ASG_TOKENS_MAX, or a part exceeds its
 * whole; or the cost is above ASG_NUSD_MAX. */
ASG_MUST_CHECK asg_err_t asg_price_cost(const asg_card_t *card,
    const asg_tokens_t *tokens, asg_nusd_t *cost_nusd);

/* Tokens that the prompt has at most.  MISSING: a kind of part for which the
 * card has no bound. */
ASG_MUST_CHECK asg_err_t asg_price_prompt_bound(const asg_card_t *card,
    const asg_parts_t *parts, int64_t *tokens);

/* The hold: prompt bound at the dearest input price + output bound x n at the
 * dearest output price, rounded up once. */
ASG_MUST_CHECK asg_err_t asg_price_hold(const asg_card_t *card,
    int64_t prompt_tokens, int64_t output_tokens, int64_t n,
    asg_nusd_t *hold_nusd);

/* "0.00125" USD per `per` tokens (1 or 1,000) as pico-USD per token; digits
 * below a pico-dollar are rounded up.  Accepts an exponent ("5e-06"). */
ASG_MUST_CHECK asg_err_t asg_price_parse(asg_str_t usd, int64_t per,
    int64_t *pusd);

#endif
