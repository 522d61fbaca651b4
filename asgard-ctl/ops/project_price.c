/*
 * Prices of projects in Postgres.
 */
#include "ops/project_price.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"

#define TEXT_BYTES  (CTL_PROJECT_PRICES_MAX * 512)
#define FIELD_BYTES (CTL_MANIFEST_NAME_MAX + 96)

struct reading {
    asg_json_t *json;
    asg_buf_t out;
    char model[CTL_MANIFEST_NAME_MAX + 1];      /* "": none begun */
    struct ctl_error *e;
};


static bool
wrong(const struct reading *r, const char *field, const char *what)
{
    char at[FIELD_BYTES];

    snprintf(at, sizeof(at), "prices%s%s%s%.80s", r->model[0] ? "." : "",
             r->model, field[0] ? "." : "", field);

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


static void
prices_write(struct reading *r, const struct ctl_prices *said)
{
    const char *before = "{";
    unsigned kind;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (ctl_prices_say(said, kind)) {
            asg_buf_z(&r->out, before);
            asg_buf_json(&r->out, asg_str_z(ctl_price_kind_name(kind)));
            asg_buf_z(&r->out, ":");
            asg_buf_i64(&r->out, said->pusd[kind]);
            before = ",";
        }
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
    struct ctl_prices said = {0};
    asg_json_event_t ev;

    if (!model_begin(r)) {
        return false;
    }
    if (asg_json_next(r->json) != ASG_JSON_OBJECT) {
        return wrong(r, "", "must be an object of prices");
    }
    while ((ev = asg_json_next(r->json)) == ASG_JSON_KEY) {
        if (!price_read(r, &said)) {
            return false;
        }
    }
    if (said.said == 0 || ev != ASG_JSON_OBJECT_END) {
        return wrong(r, "", "must say a price");
    }
    asg_buf_z(&r->out, r->out.len > 1 ? "," : "");
    asg_buf_json(&r->out, asg_str_z(r->model));
    asg_buf_z(&r->out, ":");
    prices_write(r, &said);
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
                        .e = e};
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

/* The model may be sent audio, which would cost nothing. */
#define NO_AUDIO \
    "((m.card ->> 'audio_tokens')::bigint > 0" \
    " AND coalesce(p.value ->> 'audio_in'," \
    " m.card ->> 'audio_in_pusd')::bigint = 0)"

/* What the models of $1 cost in the catalog in service, whose body is behind
 * its first line, laid under what is said. */
#define MODELS \
    "WITH m AS (SELECT m ->> 'ref' AS ref, m -> 'card' AS card FROM" \
    " (SELECT substr(body, strpos(body, E'\\n') + 1)::jsonb AS catalog" \
    "  FROM catalog_snapshots ORDER BY version DESC LIMIT 1) AS s," \
    " jsonb_array_elements(catalog -> 'models') AS m)" \
    " SELECT p.key, CASE WHEN m.ref IS NULL THEN 'none'" \
    "  WHEN (m.card ->> 'free')::bigint <> 0 THEN 'free' WHEN " NO_AUDIO \
    "  THEN 'audio' ELSE 'nothing' END" \
    " FROM jsonb_each($1::jsonb) AS p LEFT JOIN m ON m.ref = p.key" \
    " WHERE m.ref IS NULL OR (m.card ->> 'free')::bigint <> 0" \
    " OR coalesce(p.value ->> 'in', m.card ->> 'in_pusd')::bigint" \
    "  + coalesce(p.value ->> 'out', m.card ->> 'out_pusd')::bigint = 0" \
    " OR " NO_AUDIO \
    " ORDER BY p.key LIMIT 1"

static bool
models_check(struct ctl_change *c, const char *prices, struct ctl_error *e)
{
    struct ctl_rows rows;
    char field[FIELD_BYTES];
    const char *what;

    if (!CTL_PG(c->pg, c->arena, &rows, e, MODELS, prices)) {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    what = ctl_rows_at(&rows, 0, 1);
    snprintf(field, sizeof(field), "prices.%.*s", CTL_MANIFEST_NAME_MAX,
             ctl_rows_at(&rows, 0, 0));

    return ctl_error_field(e, "invalid_value", field, "%s %s.", field,
               strcmp(what, "none") == 0 ? "is not the ref of a model"
               : strcmp(what, "free") == 0
                 ? "is a model that is free by its module"
               : strcmp(what, "audio") == 0
                 ? "would leave audio without a price"
                 : "would cost nothing");
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
            "SELECT count(*) FROM projects, jsonb_object_keys(prices)"
            " WHERE prices <> '{}'", 0, NULL))
    {
        return false;
    }

    return ctl_rows_i64(&rows, 0, 0) <= CTL_CATALOG_OVERRIDES_MAX
           || ctl_error_field(e, "invalid_value", "prices",
                              "all projects together have more than %d prices "
                              "of their own.", CTL_CATALOG_OVERRIDES_MAX);
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


static void
row_take(struct ctl_overrides *out, const struct ctl_rows *rows, unsigned row)
{
    struct ctl_override *o = &out->items[out->n];
    unsigned kind;

    o->project = ctl_rows_at(rows, row, 0);
    o->ref = ctl_rows_at(rows, row, 1);
    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (ctl_rows_at(rows, row, 2 + kind) != NULL) {
            ctl_prices_set(&o->said, kind, ctl_rows_i64(rows, row, 2 + kind));
        }
    }
    out->n++;
}


bool
ctl_project_prices_all(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_overrides *out, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    /* the kinds in the order of enum ctl_price_kind */
    if (!ctl_pg_query(pg, arena, &rows, e,
            "SELECT project_id, m.key, m.value ->> 'in', m.value ->> 'out',"
            " m.value ->> 'cached', m.value ->> 'cache_write',"
            " m.value ->> 'cache_write_1h', m.value ->> 'reasoning',"
            " m.value ->> 'audio_in', m.value ->> 'audio_out'"
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
