/*
 * The command `prices`: where the active models' prices come from, the table,
 * and bringing in a newer one.
 */
#include "proc/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/manifest_price.h"
#include "catalog/price_write.h"
#include "catalog/text_file.h"
#include "ops/change.h"
#include "ops/project_price.h"
#include "proc/own_catalog.h"

#define ARENA_BYTES  (64u * 1024 * 1024)
#define CHANGE_BYTES (1024u * 1024)
#define KINDS_TEXT   160

struct counts {
    unsigned table, own, overridden, manifest, free, differ;
};


static int
usage(void)
{
    fprintf(stderr, "usage: asgard-ctl prices check | import FILE | "
            "show MODEL\n");

    return 2;
}


/* --- check --- */

static const char *
kinds_text(unsigned kinds, char text[KINDS_TEXT])
{
    size_t len = 0;
    unsigned kind;

    text[0] = '\0';
    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if ((kinds >> kind & 1) != 0) {
            len += (size_t) snprintf(text + len, KINDS_TEXT - len, "%s%s",
                                     len > 0 ? ", " : "",
                                     ctl_price_kind_name(kind));
        }
    }

    return text;
}


static unsigned
differing(const asg_prices_t *a, const asg_prices_t *b)
{
    unsigned kind, kinds = 0;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        kinds |= (unsigned) (ctl_price_of(a, kind) != ctl_price_of(b, kind))
                 << kind;
    }

    return kinds;
}


/* Against the entry that the model has, or would have. */
static bool
difference_print(const struct ctl_catalog *c, const struct ctl_catalog_model *m)
{
    const asg_rates_t *is = &m->model->card.rates;
    const struct ctl_price *entry = m->model->priced.table != NULL
        ? ctl_price_table_find(&c->prices, m->model->priced.table)
        : ctl_manifest_price_find(m->module->manifest, m->model, &c->prices);
    char text[KINDS_TEXT];
    asg_rates_t table;
    unsigned kinds;
    bool length;

    if (entry == NULL || m->model->free) {
        return false;
    }
    ctl_prices_rates(&entry->base[0], &entry->above[0], entry->above_tokens,
                     &table);
    kinds = differing(&is->base, &table.base);
    length = is->above_tokens != table.above_tokens
             || (is->above_tokens > 0
                 && differing(&is->above, &table.above) != 0);
    if (kinds == 0 && !length) {
        return false;
    }
    printf("; differs from %s in: %s%s%s", entry->name,
           kinds_text(kinds, text), kinds != 0 && length ? ", " : "",
           length ? "long prompts" : "");

    return true;
}


static void
model_check(const struct ctl_catalog *c, const struct ctl_catalog_model *m,
    struct counts *n)
{
    const struct ctl_priced *how = &m->model->priced;
    char text[KINDS_TEXT];

    printf("%-36s ", m->model->ref);
    if (m->model->free) {
        printf("free");
        n->free++;
    } else if (how->table == NULL) {
        printf("manifest");
        n->manifest++;
    } else {
        printf("table %s%s", how->table, how->own ? " (own)" : "");
        n->table += !how->own;
        n->own += how->own;
        if (how->said != 0) {
            printf("; overridden: %s", kinds_text(how->said, text));
            n->overridden++;
        }
    }
    n->differ += difference_print(c, m);
    printf("\n");
}


static bool
catalog_check(const struct ctl_catalog *c)
{
    struct counts n = {0};
    unsigned i, refused = 0;

    for (i = 0; i < c->nmodels; i++) {
        model_check(c, &c->models[i], &n);
    }
    for (i = 0; i < c->nmodules; i++) {
        if (c->modules[i].state == CTL_MODULE_REFUSED) {
            printf("%-36s refused: %s\n", c->modules[i].id,
                   c->modules[i].reason);
            refused++;
        }
    }
    printf("%u active %s: %u by the table that ships, %u by your own, "
           "%u by the manifest, %u free; %u overridden, %u not as in the "
           "table; %u %s refused\n", c->nmodels,
           c->nmodels == 1 ? "model" : "models", n.table, n.own, n.manifest,
           n.free, n.overridden, n.differ, refused,
           refused == 1 ? "module" : "modules");

    return refused == 0;
}


static int
prices_check(const struct ctl_config *config)
{
    struct ctl_own_catalog own;
    struct ctl_error e;
    bool loaded = ctl_own_catalog_open(&own, config, &e);
    bool ok = loaded && catalog_check(own.catalog);

    if (own.catalog != NULL && !loaded) {
        ctl_findings_print(&own.catalog->findings);
    }
    ctl_own_catalog_close(&own);

    return loaded ? ok ? EXIT_SUCCESS : EXIT_FAILURE
                  : ctl_command_failed(&e);
}


