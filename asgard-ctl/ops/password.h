/*
 * Passwords: scrypt, as `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`.
 *
 * Each hash costs a quarter of a second and 32 MiB, on purpose, so only so many
 * are made at once (503 overloaded beyond that).  A name that nobody has, and a
 * person without a password, take the same work as a wrong password.
 */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "base/arena.h"
#include "base/error.h"

#define CTL_PASSWORD_MIN 8              /* bytes */
#define CTL_PASSWORD_MAX 1024

/* Borrowed from the arena; NULL with `e` filled.  `at_once`: how many may be
 * under way in this process. */
const char *ctl_password_hash(struct ctl_arena *arena, const char *password,
    unsigned at_once, struct ctl_error *e);
/* `stored` NULL: the work is done and *matches false. */
bool ctl_password_check(const char *stored, const char *password,
    unsigned at_once, bool *matches, struct ctl_error *e);

#endif
