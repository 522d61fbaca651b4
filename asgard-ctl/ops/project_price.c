/*
 * Prices of projects in Postgres.
 */
#include "ops/project_price.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"

#define TEXT_BYTES  (CTL_PROJECT_PRICES_MAX * 1024)
#define FIELD_BYTES (CTL_MANIFEST_NAME_MAX + 96)

struct reading {
    asg_json_t *json;
    asg_buf_t out;
    char model[CTL_MANIFEST_NAME_MAX + 1];      /* "": none begun */
    const char *set;                    /* "flex"; "": the model's own level */
    struct ctl_error *e;
};

/* What a model's prices may hold beside prices. */
struct set {
    const char *name;
    struct ctl_prices *prices;
    int64_t *tokens;                    /* NULL: not of a length */
};

#define SETS (CTL_SERVICE_TIERS + 1)

#define LENGTH        "long_context"
#define LENGTH_TOKENS "above_tokens"


static bool
wrong(const struct reading *r, const char *field, const char *what)
{
    char at[FIELD_BYTES];

    snprintf(at, sizeof(at), "prices%s%s%s%s%s%.80s", r->model[0] ? "." : "",
             r->model, r->set[0] ? "." : "", r->set, field[0] ? "." : "",
             field);

    return ctl_error_field(r->e, "invalid_value", at, "%s %s.", at, what);
}


/* --- reading --- */

/* The current event's text when a price can be called so, else "". */
static const char *
field_name(const struct reading *r, char name[FIELD_BYTES])
{
    size_t i, len = r->json->token.len;

    for (i = 0; i < len; i++) {
        if (r->json->token.data[i] != '_' && (r->json->token.data[i] < '0'
            || r->json->token.data[i] > 'z'))
        {
            len = 0;
        }
    }
    snprintf(name, FIELD_BYTES, "%.*s", (int) (len < 64 ? len : 0),
             r->json->token.data);

    return name;
}


static bool
price_read(struct reading *r, struct ctl_prices *said)
{
    enum ctl_price_kind kind;
    char name[FIELD_BYTES];
    int64_t per, pusd;

    field_name(r, name);
    if (!ctl_price_spelled(r->json->token, &kind, &per)) {
        return wrong(r, name, "is no price: those of a module's file are, by "
                     "1,000 tokens, by one or by a million");
    }
    if (ctl_prices_say(said, kind)) {
        return wrong(r, name, "says again what another field says");
    }
    if (asg_json_next(r->json) != ASG_JSON_NUMBER
        || asg_price_parse(r->json->token, per, &pusd) != ASG_OK)
    {
        return wrong(r, name, "must be a number of USD, as a price can be");
    }
    ctl_prices_set(said, kind, pusd);

    return true;
}


static bool
tokens_read(struct reading *r, int64_t *tokens)
{
    return (asg_json_next(r->json) == ASG_JSON_NUMBER
            && asg_str_i64(r->json->token, tokens) && *tokens > 0
            && *tokens <= ASG_TOKENS_MAX)
           || wrong(r, LENGTH_TOKENS, "must be a number of tokens, above 0");
}


/* The object of a tier or a length; no key stands twice (json_in.h). */
static bool
set_read(struct reading *r, const struct set *set)
{
    asg_json_event_t ev;

    if (asg_json_next(r->json) != ASG_JSON_OBJECT) {
        return wrong(r, "", "must be an object of prices");
    }
    while ((ev = asg_json_next(r->json)) == ASG_JSON_KEY) {
        if (set->tokens != NULL
            && asg_str_eq_z(r->json->token, LENGTH_TOKENS))
        {
            if (!tokens_read(r, set->tokens)) {
                return false;
            }
        } else if (!price_read(r, set->prices)) {
            return false;
        }
    }

    return (set->prices->said != 0 && ev == ASG_JSON_OBJECT_END)
           || wrong(r, "", "must say a price");
}


static void
sets_of(struct ctl_price *said, struct set sets[SETS])
{
    const struct ctl_service_tier *tier;
    unsigned i;

    for (i = 0; i < CTL_SERVICE_TIERS; i++) {
        tier = &ctl_service_tiers[i];
        sets[i] = (struct set) {tier->name, &said->base[tier->from], NULL};
    }
    sets[i] = (struct set) {LENGTH, &said->above[CTL_TIER_STANDARD],
                            &said->above_tokens};
}


