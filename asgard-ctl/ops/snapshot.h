/*
 * Publishing a catalog: versions of its price cards, the sealed snapshot, its
 * outbox row and audit entry, all in one transaction.
 *
 * A card that changed gets a new version; old versions stay, for the ledger
 * names them.  Each publication has a version above all before it, also when
 * nothing changed.  Publications exclude each other.
 */
#ifndef CTL_SNAPSHOT_H
#define CTL_SNAPSHOT_H

#include "catalog/catalog.h"
#include "connect/connector.h"
#include "core/seal.h"
#include "ops/change.h"

struct ctl_snapshot {
    const asg_named_key_t *seal;
    int64_t max_age_s;
    const struct ctl_connect *connect;  /* which connectors are armed */
};

struct ctl_published {
    int64_t version;                    /* 0: none yet */
    int64_t prices;                     /* ctl_project_prices_version() of it */
};

/* With the prices of projects as Postgres has them.  409 catalog_refused when a
 * module whose manifest is refused now is active in the last snapshot: a
 * mistake in a file takes nothing out of service. */
bool ctl_snapshot_publish(struct ctl_pg *pg, struct ctl_catalog *c,
    const struct ctl_snapshot *with, struct ctl_published *published,
    struct ctl_error *e);

#endif
