/*
 * Publishing a catalog.
 */
#include "ops/snapshot.h"

#include <string.h>

#include "base/log.h"
#include "catalog/compile.h"
#include "ops/project_price.h"
#include "ops/service.h"

#define ARENA_BYTES (64u * 1024 * 1024)
#define LOCK        "SELECT pg_advisory_xact_lock(4702394921427289927)"

struct publication {
    struct ctl_change change;
    struct ctl_catalog *catalog;
    const struct ctl_snapshot *with;
    struct ctl_arena *arena;
    const char *report;
    int64_t version;
    int64_t prices;
    int64_t created;
};


/* What works now must not go because of a mistake in a file. */
static bool
working_modules_check(struct publication *p, struct ctl_error *e)
{
    struct ctl_rows rows;
    const char *lost;

    if (!CTL_PG(p->change.pg, p->arena, &rows, e,
            "SELECT string_agg(n->>'reason', '; ')"
            " FROM jsonb_array_elements($1::jsonb) n"
            " WHERE n->>'state' = 'refused' AND n->>'id' IN ("
            "  SELECT o->>'id' FROM jsonb_array_elements((SELECT modules"
            "   FROM catalog_snapshots ORDER BY version DESC LIMIT 1)) o"
            "  WHERE o->>'state' = 'active')", p->report))
    {
        return false;
    }
    lost = ctl_rows_at(&rows, 0, 0);

    return lost == NULL
           || ctl_error_set(e, 409, "catalog_refused",
                            "a module that is in service is refused, so the "
                            "old catalog stays: %s", lost);
}


static bool
version_take(struct publication *p, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_pg_query(p->change.pg, p->arena, &rows, e,
            "SELECT greatest(max(version), version_floor()) + 1,"
            " extract(epoch FROM now())::bigint FROM catalog_snapshots",
            0, NULL))
    {
        return false;
    }
    p->version = ctl_rows_i64(&rows, 0, 0);
    p->created = ctl_rows_i64(&rows, 0, 1);

    return true;
}


/* The version first: a change that comes between is published once more. */
static bool
prices_take(struct publication *p, struct ctl_error *e)
{
    struct ctl_overrides all = {NULL, 0};
    unsigned i;

    if (!ctl_project_prices_version(p->change.pg, p->arena, &p->prices, e)
        || !ctl_project_prices_all(p->change.pg, p->arena, &all, e))
    {
        return false;
    }
    if (!ctl_catalog_override(p->catalog, p->arena, &all)) {
        return ctl_error_internal(e, "out of memory");
    }
    for (i = 0; i < all.n; i++) {
        if (all.items[i].left_out) {
            ctl_log(CTL_LOG_WARN, "the price of %s for %s does not fit what "
                    "its module says; it does not act", all.items[i].ref,
                    all.items[i].project);
        }
    }

    return true;
}


/* The version of the card with these prices: a new one when they changed. */
static bool
card_take(struct publication *p, const char *id, const char *card,
    int64_t *version, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(p->change.pg, p->arena, &rows, e,
            "WITH last AS (SELECT version, card FROM cards WHERE card_id = $1"
            "  ORDER BY version DESC LIMIT 1),"
            " made AS (INSERT INTO cards (card_id, version, card)"
            "  SELECT $1, greatest((SELECT version FROM last),"
            "   version_floor()) + 1,"
            "   $2::jsonb WHERE NOT EXISTS (SELECT 1 FROM last"
            "   WHERE card = $2::jsonb) RETURNING version)"
            " SELECT coalesce((SELECT version FROM made),"
            "  (SELECT version FROM last))", id, card))
    {
        return false;
    }
    *version = ctl_rows_i64(&rows, 0, 0);

    return true;
}


static bool
cards_take(struct publication *p, struct ctl_error *e)
{
    struct ctl_catalog_model *m;
    unsigned i, j;

    for (i = 0; i < p->catalog->nmodels; i++) {
        m = &p->catalog->models[i];
        if (!card_take(p, m->model->ref, m->card, &m->card_version, e)) {
            return false;
        }
        for (j = 0; j < m->ncards; j++) {
            if (!card_take(p, m->cards[j].id, m->cards[j].card,
                           &m->cards[j].version, e))
            {
                return false;
            }
        }
    }

    return true;
}


static bool
snapshot_insert(struct publication *p, const char *version,
    struct ctl_error *e)
{
    const struct ctl_compile with = {p->arena, p->with->seal, p->version,
                                     p->created, p->with->max_age_s};
    struct ctl_rows rows;
    asg_str_t text;

    return ctl_compile_snapshot(p->catalog, &with, &text, e)
           && CTL_PG(p->change.pg, p->arena, &rows, e,
                  "INSERT INTO catalog_snapshots (version, body, modules)"
                  " VALUES ($1, $2, $3)", version, text.data, p->report);
}


static bool
publication_write(struct publication *p, struct ctl_error *e)
{
    const char *version, *data;

    if (!ctl_pg_exec(p->change.pg, e, LOCK) || !working_modules_check(p, e)
        || !version_take(p, e) || !prices_take(p, e) || !cards_take(p, e))
    {
        return false;
    }
    version = ctl_arena_printf(p->arena, "%lld", (long long) p->version);
    data = ctl_arena_printf(p->arena, "{\"models\":%u,\"names\":%u}",
                            p->catalog->nmodels, p->catalog->nnames);
    if (version == NULL || data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return snapshot_insert(p, version, e)
           && ctl_services_publish(&p->change, p->catalog, p->with->connect,
                                   e)
           && ctl_change_send(&p->change, CTL_OUTBOX_CATALOG, version,
                              p->version, e)
           && ctl_change_audit(&p->change, "catalog.published", "catalog",
                               version, NULL, NULL, data, e)
           && ctl_change_commit(&p->change, e);
}


bool
ctl_snapshot_publish(struct ctl_pg *pg, struct ctl_catalog *c,
    const struct ctl_snapshot *with, struct ctl_published *published,
    struct ctl_error *e)
{
    const struct ctl_overrides none = {NULL, 0};
    struct ctl_arena arena;
    struct publication p = {.catalog = c, .with = with, .arena = &arena};
    bool ok = false;

    ctl_arena_init(&arena, ARENA_BYTES);
    p.report = ctl_catalog_report(c);
    if (p.report == NULL) {
        ctl_error_internal(e, "the list of modules is too long");
    } else if (ctl_change_begin(&p.change, pg, &arena, "system:keeper", NULL,
                                e))
    {
        ok = publication_write(&p, e);
        if (!ok) {
            ctl_change_abort(&p.change);
        }
    }
    (void) ctl_catalog_override(c, &arena, &none);
    ctl_arena_reset(&arena);
    if (ok) {
        published->version = p.version;
        published->prices = p.prices;
    }

    return ok;
}
