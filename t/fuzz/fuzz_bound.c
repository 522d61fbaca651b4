/*
 * Whatever the card, the request and the usage within its bound: the cost is
 * not above the hold, and one more token is not cheaper.
 *
 * Input: the card, the counts of the request, the usage, as they lie in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "core/price.h"

typedef struct {
    asg_card_t card;
    asg_parts_t parts;
    int64_t limit;
    int64_t n;
    asg_tokens_t tokens;
} input_t;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

/* No usage is believed that has more tokens than the bound. */
static bool is_within(const asg_tokens_t *t, const asg_bound_t *bound)
{
    return t->prompt <= bound->prompt && t->completion <= bound->output;
}

static void check_cost(const input_t *in, const asg_bound_t *bound)
{
    asg_tokens_t more = in->tokens;
    asg_nusd_t cost, dearer;

    if (asg_price_cost(&in->card.rates, &in->tokens, &cost) != ASG_OK) {
        return;
    }
    must(cost >= 0 && cost <= ASG_NUSD_MAX);
    must(!is_within(&in->tokens, bound) || cost <= bound->hold_nusd);
    if (more.prompt < ASG_TOKENS_MAX) {
        more.prompt++;
        must(asg_price_cost(&in->card.rates, &more, &dearer) != ASG_OK
             || dearer >= cost);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_bound_t bound = {.prompt = -1, .output = -1, .hold_nusd = -1};
    input_t in;
    asg_err_t err;

    memset(&in, 0, sizeof(in));
    memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
    err = asg_price_bound(&in.card, &in.parts, in.limit, in.n, &bound);
    if (err != ASG_OK) {
        must(err == ASG_ERR_RANGE || err == ASG_ERR_MISSING);
        must(bound.prompt == -1 && bound.hold_nusd == -1);
        return 0;
    }
    must(asg_price_card_is_sane(&in.card));
    must(asg_price_unbound(&in.card, &in.parts) == ASG_PART_NONE);
    must(bound.prompt >= 0 && bound.output >= 0 && bound.hold_nusd >= 0);
    check_cost(&in, &bound);
    return 0;
}
