/*
 * The keeper's socket: where api gets a secret opened under a grant.
 *
 * Only processes of our own user, or of the one that the setting keeper_peer
 * names, are heard; each connection is one question (core/keeper_message.h)
 * and ends within CTL_DOOR_MS.  The grant is looked at in Postgres over a
 * connection of the door's own.  The plaintext goes over the socket and is
 * wiped.
 */
#ifndef CTL_KEEPER_DOOR_H
#define CTL_KEEPER_DOOR_H

#include "base/config.h"
#include "base/error.h"
#include "core/keyfile.h"

#define CTL_DOOR_MS 3000

struct ctl_keeper_door;                 /* owned: open/close */

/* `keks` and `config` outlive it.  NULL with an error. */
struct ctl_keeper_door *ctl_keeper_door_open(const struct ctl_config *config,
    const asg_keks_t *keks, struct ctl_error *e);
/* Answers what it has begun.  The path stays: a new keeper may have it. */
void ctl_keeper_door_close(struct ctl_keeper_door *door);       /* NULL ok */

#endif
