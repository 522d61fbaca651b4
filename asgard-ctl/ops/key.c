/*
 * Project keys in Postgres.
 */
#include "ops/key.h"

#include <string.h>

#include <openssl/crypto.h>

#include "core/key.h"
#include "core/network.h"
#include "ledger/time_text.h"
#include "ops/alias.h"
#include "ops/project.h"


/* What a list shows of each. */
#define SQL_SHOWN \
    "SELECT key_id, name, prefix, " CTL_TIME_ISO("created_at") ", " \
    CTL_TIME_ISO("expires_at") ", " CTL_TIME_ISO("revoked_at") ", " \
    CTL_TIME_ISO("last_used_at") ", aliases, " CTL_TIME_ISO("not_before") \
    ", to_json(networks)::text, " \
    CTL_LIMITS_COLUMNS " FROM keys"


static const char *
key_digest_text(struct ctl_arena *arena, const asg_named_key_t *pepper,
    const char *text)
{
    uint8_t digest[ASG_KEY_DIGEST_BYTES];
    char *hex = ctl_arena_alloc(arena, 2 * sizeof(digest) + 3);
    asg_key_pads_t pads;
    asg_buf_t b;

    if (hex == NULL) {
        return NULL;
    }
    asg_key_pads_init(&pads, pepper->secret, sizeof(pepper->secret));
    asg_key_digest(&pads, asg_str_z(text), digest);
    OPENSSL_cleanse(&pads, sizeof(pads));
    asg_buf_init(&b, hex, 2 * sizeof(digest) + 2);
    asg_buf_z(&b, "\\x");
    asg_buf_hex(&b, digest, sizeof(digest));

    return hex;
}


/* A name that a model may have, now or later: printable, without spaces. */
static bool
is_model_name(const char *name)
{
    size_t n = 0;

    while (name[n] > ' ' && name[n] < 0x7f) {
        n++;
    }

    return n > 0 && name[n] == '\0';
}


