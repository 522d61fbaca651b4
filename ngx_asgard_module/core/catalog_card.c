/* Cards of a snapshot: reading them, and finding a project's own. */
#include "core/catalog_card.h"

#include <string.h>

#include "core/catalog_outline.h"
#include "core/members.h"
#include "core/rkey.h"

#define TIER_NAME_BYTES (ASG_ID_MAX + 16)

typedef struct {
    asg_str_t project;
    int64_t model;
    asg_catalog_card_t card;
} project_parts_t;

static asg_err_t read_above(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_own(asg_json_t *json, asg_buf_t *scratch, void *out);

#define C(kind, name, field) ASG_MEMBER(kind, name, asg_catalog_card_t, field)
#define MAYBE(name, field) \
    ASG_MEMBER_MAYBE(COUNT, name, asg_catalog_card_t, field)
#define A(name, field)       ASG_MEMBER(COUNT, name, asg_rates_t, field)

static const asg_member_t card_members[] = {
    C(STRING, "id", id),
    C(VERSION, "version", version),
    C(FLAG, "free", free),
    C(COUNT, "in_pusd", card.rates.base.in_pusd),
    C(COUNT, "out_pusd", card.rates.base.out_pusd),
    C(COUNT, "cached_pusd", card.rates.base.cached_pusd),
    C(COUNT, "cache_write_pusd", card.rates.base.cache_write_pusd),
    C(COUNT, "reasoning_pusd", card.rates.base.reasoning_pusd),
    C(COUNT, "request_tokens", card.request_tokens),
    C(COUNT, "message_tokens", card.message_tokens),
    C(COUNT, "tool_tokens", card.tool_tokens),
    C(COUNT, "image_tokens", card.image_tokens),
    C(COUNT, "file_tokens", card.file_tokens),
    C(COUNT, "audio_tokens", card.audio_tokens),
    /* of format 2 */
    MAYBE("cache_write_1h_pusd", card.rates.base.cache_write_1h_pusd),
    MAYBE("audio_in_pusd", card.rates.base.audio_in_pusd),
    MAYBE("audio_out_pusd", card.rates.base.audio_out_pusd),
    MAYBE("toolset_tokens", card.toolset_tokens),
    MAYBE("value_tokens", card.value_tokens),
    MAYBE("byte_tokens", card.byte_tokens),
    MAYBE("reasoning_tokens", card.reasoning_tokens),
    MAYBE("typed_tool_tokens", card.typed_tool_tokens),
    ASG_MEMBER_MAYBE_BY(read_above, "above")
};

static const asg_member_t above_members[] = {
    A("tokens", above_tokens),
    A("in_pusd", above.in_pusd),
    A("out_pusd", above.out_pusd),
    A("cached_pusd", above.cached_pusd),
    A("cache_write_pusd", above.cache_write_pusd),
    A("reasoning_pusd", above.reasoning_pusd),
    A("cache_write_1h_pusd", above.cache_write_1h_pusd),
    A("audio_in_pusd", above.audio_in_pusd),
    A("audio_out_pusd", above.audio_out_pusd)
};

static const asg_member_t project_members[] = {
    ASG_MEMBER(STRING, "project", project_parts_t, project),
    ASG_MEMBER(COUNT, "model", project_parts_t, model),
    ASG_MEMBER_BY(read_own, "card")
};

/* The long-context tier, or null. */
static asg_err_t read_above(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_rates_t *rates = &((asg_catalog_card_t *) out)->card.rates;
    bool there;
    asg_err_t rc = asg_members_read_maybe(json, scratch,
        ASG_MEMBERS(above_members), rates, &there);

    return rc == ASG_OK && there && rates->above_tokens == 0 ? ASG_ERR_RANGE
        : rc;
}

static bool card_is_possible(const asg_card_t *card, bool is_free)
{
    return asg_price_card_is_sane(card)
        /* nothing is free by an omission */
        && (is_free || card->rates.base.in_pusd > 0
            || card->rates.base.out_pusd > 0);
}

asg_err_t asg_catalog_card_read(asg_json_t *json, asg_buf_t *scratch,
    asg_catalog_card_t *out)
{
    asg_err_t rc = asg_members_read_next(json, scratch,
                                         ASG_MEMBERS(card_members), out);

    if (rc != ASG_OK) {
        return rc;
    }
    return asg_catalog_is_name(out->id)
        && card_is_possible(&out->card, out->free) ? ASG_OK : ASG_ERR_RANGE;
}

/* --- a project's own --- */

static asg_err_t read_own(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    return asg_catalog_card_read(json, scratch,
                                 &((project_parts_t *) out)->card);
}

asg_err_t asg_catalog_project_card_read(asg_json_t *json, asg_str_t text,
    asg_project_card_t *out)
{
    project_parts_t parts;
    asg_err_t rc;

    memset(&parts, 0, sizeof(parts));
    rc = asg_members_read_text(json, text, NULL, ASG_MEMBERS(project_members),
                               &parts);
    if (rc != ASG_OK) {
        return rc;
    }
    if (!asg_catalog_is_name(parts.project)
        || parts.model >= ASG_CATALOG_MODELS_MAX)
    {
        return ASG_ERR_RANGE;
    }
    *out = (asg_project_card_t) {
        .project = parts.project, .model = (unsigned) parts.model,
        .card = parts.card.card, .card_id = parts.card.id,
        .card_version = parts.card.version
    };
    return ASG_OK;
}

/* Below 0, 0, above 0: the card stands before, at, behind that place. */
static int order(const asg_project_card_t *card, unsigned model,
    asg_str_t project)
{
    size_t n = card->project.len < project.len ? card->project.len
                                               : project.len;
    int side = card->model < model ? -1 : card->model > model;

    if (side == 0 && n > 0) {
        side = memcmp(card->project.data, project.data, n);
    }
    if (side == 0) {
        side = card->project.len < project.len ? -1
            : card->project.len > project.len;
    }
    return side;
}

bool asg_catalog_project_cards_are_sorted(const asg_catalog_t *c)
{
    for (unsigned i = 0; i < c->ncards; i++) {
        const asg_project_card_t *card = &c->cards[i];

        if (card->model >= c->nmodels
            || (i > 0 && order(card - 1, card->model, card->project) >= 0))
        {
            return false;
        }
    }
    return true;
}

const asg_project_card_t *asg_catalog_project_card(const asg_catalog_t *c,
    const asg_model_t *model, asg_str_t project)
{
    unsigned index = (unsigned) (model - c->models);
    size_t low = 0;
    size_t high = c->ncards;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int side = order(&c->cards[middle], index, project);

        if (side == 0) {
            return &c->cards[middle];
        }
        if (side > 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const asg_project_card_t *asg_catalog_tier_card(const asg_catalog_t *c,
    const asg_model_t *model, asg_tier_t tier, asg_str_t project)
{
    const asg_project_card_t *own = NULL;
    const char *mark = asg_tier_mark(tier);
    char name[TIER_NAME_BYTES];
    asg_buf_t b;

    if (mark == NULL || c->ncards == 0) {
        return NULL;
    }
    asg_buf_init(&b, name, sizeof(name));
    asg_buf_z(&b, mark);
    asg_buf_z(&b, "@");
    asg_buf_str(&b, project);
    if (asg_buf_ok(&b)) {
        own = asg_catalog_project_card(c, model, asg_buf_view(&b));
    }
    return own != NULL ? own
        : asg_catalog_project_card(c, model, asg_str_z(mark));
}
