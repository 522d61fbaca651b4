/*
 * Finding the modules: folders of manifests, later ones overlaying by id.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"

struct search {
    struct ctl_catalog *catalog;
    unsigned room;
};


static int
by_id(const void *a, const void *b)
{
    const struct ctl_module *x = a, *y = b;

    return strcmp(x->id, y->id);
}


static struct ctl_module *
module_slot(struct search *s, const char *id)
{
    struct ctl_catalog *c = s->catalog;
    unsigned i;

    for (i = 0; i < c->nmodules; i++) {
        if (strcmp(c->modules[i].id, id) == 0) {
            return &c->modules[i];
        }
    }

    return c->nmodules < s->room ? &c->modules[c->nmodules++] : NULL;
}


/* Why this manifest was refused: its first finding. */
static const char *
first_error(const struct ctl_findings *f, unsigned from)
{
    for (; from < f->n; from++) {
        if (!f->items[from].warning) {
            return f->items[from].text;
        }
    }

    return "refused; too many errors to list";
}


/* A refused overlay does not bring back what it was meant to replace. */
static bool
module_take(struct search *s, const char *folder, const char *name)
{
    struct ctl_catalog *c = s->catalog;
    struct ctl_findings *f = &c->findings;
    const char *file = ctl_arena_printf(c->arena, "%s/%s/service.yaml",
                                        folder, name);
    const char *id = ctl_arena_text(c->arena, name, strlen(name));
    const struct ctl_manifest *m;
    unsigned before = f->n;
    struct ctl_module *slot;
    bool missing = false;

    if (file == NULL || id == NULL) {
        return ctl_finding_error(f, folder, 0, "out of memory");
    }
    m = ctl_manifest_load(file, id, &c->prices, &missing, f);
    if (missing) {
        return true;                    /* a folder of something else */
    }
    slot = module_slot(s, id);
    if (slot == NULL) {
        return ctl_finding_error(f, folder, 0, "more than %d modules",
                                 ASG_CATALOG_ENDPOINTS_MAX);
    }
    memset(slot, 0, sizeof(*slot));
    slot->id = id;
    slot->file = file;
    slot->manifest = m;
    slot->state = m != NULL ? CTL_MODULE_INACTIVE : CTL_MODULE_REFUSED;
    slot->reason = m != NULL ? NULL : first_error(f, before);

    return true;
}


static bool
folder_read(struct search *s, const char *folder)
{
    struct ctl_findings *f = &s->catalog->findings;
    struct dirent *entry;
    bool ok = true;
    DIR *dir = opendir(folder);

    if (dir == NULL && errno == ENOENT) {
        ctl_finding_warn(f, folder, 0, "there is no such folder of services");
        return true;
    }
    if (dir == NULL) {
        return ctl_finding_error(f, folder, 0, "%s", strerror(errno));
    }
    while (ok && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && entry->d_type != DT_REG) {
            ok = module_take(s, folder, entry->d_name);
        }
    }
    closedir(dir);

    return ok;
}


bool
ctl_catalog_find_modules(struct ctl_catalog *c,
    const struct ctl_catalog_sources *from)
{
    struct search s = {c, ASG_CATALOG_ENDPOINTS_MAX};
    unsigned i;

    c->modules = ctl_arena_alloc(c->arena, s.room * sizeof(*c->modules));
    if (c->modules == NULL) {
        return ctl_finding_error(&c->findings, "services", 0,
                                 "out of memory");
    }
    for (i = 0; i < from->nservices; i++) {
        if (!folder_read(&s, from->services[i])) {
            return false;
        }
    }
    qsort(c->modules, c->nmodules, sizeof(*c->modules), by_id);

    return true;
}