/* A JSON array, or NULL for all. */
static bool
models_text(struct ctl_arena *arena, const struct ctl_key_input *in,
    const char **out, struct ctl_error *e)
{
    size_t cap = 2048;
    char *storage = ctl_arena_alloc(arena, cap + 1);
    asg_buf_t b;
    unsigned i;

    *out = NULL;
    if (in->models == NULL) {
        return true;
    }
    if (storage == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_buf_init(&b, storage, cap);
    for (i = 0; i < in->nmodels; i++) {
        if (!is_model_name(in->models[i])) {
            return ctl_error_field(e, "invalid_value", "models",
                                   "Item %u of models is no name of a model.",
                                   i + 1);
        }
        asg_buf_z(&b, i == 0 ? "[" : ",");
        asg_buf_json(&b, asg_str_z(in->models[i]));
    }
    asg_buf_z(&b, in->nmodels == 0 ? "[]" : "]");
    if (!asg_buf_ok(&b)) {
        return ctl_error_field(e, "invalid_value", "models",
                               "The list of models is too long.");
    }
    *out = storage;

    return true;
}


/* By the database's clock, which all of asgard-ctl share. */
static bool
check_expiry(struct ctl_change *c, const struct ctl_key_input *in,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    int64_t at;

    if (in->expires_at == NULL) {
        return true;
    }
    if (!ctl_time_read("expires_at", in->expires_at, &at, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
                   "SELECT 1 WHERE to_timestamp($1::bigint) > now()",
                   ctl_arena_printf(c->arena, "%lld", (long long) at)))
    {
        return false;
    }

    return rows.nrows == 1
           || ctl_error_field(e, "invalid_value", "expires_at",
                              "expires_at must lie in the future.");
}


static bool
check_not_before(const struct ctl_key_input *in, struct ctl_error *e)
{
    int64_t at;

    return in->not_before == NULL
           || ctl_time_read("not_before", in->not_before, &at, e);
}


/* As they were given, with commas; NULL where none were given. */
static bool
networks_text(struct ctl_arena *arena, const struct ctl_key_networks *in,
    const char **out, struct ctl_error *e)
{
    char *storage = ctl_arena_alloc(arena, ASG_NETWORKS_TEXT + 1);
    asg_networks_t list;
    asg_buf_t b;
    unsigned i;

    *out = NULL;
    if (!in->given) {
        return true;
    }
    if (storage == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_buf_init(&b, storage, ASG_NETWORKS_TEXT);
    for (i = 0; i < in->n; i++) {
        if (strchr(in->items[i], ',') != NULL
            || in->items[i][0] == '\0'
            || asg_networks_parse(asg_str_z(in->items[i]), &list) != ASG_OK)
        {
            return ctl_error_field(e, "invalid_value", "networks", "Item %u of "
                                   "networks is no address or CIDR, or has "
                                   "bits behind its length.", i + 1);
        }
        asg_buf_z(&b, i > 0 ? "," : "");
        asg_buf_z(&b, in->items[i]);
    }
    asg_buf_put(&b, "", 1);
    *out = storage;

    return asg_buf_ok(&b) || ctl_error_internal(e, "networks are too long");
}


static bool
project_of(struct ctl_change *c, const char *project_id,
    struct ctl_project *project, struct ctl_error *e)
{
    return ctl_project_get(c->pg, c->arena, project_id, project, e)
           && ctl_project_must_live(project, e)
           && (!project->killed
               || ctl_error_set(e, 403, "project_killed",
                                "The project is killed; it gets no key until "
                                "that is taken back."));
}


/* Nothing of it has changed: its delivery waits until the counters that the
 * key's calls will need are open, and so does the 201. */
static bool
send_project_budget(struct ctl_change *c, const char *project_id,
    struct ctl_error *e)
{
    const char *budget = ctl_arena_printf(c->arena, "p.%s", project_id);
    struct ctl_rows rows;

    return (budget != NULL || ctl_error_internal(e, "out of memory"))
           && CTL_PG(c->pg, c->arena, &rows, e,
                     "SELECT version FROM budgets WHERE budget_id = $1",
                     budget)
           && ctl_change_send(c, CTL_OUTBOX_BUDGET, budget,
                              ctl_rows_i64(&rows, 0, 0), e);
}


static const char *
raw_text(struct ctl_arena *arena, asg_str_t raw)
{
    return raw.data == NULL ? NULL : ctl_arena_text(arena, raw.data, raw.len);
}


static bool
check_aliases(struct ctl_change *c, const char *project_id, asg_str_t raw,
    struct ctl_error *e)
{
    return raw.data == NULL
           || (ctl_aliases_check(c->arena, raw, "aliases", e)
               && ctl_aliases_lead(c->pg, c->arena, project_id, raw,
                                   "aliases", e));
}


static bool
audit_minted(struct ctl_change *c, const struct ctl_key_input *in,
    const char *networks, const char *key_id, const char *prefix,
    const char *project_id, struct ctl_error *e)
{
    struct ctl_audit_field fields[6 + ASG_LIMIT_COUNT] = {
        {"name", in->name}, {"prefix", prefix},
        {"expires_at", in->expires_at}, {"not_before", in->not_before},
        {"networks", networks},
        {"aliases", raw_text(c->arena, in->aliases)}
    };

    ctl_limits_audit(c->arena, &in->limits, &fields[6]);
    return ctl_change_audit(c, "key.minted", "key", key_id, project_id, NULL,
                            ctl_audit_data(c->arena, fields,
                                           6 + ASG_LIMIT_COUNT), e);
}


bool
ctl_key_mint(struct ctl_change *c, const asg_keyfile_t *peppers,
    const char *project_id, const struct ctl_key_input *in,
    char text[CTL_CREDENTIAL_TEXT], const char **key_id, const char **prefix,
    struct ctl_error *e)
{
    const asg_named_key_t *pepper = &peppers->peppers[0];
    bool budgeted = in->budgets != NULL && in->budgets->n > 0;
    const char *models, *digest, *networks;
    struct ctl_project project;
    struct ctl_rows rows;

    if (!check_expiry(c, in, e) || !check_not_before(in, e)
        || !networks_text(c->arena, &in->networks, &networks, e)
        || !project_of(c, project_id, &project, e)
        || !models_text(c->arena, in, &models, e)
        || !check_aliases(c, project_id, in->aliases, e)
        || !ctl_credential_make("asg_", text, e))
    {
        return false;
    }
    digest = key_digest_text(c->arena, pepper, text);
    *prefix = ctl_arena_text(c->arena, text, ASG_KEY_PREFIX_CHARS);
    if (digest == NULL || *prefix == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "INSERT INTO keys (project_id, name, pepper_id, digest, prefix,"
            " models, budgeted, expires_at, aliases, not_before, networks)"
            " VALUES ($1, $2, $3, $4::bytea, $5, $6::jsonb, $7::boolean,"
            " $8::timestamptz, coalesce($9::jsonb, '{}'), $10::timestamptz,"
            " string_to_array(coalesce($11, ''), ',')) RETURNING key_id",
            project_id, in->name, pepper->id, digest, *prefix, models,
            budgeted ? "t" : "f", in->expires_at,
            raw_text(c->arena, in->aliases), in->not_before, networks))
    {
        return false;
    }
    *key_id = ctl_rows_at(&rows, 0, 0);

    return ctl_limits_write(c, CTL_LIMITS_KEY, *key_id, &in->limits, e)
           && (!budgeted
            || ctl_budget_create(c, "key", *key_id, project_id,
                                 project.partition, in->budgets, e))
           && ctl_change_send(c, CTL_OUTBOX_KEY, *key_id, 1, e)
           && send_project_budget(c, project_id, e)
           && audit_minted(c, in, networks, *key_id, *prefix, project_id, e);
}


static void
key_fill(struct ctl_key *k, const struct ctl_rows *rows, unsigned i)
{
    unsigned kind;

    k->id = ctl_rows_at(rows, i, 0);
    k->name = ctl_rows_at(rows, i, 1);
    k->prefix = ctl_rows_at(rows, i, 2);
    k->created_at = ctl_rows_at(rows, i, 3);
    k->expires_at = ctl_rows_at(rows, i, 4);
    k->revoked_at = ctl_rows_at(rows, i, 5);
    k->last_used_at = ctl_rows_at(rows, i, 6);
    k->aliases = ctl_rows_at(rows, i, 7);
    k->not_before = ctl_rows_at(rows, i, 8);
    k->networks = ctl_rows_at(rows, i, 9);
    for (kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        k->limits[kind] = ctl_rows_at(rows, i, 10 + kind);
    }
}


static bool
key_not_found(struct ctl_error *e)
{
    return ctl_error_set(e, 404, "key_not_found",
                         "There is no such key in this project.");
}


bool
ctl_key_get(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *key_id, struct ctl_key *out,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_SHOWN
            " WHERE project_id = $1 AND key_id::text = lower($2)",
            project_id, key_id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return key_not_found(e);
    }
    key_fill(out, &rows, 0);

    return true;
}


