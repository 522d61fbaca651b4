/*
 * Over every sealed secret, in the keeper's zone: does it open, and under the
 * key-encryption key (KEK) that is in use.
 *
 * Goes by pages in the order of the rows' keys; between two pages nothing is
 * held, so it may be broken off and begun again at any time.
 */
#ifndef CTL_SECRET_SWEEP_H
#define CTL_SECRET_SWEEP_H

#include "core/keyfile.h"
#include "ops/change.h"

#define CTL_SECRET_PAGE        20
#define CTL_SECRET_SWEEP_ARENA (16u * 1024 * 1024)      /* a page's */

/* Where it is, and what it found. */
struct ctl_secret_sweep {
    char project_id[64], name[200];     /* of the last row; "": none yet */
    int64_t version;
    unsigned looked, wrong, rewrapped;
    bool more;
    /* Told of each that does not open; texts are of the arena. */
    void (*tell)(const char *path, int64_t version, const char *why);
};

void ctl_secret_sweep_begin(struct ctl_secret_sweep *s,
    void (*tell)(const char *path, int64_t version, const char *why));
/* The next page; s->more: there are others. */
bool ctl_secret_verify(struct ctl_secret_sweep *s, struct ctl_pg *pg,
    struct ctl_arena *arena, const asg_keks_t *keks, struct ctl_error *e);
/* Likewise, in a change, of what is not wrapped by the first KEK: wraps it
 * anew. */
bool ctl_secret_rewrap(struct ctl_secret_sweep *s, struct ctl_change *c,
    const asg_keks_t *keks, struct ctl_error *e);

/* How many envelopes a KEK wraps now. */
bool ctl_secret_wrapped_by(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *kek, int64_t *n, struct ctl_error *e);

#endif
