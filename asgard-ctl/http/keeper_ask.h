/*
 * Asking the keeper over its socket.
 *
 * One connection a question, within CTL_KEEPER_ASK_MS; a keeper that is just
 * starting again is waited for as long as that.  A question that was sent is
 * not sent twice: a grant is used once by each.
 */
#ifndef CTL_KEEPER_ASK_H
#define CTL_KEEPER_ASK_H

#include "base/arena.h"
#include "base/config.h"
#include "base/error.h"
#include "core/str.h"
#include "ops/secret_grant.h"

#define CTL_KEEPER_ASK_MS 3500          /* more than the keeper takes */

/* *value is of the arena, which wipes it.  503 keeper_unavailable; else what
 * the keeper said. */
bool ctl_keeper_ask(const struct ctl_config *config, struct ctl_arena *arena,
    const struct ctl_secret_grant *grant, asg_str_t *value,
    struct ctl_error *e);

#endif
