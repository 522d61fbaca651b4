/*
 * The catalog as a command sees it: what a keeper would load now.
 *
 * For commands that look at modules and models without a running daemon.
 */
#ifndef CTL_OWN_CATALOG_H
#define CTL_OWN_CATALOG_H

#include "base/config.h"
#include "catalog/catalog.h"

struct ctl_own_catalog {
    struct ctl_arena arena;
    struct ctl_backends backends;
    struct ctl_catalog *catalog;        /* NULL: there was no memory */
};

/* False when the catalog as a whole is refused: the findings say why.  Whatever
 * comes of it, to be closed. */
bool ctl_own_catalog_open(struct ctl_own_catalog *own,
    const struct ctl_config *config, struct ctl_error *e);
void ctl_own_catalog_close(struct ctl_own_catalog *own);

/* On stderr. */
void ctl_findings_print(const struct ctl_findings *f);

#endif
