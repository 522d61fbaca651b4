/* Any bytes as a map of prices: refused with the name of the file, or each
 * model has prices that a card can be made of, none for nothing. */
#include <assert.h>
#include <string.h>

#include "catalog/manifest.h"
#include "catalog/price_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_price(const struct ctl_price *p)
{
    asg_rates_t rates;
    asg_tokens_t one = {.prompt = 1, .completion = 1};
    asg_nusd_t cost = 0;

    assert(ctl_manifest_is_name(p->name) && p->name[0] != '_');
    assert(p->line >= 1 && p->above_tokens >= 0);
    ctl_prices_rates(&p->base[CTL_TIER_STANDARD], &p->above[CTL_TIER_STANDARD],
                     p->above_tokens, &rates);
    assert(asg_price_rates_are_sane(&rates));
    assert(asg_price_cost(&rates, &one, &cost) == ASG_OK && cost > 0);
    for (unsigned tier = 0; tier < CTL_TIERS; tier++) {
        for (unsigned kind = 0; kind < CTL_PRICE_KINDS; kind++) {
            assert(p->base[tier].pusd[kind] >= 0);
            assert(p->base[tier].pusd[kind] <= ASG_PUSD_MAX);
            assert(p->above[tier].pusd[kind] >= 0);
            assert(p->above[tier].pusd[kind] <= ASG_PUSD_MAX);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ctl_findings f;
    struct ctl_price_map map;
    struct ctl_arena arena;

    ctl_arena_init(&arena, 64u * 1024 * 1024);
    ctl_findings_init(&f, &arena);
    if (!ctl_price_map_parse(&map, "p.json",
                             (asg_str_t) {(const char *) data, size}, &f))
    {
        assert(f.nerrors > 0 && f.n > 0);
        assert(strncmp(f.items[0].text, "p.json", 6) == 0);
    } else {
        assert(f.nerrors == 0);
        for (unsigned i = 0; i < map.n; i++) {
            check_price(&map.items[i]);
            assert(i == 0 || strcmp(map.items[i - 1].name,
                                    map.items[i].name) < 0);
        }
    }
    ctl_arena_reset(&arena);
    return 0;
}