/* A price, or a tier's or a length's prices; the current event is its key. */
static bool
member_read(struct reading *r, struct ctl_price *said)
{
    struct set sets[SETS];
    unsigned i;
    bool ok;

    sets_of(said, sets);
    for (i = 0; i < SETS; i++) {
        if (asg_str_eq_z(r->json->token, sets[i].name)) {
            r->set = sets[i].name;
            ok = set_read(r, &sets[i]);
            r->set = "";
            return ok;
        }
    }

    return price_read(r, &said->base[CTL_TIER_STANDARD]);
}


static void
name_write(struct reading *r, const char *name)
{
    asg_buf_z(&r->out, r->out.data[r->out.len - 1] == '{' ? "" : ",");
    asg_buf_json(&r->out, asg_str_z(name));
    asg_buf_z(&r->out, ":");
}


static void
prices_write(struct reading *r, const struct ctl_prices *said)
{
    unsigned kind;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (ctl_prices_say(said, kind)) {
            name_write(r, ctl_price_kind_name(kind));
            asg_buf_i64(&r->out, said->pusd[kind]);
        }
    }
}


static void
model_write(struct reading *r, struct ctl_price *said)
{
    struct set sets[SETS];
    unsigned i;

    sets_of(said, sets);
    name_write(r, r->model);
    asg_buf_z(&r->out, "{");
    prices_write(r, &said->base[CTL_TIER_STANDARD]);
    for (i = 0; i < SETS; i++) {
        if (sets[i].prices->said == 0) {
            continue;
        }
        name_write(r, sets[i].name);
        asg_buf_z(&r->out, "{");
        if (sets[i].tokens != NULL && *sets[i].tokens > 0) {
            name_write(r, LENGTH_TOKENS);
            asg_buf_i64(&r->out, *sets[i].tokens);
        }
        prices_write(r, sets[i].prices);
        asg_buf_z(&r->out, "}");
    }
    asg_buf_z(&r->out, "}");
}


static bool
model_begin(struct reading *r)
{
    asg_str_t name = r->json->token;

    r->model[0] = '\0';
    if (name.len <= CTL_MANIFEST_NAME_MAX) {
        snprintf(r->model, sizeof(r->model), "%.*s", (int) name.len,
                 name.data);
    }
    if (!ctl_manifest_is_name(r->model)) {
        r->model[0] = '\0';
        return wrong(r, "", "must be an object of refs of models");
    }

    return true;
}


static bool
model_read(struct reading *r)
{
    struct ctl_price said = {0};
    asg_json_event_t ev;

    if (!model_begin(r)) {
        return false;
    }
    if (asg_json_next(r->json) != ASG_JSON_OBJECT) {
        return wrong(r, "", "must be an object of prices");
    }
    while ((ev = asg_json_next(r->json)) == ASG_JSON_KEY) {
        if (!member_read(r, &said)) {
            return false;
        }
    }
    if (ctl_price_said(&said) == 0 || ev != ASG_JSON_OBJECT_END) {
        return wrong(r, "", "must say a price");
    }
    model_write(r, &said);
    r->model[0] = '\0';

    return true;
}


static bool
models_read(struct reading *r)
{
    asg_json_event_t ev = asg_json_next(r->json);
    unsigned n = 0;

    asg_buf_z(&r->out, "{");
    if (ev == ASG_JSON_NULL) {
        asg_buf_z(&r->out, "}");
        return true;
    }
    if (ev != ASG_JSON_OBJECT) {
        return wrong(r, "", "must be an object of refs of models, or null");
    }
    while ((ev = asg_json_next(r->json)) == ASG_JSON_KEY) {
        if (n++ == CTL_PROJECT_PRICES_MAX) {
            return wrong(r, "", "has more than 64 models");
        }
        if (!model_read(r)) {
            return false;
        }
    }
    asg_buf_z(&r->out, "}");

    return ev == ASG_JSON_OBJECT_END
           || wrong(r, "", "must be an object of refs of models");
}


const char *
ctl_project_prices_read(struct ctl_arena *arena, asg_str_t raw,
    struct ctl_error *e)
{
    struct reading r = {.json = ctl_arena_alloc(arena, sizeof(*r.json)),
                        .set = "", .e = e};
    char *text = ctl_arena_alloc(arena, TEXT_BYTES);

