/*
 * End users: who stands behind a call of a project, as its client says.
 *
 * What a client says is known as "eu_" and the first 128 bits of
 * HMAC-SHA-256(pepper, <our word> "\n" <project> "\n" <what it said>), in hex:
 * nobody who reads it can tell who that is, or try names without the pepper,
 * and the same person is another end user in another project.  What is hashed
 * is longer than what project keys are hashed from, so neither can be the
 * other.  The pepper is the last of the key file: a new one goes before it.
 */
#ifndef ASG_END_USER_H
#define ASG_END_USER_H

#include "core/err.h"
#include "core/key.h"
#include "core/rkey.h"
#include "core/str.h"

#define ASG_END_USER_SAID   512         /* bytes of what a client says */
#define ASG_END_USER_CHARS  35          /* "eu_" + 32 hex */

/* SPACE: what was said is empty or too long, or the project's id is. */
ASG_MUST_CHECK asg_err_t asg_end_user_id(const asg_key_pads_t *pads,
    asg_str_t project, asg_str_t said, char out[ASG_END_USER_CHARS + 1]);
/* What the budget of `who` in a project is called: "e." and the first 64 bits
 * of the SHA-256 of "<project>/<who>", as asgard-ctl names it too.  `who` is an
 * id as above, or `*`: the default of all others. */
void asg_end_user_budget(asg_str_t project, asg_str_t who,
    char out[ASG_BUDGET_SHORT + 1]);
/* Is it such an id already? */
bool asg_end_user_is_id(asg_str_t text);

#endif
