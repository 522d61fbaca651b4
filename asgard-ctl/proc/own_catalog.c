/*
 * Loading the catalog for a command.
 */
#include "proc/own_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "proc/backends.h"
#include "proc/values.h"


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


bool
ctl_own_catalog_open(struct ctl_own_catalog *own,
    const struct ctl_config *config, struct ctl_error *e)
{
    const struct ctl_catalog_sources from = {config->services,
        config->nservices, config->routing, &own->backends, config->prices};

    memset(own, 0, sizeof(*own));
    ctl_arena_init(&own->arena, CTL_CATALOG_ARENA_BYTES);
    if (!ctl_secret_harden()) {
        return ctl_error_internal(e, "cannot keep secrets out of a core dump");
    }
    if (!backends_open(config, &own->backends, e)) {
        return false;
    }
    own->catalog = calloc(1, sizeof(*own->catalog));
    if (own->catalog == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_catalog_load(own->catalog, &own->arena, &from)
           || ctl_error_set(e, 400, "catalog_refused",
                            "the catalog as a whole is refused");
}


void
ctl_own_catalog_close(struct ctl_own_catalog *own)
{
    free(own->catalog);
    ctl_arena_reset(&own->arena);
    ctl_backends_finish(&own->backends);
}


void
ctl_findings_print(const struct ctl_findings *f)
{
    unsigned i;

    for (i = 0; i < f->n; i++) {
        fprintf(stderr, "%s%s\n", f->items[i].text,
                f->items[i].warning ? " (warning)" : "");
    }
}