/* --- show --- */

static bool
says_anything(const struct ctl_price *p, unsigned column)
{
    const struct ctl_prices *set = column % 2 == 0 ? &p->base[column / 2]
                                                   : &p->above[column / 2];

    return column == 0 || set->said != 0;
}


static void
head_print(const struct ctl_price *p)
{
    char name[48];
    unsigned column;

    printf("%s, of %s, USD per million tokens:\n%-16s", p->name,
           p->own ? "your own table" : "the table that ships", "");
    for (column = 0; column < 2 * CTL_TIERS; column++) {
        if (says_anything(p, column)) {
            snprintf(name, sizeof(name), column % 2 == 0 ? "%s" : "%s>%" PRId64,
                     ctl_price_tier_name(column / 2), p->above_tokens);
            printf(" %18s", name);
        }
    }
    printf("\n");
}


static void
price_print(const struct ctl_price *p)
{
    const struct ctl_prices *set;
    char text[CTL_PRICE_TEXT];
    unsigned kind, column;

    head_print(p);
    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        printf("%-16s", ctl_price_kind_name(kind));
        for (column = 0; column < 2 * CTL_TIERS; column++) {
            set = column % 2 == 0 ? &p->base[column / 2]
                                  : &p->above[column / 2];
            if (says_anything(p, column)) {
                printf(" %18s", ctl_prices_say(set, kind)
                       ? ctl_price_text(set->pusd[kind], text) : "-");
            }
        }
        printf("\n");
    }
}


static void
rates_print(const char *id, const char *how, const asg_rates_t *r)
{
    char text[CTL_PRICE_TEXT];
    unsigned kind;

    printf("%s, %s, USD per million tokens:\n", id, how);
    if (r->above_tokens > 0) {
        printf("%-16s %18s %17s%" PRId64 "\n", "", "", ">", r->above_tokens);
    }
    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        printf("%-16s %18s", ctl_price_kind_name(kind),
               ctl_price_text(ctl_price_of(&r->base, kind), text));
        if (r->above_tokens > 0) {
            printf(" %18s", ctl_price_text(ctl_price_of(&r->above, kind),
                                           text));
        }
        printf("\n");
    }
}


/* What an active model is charged by, its tiers and projects too. */
static void
cards_print(const struct ctl_catalog_model *m)
{
    unsigned i;

    rates_print(m->model->ref, "as it is charged", &m->model->card.rates);
    for (i = 0; i < m->ncards; i++) {
        rates_print(m->cards[i].id, m->cards[i].by_api ? "as the API says"
                                                       : "as its module says",
                    &m->cards[i].rates);
    }
}


static unsigned
named_print(const struct ctl_catalog *c, const char *name)
{
    const struct ctl_price *p = ctl_price_table_find(&c->prices, name);
    unsigned i, found = p != NULL;

    if (p != NULL) {
        price_print(p);
    }
    for (i = 0; i < c->nmodels; i++) {
        if (strcmp(c->models[i].model->ref, name) == 0
            || strcmp(c->models[i].model->route, name) == 0)
        {
            cards_print(&c->models[i]);
            found++;
        }
    }

    return found;
}


/* Lays what projects pay by the API over the catalog; the database has it. */
static bool
overrides_take(struct ctl_own_catalog *own, const struct ctl_config *config,
    struct ctl_error *e)
{
    struct ctl_pg *pg = ctl_pg_open(config->postgres, "asgard-ctl command");
    struct ctl_overrides all;
    unsigned i;
    bool ok;

