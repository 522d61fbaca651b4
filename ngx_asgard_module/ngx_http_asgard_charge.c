
/*
 * Which card a call is held and charged by.
 */

#include "ngx_http_asgard_charge.h"

#include "ngx_http_asgard_anthropic.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_snapshot.h"


typedef struct {
    asg_tier_cards_t           cards;
    ngx_http_asgard_charge_t   charges[ASG_TIER_COUNT];
    ngx_uint_t                 allowed;       /* with a request */
} ngx_http_asgard_charge_tiers_t;


static void
ngx_http_asgard_charge_set(ngx_http_asgard_charge_tiers_t *tiers,
    asg_tier_t tier, const asg_model_t *model, const asg_project_card_t *other)
{
    ngx_http_asgard_charge_t  *charge;

    charge = &tiers->charges[tier];
    charge->card = other ? &other->card : &model->card;
    charge->id = other ? other->card_id : model->card_id;
    charge->version = other ? other->card_version : model->card_version;

    tiers->cards.card[tier] = charge->card;
}


/* What its provider is asked for; null: nothing, as where a translation has no
 * word for it. */

static asg_str_t
ngx_http_asgard_charge_asked(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    return ngx_http_asgard_anthropic_speaks(ctx, model)
           ? ASG_STR_NULL : ctx->parsed->service_tier;
}


static void
ngx_http_asgard_charge_tiers(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, ngx_http_asgard_charge_tiers_t *tiers)
{
    asg_str_t                  project;
    ngx_uint_t                 tier;
    asg_catalog_t             *catalog;
    const asg_project_card_t  *other;

    ngx_memzero(tiers, sizeof(ngx_http_asgard_charge_tiers_t));

    catalog = &ctx->snapshot->catalog;
    project = asg_str_z(ctx->project->project_id);

    ngx_http_asgard_charge_set(tiers, ASG_TIER_STANDARD, model,
                      asg_catalog_project_card(catalog, model, project));

    for (tier = 0; tier < ASG_TIER_COUNT; tier++) {
        other = asg_catalog_tier_card(catalog, model, (asg_tier_t) tier,
                                      project);

        if (other) {
            ngx_http_asgard_charge_set(tiers, (asg_tier_t) tier, model,
                                       other);
        }
    }

    if (ctx->parsed) {
        tiers->allowed = asg_tiers_allowed(
                                     ngx_http_asgard_charge_asked(ctx, model),
                                     &tiers->cards, model->any_tier);
    }
}


ngx_uint_t
ngx_http_asgard_charge_takes(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    ngx_http_asgard_charge_tiers_t  tiers;

    if (ctx->parsed->service_tier.data == NULL) {
        return 1;
    }

    ngx_http_asgard_charge_tiers(ctx, model, &tiers);

    return tiers.allowed != 0;
}


asg_err_t
ngx_http_asgard_charge_bound(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, int64_t limit_tokens, asg_bound_t *bound)
{
    asg_tier_t                      dearest;
    ngx_http_asgard_charge_tiers_t  tiers;

    ngx_http_asgard_charge_tiers(ctx, model, &tiers);

    return asg_tiers_bound(&tiers.cards, tiers.allowed, &ctx->parsed->parts,
                           limit_tokens, ctx->parsed->n, bound, &dearest);
}


/* The dearest for this request; the common case has one, and nothing to
 * weigh. */

static asg_tier_t
ngx_http_asgard_charge_dearest(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model, ngx_http_asgard_charge_tiers_t *tiers)
{
    asg_tier_t   tier;
    asg_bound_t  bound;

    if (tiers->allowed == ASG_TIER_BIT(ASG_TIER_STANDARD)
        || asg_tiers_bound(&tiers->cards, tiers->allowed, &ctx->parsed->parts,
                           ngx_http_asgard_policy_output(ctx, model),
                           ctx->parsed->n, &bound, &tier)
           != ASG_OK)
    {
        return ASG_TIER_STANDARD;
    }

    return tier;
}


void
ngx_http_asgard_charge_begin(ngx_http_asgard_ctx_t *ctx,
    const asg_model_t *model)
{
    ngx_http_asgard_charge_tiers_t  tiers;

    ngx_http_asgard_charge_tiers(ctx, model, &tiers);

    ctx->call.tiers = tiers.allowed;
    ctx->call.dearest = ngx_http_asgard_charge_dearest(ctx, model, &tiers);
    ctx->call.rates = tiers.cards.card[ctx->call.dearest]->rates;
}


void
ngx_http_asgard_charge(ngx_http_asgard_ctx_t *ctx, const asg_model_t *model,
    asg_tier_t said, ngx_http_asgard_charge_t *charge)
{
    asg_tier_t                      tier;
    ngx_http_asgard_charge_tiers_t  tiers;

    ngx_http_asgard_charge_tiers(ctx, model, &tiers);

    if (ctx->parsed) {
        tier = ngx_http_asgard_charge_dearest(ctx, model, &tiers);

    } else {
        tiers.allowed = ctx->call.tiers;
        tier = ctx->call.dearest;
    }

    tier = asg_tier_charged(tiers.allowed, said, tier);

    if (tiers.cards.card[tier] == NULL) {
        tier = ASG_TIER_STANDARD;
    }

    *charge = tiers.charges[tier];
}