bool
ctl_key_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, const char *after, unsigned limit,
    struct ctl_key **out, unsigned *n, bool *more, struct ctl_error *e)
{
    const char *most = ctl_arena_printf(arena, "%u", limit + 1);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(pg, arena, &rows, e,
            SQL_SHOWN " WHERE project_id = $1 AND ($2 = '' OR"
            " (created_at, key_id) > (SELECT created_at, key_id FROM keys"
            " WHERE key_id::text = $2))"
            " ORDER BY created_at, key_id LIMIT $3",
            project_id, after, most))
    {
        return false;
    }
    *more = rows.nrows > limit;
    *n = *more ? limit : rows.nrows;
    *out = ctl_arena_alloc(arena, (*n + 1) * sizeof(**out));
    for (i = 0; *out != NULL && i < *n; i++) {
        key_fill(&(*out)[i], &rows, i);
    }

    return *out != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_key_patch(struct ctl_change *c, const char *project_id,
    const char *key_id, const struct ctl_key_patch *patch,
    struct ctl_error *e)
{
    struct ctl_audit_field fields[2 + ASG_LIMIT_COUNT] = {
        {"aliases", raw_text(c->arena, patch->aliases)}
    };
    struct ctl_project project;
    const char *networks;
    struct ctl_rows rows;

    ctl_limits_audit(c->arena, &patch->limits, &fields[2]);
    if (!networks_text(c->arena, &patch->networks, &networks, e)
        || !ctl_project_lock_live(c, project_id, &project, e)
        || !check_aliases(c, project_id, patch->aliases, e)
        || !CTL_PG(c->pg, c->arena, &rows, e,
               "UPDATE keys SET aliases = coalesce($3::jsonb, aliases),"
               " networks = coalesce(string_to_array($4, ','), networks),"
               " version = version + 1 WHERE project_id = $1"
               " AND key_id::text = lower($2) RETURNING version",
               project_id, key_id, raw_text(c->arena, patch->aliases),
               networks))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return key_not_found(e);
    }
    fields[1] = (struct ctl_audit_field) {"networks", networks};

    return ctl_limits_write(c, CTL_LIMITS_KEY, key_id, &patch->limits, e)
           && ctl_change_send(c, CTL_OUTBOX_KEY, key_id,
                              ctl_rows_i64(&rows, 0, 0), e)
           && ctl_change_audit(c, "key.updated", "key", key_id, project_id,
                               NULL, ctl_audit_data(c->arena, fields,
                                                    2 + ASG_LIMIT_COUNT), e);
}


bool
ctl_key_revoke(struct ctl_change *c, const char *project_id,
    const char *key_id, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE keys SET revoked_at = coalesce(revoked_at, now()),"
            " version = version + 1"
            " WHERE key_id::text = lower($1)"
            " AND ($2::text IS NULL OR project_id = $2)"
            " RETURNING version, project_id", key_id, project_id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return key_not_found(e);
    }

    return ctl_change_send(c, CTL_OUTBOX_KEY, key_id,
                           ctl_rows_i64(&rows, 0, 0), e)
           && ctl_change_audit(c, "key.revoked", "key", key_id,
                               ctl_rows_at(&rows, 0, 1), NULL, NULL, e);
}