    if (pg == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ok = ctl_project_prices_all(pg, &own->arena, &all, e);
    if (ok && !ctl_catalog_override(own->catalog, &own->arena, &all)) {
        ok = ctl_error_internal(e, "out of memory");
    }
    for (i = 0; ok && i < all.n; i++) {
        if (all.items[i].left_out) {
            fprintf(stderr, "asgard-ctl: the price of %s for %s does not fit "
                    "what its module says; it does not act\n",
                    all.items[i].ref, all.items[i].project);
        }
    }
    ctl_pg_close(pg);

    return ok;
}


/* Without the database what the files say is shown all the same, and that the
 * rest is not known. */
static int
prices_show(const struct ctl_config *config, const char *name)
{
    struct ctl_own_catalog own;
    struct ctl_error e, unknown;
    bool ok = ctl_own_catalog_open(&own, config, &e);
    bool whole = ok && overrides_take(&own, config, &unknown);

    if (ok && named_print(own.catalog, name) == 0) {
        ok = ctl_error_set(&e, 404, "not_found", "neither the table of prices "
                           "nor an active module has \"%.128s\"", name);
    } else if (ok && !whole) {
        ok = ctl_error_set(&e, unknown.status, unknown.code, "what projects "
                           "pay by the API is not known: %s %s", unknown.text,
                           unknown.detail);
    }
    if (!ok && own.catalog != NULL) {
        ctl_findings_print(&own.catalog->findings);
    }
    ctl_own_catalog_close(&own);

    return ok ? EXIT_SUCCESS : ctl_command_failed(&e);
}


/* --- import --- */

/* The table counts also where the database is away; then nothing has noted who
 * brought it, and that is said. */
static void
import_note(const struct ctl_config *config, const struct ctl_price_map *map,
    const char *digest)
{
    struct ctl_pg *pg = ctl_pg_open(config->postgres, "asgard-ctl command");
    struct ctl_change change = {0};
    char models[16];
    const struct ctl_audit_field fields[] = {
        {"file", config->prices}, {"models", models}, {"sha256", digest}
    };
    struct ctl_arena arena;
    struct ctl_error e;

    snprintf(models, sizeof(models), "%u", map->n);
    ctl_arena_init(&arena, CHANGE_BYTES);
    ctl_error_internal(&e, "out of memory");
    if (pg == NULL
        || !ctl_change_begin(&change, pg, &arena, CTL_AUDIT_COMMAND, NULL, &e)
        || !ctl_change_audit(&change, "prices.imported", "prices", "own", NULL,
                             NULL, ctl_audit_data(&arena, fields, 3), &e)
        || !ctl_change_commit(&change, &e))
    {
        fprintf(stderr, "asgard-ctl: no audit entry was written: %s %s\n",
                e.text, e.detail);
    }
    ctl_change_abort(&change);
    ctl_arena_reset(&arena);
    ctl_pg_close(pg);
}


static bool
import_take(const struct ctl_config *config, const char *file,
    struct ctl_findings *f, struct ctl_error *e)
{
    char digest[CTL_PRICE_DIGEST];
    struct ctl_price_map map;
    asg_str_t text;

    if (!ctl_text_file_read(file, CTL_PRICE_MAP_BYTES_MAX, NULL, f->arena,
                            &text, f)
        || !ctl_price_map_import(&map, file, text, f))
    {
        return ctl_error_set(e, 400, "invalid_value", "%.200s is refused, and "
                             "the old table stays", file);
    }
    if (map.n == 0) {
        return ctl_error_set(e, 400, "invalid_value", "%.200s has no model "
                             "with a price by token", file);
    }
    if (!ctl_price_map_write(&map, file, config->prices, digest, e)) {
        return false;
    }
    printf("%s: %u models; left out: %u models without a price by token "
           "alone (%u of them cost something per request, which is not "
           "charged), among them %u with a price that cannot be read, "
           "%u fields of other units; %u models with several lengths "
           "have the dearest prices from the shortest on\n"
           "`asgard-ctl prices check` shows what it changes, `asgard-ctl "
           "reload` applies it\n", config->prices, map.n, map.models_left_out,
           map.models_by_request, map.models_unusable, map.fields_left_out,
           map.lengths_merged);
    import_note(config, &map, digest);

    return true;
}


static int
prices_import(const struct ctl_config *config, const char *file)
{
    struct ctl_findings *f = calloc(1, sizeof(*f));
    struct ctl_arena arena;
    struct ctl_error e;
    bool ok;

    ctl_error_internal(&e, "out of memory");
    if (f == NULL) {
        return ctl_command_failed(&e);
    }
    ctl_arena_init(&arena, ARENA_BYTES);
    ctl_findings_init(f, &arena);
    ok = import_take(config, file, f, &e);
    ctl_findings_print(f);
    ctl_arena_reset(&arena);
    free(f);

    return ok ? EXIT_SUCCESS : ctl_command_failed(&e);
}


int
ctl_command_prices(const struct ctl_config *config, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "check") == 0) {
        return prices_check(config);
    }
    if (argc == 2 && strcmp(argv[0], "show") == 0) {
        return prices_show(config, argv[1]);
    }
    if (argc == 2 && strcmp(argv[0], "import") == 0) {
        return prices_import(config, argv[1]);
    }

    return usage();
}
