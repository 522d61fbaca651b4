/*
 * Services: what a project may ask for, as the keeper publishes them.
 *
 * PostgreSQL is where keeper and api meet: the keeper writes every manifest
 * that it read with each publication of the catalog, so that a reload shows at
 * once; one whose file is refused stays as it was, with the reason.
 */
#ifndef CTL_SERVICE_OPS_H
#define CTL_SERVICE_OPS_H

#include "catalog/catalog.h"
#include "connect/connector.h"
#include "ops/change.h"

/* A row; texts are of the arena. */
struct ctl_service {
    const char *id;
    const char *shown;                  /* JSON: its manifest, its models,
                                         * whether it is active */
    const char *backend;                /* what runs its connector now */
};

/* In the keeper's change; `with` knows which connectors are armed. */
bool ctl_services_publish(struct ctl_change *c, const struct ctl_catalog *from,
    const struct ctl_connect *with, struct ctl_error *e);

/* Ascending by id after `after`; *more: not all. */
bool ctl_service_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *after, unsigned limit, struct ctl_service **out, unsigned *n,
    bool *more, struct ctl_error *e);
/* 404 service_not_found. */
bool ctl_service_get(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *id, struct ctl_service *out, struct ctl_error *e);

#endif
