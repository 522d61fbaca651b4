/*
 * The commands `validate` and `catalog`.
 */
#include "proc/command_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/command.h"
#include "proc/own_catalog.h"

#define FOLDER_BYTES 256


/* `…/openai/service.yaml` → openai; NULL for a file of another name. */
static const char *
folder_of(const char *file, char folder[FOLDER_BYTES])
{
    const char *slash = strrchr(file, '/'), *from;

    if (slash == NULL || slash == file
        || strcmp(slash + 1, "service.yaml") != 0)
    {
        return NULL;
    }
    for (from = slash; from > file && from[-1] != '/'; from--) { }
    if (from == slash || from[0] == '.') {
        return NULL;
    }
    snprintf(folder, FOLDER_BYTES, "%.*s", (int) (slash - from), from);

    return folder;
}


static bool
is_routing(const char *file)
{
    const char *slash = strrchr(file, '/');

    return strncmp(slash != NULL ? slash + 1 : file, "routing", 7) == 0;
}


int
ctl_command_validate(const char *file)
{
    struct ctl_findings *f = calloc(1, sizeof(*f));
    struct ctl_price_table prices;
    char folder[FOLDER_BYTES];
    struct ctl_arena arena;
    bool ok;

    if (f == NULL) {
        fprintf(stderr, "asgard-ctl: out of memory\n");
        return EXIT_FAILURE;
    }
    ctl_arena_init(&arena, CTL_CATALOG_ARENA_BYTES);
    ctl_findings_init(f, &arena);
    if (access(file, F_OK) != 0) {
        ok = ctl_finding_error(f, file, 0, "there is no such file");
    } else if (is_routing(file)) {
        ok = ctl_routing_load(file, f) != NULL;
    } else {
        ok = ctl_price_table_load(&prices, NULL, f)
             && ctl_manifest_load(file, folder_of(file, folder), &prices, NULL,
                                  f) != NULL;
    }
    ctl_findings_print(f);
    if (ok) {
        printf("%s: ok\n", file);
    }
    ctl_arena_reset(&arena);
    free(f);

    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}


static void
module_print(const struct ctl_module *m)
{
    unsigned i;

    printf("%-24s %-9s %s\n", m->id, ctl_module_state_name(m->state),
           m->reason != NULL ? m->reason : m->file);
    if (m->state != CTL_MODULE_ACTIVE) {
        return;
    }
    for (i = 0; i < m->manifest->nmodels; i++) {
        printf("%-24s %-9s   %s (%s)\n", "", "", m->manifest->models[i].ref,
               m->manifest->models[i].route);
    }
}


int
ctl_command_catalog(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_own_catalog own;
    struct ctl_error e;
    unsigned i;
    bool ok;

    (void) argv;
    if (argc != 0) {
        fprintf(stderr, "usage: asgard-ctl catalog\n");
        return 2;
    }
    ok = ctl_own_catalog_open(&own, config, &e);
    for (i = 0; own.catalog != NULL && i < own.catalog->nmodules; i++) {
        module_print(&own.catalog->modules[i]);
    }
    if (own.catalog != NULL) {
        ctl_findings_print(&own.catalog->findings);
    }
    ctl_own_catalog_close(&own);

    return ok ? EXIT_SUCCESS : ctl_command_failed(&e);
}
