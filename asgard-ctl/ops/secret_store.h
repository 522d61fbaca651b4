/*
 * The secrets of a project, as the keeper keeps them: sealed, in versions.
 *
 * A connector's secret output becomes a version of the name
 * `<resource>-<output>`, which stays over rotations; where two resources of a
 * project would share it, the later one's begins with its type.  A version is
 * `pending` (sealed before the outside world has it), `active` (at most one a
 * name: what is read), `retired` (replaced) or `destroyed`; the last two have
 * no value any more.  Only who has KEKs calls the first function.
 */
#ifndef CTL_SECRET_STORE_H
#define CTL_SECRET_STORE_H

#include "core/keyfile.h"
#include "ops/change.h"

#define CTL_SECRET_STORE "asgard"       /* `store` of a secret_ref */

/* What outputs carry instead of the value; texts of the arena. */
struct ctl_secret_ref {
    const char *path;                   /* "<project>/<name>" */
    const char *project_id, *name;
    int64_t version;
};

/* A new version of a resource's output, `pending` or active at once.  In the
 * caller's change, with its audit entry.  A pending one that is there already
 * is replaced, as what a crash left.  400 invalid_value: too large, or no
 * text; 404 resource_not_found. */
bool ctl_secret_put(struct ctl_change *c, const asg_keks_t *keks,
    const char *resource_id, const char *output, asg_str_t value,
    bool pending, struct ctl_secret_ref *out, struct ctl_error *e);
/* A pending version becomes the active one, whose value goes.  Safe to
 * repeat. */
bool ctl_secret_activate(struct ctl_change *c,
    const struct ctl_secret_ref *ref, struct ctl_error *e);
/* Every value of a resource goes; what was goes on being listed. */
bool ctl_secret_destroy(struct ctl_change *c, const char *resource_id,
    struct ctl_error *e);

/* The resource's output is a reference to it, in the caller's change. */
bool ctl_secret_refer(struct ctl_change *c, const char *resource_id,
    const char *output, const struct ctl_secret_ref *ref,
    struct ctl_error *e);

/* {"secret_ref":{"store":…,"path":…,"version":…}}; NULL: no memory. */
const char *ctl_secret_ref_json(struct ctl_arena *arena,
    const struct ctl_secret_ref *ref);

/* The value of a version that has one, in the keeper; `plain` is the caller's
 * to wipe.  404 secret_not_found; 500 of an envelope that does not open. */
bool ctl_secret_open(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_keks_t *keks, const struct ctl_secret_ref *ref,
    uint8_t *plain, size_t *len, struct ctl_error *e);

/* "\x…" for a bytea parameter, and back; NULL, 0: no memory or no such text. */
const char *ctl_secret_bytea(struct ctl_arena *arena, const uint8_t *bytes,
    size_t len);
size_t ctl_secret_bytes(const char *bytea, uint8_t *out, size_t cap);

#endif