    if (r.json == NULL || text == NULL) {
        ctl_error_internal(e, "out of memory");
        return NULL;
    }
    asg_json_begin(r.json, raw, (uint64_t) (uintptr_t) r.json);
    asg_buf_init(&r.out, text, TEXT_BYTES - 1);
    if (!models_read(&r)) {
        return NULL;
    }
    if (!asg_buf_ok(&r.out)) {
        wrong(&r, "", "is too long");
        return NULL;
    }
    text[r.out.len] = '\0';

    return text;
}


/* --- changing --- */

/* What $1 says, a row of each model, tier and length, beside what those cost in
 * the catalog in service, whose body is behind its first line; what of it
 * cannot be.  The last word is the keeper's, which has what its files say. */
#define CHECK \
    "WITH s AS (SELECT substr(body, strpos(body, E'\\n') + 1)::jsonb AS c" \
    " FROM catalog_snapshots ORDER BY version DESC LIMIT 1)," \
    " models AS (SELECT v ->> 'ref' AS ref, v -> 'card' AS card, n - 1 AS i" \
    "  FROM s, jsonb_array_elements(c -> 'models') WITH ORDINALITY e(v, n))," \
    " said AS (SELECT m.key AS ref, t AS tier, m.value AS all_said," \
    "  CASE t WHEN '' THEN m.value ELSE m.value -> t END AS said" \
    "  FROM jsonb_each($1::jsonb) m," \
    "  unnest(ARRAY['', 'flex', 'priority', 'long_context']) t" \
    "  WHERE t = '' OR m.value ? t)," \
    " both_sides AS (SELECT said.*, models.card AS model, CASE tier" \
    "  WHEN '' THEN models.card" \
    "  WHEN 'long_context' THEN nullif(models.card -> 'above', 'null')" \
    "  ELSE (SELECT p -> 'card' FROM s," \
    "   jsonb_array_elements(c -> 'project_cards') p" \
    "   WHERE p ->> 'project' = '#' || tier" \
    "   AND (p ->> 'model')::bigint = models.i) END AS card" \
    "  FROM said LEFT JOIN models USING (ref))," \
    " judged AS (SELECT ref, tier, CASE" \
    "  WHEN model IS NULL THEN 'is not the ref of a model'" \
    "  WHEN (model ->> 'free')::bigint <> 0" \
    "   THEN 'is a model that is free by its module'" \
    "  WHEN tier = 'long_context' THEN CASE" \
    "   WHEN card IS NULL AND NOT (said ? 'above_tokens' AND said ? 'in')" \
    "    THEN 'has no length by its module: say above_tokens and cost_in'" \
    "   WHEN EXISTS (SELECT FROM jsonb_each_text(said) k" \
    "    WHERE k.key <> 'above_tokens' AND (k.key IN ('in', 'out')" \
    "     OR all_said ? k.key) AND k.value::bigint < coalesce(" \
    "     all_said ->> k.key, model ->> (k.key || '_pusd'))::bigint)" \
    "    THEN 'would cost less than a shorter prompt' END" \
    "  WHEN card IS NULL AND NOT (said ? 'in' AND (said ? 'out'" \
    "   OR (model ->> 'out_pusd')::bigint = 0))" \
    "   THEN 'has no price by its module: say cost_in and cost_out'" \
    "  WHEN (model ->> 'audio_tokens')::bigint > 0 AND coalesce(" \
    "   said ->> 'audio_in', card ->> 'audio_in_pusd'," \
    "   all_said ->> 'audio_in', model ->> 'audio_in_pusd')::bigint = 0" \
    "   THEN 'would leave audio without a price'" \
    "  WHEN coalesce(said ->> 'in', card ->> 'in_pusd')::bigint" \
    "   + coalesce(said ->> 'out', card ->> 'out_pusd', '0')::bigint = 0" \
    "   THEN 'would cost nothing' END AS fault FROM both_sides)" \
    " SELECT concat_ws('.', 'prices', ref, nullif(tier, '')), fault" \
    " FROM judged WHERE fault IS NOT NULL ORDER BY ref, tier LIMIT 1"

