/*
 * What a client's anthropic-* headers may say to a provider.
 *
 * Of them only two are looked at, and only on the routes of the Messages API:
 * anthropic-version is passed on when it is spelled as a version, else the
 * service's own is sent; of anthropic-beta those words are passed on that the
 * service's manifest allows (`anthropic_beta`), in the client's order, and the
 * rest is dropped.
 */
#ifndef ASG_ANTHROPIC_HEADERS_H
#define ASG_ANTHROPIC_HEADERS_H

#include "core/str.h"

#define ASG_ANTHROPIC_BETAS_MAX 16      /* of one service */
#define ASG_ANTHROPIC_BETA_MAX  64      /* bytes of one */
/* of all, with a comma between each */
#define ASG_ANTHROPIC_BETA_TEXT \
    (ASG_ANTHROPIC_BETAS_MAX * (ASG_ANTHROPIC_BETA_MAX + 1))

/* `2023-06-01`: digits and hyphens, and nothing more is judged. */
bool asg_anthropic_version_is_valid(asg_str_t version);
/* Small letters, digits, hyphens; not too long. */
bool asg_anthropic_beta_is_valid(asg_str_t beta);
/* Those of the client's list that are allowed, each once, joined by commas.
 * The lines of one request are one list: `sent` is 0 before the first of them
 * and stays with `out`.  The room of ASG_ANTHROPIC_BETA_TEXT bytes suffices. */
void asg_anthropic_betas(asg_buf_t *out, asg_str_t list,
    const asg_str_t *allowed, unsigned nallowed, unsigned *sent);

#endif
