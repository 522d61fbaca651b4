/*
 * What a call costs, and what it can cost at most.  The only place that
 * multiplies tokens by a price.
 *
 * A price is an integer of pico-USD (10^-12 USD) per token.  The cost of a
 * call is the sum over its kinds of token, rounded up once to a nano-dollar.
 * `cached` and `cache_write` are parts of `prompt`; `reasoning` is a part of
 * `completion` (as in OpenAI's usage object).  Audio is a part of either; a
 * token that is audio and cached is charged as audio.
 *
 * A prompt that is longer than the card's threshold has other prices for the
 * whole call, its answer included: the long-context tier.
 */
#ifndef ASG_PRICE_H
#define ASG_PRICE_H

#include "core/err.h"
#include "core/money.h"
#include "core/str.h"

#define ASG_PUSD_MAX     ((int64_t) 1000000000000000)   /* 1,000 USD a token */
#define ASG_TOKENS_MAX   ((int64_t) 1000000000)         /* of one call */

/* Of one token, by its kind.  The last three may be 0: no price of their own,
 * then they cost as the kind that they are a part of. */
typedef struct {
    int64_t in_pusd;
    int64_t out_pusd;
    int64_t cached_pusd;
    int64_t cache_write_pusd;
    int64_t reasoning_pusd;
    int64_t cache_write_1h_pusd;        /* written to be kept for an hour */
    int64_t audio_in_pusd;
    int64_t audio_out_pusd;
} asg_prices_t;

/* What a usage is priced by. */
typedef struct {
    asg_prices_t base;
    int64_t above_tokens;       /* a longer prompt has `above`; 0: none has */
    asg_prices_t above;         /* no kind is cheaper than in `base` */
} asg_rates_t;

typedef struct {
    asg_rates_t rates;
    /* tokens that a part of a prompt may cost at most beyond its bytes; 0 for
     * image, file, audio, typed tool: no bound is known, it is refused */
    int64_t request_tokens;
    int64_t message_tokens;
    int64_t tool_tokens;
    int64_t image_tokens;
    int64_t file_tokens;
    int64_t audio_tokens;
    int64_t toolset_tokens;     /* once, where there is a tool */
    int64_t value_tokens;       /* of a JSON value that is written anew */
    int64_t byte_tokens;        /* that a byte can become; 0: one */
    int64_t reasoning_tokens;   /* of an answer, beyond the limit it was set */
    int64_t typed_tool_tokens;  /* what a provider says of a tool of its own */
} asg_card_t;

/* Narrow: every open call has two of them in its slot of the journal.  The sum
 * of two counts fits. */
typedef struct {
    int32_t prompt;
    int32_t completion;
    int32_t cached;
    int32_t cache_write;
    int32_t reasoning;
    int32_t cache_write_1h;     /* of `cache_write` */
    int32_t audio_in;           /* of `prompt` */
    int32_t audio_out;          /* of `completion` */
} asg_tokens_t;

/* What is counted in a request for its bound; filled by core/request. */
typedef struct {
    int64_t bytes;              /* of the whole body */
    int64_t media_bytes;        /* of them, contents of images, files, audio:
                                 * those have a bound of their own */
    int64_t messages;
    int64_t tools;              /* functions, their calls, response formats */
    int64_t values;             /* in schemas and arguments of calls */
    int64_t images;
    int64_t files;
    int64_t audios;
    int64_t typed_tools;        /* that the provider describes to its model */
    int64_t voices;             /* places that ask for audio as the answer */
    int64_t predicted_bytes;    /* of the answer: a wrong guess is charged */
} asg_parts_t;

/* A kind of part that may have no bound. */
typedef enum {
    ASG_PART_NONE = 0, ASG_PART_IMAGE, ASG_PART_FILE, ASG_PART_AUDIO,
    ASG_PART_VOICE, ASG_PART_TYPED_TOOL, ASG_PART_COUNT
} asg_part_t;

/* In their range, and the long-context tier no cheaper.  Nothing else is
 * priced. */
bool asg_price_rates_are_sane(const asg_rates_t *rates);
bool asg_price_card_is_sane(const asg_card_t *card);

/* RANGE: a count is negative, above ASG_TOKENS_MAX, or a part exceeds its
 * whole; or the cost is above ASG_NUSD_MAX. */
ASG_MUST_CHECK asg_err_t asg_price_cost(const asg_rates_t *rates,
    const asg_tokens_t *tokens, asg_nusd_t *cost_nusd);

/* The first kind of part in the request that the card has no bound for. */
asg_part_t asg_price_unbound(const asg_card_t *card, const asg_parts_t *parts);

/* Tokens that the prompt has at most.  MISSING: a part without a bound. */
ASG_MUST_CHECK asg_err_t asg_price_prompt_bound(const asg_card_t *card,
    const asg_parts_t *parts, int64_t *tokens);

/* Tokens that the prompt is counted with until its usage is known, for limits:
 * a fourth of what may be text in bytes, and for each image, file and piece of
 * audio what the card has as its bound, 2,048 at most, inline or by URL.  Never
 * more than `bound`. */
int64_t asg_price_prompt_estimate(const asg_card_t *card,
    const asg_parts_t *parts, int64_t bound);

/* The hold: prompt bound at the dearest input price + output bound x n at the
 * dearest output price, of the long-context tier where the prompt can reach
 * it; rounded up once. */
ASG_MUST_CHECK asg_err_t asg_price_hold(const asg_card_t *card,
    int64_t prompt_tokens, int64_t output_tokens, int64_t n,
    asg_nusd_t *hold_nusd);

typedef struct {
    int64_t prompt;             /* tokens */
    int64_t output;             /* of all answers */
    asg_nusd_t hold_nusd;
} asg_bound_t;

/* What a request costs at most with this card: the two above, with
 * `limit_tokens` for each of n answers and the wrong guess of each. */
ASG_MUST_CHECK asg_err_t asg_price_bound(const asg_card_t *card,
    const asg_parts_t *parts, int64_t limit_tokens, int64_t n,
    asg_bound_t *out);

/* "0.00125" USD per `per` tokens (1, 1,000 or 1,000,000) as pico-USD per token;
 * digits below a pico-dollar are rounded up.  Accepts an exponent ("5e-06"). */
ASG_MUST_CHECK asg_err_t asg_price_parse(asg_str_t usd, int64_t per,
    int64_t *pusd);

#endif
