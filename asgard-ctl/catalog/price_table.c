/*
 * Loading the tables of prices, and looking a model up.
 */
#include "catalog/price_table.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/text_file.h"


/* The text is needed only while it is read: names are copied. */
static bool
own_load(struct ctl_price_table *t, const char *file, struct ctl_findings *f)
{
    struct ctl_arena scratch;
    bool missing = false, ok;
    asg_str_t text;
    unsigned i;

    ctl_arena_init(&scratch, 2 * (size_t) CTL_PRICE_MAP_BYTES_MAX);
    ok = ctl_text_file_read(file, CTL_PRICE_MAP_BYTES_MAX, &missing, &scratch,
                            &text, f)
         && ctl_price_map_parse(&t->own, file, text, f);
    ctl_arena_reset(&scratch);
    for (i = 0; ok && i < t->own.n; i++) {
        t->own.items[i].own = true;
    }
    t->own_file = ok ? file : NULL;

    return ok || missing;
}


bool
ctl_price_table_load(struct ctl_price_table *t, const char *file,
    struct ctl_findings *f)
{
    asg_str_t text = {ctl_prices_shipped, ctl_prices_shipped_len};

    memset(t, 0, sizeof(*t));

    return ctl_price_map_parse(&t->shipped, "prices.json", text, f)
           && (file == NULL || own_load(t, file, f));
}


static int
by_name(const void *key, const void *item)
{
    return strcmp(key, ((const struct ctl_price *) item)->name);
}


static const struct ctl_price *
map_find(const struct ctl_price_map *map, const char *name)
{
    return map->n > 0 ? bsearch(name, map->items, map->n, sizeof(*map->items),
                                by_name) : NULL;
}


const struct ctl_price *
ctl_price_table_find(const struct ctl_price_table *t, const char *name)
{
    const struct ctl_price *found = NULL;

    if (t != NULL) {
        found = map_find(&t->own, name);
    }

    return found != NULL || t == NULL ? found : map_find(&t->shipped, name);
}