static bool
models_check(struct ctl_change *c, const char *prices, struct ctl_error *e)
{
    struct ctl_rows rows;
    char field[FIELD_BYTES];

    if (!CTL_PG(c->pg, c->arena, &rows, e, CHECK, prices)) {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    snprintf(field, sizeof(field), "%s", ctl_rows_at(&rows, 0, 0));

    return ctl_error_field(e, "invalid_value", field, "%s %s.", field,
                           ctl_rows_at(&rows, 0, 1));
}


/* The lock of the one row stays until the change is committed: a sum that two
 * changes see is never both too low. */
static bool
change_begin(struct ctl_change *c, struct ctl_error *e)
{
    return ctl_pg_exec(c->pg, e,
                       "UPDATE price_changes SET version = version + 1");
}


static bool
sum_check(struct ctl_change *c, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_pg_query(c->pg, c->arena, &rows, e,
            "SELECT coalesce(sum(1 + (value ? 'flex')::int"
            " + (value ? 'priority')::int), 0)"
            " FROM projects, jsonb_each(prices) WHERE prices <> '{}'", 0,
            NULL))
    {
        return false;
    }

    return ctl_rows_i64(&rows, 0, 0) <= CTL_CATALOG_OVERRIDES_MAX
           || ctl_error_field(e, "invalid_value", "prices",
                              "all projects together have more than %d prices "
                              "of their own, those of tiers counted.",
                              CTL_CATALOG_OVERRIDES_MAX);
}


bool
ctl_project_prices_set(struct ctl_change *c, const char *project_id,
    const char *prices, struct ctl_error *e)
{
    return models_check(c, prices, e) && change_begin(c, e)
           && CTL_PG(c->pg, c->arena, NULL, e,
                  "UPDATE projects SET prices = $2 WHERE project_id = $1",
                  project_id, prices)
           && sum_check(c, e);
}


/* --- for the catalog --- */

bool
ctl_project_prices_version(struct ctl_pg *pg, struct ctl_arena *arena,
    int64_t *version, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_pg_query(pg, arena, &rows, e,
                      "SELECT max(version) FROM price_changes", 0, NULL))
    {
        return false;
    }
    *version = ctl_rows_i64(&rows, 0, 0);

    return true;
}


/* A row has the project and the ref, then the kinds, in the order of enum
 * ctl_price_kind, of four sets, then the length. */
#define KINDS(of) \
    of " ->> 'in'," of " ->> 'out'," of " ->> 'cached'," \
    of " ->> 'cache_write'," of " ->> 'cache_write_1h'," \
    of " ->> 'reasoning'," of " ->> 'audio_in'," of " ->> 'audio_out',"

static void
row_take(struct ctl_overrides *out, const struct ctl_rows *rows, unsigned row)
{
    struct ctl_override *o = &out->items[out->n++];
    struct ctl_prices *const in_row[] = {
        &o->said.base[CTL_TIER_STANDARD], &o->said.base[CTL_TIER_FLEX],
        &o->said.base[CTL_TIER_PRIORITY], &o->said.above[CTL_TIER_STANDARD]
    };
    unsigned set, kind, column = 2;

    memset(o, 0, sizeof(*o));
    o->project = ctl_rows_at(rows, row, 0);
    o->ref = ctl_rows_at(rows, row, 1);
    for (set = 0; set < sizeof(in_row) / sizeof(in_row[0]); set++) {
        for (kind = 0; kind < CTL_PRICE_KINDS; kind++, column++) {
            if (ctl_rows_at(rows, row, column) != NULL) {
                ctl_prices_set(in_row[set], kind,
                               ctl_rows_i64(rows, row, column));
            }
        }
    }
    o->said.above_tokens = ctl_rows_i64(rows, row, column);
}


bool
ctl_project_prices_all(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_overrides *out, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!ctl_pg_query(pg, arena, &rows, e,
            "SELECT project_id, m.key, "
            KINDS("m.value") KINDS("m.value -> 'flex'")
            KINDS("m.value -> 'priority'") KINDS("m.value -> 'long_context'")
            " coalesce(m.value #>> '{long_context,above_tokens}', '0')"
            " FROM projects, jsonb_each(prices) AS m WHERE prices <> '{}'"
            " ORDER BY m.key COLLATE \"C\", project_id", 0, NULL))
    {
        return false;
    }
    out->n = 0;
    out->items = ctl_arena_alloc(arena, (rows.nrows + 1)
                                        * sizeof(*out->items));
    if (out->items == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    for (i = 0; i < rows.nrows; i++) {
        row_take(out, &rows, i);
    }

    return true;
}
