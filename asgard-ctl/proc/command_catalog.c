/*
 * The commands `validate` and `catalog`.
 */
#include "proc/command_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "proc/backends.h"
#include "proc/command.h"
#include "proc/values.h"

#define FOLDER_BYTES 256


static void
findings_print(const struct ctl_findings *f)
{
    unsigned i;

    for (i = 0; i < f->n; i++) {
        fprintf(stderr, "%s%s\n", f->items[i].text,
                f->items[i].warning ? " (warning)" : "");
    }
}


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
        ok = ctl_manifest_load(file, folder_of(file, folder), NULL, f) != NULL;
    }
    findings_print(f);
    if (ok) {
        printf("%s: ok\n", file);
    }
    ctl_arena_reset(&arena);
    free(f);

    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}


/* What a keeper would take now. */
static bool
backends_open(const struct ctl_config *config, struct ctl_backends *b,
    struct ctl_error *e)
{
    int fd = ctl_values_from_environment(e);
    bool ok;

    if (fd < 0) {
        return false;
    }
    ok = ctl_backends_open(b, config, fd, e);
    close(fd);

    return ok;
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


static bool
catalog_print(const struct ctl_config *config,
    const struct ctl_backends *backends, struct ctl_arena *arena)
{
    const struct ctl_catalog_sources from = {config->services,
        config->nservices, config->routing, backends};
    struct ctl_catalog *c = calloc(1, sizeof(*c));
    bool ok;
    unsigned i;

    if (c == NULL) {
        fprintf(stderr, "asgard-ctl: out of memory\n");
        return false;
    }
    ok = ctl_catalog_load(c, arena, &from);
    for (i = 0; i < c->nmodules; i++) {
        module_print(&c->modules[i]);
    }
    findings_print(&c->findings);
    if (!ok) {
        fprintf(stderr, "asgard-ctl: the catalog as a whole is refused\n");
    }
    free(c);

    return ok;
}


int
ctl_command_catalog(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_backends backends = {NULL, 0};
    struct ctl_arena arena;
    struct ctl_error e;
    bool ok;

    (void) argv;
    if (argc != 0) {
        fprintf(stderr, "usage: asgard-ctl catalog\n");
        return 2;
    }
    ctl_error_internal(&e, "cannot keep secrets out of a core dump");
    if (!ctl_secret_harden() || !backends_open(config, &backends, &e)) {
        ctl_backends_finish(&backends);
        return ctl_command_failed(&e);
    }
    ctl_arena_init(&arena, CTL_CATALOG_ARENA_BYTES);
    ok = catalog_print(config, &backends, &arena);
    ctl_arena_reset(&arena);
    ctl_backends_finish(&backends);

    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
